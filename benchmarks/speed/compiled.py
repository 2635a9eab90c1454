"""What `compile=True` brings on the CPU: seconds of epochs with and without, and of the first.

Every fit compiles anew: torch would else go on with what it compiled for the shapes of another one.

    python -m benchmarks.speed.compiled      # five minutes
"""

import numpy as np
import torch

from benchmarks._shared.record import write
from sk_mmoe import MMoEClassifier

ROWS = {256: 50_000, 1024: 100_000, 8192: 200_000}
WIDTHS = {
    "paper: 8 experts of 16, towers of 8": (16, 8),
    "defaults: 8 experts of 64, towers of 32": (64, 32),
}


def durations(X, y, batch_size, widths, compiled):
    """Return the seconds of every epoch."""
    torch._dynamo.reset()
    model = MMoEClassifier(
        expert_hidden_layer_sizes=widths[:1],
        tower_hidden_layer_sizes=widths[1:],
        batch_size=batch_size,
        max_iter=6,
        early_stopping=False,
        average=False,
        random_state=0,
        compile=compiled,
    ).fit(X, y)
    return model.net_.history[:, "dur"]


def main():
    rng = np.random.default_rng(0)
    runs = []
    for threads in (1,):
        torch.set_num_threads(threads)
        for name, widths in WIDTHS.items():
            for batch_size, n_rows in ROWS.items():
                X = rng.normal(size=(n_rows, 100)).astype(np.float32)
                y = (X[:, :2] + rng.normal(size=(n_rows, 2)) > 0).astype(np.int64)
                epochs = {False: [], True: []}
                first = {}
                for compiled in (False, True, False):
                    seconds = durations(X, y, batch_size, widths, compiled)
                    first.setdefault(compiled, round(seconds[0], 2))
                    epochs[compiled] += seconds[1:]
                median = {key: float(np.median(values)) for key, values in epochs.items()}
                run = {
                    "threads": threads,
                    "architecture": name,
                    "batch_size": batch_size,
                    "seconds_of_first_epoch": first[True],
                    "seconds_of_an_epoch": round(median[False], 3),
                    "ratio_of_later_epochs": round(median[True] / median[False], 3),
                }
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
