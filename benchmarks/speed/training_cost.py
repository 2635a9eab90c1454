"""Cost of `fit` against hand-written torch loops over the same data, optimizer and network.

The loops are as lean as torch allows without changing the arithmetic: the table is one tensor, an
epoch is a permutation cut into batches, AdamW is fused, nothing is recorded. One loop trains the
package's own module, the other one a network of the same sizes in as few operations as we know
(``_flat_mmoe.py``). `fit` is timed whole, with validation of the input, encoding of the targets and
recording. All sides take turns. The ratio is the median of `fit` over that of the quicker loop.

    python -m benchmarks.speed.training_cost   # six minutes on two cores, which have to be idle
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
from benchmarks.speed._flat_mmoe import FlatMMoE
from sk_mmoe import MMoEClassifier
from sk_mmoe.nn import MMoE

N_FEATURES, N_EXPERTS = 100, 8
CASES = [(50_000, 256), (100_000, 1024), (200_000, 8192)]  # rows, batch size


def same_module(widths):
    """Return the package's own network, and its loss."""
    network = MMoE(N_FEATURES, [1, 1], **widths)

    def loss(batch, targets):
        scores = zip(network(batch), targets.T, strict=True)
        return sum(F.binary_cross_entropy_with_logits(s[:, 0], t) / 2 for s, t in scores)

    return network, loss


def flat(widths):
    """Return the network of few operations, and its loss."""
    sizes = (widths[f"{part}_hidden_layer_sizes"][0] for part in ("expert", "tower"))
    network = FlatMMoE(N_FEATURES, N_EXPERTS, *sizes)

    def loss(batch, targets):
        return F.binary_cross_entropy_with_logits(network(batch), targets.T)

    return network, loss


def by_hand(build, X, y, widths, batch_size, n_epochs):
    """Train a network as one would by hand."""
    torch.manual_seed(0)
    X, y = torch.from_numpy(X), torch.from_numpy(y.astype(np.float32))
    network, loss = build(widths)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-4, fused=True)
    for _ in range(n_epochs):
        for rows in torch.randperm(len(X)).split(batch_size):
            optimizer.zero_grad()
            loss(X[rows], y[rows]).backward()
            optimizer.step()


def ours(X, y, widths, batch_size, n_epochs):
    """Train with `fit`."""
    MMoEClassifier(batch_size=batch_size, n_members=1, **epochs(n_epochs), **widths).fit(X, y)


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
        arguments = (X, y, widths, batch_size, options.epochs)
        sides = {
            "same module by hand": partial(by_hand, same_module, *arguments),
            "few operations by hand": partial(by_hand, flat, *arguments),
            "ours": partial(ours, *arguments),
        }
        seconds = take_turns(sides, options.repeats)
        medians = {side: float(np.median(values)) for side, values in seconds.items()}
        own = medians.pop("ours")
        run = {
            "threads": threads,
            "architecture": name,
            "n_rows": n_rows,
            "n_features": N_FEATURES,
            "batch_size": batch_size,
            "ratio_of_medians": round(own / min(medians.values()), 3),
            "ratios": {side: round(own / median, 3) for side, median in medians.items()},
        }
        print(run, flush=True)
        runs.append(run | {"seconds": seconds})
    write(
        "speed/training_cost",
        question="seconds of fit over seconds of the quicker of two hand-written torch loops",
        not_run="sparse inputs, CUDA, other packages",
        epochs=options.epochs,
        runs=runs,
    )


if __name__ == "__main__":
    main()
