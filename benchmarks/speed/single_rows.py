"""Milliseconds of `predict_proba` for a row alone: this package, its peers, HistGradientBoosting.

All sides learn Census-Income, group 1, as in ``speed.py``: the network "paper" with embeddings of a
DataFrame of 38 columns, and without them on one-hot columns of NumPy. HistGradientBoosting has its
defaults and a model for each task. Then all predict the same row in turns, with one thread.

    pip install -c constraints.txt -r benchmarks/speed/peers.txt
    python -m benchmarks.speed.single_rows    # a minute
"""

from functools import partial

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from benchmarks._shared.record import write
from benchmarks._shared.timing import take_turns
from benchmarks.speed._peers import SIDES, Ours
from benchmarks.speed.speed import CASES, load, quiet

N_ROWS = 300  # predictions of each side
NAMES = {
    "embedded": ("ours", "DeepCTR-Torch", "Torch-RecHub", "LibMTL", "HistGradientBoosting"),
    "one-hot": ("ours", "mlp", "HistGradientBoosting"),
}


class Boosting(Ours):
    """A model of HistGradientBoosting for each task, given what this package is given."""

    def fit(self, X, y, epochs, seed):
        """Fit to each task."""
        categories = "from_dtype" if self.n_levels else None
        make = partial(HistGradientBoostingClassifier, categorical_features=categories)
        self.models = [make(random_state=seed).fit(X, y[task]) for task in y]

    def predict_proba(self, X):
        """Return the probabilities of class 1, of shape (n_rows, 2)."""
        return np.column_stack([model.predict_proba(X)[:, 1] for model in self.models])


def main():
    """Fit all sides, and time their predictions of a row."""
    torch.set_num_threads(1)
    tables = load(None)
    results = {}
    for case, parameters in CASES.items():
        if "paper" not in case:
            continue
        train, test = tables[parameters.version]
        turns = {}
        with threadpool_limits(1), quiet():
            for name in NAMES[parameters.version]:
                make = (SIDES[parameters.version] | {"HistGradientBoosting": Boosting})[name]
                side = make(parameters, train)
                side.fit(side.prepare(train), side.labels(train), 1, 0)
                turns[name] = partial(side.predict_proba, side.prepare(test.head(1)))
            seconds = take_turns(turns, N_ROWS)
        results[case] = {
            name: {
                "median_ms": round(1e3 * float(np.median(s)), 3),
                "lowest_ms": round(1e3 * min(s), 3),
            }
            for name, s in seconds.items()
        }
        print(case, results[case], flush=True)
    write(
        "speed/single_rows",
        question="milliseconds of predict_proba for a row alone, one thread, all sides in turns",
        not_run="more threads, CUDA",
        n_predictions=N_ROWS,
        cases=results,
    )


if __name__ == "__main__":
    main()
