"""CPU and CUDA: whether they agree, and how fast each is.

Trains the same network from the same seed on both devices in float64 and compares losses, weights
and predictions; then times `fit` in float32: on the CPU, on the device with the whole table there,
with the table left outside (pinned copies, one batch ahead), with products in bfloat16, and several
members at once. Without a CUDA device it says so and writes nothing.

    python -m benchmarks.speed.devices
"""

import time
from unittest.mock import patch

import numpy as np
import torch

from benchmarks._shared.record import write
from sk_mmoe import MMoERegressor, fit_runs
from sk_mmoe.datasets import make_multitask_sinusoid

N_ROWS, N_FEATURES, EPOCHS, REPEATS = 200_000, 100, 3, 3


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


def seconds_of(function):
    """Return the median seconds of a call, after one that warms up."""
    times = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        function()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return round(float(np.median(times[1:])), 3)


def main():
    if not torch.cuda.is_available():
        raise SystemExit("no CUDA device: nothing was run, nothing is written.")
    X, y = make_multitask_sinusoid(N_ROWS, N_FEATURES, random_state=0)
    differences = agreement(X[:20_000], y[:20_000])
    print("differences", differences, flush=True)
    X, y = X.astype(np.float32), y.astype(np.float32)
    runs = []
    for batch_size in (256, 1024, 8192):
        model = MMoERegressor(
            batch_size=batch_size, max_iter=EPOCHS, early_stopping=False, random_state=0
        )

        def fit(model=model, **parameters):
            return (
                model.set_params(net_params=None, device="cuda").set_params(**parameters).fit(X, y)
            )

        result = {
            "cpu": seconds_of(lambda fit=fit: fit(device="cpu")),
            "cuda": seconds_of(fit),
            "cuda, bfloat16": seconds_of(lambda fit=fit: fit(net_params={"amp": True})),
            "cuda, 8 members": seconds_of(lambda fit=fit: fit(n_members=8)),
        }
        model.set_params(n_members=1)
        with patch("sk_mmoe.training._loader._free_memory", lambda device: 0):
            result["cuda, table outside"] = seconds_of(fit)
        runs.append({"batch_size": batch_size, "seconds": result})
        print(runs[-1], flush=True)
    tables = [make_multitask_sinusoid(10_000, N_FEATURES, random_state=s) for s in range(100)]
    model = MMoERegressor(max_iter=EPOCHS, early_stopping=False, random_state=0, device="cuda")
    stacked = seconds_of(lambda: fit_runs(model, tables))
    alone = seconds_of(lambda: [model.fit(*table) for table in tables[:10]])
    per_second = {"stacked": round(100 / stacked, 2), "in_turn": round(10 / alone, 2)}
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
