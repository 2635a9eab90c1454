"""Speed, memory and AUC of this package beside its peers, on Census-Income, group 1.

Two versions of the data: one-hot categories and scaled numbers as one dense table; and scaled
numbers with integer codes, which every side embeds. The widths, the batch size, Adam's learning
rate and the number of epochs are the same on all sides, and the data are prepared outside the
clock. All sides train and predict once in every round, one after the other; medians are over the
rounds. `forward` times the calls of the network alone that `predict_proba` made, on the same
batches. The peak memory of a fit is that of a process of its own, above what it held before.

    pip install -c constraints.txt -r benchmarks/speed/peers.txt
    python benchmarks/speed/speed.py    # --rows 5000 for a quick look

The machine has to be idle: two threads, which wait actively for each other, lose whole seconds
where other programs run beside them.
A side whose library is not installed, or which fails, is named in the result, with the reason.
"""

import argparse
import gc
import multiprocessing
import os
import pickle
import tempfile
import warnings
from collections import namedtuple
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.metadata import distributions
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks._shared.record import write
from benchmarks._shared.timing import clock
from benchmarks.speed._memory import peak_memory
from benchmarks.speed._peers import PEERS, SIDES
from sk_mmoe.datasets import fetch_census_income

N_SINGLE = 200  # predictions of one row


class Table(NamedTuple):
    """Rows, in the forms that the sides start from."""

    numbers: np.ndarray  # float32: scaled numbers, or all columns of a one-hot table
    codes: np.ndarray  # int64, 0 is a missing value; no columns beside a one-hot table
    ours: np.ndarray | pd.DataFrame  # the one-hot table, or numbers and categoricals
    y: pd.DataFrame
    n_levels: list  # of each column of codes, with the missing one

    def head(self, n_rows):
        """Return the first rows."""
        return Table(*(part[:n_rows] for part in self[:4]), self.n_levels)

    def columns(self):
        """Return the columns by name, as float32."""
        rows = np.hstack([self.numbers, self.codes.astype(np.float32)])
        return {f"column_{i}": column for i, column in enumerate(rows.T.copy())}


Case = namedtuple("Case", ["version", "batch_size", "expert", "tower"])  # units of each
CASES = {
    "one-hot, defaults: 8 experts of 64, towers of 32": Case("one-hot", 256, 64, 32),
    "one-hot, paper: 8 experts of 16, towers of 8": Case("one-hot", 256, 16, 8),
    "embedded, paper: 8 experts of 16, towers of 8": Case("embedded", 1024, 16, 8),
}


def load(n_rows):
    """Return the training and the test table of each version."""
    sets = [fetch_census_income(subset=s, group=1, return_X_y=True) for s in ("train", "test")]
    sets = [(X[:n_rows], y[:n_rows]) for X, y in sets]
    number, category = (make_column_selector(dtype_include=t) for t in ("number", "category"))
    scaler = make_pipeline(FunctionTransformer(np.log1p), StandardScaler())
    one_hot = OneHotEncoder(min_frequency=20, handle_unknown="infrequent_if_exist")
    numeric = make_column_transformer((scaler, number)).fit(sets[0][0])
    nominal = make_column_transformer((one_hot, category), sparse_threshold=0).fit(sets[0][0])
    tables = {"one-hot": [], "embedded": []}
    for X, y in sets:
        numbers = numeric.transform(X).astype(np.float32)
        categories = X[category(X)]
        codes = categories.apply(lambda column: column.cat.codes + 1).to_numpy(np.int64, copy=True)
        n_levels = [len(column.cat.categories) + 1 for _, column in categories.items()]
        ours = pd.concat([pd.DataFrame(numbers, columns=number(X)), categories], axis=1)
        tables["embedded"].append(Table(numbers, codes, ours, y, n_levels))
        columns = np.hstack([numbers, nominal.transform(X).astype(np.float32)])
        tables["one-hot"].append(Table(columns, codes[:, :0], columns, y, []))
    return tables


@contextmanager
def quiet():
    """Silence what libraries print."""
    with open(os.devnull, "w") as nowhere, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with redirect_stdout(nowhere), redirect_stderr(nowhere):
            yield


def forward(side, X):
    """Return a function that repeats the calls of the network in `predict_proba`."""
    calls = []
    handle = side.network.register_forward_pre_hook(
        lambda _, args, kwargs: calls.append((args, kwargs)), with_kwargs=True
    )
    side.predict_proba(X)
    handle.remove()
    return torch.inference_mode()(lambda: [side.network(*a, **k) for a, k in calls])


def measure(side, train, test, epochs, seed):
    """Return what one fit and its predictions cost, and how good they are."""
    X, X_test, X_one = (side.prepare(table) for table in (train, test, test.head(1)))
    y = side.labels(train)
    gc.collect()
    seconds, _ = clock(side.fit, X, y, epochs, seed)
    bulk, proba = clock(side.predict_proba, X_test)
    single = [clock(side.predict_proba, X_one)[0] for _ in range(N_SINGLE)]
    result = {
        "seconds_per_epoch": seconds / epochs,
        "rows_per_second": len(train.y) * epochs / seconds,
        "predict_rows_per_second": len(test.y) / bulk,
        "predict_one_ms": 1e3 * np.median(single),
    }
    if side.network is not None:
        result["forward_rows_per_second"] = len(test.y) / clock(forward(side, X_test))[0]
        repeat = forward(side, X_one)
        single = [clock(repeat)[0] for _ in range(N_SINGLE)]
        result["forward_one_ms"] = 1e3 * np.median(single)
    for k, name in enumerate(test.y):
        result[f"auc_{name}"] = roc_auc_score(test.y[name], proba[:, k])
    return {name: float(f"{value:.5g}") for name, value in result.items()}


def warm_up(side, table):
    """Import, and allocate, what a first fit does."""
    few = table.head(2048)
    X = side.prepare(few)
    side.fit(X, side.labels(few), 1, 0)
    side.predict_proba(X)


def memory_of_fit(side, path, epochs):
    """Return by how many MiB a fit raises the peak of a new process, with one thread."""
    torch.set_num_threads(1)
    train = pickle.loads(path.read_bytes())
    X, y = side.prepare(train), side.labels(train)
    with quiet():
        warm_up(side, train)
        peak = peak_memory(lambda: side.fit(X, y, epochs, 0))
    return None if peak is None else round(peak / 2**20, 1)


def first_look(side, train, path, epochs):
    """Return what is known of a side before its fits are timed."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        peak = pool.submit(memory_of_fit, side, path, epochs).result()
    with quiet():
        warm_up(side, train)
    return {"n_parameters": side.n_parameters(), "peak_memory_mib": peak}


def attempt(function, *arguments):
    """Return what a function returns, or why it fails: any library may, in any way."""
    try:
        return function(*arguments)
    except Exception as error:
        return {"not_run": f"{type(error).__name__}: {error}"}


def main():
    names = list(dict.fromkeys(name for sides in SIDES.values() for name in sides))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rows", type=int, help="the first rows only")
    parser.add_argument("--sides", nargs="+", choices=names, default=names)
    options = parser.parse_args()
    tables = load(options.rows)
    sides, known, rounds = {}, [], {}
    with tempfile.TemporaryDirectory() as folder:
        for case, (version, *_) in CASES.items():
            path = Path(folder, version)
            path.write_bytes(pickle.dumps(tables[version][0], protocol=5))
            for name in (name for name in SIDES[version] if name in options.sides):
                side = SIDES[version][name](CASES[case], tables[version][0])
                facts = attempt(first_look, side, tables[version][0], path, options.epochs)
                print(case, name, facts, flush=True)
                known.append({"case": case, "side": name, **facts})
                if "not_run" not in facts:
                    sides[case, name] = side
    for seed, threads in product(range(options.repeats), options.threads):
        torch.set_num_threads(threads)
        for (case, name), side in sides.items():
            data = tables[CASES[case].version]
            with threadpool_limits(threads), quiet():
                result = attempt(measure, side, *data, options.epochs, seed)
            print(case, name, threads, result, flush=True)
            rounds.setdefault((case, name, threads), []).append(result)
        save(options, known, rounds)


def save(options, known, rounds):
    """Write what is measured so far."""
    runs = []
    for (case, name, threads), results in rounds.items():
        medians = pd.DataFrame(results).median(numeric_only=True).to_dict()
        run = {"case": case, "side": name, "threads": threads}
        runs.append({**run, "medians": medians, "rounds": results})
    write(
        "speed/speed",
        question="seconds per epoch, rows per second, memory, AUC on the test file; same widths",
        not_run="CUDA, sparse inputs, tuning of any side",
        peers={peer.name: peer.version for peer in distributions() if peer.name in PEERS},
        options=vars(options),
        cases={case: parameters._asdict() for case, parameters in CASES.items()},
        sides=known,
        runs=runs,
    )


if __name__ == "__main__":
    main()
