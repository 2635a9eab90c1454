"""A table with columns of all sorts, and what runs an ONNX model on it."""

import numpy as np
import onnxruntime
import pandas as pd
import pytest


def make_columns(n_rows, seed):
    """Return columns of all sorts, some with gaps."""
    rng = np.random.default_rng(seed)

    def with_gaps(values, gap=None):
        return np.where(rng.random(n_rows) < 0.1, gap, values)

    return pd.DataFrame(
        {
            "city": with_gaps(rng.choice(["Bonn", "Köln", "Ulm"], n_rows)),
            "code": pd.Categorical(rng.choice([3, 10, 200], n_rows)),
            "floor": pd.Categorical(with_gaps(rng.choice([0.5, 1.0, 2.5], n_rows), np.nan)),
            "member": pd.Categorical(rng.random(n_rows) < 0.5),
            "age": rng.integers(18, 90, n_rows),
            "rooms": pd.array(with_gaps(rng.integers(1, 5, n_rows), pd.NA), dtype="Int64"),
            "income": with_gaps(rng.lognormal(10, 1, n_rows), np.nan).astype(np.float64),
            "height": rng.normal(170, 10, n_rows).astype(np.float32),
            "owns": rng.random(n_rows) < 0.3,
            "always 1": np.ones(n_rows),
        }
    )


@pytest.fixture
def columns():
    """Return the columns of training."""
    return make_columns(300, 0)


@pytest.fixture
def new_columns():
    """Return other rows, in which categories and gaps occur that training lacked."""
    X = make_columns(100, 1)
    X["city"] = X["city"].replace("Ulm", "Rom")
    X["code"] = X["code"].cat.rename_categories({3: 4}).where(np.arange(100) > 5)
    X["age"] = X["age"] * 3
    X.loc[:9, "height"] = np.nan
    return X


@pytest.fixture
def targets(columns):
    """Return a task of each kind."""
    rng = np.random.default_rng(2)
    noise = rng.normal(size=len(columns))
    return pd.DataFrame(
        {
            "click": columns["age"] + 20 * noise > 50,
            "brand": columns["city"].fillna("Ulm").to_numpy(),
            "grade": pd.cut(noise, [-9, -0.5, 0.5, 9], labels=["low", "middle", "high"]),
            "spent": columns["height"] * 100 + 30 * noise,
            "visits": rng.poisson(2, len(columns)),
        }
    )


TASKS = {"grade": ["low", "middle", "high"], "spent": "regression", "visits": "count"}

_NUMPY = {
    "tensor(string)": object,
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}


def run(model, X):
    """Return the outputs of an ONNX model by their names."""
    session = onnxruntime.InferenceSession(model.SerializeToString())
    if isinstance(X, pd.DataFrame):
        inputs = {
            put.name: X[[put.name]].to_numpy(dtype=_NUMPY[put.type]) for put in session.get_inputs()
        }
    else:
        inputs = {"X": X}
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, inputs), strict=True))
