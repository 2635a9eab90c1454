"""Time and memory of training over rows, tasks and experts.

Every case is a process of its own, with one thread: the seconds of an epoch, and the peak memory
of `fit` above what the process held before, in multiples of the inputs X (float32). A stream of
Parquet batches goes through `partial_fit`, for which memory must not grow with rows.

    pip install -c constraints.txt -r benchmarks/speed/peers.txt      # pyarrow, for the stream
    python benchmarks/speed/scale.py          # ten minutes
"""

import argparse
import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks._shared.record import write
from benchmarks._shared.timing import clock
from benchmarks.speed._cases import PAPER, epochs
from benchmarks.speed._memory import peak_memory
from sk_mmoe import MMoERegressor
from sk_mmoe.datasets import make_multitask_sinusoid

N_FEATURES = 50
CHUNK = 50_000


def chunks(n_rows, n_tasks):
    """Yield the data chunk by chunk, as float32: the weights of the first one serve all others."""
    params = {"n_tasks": n_tasks}
    for seed, start in enumerate(range(0, n_rows, CHUNK)):
        size = min(CHUNK, n_rows - start)
        X, y, drawn = make_multitask_sinusoid(
            size, N_FEATURES, random_state=seed, return_params=True, **params
        )
        params = {"n_tasks": n_tasks, **drawn}
        yield X.astype(np.float32), y.astype(np.float32)


def estimator(n_experts):
    return MMoERegressor(n_experts=n_experts, batch_size=1024, **epochs(1), **PAPER)


def fit(n_rows, n_tasks, n_experts, early_stopping):
    """Return the seconds of an epoch, and the peak memory in multiples of X."""
    torch.set_num_threads(1)
    X = np.empty((n_rows, N_FEATURES), dtype=np.float32)
    y = np.empty((n_rows, n_tasks), dtype=np.float32)
    for k, (X_part, y_part) in enumerate(chunks(n_rows, n_tasks)):
        X[k * CHUNK :][: len(X_part)], y[k * CHUNK :][: len(X_part)] = X_part, y_part
    model = estimator(n_experts).set_params(early_stopping=early_stopping)
    model.fit(X[:5000], y[:5000])  # what torch allocates once
    seconds, peak = clock(peak_memory, partial(model.fit, X, y))
    return {
        "seconds": round(seconds, 2),
        "microseconds_per_row": round(1e6 * seconds / n_rows, 3),
        "peak_in_multiples_of_X": round(peak / X.nbytes, 3),
    }


def stream(n_rows, path):
    """Return the seconds of a pass over Parquet batches, and its peak memory in MiB."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    torch.set_num_threads(1)
    names = [f"x{k}" for k in range(N_FEATURES)] + ["y0", "y1"]
    with pq.ParquetWriter(path, pa.schema([(name, pa.float32()) for name in names])) as writer:
        for X, y in chunks(n_rows, 2):
            columns = np.hstack([X, y]).T
            writer.write_table(pa.table(dict(zip(names, columns, strict=True))))
    file, model = pq.ParquetFile(path), estimator(8)

    def batches():  # by row groups: iter_batches buffers ahead, as much as there is
        for group in range(file.num_row_groups):
            yield np.column_stack(file.read_row_group(group).columns)

    def train():
        for rows in batches():
            model.partial_fit(rows[:, :-2], rows[:, -2:])

    rows = next(batches())  # what torch and Arrow allocate once
    model.partial_fit(rows[:, :-2], rows[:, -2:])
    seconds, peak = clock(peak_memory, train)
    return {"seconds": round(seconds, 2), "peak_mib": round(peak / 2**20, 1)}


def alone(function, *arguments):
    """Return what a function returns in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[250_000, 500_000, 10**6, 2 * 10**6])
    options = parser.parse_args()
    small = options.rows[0]
    cases = [(n, 2, 8, stops) for n in options.rows for stops in (False, True)]
    cases += [(small, n_tasks, 8, False) for n_tasks in (4, 8, 16)]
    cases += [(small, 2, n_experts, False) for n_experts in (4, 16, 32)]
    cases += [(small, 16, 32, False)]
    fits, streams = [], []
    for case in cases:
        names = ("n_rows", "n_tasks", "n_experts", "early_stopping")
        fits.append(dict(zip(names, case, strict=True)) | alone(fit, *case))
        print(fits[-1], flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for n_rows in options.rows:
            found = alone(stream, n_rows, Path(folder, "table.parquet"))
            streams.append({"n_rows": n_rows} | found)
            print(streams[-1], flush=True)
    write(
        "speed/scale",
        question="seconds of an epoch and peak memory over rows, tasks, experts; and of a stream",
        not_run="CUDA, several threads",
        n_features=N_FEATURES,
        widths=PAPER,
        fits=fits,
        streams=streams,
    )


if __name__ == "__main__":
    main()
