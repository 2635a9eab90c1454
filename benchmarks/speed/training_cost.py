"""Cost of `fit` against a hand-written torch loop over the same network, data and optimizer.

The loop is as lean as torch allows without changing the arithmetic: the table is one tensor, an
epoch is a permutation cut into batches, AdamW is fused, nothing is recorded.  `fit` is timed whole,
with validation of the input, encoding of the targets and recording.  Both sides run interleaved,
and the ratio is that of the medians.

    python -m benchmarks.speed.training_cost   # five minutes on two cores, which have to be idle
"""

import argparse
import time

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks._shared.record import write
from sk_mmoe import MMoEClassifier
from sk_mmoe.nn import MMoE

CASES = [  # rows, features, batch size
    (50_000, 100, 256),
    (100_000, 100, 1024),
    (200_000, 100, 8192),
]
ARCHITECTURES = {
    "defaults: 8 experts of 64, towers of 32": {},
    "paper: 8 experts of 16, towers of 8": {
        "expert_hidden_layer_sizes": (16,),
        "tower_hidden_layer_sizes": (8,),
    },
}
DEFAULTS = {"expert_hidden_layer_sizes": (64,), "tower_hidden_layer_sizes": (32,)}


def hand_written(X, y, architecture, batch_size, epochs):
    """Train as one would by hand."""
    torch.manual_seed(0)
    X, y = torch.from_numpy(X), torch.from_numpy(y.astype(np.float32))
    network = MMoE(X.shape[1], [1, 1], **DEFAULTS | architecture)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-4, fused=True)
    for _ in range(epochs):
        for rows in torch.randperm(len(X)).split(batch_size):
            batch, targets = X[rows], y[rows]
            optimizer.zero_grad()
            scores = network(batch)
            loss = 0
            for k, score in enumerate(scores):
                loss = loss + F.binary_cross_entropy_with_logits(score[:, 0], targets[:, k]) / 2
            loss.backward()
            optimizer.step()


def ours(X, y, architecture, batch_size, epochs):
    """Train with `fit`."""
    MMoEClassifier(
        batch_size=batch_size,
        max_iter=epochs,
        early_stopping=False,
        n_iter_no_change=epochs,
        average=False,
        random_state=0,
        **architecture,
    ).fit(X, y)


def main():
    """Time all cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    rows = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for architecture, parameters in ARCHITECTURES.items():
            for n_rows, n_features, batch_size in CASES:
                X = rng.normal(size=(n_rows, n_features)).astype(np.float32)
                y = (X[:, :2] + rng.normal(size=(n_rows, 2)) > 0).astype(np.int64)
                seconds = {"hand_written": [], "ours": []}
                for _ in range(options.repeats):
                    for side in (hand_written, ours):
                        start = time.perf_counter()
                        side(X, y, parameters, batch_size, options.epochs)
                        seconds[side.__name__].append(round(time.perf_counter() - start, 4))
                medians = {side: float(np.median(times)) for side, times in seconds.items()}
                row = {
                    "threads": threads,
                    "architecture": architecture,
                    "n_rows": n_rows,
                    "n_features": n_features,
                    "batch_size": batch_size,
                    "ratio_of_medians": round(medians["ours"] / medians["hand_written"], 3),
                    "seconds": seconds,
                }
                rows.append(row)
                print({key: value for key, value in row.items() if key != "seconds"}, flush=True)
    write(
        "speed/training_cost",
        question="seconds of fit over seconds of a hand-written torch loop, same network",
        not_run="sparse inputs, CUDA, other packages",
        epochs=options.epochs,
        runs=rows,
    )


if __name__ == "__main__":
    main()
