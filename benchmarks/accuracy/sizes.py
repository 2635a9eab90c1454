"""AUC on Census-Income by the number of rows to learn from, with defaults everywhere.

Group 1; every seed draws rows of its own from the training file. Nothing is chosen, and no model
sees a validation set: those that stop early hold out a part of their rows. Two further networks
differ from the defaults in one parameter, a third reads what the logistic regression reads. The
rows that judge are one half of the test file. A run that is there already is not repeated.

    OMP_NUM_THREADS=1 python benchmarks/accuracy/sizes.py      # ten minutes
"""

from itertools import product

import lightgbm
import xgboost
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks._shared.record import Record
from benchmarks._shared.timing import clock
from benchmarks.accuracy._data import load
from benchmarks.accuracy._defaults import SMALL
from sk_mmoe import MMoEClassifier

SIZES, SEEDS = (2_000, 10_000, 50_000), range(5)


def models(seed):
    """Return the models, by name."""
    encoder = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_include="category")),
    )
    single = {
        "HistGradientBoosting": HistGradientBoostingClassifier(random_state=seed),
        "LightGBM": lightgbm.LGBMClassifier(n_jobs=1, verbose=-1, random_state=seed),
        "XGBoost": xgboost.XGBClassifier(n_jobs=1, enable_categorical=True, random_state=seed),
        "LogisticRegression": make_pipeline(encoder, LogisticRegression(max_iter=1000)),
    }
    network = MMoEClassifier(**SMALL, random_state=seed)
    return {
        "MMoE": clone(network),
        "normalised": clone(network).set_params(normalize_experts=True),
        "no cross": clone(network).set_params(n_cross_layers=0),
        "encoded": make_pipeline(encoder, clone(network).set_params(numeric_encoding=None)),
        **{name: MultiOutputClassifier(model) for name, model in single.items()},
    }


def main():
    """Fit all models at all sizes."""
    (X, y), _, (X_test, y_test) = load("census1")
    record = Record(
        "accuracy/sizes",
        question="AUC on Census-Income, group 1, by number of rows, defaults nearly everywhere",
        not_run="tuning of any model at these sizes; the whole file is in accuracy_census1.json",
    )
    for n_rows, seed in product(SIZES, SEEDS):
        X_part = X.sample(n_rows, random_state=seed)
        y_part = y.loc[X_part.index]
        for name, model in models(seed).items():
            key = {"n_rows": n_rows, "model": name, "seed": seed}
            if record.find(**key) is not None:
                continue
            seconds, _ = clock(model.fit, X_part, y_part)
            probas = zip(y, model.predict_proba(X_test), strict=True)
            auc = {task: round(roc_auc_score(y_test[task], p[:, 1]), 5) for task, p in probas}
            record.add(**key, seconds=round(seconds, 2), auc=auc)


if __name__ == "__main__":
    main()
