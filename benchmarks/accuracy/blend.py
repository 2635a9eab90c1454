"""How far all models of a comparison get together: the mean of their log odds.

Each model has the parameters that ``accuracy.py`` chose for it. What the mean of a network's
members and three kinds of boosted trees does not reach, no one of them is near. One thread; a seed
that is there already is not repeated.

    OMP_NUM_THREADS=1 python benchmarks/accuracy/blend.py census1      # eight minutes a seed
"""

import argparse

from scipy.special import expit, logit

from benchmarks._shared.record import Record
from benchmarks.accuracy._boosting import SPACES
from benchmarks.accuracy.accuracy import Benchmark, judge

MEMBERS = "MMoE, members"


def chosen(runs):
    """Return the parameters of the final runs, by model and task."""
    final = [run for run in runs if run["stage"] == "seeds"]
    return {(run["model"], run.get("task")): run["parameters"] for run in final}


def fit_all(benchmark, seed):
    """Return the probabilities on the test half, of each model for each task."""
    parameters = chosen(benchmark.runs)
    (_, probas), _ = benchmark.network(parameters[MEMBERS, None], seed)
    return {MEMBERS: probas} | fit_boosters(benchmark, seed)


def fit_boosters(benchmark, seed):
    """Return the probabilities on the test half, of each booster for each task."""
    parameters, found = chosen(benchmark.runs), {}
    for library in SPACES:
        found[library] = {}
        for task in benchmark.tasks:
            (_, probas), _ = benchmark.boosting(library, parameters[library, task], task, seed)
            found[library] |= probas
    return found


def blends(found):
    """Return the members of each mean, by name."""
    return {name: [name] for name in found} | {"Boosters": list(SPACES), "All": list(found)}


def main():
    """Fit with all seeds, and judge the models and their means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=["census1", "census2", "kuairand"])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    options = parser.parse_args()
    benchmark = Benchmark(options.data, n_trials=0)
    _, _, (_, y) = benchmark.tables
    record = Record(
        f"accuracy/blend_{options.data}",
        question="how far the mean log odds of all models get",
        not_run="weights other than equal ones",
    )
    for seed in options.seeds:
        if record.find(seed=seed) is not None:
            continue
        found = fit_all(benchmark, seed)
        for name, models in blends(found).items():
            odds = {t: sum(logit(found[m][t]) for m in models) / len(models) for t in y}
            scores = {task: judge(y[task], expit(odds[task])) for task in y}
            record.add(model=name, seed=seed, test=scores)


if __name__ == "__main__":
    main()
