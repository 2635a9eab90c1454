"""The networks and the made-up data that several speed benchmarks share."""

import numpy as np

PAPER = {"expert_hidden_layer_sizes": (16,), "tower_hidden_layer_sizes": (8,)}
NETWORKS = {
    "paper: 8 experts of 16, towers of 8": PAPER,
    "defaults: 8 experts of 64, towers of 32": {
        "expert_hidden_layer_sizes": (64,),
        "tower_hidden_layer_sizes": (32,),
    },
}


def epochs(n):
    """Return the parameters of an estimator that trains for exactly n epochs on raw numbers."""
    return {
        "numeric_encoding": None,
        "max_iter": n,
        "n_iter_no_change": n,
        "early_stopping": False,
        "average": False,
        "random_state": 0,
    }


def two_classes(n_rows, n_features=100):
    """Return standard normal inputs and two binary tasks, each of one noisy column."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, n_features)).astype(np.float32)
    return X, (X[:, :2] + rng.normal(size=(n_rows, 2)) > 0).astype(np.int64)
