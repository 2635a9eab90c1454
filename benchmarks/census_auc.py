"""AUC on Census-Income, group 1: one MMoE for both tasks beside classic baselines.

Every model learns from the official training file, behind the same ColumnTransformer (gradient
boosting takes the table as it is). The official test file is halved at random: early stopping of
MMoE looks at one half, the AUCs that count are those of the other. Settings are the defaults but
for what is written below; nothing was tuned on the test half.

    OMP_NUM_THREADS=1 python benchmarks/census_auc.py      # 15 minutes
"""

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from _record import write
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    StandardScaler,
)

from sk_mmoe import MMoEClassifier
from sk_mmoe.datasets import fetch_census_income


def make_encoder():
    """Return the pre-processing: numbers scaled and in bins, categories one-hot."""
    numbers = make_column_selector(dtype_include="number")
    logarithm = FunctionTransformer(np.log1p, feature_names_out="one-to-one")
    bins = KBinsDiscretizer(32, quantile_method="averaged_inverted_cdf", subsample=None)
    return ColumnTransformer(
        [
            ("scaled", make_pipeline(logarithm, StandardScaler()), numbers),
            ("binned", bins, numbers),
            (
                "categories",
                OneHotEncoder(min_frequency=20, handle_unknown="infrequent_if_exist"),
                make_column_selector(dtype_include="category"),
            ),
        ],
        sparse_threshold=1.0,
    )


def make_models(seed):
    """Return the models of one seed, by name."""
    return {
        "MMoE": MMoEClassifier(n_iter_no_change=3, random_state=seed),
        "MLP": MLPClassifier(
            (113, 16), batch_size=256, early_stopping=True, n_iter_no_change=3, random_state=seed
        ),
        "LogisticRegression": MultiOutputClassifier(LogisticRegression(C=0.1, max_iter=500)),
        "HistGradientBoosting": MultiOutputClassifier(
            HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=seed)
        ),
    }


def aucs(model, X, y):
    """Return the AUC of each task."""
    proba = model.predict_proba(X)
    columns = [p[:, 1] for p in proba] if isinstance(proba, list) else proba.T
    return {name: roc_auc_score(y[name], p) for name, p in zip(y, columns, strict=True)}


def main():
    """Fit all models over all seeds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--models", nargs="*", default=list(make_models(0)))
    options = parser.parse_args()

    X, y = fetch_census_income(subset="train", group=1, return_X_y=True)
    X_rest, y_rest = fetch_census_income(subset="test", group=1, return_X_y=True)
    X_val, X_test, y_val, y_test = train_test_split(X_rest, y_rest, test_size=0.5, random_state=0)
    with warnings.catch_warnings():
        # Most numbers are zero for most people: quantiles coincide and their bins are merged.
        warnings.filterwarnings("ignore", "Bins whose width are too small")
        encoder = make_encoder().fit(X)
    tables = {
        True: [encoder.transform(part).astype(np.float32) for part in (X, X_val, X_test)],
        False: [X, X_val, X_test],
    }
    runs = []
    for seed in range(options.seeds):
        for name, model in make_models(seed).items():
            deterministic = name == "LogisticRegression"
            if name not in options.models or (deterministic and seed > 0):
                continue
            train, valid, test = tables[name != "HistGradientBoosting"]
            start = time.perf_counter()
            if name == "MMoE":
                model.fit(train, y, X_val=valid, y_val=y_val)
            else:
                model.fit(train, y)
            run = {
                "model": name,
                "seed": seed,
                "seconds": round(time.perf_counter() - start, 1),
                "epochs": getattr(model, "n_iter_", None),
                "n_parameters": n_parameters(model),
                "validation": aucs(model, valid, y_val),
                "test": aucs(model, test, y_test),
            }
            print(run, flush=True)
            runs.append(run)
    summary = pd.json_normalize(runs).groupby("model", sort=False)
    columns = ["test.income", "test.never_married", "seconds"]
    print(summary[columns].agg(["mean", "std"]).round(4).to_string())
    write(
        "census_auc",
        question="AUC on a random half of the official test file, Census-Income group 1",
        not_run="tuning of any model; networks of the paper other than MMoE",
        n_columns_after_encoding=tables[True][0].shape[1],
        parameters={name: repr(model) for name, model in make_models(0).items()},
        runs=runs,
    )


def n_parameters(model):
    """Return the number of parameters of a network, None for other models."""
    if isinstance(model, MMoEClassifier):
        return sum(parameter.numel() for parameter in model.net_.module_.parameters())
    if isinstance(model, MLPClassifier):
        return int(sum(part.size for part in (*model.coefs_, *model.intercepts_)))
    return None


if __name__ == "__main__":
    main()
