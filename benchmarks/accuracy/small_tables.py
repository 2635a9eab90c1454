"""Small tables of several targets: MMoE and five tree ensembles, everything at its defaults.

The error of a table of numbers is its aRRMSE: the mean over targets of the root of the squared
error over that of predicting the training mean. That of a table of classes is one minus the mean
AUC. Each split holds out 30 % of the rows. Trees read categories one-hot; MMoE reads the DataFrame.
A run that is on record is not repeated. SK_MMOE_DATA names the folder of the tables.

    OMP_NUM_THREADS=1 python benchmarks/accuracy/small_tables.py        # half an hour
"""

import argparse
import warnings

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from xgboost import XGBClassifier, XGBRegressor

from benchmarks._shared.record import Record
from benchmarks._shared.timing import clock
from benchmarks.accuracy._data import load_small
from sk_mmoe import MMoEClassifier, MMoERegressor

TABLES = ("slump", "sf1", "jura", "emotions", "osales", "enb", "scpf")
SPLITS = 5
OURS = ("MMoE", "MMoE, one network")


def models(seed, *, of_classes):
    """Return the models by name, for classes or for numbers."""
    network = MMoEClassifier if of_classes else MMoERegressor
    each = MultiOutputClassifier if of_classes else MultiOutputRegressor
    kinds = {
        "RandomForest": (RandomForestRegressor, RandomForestClassifier),
        "ExtraTrees": (ExtraTreesRegressor, ExtraTreesClassifier),
    }
    boosters = {
        "HistGradientBoosting": (
            HistGradientBoostingRegressor,
            HistGradientBoostingClassifier,
            {},
        ),
        "LightGBM": (LGBMRegressor, LGBMClassifier, {"n_jobs": 1, "verbose": -1}),
        "XGBoost": (XGBRegressor, XGBClassifier, {"n_jobs": 1}),
    }
    return {
        "MMoE": network(random_state=seed),
        "MMoE, one network": network(n_members=1, random_state=seed),
        **{name: pair[of_classes](random_state=seed) for name, pair in kinds.items()},
        **{
            name: each(pair[of_classes](random_state=seed, **options))
            for name, (*pair, options) in boosters.items()
        },
    }


def measure(name, model, table, split):
    """Fit a model to a split of a table; return its error and the seconds that `fit` took."""
    X, y = load_small(table)
    of_classes = table == "emotions"
    if name not in OURS:
        X = pd.get_dummies(X, dtype=float)
        X.columns = [f"x{k}" for k in range(X.shape[1])]
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=split)
    seconds, _ = clock(model.fit, X_train, y_train)
    if of_classes:
        probas = [proba[:, 1] for proba in model.predict_proba(X_test)]
        aucs = [roc_auc_score(y_test.iloc[:, k], proba) for k, proba in enumerate(probas)]
        return 1 - float(np.mean(aucs)), seconds
    squares = np.square(y_test - model.predict(X_test)).sum()
    of_mean = np.square(y_test - y_train.mean()).sum()
    return float(np.sqrt(squares / of_mean)[of_mean > 0].mean()), seconds


def main():
    """Fit all models to all splits of all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=SPLITS)
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    record = Record(
        "accuracy/small_tables",
        question="error of defaults on small tables of several targets, against tree ensembles",
        not_run="tuning; other tables than these seven, on which the defaults were chosen",
    )
    for table in TABLES:
        of_classes = table == "emotions"
        for split in range(options.splits):
            for name, model in models(split, of_classes=of_classes).items():
                key = {"table": table, "split": split, "model": name}
                if record.find(**key) is None:
                    error, seconds = measure(name, model, table, split)
                    found = {"rows": len(load_small(table)[0]), "error": round(error, 5)}
                    record.add(**key, **found, seconds=round(seconds, 2))


if __name__ == "__main__":
    main()
