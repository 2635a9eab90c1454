"""What each architecture and each balancing of losses costs: parameters, and time of `fit`.

Two regression tasks, default sizes, on one table; time is that of a whole `fit`, in units of
MMoE's. All sides run interleaved in every round, and a ratio is that of the medians.

    python -m benchmarks.speed.architectures   # about five minutes on two cores
"""

import argparse
import time

import numpy as np
import torch

import sk_mmoe
from benchmarks._shared.record import write
from sk_mmoe.nn import count_parameters
from sk_mmoe.nn.balancing import BALANCING

YARDSTICK = "MMoE"
MODELS = {
    "SingleTask": {},
    "SharedBottom": {},
    "L2Constrained": {},
    "CrossStitch": {},
    "TensorFactorization": {},
    "OMoE": {},
    YARDSTICK: {},
    "PLE": {},
}
VARIANTS = {
    "trunk of 64": {"trunk_hidden_layer_sizes": (64,)},
    "two levels": {"n_levels": 2},
    "top-k": {"gate": "top_k"},
    "DSelect-k": {"gate": "dselect_k"},
    **{f"{name} balancing": {"loss_balancing": name} for name in BALANCING if name != "fixed"},
}


def make(name, options, epochs):
    """Return an estimator that trains for a fixed number of epochs."""
    return getattr(sk_mmoe, f"{name}Regressor")(
        max_iter=epochs,
        n_iter_no_change=epochs,
        early_stopping=False,
        average=False,
        random_state=0,
        **options,
    )


def main():
    """Time all sides."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(options.rows, 100)).astype(np.float32)
    y = X[:, :2] * X[:, 2:4] + 0.1 * rng.normal(size=(options.rows, 2))
    sides = {name: (name, parameters) for name, parameters in MODELS.items()}
    sides |= {f"{YARDSTICK}, {name}": (YARDSTICK, v) for name, v in VARIANTS.items()}
    seconds = {side: [] for side in sides}
    parameters = {}
    for _ in range(options.repeats):
        for side, (name, settings) in sides.items():
            model = make(name, settings, options.epochs)
            start = time.perf_counter()
            model.fit(X, y)
            seconds[side].append(round(time.perf_counter() - start, 4))
            parameters[side] = count_parameters(model.net_.module_)
    unit = float(np.median(seconds[YARDSTICK]))
    rows = [
        {
            "model": side,
            "parameters": parameters[side],
            "time_over_mmoe": round(float(np.median(seconds[side])) / unit, 2),
            "seconds": seconds[side],
        }
        for side in sides
    ]
    for row in rows:
        print(*list(row.values())[:3], sep="\t")
    write(
        "speed/architectures",
        question="parameters and seconds of fit of every architecture, in units of MMoE's",
        not_run="other numbers of tasks than two, other batch sizes than 256, CUDA",
        n_rows=options.rows,
        n_features=100,
        n_tasks=2,
        batch_size=256,
        epochs=options.epochs,
        runs=rows,
    )


if __name__ == "__main__":
    main()
