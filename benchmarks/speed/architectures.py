"""What each architecture and each balancing of losses costs: parameters, and time of `fit`.

Two regression tasks, default sizes, on one table; time is that of a whole `fit`, in units of
MMoE's. All sides run interleaved in every round, and a ratio is that of the medians.

    python benchmarks/speed/architectures.py   # about five minutes on two cores
"""

import argparse
from functools import partial

import numpy as np
import torch

import sk_mmoe
from benchmarks._shared.record import write
from benchmarks._shared.timing import take_turns
from benchmarks.speed._cases import epochs
from sk_mmoe.nn import count_parameters
from sk_mmoe.nn.balancing import BALANCING

N_FEATURES = 100
YARDSTICK = "MMoE"
MODELS = [
    "SingleTask",
    "SharedBottom",
    "L2Constrained",
    "CrossStitch",
    "TensorFactorization",
    "OMoE",
    YARDSTICK,
    "PLE",
]
VARIANTS = {
    "trunk of 64": {"trunk_hidden_layer_sizes": (64,)},
    "two levels": {"n_levels": 2},
    "top-k": {"gate": "top_k"},
    "DSelect-k": {"gate": "dselect_k"},
    **{f"{name} balancing": {"loss_balancing": name} for name in BALANCING if name != "fixed"},
}


def make(name, n_epochs, **parameters):
    """Return an estimator of an architecture."""
    return getattr(sk_mmoe, f"{name}Regressor")(**epochs(n_epochs), **parameters)


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
    X = rng.normal(size=(options.rows, N_FEATURES)).astype(np.float32)
    y = X[:, :2] * X[:, 2:4] + 0.1 * rng.normal(size=(options.rows, 2))
    models = {name: make(name, options.epochs) for name in MODELS}
    models |= {
        f"{YARDSTICK}, {name}": make(YARDSTICK, options.epochs, **parameters)
        for name, parameters in VARIANTS.items()
    }
    sides = {name: partial(model.fit, X, y) for name, model in models.items()}
    seconds = take_turns(sides, options.repeats)
    unit = np.median(seconds[YARDSTICK])
    runs = [
        {
            "model": name,
            "parameters": count_parameters(model.net_.module_),
            "time_over_mmoe": round(float(np.median(seconds[name]) / unit), 2),
            "seconds": seconds[name],
        }
        for name, model in models.items()
    ]
    for run in runs:
        print(*list(run.values())[:3], sep="\t")
    write(
        "speed/architectures",
        question="parameters and seconds of fit of every architecture, in units of MMoE's",
        not_run="other numbers of tasks than two, other batch sizes than 256, CUDA",
        n_rows=options.rows,
        n_features=N_FEATURES,
        n_tasks=2,
        batch_size=256,
        epochs=options.epochs,
        runs=runs,
    )


if __name__ == "__main__":
    main()
