"""CPU and CUDA: whether they agree, and how fast each is.

Trains the same network from the same seed on both devices in float64 and compares losses, weights
and predictions; then times `fit` in float32: on the CPU, on the device with the whole table there,
with the table left outside (pinned copies, one batch ahead), with products in bfloat16, and several
members at once. Without a CUDA device it says so and writes nothing.

    python benchmarks/speed/devices.py
"""

from unittest.mock import patch

import numpy as np
import torch

from benchmarks._shared.record import write
from benchmarks._shared.timing import clock
from benchmarks.speed._cases import epochs
from sk_mmoe import MMoERegressor, fit_runs
from sk_mmoe.datasets import make_multitask_sinusoid

N_ROWS, N_FEATURES, EPOCHS, REPEATS = 200_000, 100, 3, 3
SIDES = {
    "cpu": {"device": "cpu"},
    "cuda": {"device": "cuda"},
    "cuda, bfloat16": {"device": "cuda", "net_params": {"amp": True}},
    "cuda, 8 members": {"device": "cuda", "n_members": 8},
    "cuda, table outside": {"device": "cuda"},
}


def agreement(X, y):
    """Return the largest differences between the two devices."""
    cpu, cuda = (
        MMoERegressor(dtype="float64", device=device, max_iter=EPOCHS, random_state=0).fit(X, y)
        for device in ("cpu", "cuda")
    )
    weights = zip(cpu.net_.module_.parameters(), cuda.net_.module_.parameters(), strict=True)
    return {
        "loss": float(np.abs(np.subtract(cpu.loss_curve_, cuda.loss_curve_)).max()),
        "weights": max(float((a - b.cpu()).abs().max()) for a, b in weights),
        "predictions": float(np.abs(cpu.predict(X) - cuda.predict(X)).max()),
    }


def seconds_of(function, *arguments):
    """Return the median seconds of a call, after one that warms up."""

    def finished():
        function(*arguments)
        torch.cuda.synchronize()

    times = [clock(finished)[0] for _ in range(REPEATS + 1)]
    return round(float(np.median(times[1:])), 3)


def seconds_of_fit(side, X, y, batch_size):
    """Return the seconds of `fit` on a side."""
    model = MMoERegressor(batch_size=batch_size, **epochs(EPOCHS), **SIDES[side])
    if "outside" not in side:
        return seconds_of(model.fit, X, y)
    # A table that takes up more than half of the free memory stays outside.
    with patch("torch.cuda.mem_get_info", lambda device: (0, 0)):
        return seconds_of(model.fit, X, y)


def fits_per_second(n_runs=100, n_alone=10):
    """Return the fits per second of many small tables, as one program and one after the other."""
    tables = [make_multitask_sinusoid(10_000, N_FEATURES, random_state=s) for s in range(n_runs)]
    model = MMoERegressor(device="cuda", **epochs(EPOCHS))
    stacked = seconds_of(fit_runs, model, tables)
    alone = seconds_of(lambda: [model.fit(*table) for table in tables[:n_alone]])
    return {"stacked": round(n_runs / stacked, 2), "in_turn": round(n_alone / alone, 2)}


def main():
    if not torch.cuda.is_available():
        raise SystemExit("no CUDA device: nothing was run, nothing is written.")
    X, y = make_multitask_sinusoid(N_ROWS, N_FEATURES, random_state=0)
    differences = agreement(X[:20_000], y[:20_000])
    print("differences", differences, flush=True)
    X, y = X.astype(np.float32), y.astype(np.float32)
    runs = []
    for batch_size in (256, 1024, 8192):
        seconds = {side: seconds_of_fit(side, X, y, batch_size) for side in SIDES}
        runs.append({"batch_size": batch_size, "seconds": seconds})
        print(runs[-1], flush=True)
    per_second = fits_per_second()
    print("fits per second", per_second)
    write(
        "speed/devices",
        question="CPU and CUDA: differences in float64, seconds of fit in float32",
        not_run="CUDA graphs, compiled networks",
        differences=differences,
        rows=N_ROWS,
        epochs=EPOCHS,
        runs=runs,
        fits_per_second_of_100_runs=per_second,
    )


if __name__ == "__main__":
    main()
