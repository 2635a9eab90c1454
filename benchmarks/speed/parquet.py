"""Training on Parquet files that are read part by part, against training on a table in memory.

Accuracy: MMoE at its defaults on Census-Income, with several seeds, from files and from memory in
turns. Memory and time: one epoch of a small network on made-up tables in a temporary folder, each
fit in a process of its own. Everything runs on one thread. Seconds of the processor are those of
all threads of the process; on a busy machine they say more than those of the clock.

    OMP_NUM_THREADS=1 python benchmarks/speed/parquet.py       # a quarter of an hour, 1 GB of disk

Runs that are on record are not repeated.
"""

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from sklearn.metrics import roc_auc_score

from benchmarks._shared.record import Record
from benchmarks.speed._cases import PAPER
from benchmarks.speed._memory import high_water, peak_memory
from benchmarks.speed.scale import alone
from sk_mmoe import MMoEClassifier
from sk_mmoe.datasets import fetch_census_income
from sk_mmoe.streaming import LazyTable

TARGETS = ["first", "second"]
N_NUMBERS, N_CATEGORIES, N_LEVELS = 4, 1, 1000
CHUNK, ROW_GROUP = 500_000, 100_000
LARGEST_IN_MEMORY = 2 * 10**6
EPOCHS = 3


def clocks(function):
    """Return the seconds of a call by the clock, and those of the processor."""
    start, start_cpu = time.perf_counter(), time.process_time()
    function()
    return {
        "seconds": round(time.perf_counter() - start, 2),
        "cpu_seconds": round(time.process_time() - start_cpu, 2),
    }


# -- Census-Income --------------------------------------------------------------------------------


def census(source, seed):
    """Return the time of a fit to the training rows, and its AUC on the test rows."""
    torch.set_num_threads(1)
    train = fetch_census_income(subset="train")
    X_test, y_test = fetch_census_income(subset="test", return_X_y=True)
    with tempfile.TemporaryDirectory() as folder:
        rows = pa.Table.from_pandas(train.frame, preserve_index=False)
        pq.write_table(rows, Path(folder, "train.parquet"), row_group_size=20_000)
        data = (train.data, train.target)
        if source == "file":
            data = (LazyTable(folder, train.target_names),)
        model = MMoEClassifier(max_iter=EPOCHS, random_state=seed)
        run = clocks(partial(model.fit, *data))
    for name, proba in zip(y_test, model.predict_proba(X_test), strict=True):
        run[f"auc_{name}"] = round(float(roc_auc_score(y_test[name], proba[:, 1])), 5)
    return run | {"valid_loss": round(-model.best_validation_score_, 5)}


# -- made-up tables -------------------------------------------------------------------------------


def write_table(path, n_rows):
    """Write a table of numbers and categories with two binary tasks, a chunk after the other."""
    names = [f"x{k}" for k in range(N_NUMBERS)] + [f"c{k}" for k in range(N_CATEGORIES)] + TARGETS
    effects = np.random.default_rng(0).normal(size=N_LEVELS)
    writer = None
    for seed, start in enumerate(range(0, n_rows, CHUNK)):
        rng = np.random.default_rng(seed)
        size = min(CHUNK, n_rows - start)
        numbers = rng.normal(size=(size, N_NUMBERS)).astype(np.float32)
        levels = rng.integers(N_LEVELS, size=(size, N_CATEGORIES))
        score = numbers[:, :2] + effects[levels] + rng.normal(size=(size, 2))
        labels = [f"level {k}" for k in range(N_LEVELS)]
        columns = [*numbers.T]
        columns += [pa.DictionaryArray.from_arrays(codes, labels) for codes in levels.T]
        rows = pa.table(dict(zip(names, [*columns, *(score.T > 0).astype(np.int8)], strict=True)))
        writer = writer or pq.ParquetWriter(path, rows.schema)
        writer.write_table(rows, row_group_size=ROW_GROUP)
    writer.close()


def made_up(source, n_rows):
    """Return the time and the peak memory of an epoch."""
    torch.set_num_threads(1)
    model = MMoEClassifier(
        embedding_dim=4, n_cross_layers=0, n_members=1, max_iter=1, random_state=0, **PAPER
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.parquet")
        alone(write_table, path, n_rows)
        if source == "memory":
            rows = pq.read_table(path)
            data = (rows.drop_columns(TARGETS), rows.select(TARGETS))
        else:
            data = (LazyTable(path, TARGETS),)
        return {"file_mib": path.stat().st_size >> 20} | _measure(model, data)


def _measure(model, data):
    """Return the time and the peak memory of a fit."""
    measured = {}
    before = high_water()
    peak = peak_memory(lambda: measured.update(clocks(partial(model.fit, *data))))
    return {
        **measured,
        "peak_mib": round(high_water() / 2**20),
        "mib_before": round(before / 2**20),
        "mib_of_fit": None if peak is None else round(peak / 2**20),
        "valid_loss": round(-model.best_validation_score_, 5),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--rows", type=int, nargs="*", default=[2 * 10**6, 20 * 10**6])
    options = parser.parse_args()
    record = Record(
        "speed/parquet",
        question="accuracy, time and memory of training on Parquet files, against memory",
        not_run="CUDA, several threads, file systems in a network",
        epochs_of_census=EPOCHS,
        row_group=ROW_GROUP,
    )
    cases = [(made_up, {"n_rows": n_rows}) for n_rows in options.rows]
    cases += [(census, {"seed": seed}) for seed in options.seeds]
    for function, case in cases:
        for source in ("memory", "file"):
            key = {"table": function.__name__, "source": source, **case}
            is_large = source == "memory" and case.get("n_rows", 0) > LARGEST_IN_MEMORY
            if not is_large and record.find(**key) is None:
                record.add(**key, **alone(function, source, *case.values()))


if __name__ == "__main__":
    main()
