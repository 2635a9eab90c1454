"""What `compile=True` brings on the CPU: seconds of epochs with and without, and of the first.

Every fit compiles anew: torch would else go on with what it compiled for the shapes of another one.

    python benchmarks/speed/compiled.py      # five minutes
"""

from itertools import product

import numpy as np
import torch

from benchmarks._shared.record import write
from benchmarks.speed._cases import NETWORKS, epochs, two_classes
from sk_mmoe import MMoEClassifier

ROWS = {256: 50_000, 1024: 100_000, 8192: 200_000}  # by the size of a batch
THREADS, N_EPOCHS = 1, 6


def durations(X, y, compiled, **parameters):
    """Return the seconds of every epoch."""
    torch.compiler.reset()
    model = MMoEClassifier(compile=compiled, **parameters, **epochs(N_EPOCHS)).fit(X, y)
    return model.net_.history[:, "dur"]


def compare(X, y, **parameters):
    """Return the seconds of the first and the later epochs, and the ratio of the later ones."""
    plain, compiled, plain_again = (
        durations(X, y, compile, **parameters) for compile in (False, True, False)
    )
    epoch = np.median(plain[1:] + plain_again[1:])
    return {
        "seconds_of_first_epoch": round(compiled[0], 2),
        "seconds_of_an_epoch": round(float(epoch), 3),
        "ratio_of_later_epochs": round(float(np.median(compiled[1:]) / epoch), 3),
    }


def main():
    torch.set_num_threads(THREADS)
    runs = []
    for (name, widths), (batch_size, n_rows) in product(NETWORKS.items(), ROWS.items()):
        run = {"threads": THREADS, "architecture": name, "batch_size": batch_size}
        run |= compare(*two_classes(n_rows), batch_size=batch_size, **widths)
        print(run, flush=True)
        runs.append(run)
    write(
        "speed/compiled",
        question="seconds of an epoch with compile=True over those without, after the first epoch",
        not_run="CUDA, several threads",
        runs=runs,
    )


if __name__ == "__main__":
    main()
