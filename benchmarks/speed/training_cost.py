"""Cost of `fit` against a hand-written torch loop over the same network, data and optimizer.

The loop is as lean as torch allows without changing the arithmetic: the table is one tensor, an
epoch is a permutation cut into batches, AdamW is fused, nothing is recorded. `fit` is timed whole,
with validation of the input, encoding of the targets and recording. Both sides run interleaved,
and the ratio is that of the medians.

    python benchmarks/speed/training_cost.py   # five minutes on two cores, which have to be idle
"""

import argparse
from functools import partial
from itertools import product

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks._shared.record import write
from benchmarks._shared.timing import take_turns
from benchmarks.speed._cases import NETWORKS, epochs, two_classes
from sk_mmoe import MMoEClassifier
from sk_mmoe.nn import MMoE

N_FEATURES = 100
CASES = [(50_000, 256), (100_000, 1024), (200_000, 8192)]  # rows, batch size


def hand_written(X, y, widths, batch_size, n_epochs):
    """Train as one would by hand."""
    torch.manual_seed(0)
    X, y = torch.from_numpy(X), torch.from_numpy(y.astype(np.float32))
    network = MMoE(X.shape[1], [1, 1], **widths)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-4, fused=True)
    for _ in range(n_epochs):
        for rows in torch.randperm(len(X)).split(batch_size):
            batch, targets = X[rows], y[rows]
            optimizer.zero_grad()
            scores = network(batch)
            loss = 0
            for k, score in enumerate(scores):
                loss = loss + F.binary_cross_entropy_with_logits(score[:, 0], targets[:, k]) / 2
            loss.backward()
            optimizer.step()


def ours(X, y, widths, batch_size, n_epochs):
    """Train with `fit`."""
    MMoEClassifier(batch_size=batch_size, **epochs(n_epochs), **widths).fit(X, y)


def main():
    """Time all cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args()
    runs = []
    for threads, (name, widths), case in product((1, 2), NETWORKS.items(), CASES):
        torch.set_num_threads(threads)
        n_rows, batch_size = case
        X, y = two_classes(n_rows, N_FEATURES)
        sides = {
            side.__name__: partial(side, X, y, widths, batch_size, options.epochs)
            for side in (hand_written, ours)
        }
        seconds = take_turns(sides, options.repeats)
        ratio = np.median(seconds["ours"]) / np.median(seconds["hand_written"])
        run = {
            "threads": threads,
            "architecture": name,
            "n_rows": n_rows,
            "n_features": N_FEATURES,
            "batch_size": batch_size,
            "ratio_of_medians": round(float(ratio), 3),
        }
        print(run, flush=True)
        runs.append(run | {"seconds": seconds})
    write(
        "speed/training_cost",
        question="seconds of fit over seconds of a hand-written torch loop, same network",
        not_run="sparse inputs, CUDA, other packages",
        epochs=options.epochs,
        runs=runs,
    )


if __name__ == "__main__":
    main()
