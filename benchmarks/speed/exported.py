"""Predictions of one row and of 10,000 rows by estimators and by their ONNX models.

Two models of Census-Income, each fitted for one epoch to 5,000 rows, since more training changes
no time: an estimator with default layers that reads the raw columns, and the same estimator behind
a ColumnTransformer that encodes and scales them. Python begins with a DataFrame, onnxruntime with
an array for each column, as services have them; both return all probabilities. The sides take
turns on one thread. Their times are those of the processor, which other programs disturb less than
those of a clock. Compared are the last 20,000 rows of the test file.

    OMP_NUM_THREADS=1 python benchmarks/speed/exported.py      # two minutes
"""

import os
import tempfile
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import process_time

import numpy as np
import onnx
import onnxruntime
import torch
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks._shared.record import read, write
from benchmarks._shared.tables import show, simple_table
from benchmarks._shared.timing import clock
from sk_mmoe import MMoEClassifier
from sk_mmoe.datasets import fetch_census_income
from sk_mmoe.export import to_onnx

NAME = "speed/exported"
PACKAGES = "onnx", "onnxruntime", "onnxscript", "skl2onnx"
N_FITTED, N_COMPARED = 5_000, 20_000
REPEATS = {1: 100, 10_000: 5}  # by the number of rows
DTYPES = {
    "tensor(string)": object,
    "tensor(double)": np.float64,
    "tensor(float)": np.float32,
    "tensor(int64)": np.int64,
}


def make_models():
    """Return an estimator that reads the columns, and a pipeline that prepares them for one."""
    estimator = MMoEClassifier(max_iter=1, early_stopping=False, random_state=0)
    strings = make_column_selector(dtype_exclude="number")
    transformer = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), strings),
        (StandardScaler(), make_column_selector(dtype_include="number")),
    )
    return {"estimator": estimator, "pipeline": make_pipeline(transformer, estimator)}


def as_arrays(session, X):
    """Return the columns of a DataFrame as the inputs of an ONNX model."""
    return {
        put.name: X[[put.name]].to_numpy(dtype=DTYPES[put.type]) for put in session.get_inputs()
    }


def compare(model, session, X):
    """Return the largest difference between probabilities, and how many labels differ."""
    found = session.run(None, as_arrays(session, X))
    pairs = zip(model.predict_proba(X), found[1::2], strict=True)
    labels = zip(model.predict(X).T, found[::2], strict=True)
    return {
        "largest_difference": float(max(np.abs(a - b).max() for a, b in pairs)),
        "labels_that_differ": int(sum((a != b).sum() for a, b in labels)),
    }


def session_outputs(session):
    """Return the names of the outputs with probabilities."""
    return [put.name for put in session.get_outputs() if put.name.endswith("_probabilities")]


def milliseconds(sides, repeats):
    """Return the median time that the processor needs for each side; all sides take turns."""
    times = {name: [] for name in sides}
    for _ in range(repeats + 3):
        for name, side in sides.items():
            start = process_time()
            side()
            times[name].append(1e3 * (process_time() - start))
    return {name: round(float(np.median(each[3:])), 3) for name, each in times.items()}


def open_session(model):
    """Return what runs an ONNX model on one thread, and the megabytes of its file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(model, path)
        return onnxruntime.InferenceSession(path, options), path.stat().st_size / 1e6


def without_gaps(X):
    """Return a table with strings for categories: skl2onnx has no missing ones."""
    return X.assign(**{k: X[k].astype(object).fillna("") for k in X.select_dtypes("category")})


def measure(model, X, y, X_test):
    """Return what is measured of one model."""
    model.fit(X, y)
    seconds, converted = clock(to_onnx, model, X[:5])
    session, megabytes = open_session(converted)
    found = {
        "seconds_to_convert": round(seconds, 1),
        "megabytes": round(megabytes, 2),
        "nodes": len(converted.graph.node),
        **compare(model, session, X_test[-N_COMPARED:]),
    }
    for n_rows, repeats in REPEATS.items():
        rows = X_test[:n_rows]
        inputs = as_arrays(session, rows)
        sides = {
            "python": partial(model.predict_proba, rows),
            "onnx": partial(session.run, session_outputs(session), inputs),
        }
        for side, time in milliseconds(sides, repeats).items():
            found[f"{side}_ms_{n_rows}"] = time
    return found


def tables():
    """Return the table of the guide."""
    rows = []
    for found in read(NAME)["runs"]:
        for n_rows in REPEATS:
            times = (found[f"{side}_ms_{n_rows}"] for side in ("python", "onnx"))
            label = f"{found['model']}, {n_rows:,} row{'s' if n_rows > 1 else ''}"
            rows.append([label, *(f"{milliseconds:.2f}" for milliseconds in times)])
    header = ["Milliseconds", "Python", "ONNX"]
    return {"exported": simple_table(rows, header)}


def main():
    torch.set_num_threads(1)
    X, y = fetch_census_income(subset="train", return_X_y=True)
    X_test, _ = fetch_census_income(subset="test", return_X_y=True)
    forms = {"estimator": lambda table: table, "pipeline": without_gaps}
    runs = []
    for name, model in make_models().items():
        form = forms[name]
        found = measure(model, form(X[:N_FITTED]), y[:N_FITTED], form(X_test))
        runs.append({"model": name, **found})
        print(runs[-1], flush=True)
    write(
        NAME,
        question="time of predictions by an estimator and by its ONNX model, and their difference",
        not_run="several threads, CUDA",
        packages={name: version(name) for name in PACKAGES},
        load_average=os.getloadavg()[0],
        rows_fitted=N_FITTED,
        rows_compared=N_COMPARED,
        runs=runs,
    )
    show(tables())


if __name__ == "__main__":
    main()
