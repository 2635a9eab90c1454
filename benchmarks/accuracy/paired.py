"""Differences in AUC between an ensemble and each booster, with intervals over test rows and seeds.

The ensemble is eight networks with today's defaults, the same on all data. A booster has the
parameters that ``accuracy.py`` chose for it and the task. Validation data end the training of both.
All models of a seed predict the same test rows, so that the variance of a difference over the rows
is that of a paired comparison (DeLong et al. 1988). The variance over seeds is added. One thread; a
seed that is on record is not repeated.

    OMP_NUM_THREADS=1 python -m benchmarks.accuracy.paired kuairand    # six minutes a seed
"""

import argparse

import numpy as np

from benchmarks._shared.record import Record
from benchmarks.accuracy._boosting import SPACES
from benchmarks.accuracy._delong import combine, delong
from benchmarks.accuracy.accuracy import Benchmark
from benchmarks.accuracy.blend import fit_boosters
from sk_mmoe import MMoEClassifier

MEMBERS = 8


def fit_ensemble(benchmark, seed):
    """Return the probabilities of the ensemble on the test rows, for each task."""
    (X, y), (X_val, y_val), (X_test, _) = benchmark.tables
    ensemble = MMoEClassifier(n_members=MEMBERS, random_state=seed, device="cpu")
    probas = ensemble.fit(X, y, X_val=X_val, y_val=y_val).predict_proba(X_test)
    return {task: proba[:, 1] for task, proba in zip(y, probas, strict=True)}


def main():
    """Fit with all seeds, and keep the differences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=["census1", "census2", "kuairand"])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    options = parser.parse_args()
    benchmark = Benchmark(options.data, n_trials=0)
    _, _, (_, y) = benchmark.tables
    record = Record(
        f"accuracy/paired_{options.data}",
        question="differences in AUC on the test rows, of an ensemble less each booster",
        members=MEMBERS,
        not_run="a search of the ensemble's parameters, which are the defaults",
    )
    for seed in options.seeds:
        if record.find(seed=seed) is not None:
            continue
        ensemble, boosters = fit_ensemble(benchmark, seed), fit_boosters(benchmark, seed)
        for task in y:
            scores = np.array([ensemble[task], *(boosters[name][task] for name in SPACES)])
            aucs, covariances = delong(y[task].to_numpy() == 1, scores)
            for k, library in enumerate(SPACES, start=1):
                variance = covariances[0, 0] + covariances[k, k] - 2 * covariances[0, k]
                record.add(
                    seed=seed,
                    task=task,
                    booster=library,
                    aucs=[round(float(auc), 5) for auc in aucs[[0, k]]],
                    difference=round(float(aucs[0] - aucs[k]), 6),
                    standard_error=round(float(np.sqrt(variance)), 6),
                )
    summarise(record.runs)


def summarise(runs):
    """Print the mean differences and their intervals."""
    for task, booster in dict.fromkeys((run["task"], run["booster"]) for run in runs):
        own = [run for run in runs if (run["task"], run["booster"]) == (task, booster)]
        mean, low, high = combine(own)
        print(f"{task:15} {booster:20} {mean:+.4f} [{low:+.4f}, {high:+.4f}], {len(own)} seeds")


if __name__ == "__main__":
    main()
