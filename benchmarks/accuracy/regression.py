"""R² on small and synthetic tables of several targets, with defaults everywhere.

No parameter is chosen: this asks whether the defaults, found on Census-Income, do harm elsewhere.
Each table is drawn and split anew for every seed.

    OMP_NUM_THREADS=1 python benchmarks/accuracy/regression.py      # five minutes
"""

import json
import warnings
from itertools import product

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.datasets import load_linnerud, make_friedman1, make_regression
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks._shared.record import write
from benchmarks._shared.timing import clock
from benchmarks.accuracy._defaults import SMALL
from sk_mmoe import MMoERegressor
from sk_mmoe.datasets import make_multitask_sinusoid

N_TEST, SEEDS = 2000, range(5)


def friedman(n_samples, seed):
    """Return two smooth targets of five of ten columns; the second shares three with the first."""
    X, y = make_friedman1(n_samples, 10, noise=1.0, random_state=seed)
    noise = np.random.default_rng(seed).normal(size=n_samples)
    return X, np.column_stack([y, 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) - 5 * X[:, 5] + noise])


def linear(n_samples, seed):
    """Return two targets that are linear in ten of twenty columns."""
    options = {"n_informative": 10, "n_targets": 2, "noise": 20, "random_state": seed}
    return make_regression(n_samples, 20, **options)


def steps(n_samples, seed):
    """Return two targets with thresholds in skewed columns."""
    rng = np.random.default_rng(seed)
    X = rng.lognormal(size=(n_samples, 8))
    y = 2.0 * (X[:, 0] > 1) + 3 * (X[:, 1] > 2) * (X[:, 2] < 0.5) + np.floor(X[:, 3])
    y = np.column_stack([y, y + np.sqrt(X[:, 4])])
    return X, y + rng.normal(scale=0.3, size=y.shape)


def sinusoid(n_samples, seed):
    """Return the paper's synthetic tasks, of correlation 0.9."""
    return make_multitask_sinusoid(n_samples, 100, correlation=0.9, random_state=seed)


def linnerud(_, seed):
    """Return twenty men's exercises and measures, in an order of their own."""
    X, y = load_linnerud(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(X))
    return X[order], y[order]


TABLES = {
    "linnerud": (linnerud, [20]),
    "friedman": (friedman, [200, 1000, 5000]),
    "linear": (linear, [200, 1000, 5000]),
    "steps": (steps, [200, 1000, 5000]),
    "sinusoid": (sinusoid, [5000]),
}


def models(seed):
    """Return the models; those that mind units see standardised arrays."""
    network = MMoERegressor(**SMALL | {"numeric_encoding": None, "random_state": seed})
    return {
        "MMoE, knots": clone(network).set_params(numeric_encoding="piecewise_linear"),
        "MMoE, standardised array": make_pipeline(StandardScaler(), network),
        "MLPRegressor": make_pipeline(StandardScaler(), MLPRegressor(random_state=seed)),
        "HistGradientBoosting": MultiOutputRegressor(
            HistGradientBoostingRegressor(random_state=seed)
        ),
        "RandomForest": RandomForestRegressor(random_state=seed),
        "Ridge": make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 4, 15))),
    }


def main():
    """Fit all models to all tables."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    runs = []
    cases = [(table, make, n) for table, (make, sizes) in TABLES.items() for n in sizes]
    for (table, make, n_samples), seed in product(cases, SEEDS):
        n_test = N_TEST if n_samples > 20 else 5
        X, y = make(n_samples + n_test, seed)
        X_train, X_test, y_train, y_test = train_test_split(
            pd.DataFrame(X).add_prefix("x"), y, test_size=n_test, random_state=seed
        )
        for name, model in models(seed).items():
            seconds, _ = clock(model.fit, X_train, y_train)
            score = r2_score(y_test, model.predict(X_test))
            run = {"table": table, "n_samples": len(X_train), "model": name, "seed": seed}
            runs.append(run | {"r2": round(score, 4), "seconds": round(seconds, 2)})
            print(json.dumps(runs[-1]), flush=True)
    table = pd.DataFrame(runs).groupby(["table", "n_samples", "model"], sort=False)["r2"]
    print(table.agg(["mean", "std"]).round(3).unstack("model").to_string())
    write(
        "accuracy/regression",
        question="R² of defaults on small and synthetic tables of several targets",
        not_run="tuning; tables that have to be downloaded",
        runs=runs,
    )


if __name__ == "__main__":
    main()
