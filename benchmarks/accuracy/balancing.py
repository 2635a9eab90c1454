"""What balancing the tasks is worth on KuaiRand: every method against fixed weights.

A seed draws 10,000 rows to learn from and 10,000 that say when to stop, and sets the network's
random numbers. All methods learn from the same rows with the same seed, so that their differences
to fixed weights are paired, and are judged by all test rows. Only the balancing differs: no other
parameter was chosen for a method. One thread. A run that is on record is not repeated.

    OMP_NUM_THREADS=1 python -m benchmarks.accuracy.balancing           # fits, then the table
    python -m benchmarks.accuracy.balancing --seeds 0                   # only the table
"""

import argparse
import json
import time

import numpy as np
import pandas as pd
import torch
from scipy.stats import t as student
from sklearn.metrics import log_loss, roc_auc_score
from torchjd import aggregation, scalarization

from benchmarks._shared.record import runs_of, write
from benchmarks._shared.tables import show, simple_table
from benchmarks.accuracy._data import load
from benchmarks.accuracy._defaults import SMALL
from sk_mmoe import MMoEClassifier

NAME = "accuracy/balancing"
N_TRAIN, N_VALID = 10_000, 10_000
# Epochs are long here: fewer of those that do not help than by default.
PATIENCE = 3
FIXED = '"fixed"'
METHODS = {
    FIXED: lambda n: "fixed",
    '"uncertainty"': lambda n: "uncertainty",
    '"dwa"': lambda n: "dwa",
    '"famo"': lambda n: "famo",
    '"gradnorm"': lambda n: "gradnorm",
    '"pcgrad"': lambda n: "pcgrad",
    "STCH(0.1)": lambda n: scalarization.STCH(0.1),
    "IMTLL(3)": scalarization.IMTLL,
    "GeometricMean()": lambda n: scalarization.GeometricMean(),
    "AlignedMTL()": lambda n: aggregation.AlignedMTL(),
    "IMTLG()": lambda n: aggregation.IMTLG(),
    "MGDA()": lambda n: aggregation.MGDA(),
    "MoDoWeighting()": lambda n: aggregation.MoDoWeighting(),
    "SDMGradWeighting()": lambda n: aggregation.SDMGradWeighting(),
}


def draw(tables, seed):
    """Return the tables of a seed: rows to learn from, rows to stop by, and all test rows."""
    (X, y), (X_val, y_val), test = tables
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(X), N_TRAIN, replace=False)
    held_out = rng.choice(len(X_val), N_VALID, replace=False)
    return (X.iloc[rows], y.iloc[rows]), (X_val.iloc[held_out], y_val.iloc[held_out]), test


def fit(tables, balancing, seed):
    """Fit a network and return how it judges the test rows."""
    (X, y), (X_val, y_val), (X_test, y_test) = tables
    options = SMALL | {"n_iter_no_change": PATIENCE, "random_state": seed, "device": "cpu"}
    model = MMoEClassifier(loss_balancing=balancing, **options)
    start = time.process_time()
    model.fit(X, y, X_val=X_val, y_val=y_val)
    seconds = time.process_time() - start
    probas = {task: p[:, 1] for task, p in zip(y, model.predict_proba(X_test), strict=True)}
    return {
        "seconds": round(seconds, 2),
        "epochs": model.n_iter_,
        "auc": {task: round(roc_auc_score(y_test[task], p), 5) for task, p in probas.items()},
        "log_loss": {task: round(log_loss(y_test[task], p), 5) for task, p in probas.items()},
    }


def interval(differences):
    """Return the mean of paired differences and the half width of its 95 % interval."""
    n = len(differences)
    return differences.mean(), student.ppf(0.975, n - 1) * differences.std(ddof=1) / np.sqrt(n)


def tables():
    """Return the table of differences to fixed weights."""
    runs = pd.json_normalize(runs_of(NAME)).set_index(["method", "seed"]).sort_index()
    runs["log_loss.mean"] = runs.filter(like="log_loss.").mean(axis=1)
    runs["time"] = runs["seconds"] / runs["epochs"]
    fixed = runs.loc[FIXED]
    columns = [c for c in runs if c.startswith("auc.")] + ["log_loss.mean"]
    rows = []
    for method in METHODS:
        ours = runs.loc[method]
        cells = []
        for column in columns:
            if method == FIXED:
                cells.append(f"{ours[column].mean():.4f}")
                continue
            mean, half = interval((ours[column] - fixed[column]).dropna())
            cells.append(f"{1000 * mean:+.1f} ± {1000 * half:.1f}")
        pace = (ours["time"] / fixed["time"]).median()
        rows.append([f"``{method}``", *cells, f"{pace:.2f}"])
    titles = [f"AUC {column.removeprefix('auc.')}" for column in columns[:-1]]
    return {"balancing": simple_table(rows, ["Balancing", *titles, "Log loss", "Time"])}


def main():
    """Fit all methods with all seeds, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=8)
    options = parser.parse_args()
    torch.set_num_threads(1)
    runs = runs_of(NAME)
    done = {(run["method"], run["seed"]) for run in runs}
    data = load("kuairand") if options.seeds else None
    for seed in range(options.seeds):
        parts = draw(data, seed)
        n_tasks = parts[0][1].shape[1]
        for method, make in METHODS.items():
            if (method, seed) in done:
                continue
            runs.append({"method": method, "seed": seed, **fit(parts, make(n_tasks), seed)})
            print(json.dumps(runs[-1]), flush=True)
            write(
                NAME,
                question="what each balancing of the tasks changes against fixed weights",
                data="KuaiRand",
                rows=[N_TRAIN, N_VALID],
                not_run="other parameters for each method; settings of the methods; other data",
                runs=runs,
            )
    show(tables())


if __name__ == "__main__":
    main()
