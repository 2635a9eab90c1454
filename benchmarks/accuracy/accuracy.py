"""One multi-task model against gradient boosting, one model per task.

Every model gets the same tables, as they come (``_data.py``): learns from one, chooses its
parameters and when to stop by the second, and is judged by the third. The parameters are the best
of as many draws for every model, the first of which is its defaults and all others are random
(MMoE's half from each of two spaces); MMoE takes one choice for all tasks (by its mean AUC),
boosting one for each. Then the choice is fitted with all seeds. One thread. The raw results of each
run are written as they come, and a run that is there already is not repeated.

    OMP_NUM_THREADS=1 python benchmarks/accuracy/accuracy.py census1 --no-cross      # two hours
    OMP_NUM_THREADS=1 python benchmarks/accuracy/accuracy.py census2 --single
    OMP_NUM_THREADS=1 python benchmarks/accuracy/accuracy.py kuairand --no-cross --all-members
"""

import argparse
from functools import partial

import numpy as np
import pandas as pd
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.model_selection import ParameterSampler

from benchmarks._shared.record import Record
from benchmarks._shared.timing import clock
from benchmarks.accuracy._data import load
from benchmarks.accuracy._defaults import LARGE
from sk_mmoe import MMoEClassifier
from sk_mmoe.nn import count_parameters

MMOE_SPACES = [
    {  # the vectors of categories and knots
        "learning_rate_init": [1e-3, 2e-3],
        "dropout": [0.0, 0.1, 0.3],
        "embedding_dim": [8, 16],
        "embedding_alpha": [0.5, 1.0, 2.0],
        "n_cross_layers": [1, 2, 3],
    },
    {  # the network behind
        "learning_rate_init": [1e-3, 2e-3],
        "dropout": [0.0, 0.1, 0.3],
        "gate_dropout": [0.0, 0.1],
        "n_cross_layers": [0, 1, 2],
        "normalize_experts": [False, True],
    },
]
# Epochs are long here: fewer of those that do not help than by default.
PATIENCE = 3


def draw(spaces, n_trials):
    """Return the parameters to try: the defaults, and random ones, as many from each space."""
    n_draws = (n_trials - 1) // len(spaces)
    return [{}] + [p for space in spaces for p in ParameterSampler(space, n_draws, random_state=0)]


def judge(y, proba):
    """Return how good the probabilities of a task are."""
    # Expected calibration error over twenty bins of equal size.
    order = np.argsort(proba, kind="stable")
    bins = np.array_split(order, 20)
    y = np.asarray(y)
    gaps = [len(b) * abs(proba[b].mean() - y[b].mean()) for b in bins]
    return {
        "auc": round(roc_auc_score(y, proba), 5),
        "log_loss": round(log_loss(y, proba), 5),
        "brier": round(brier_score_loss(y, proba), 5),
        "calibration_error": round(sum(gaps) / len(y), 5),
    }


class Benchmark(Record):
    """The runs of one data set.

    Parameters
    ----------
    name : str
        The data set.
    n_trials : int
        Number of draws of parameters of every model; odd, as MMoE's come from two spaces.
    """

    def __init__(self, name, n_trials):
        self.tables = load(name)
        self.tasks = list(self.tables[0][1])
        self.n_trials = n_trials
        super().__init__(
            f"accuracy/accuracy_{name}",
            question="one multi-task model against gradient boosting, one model per task",
            rows=[len(X) for X, _ in self.tables],
            columns=self.tables[0][0].shape[1],
            n_trials=n_trials,
            not_run="more draws of parameters; boosters other than these three",
        )

    def run(self, fit, **key):
        """Return the results of a run: those on record, or those of a fit."""
        if (known := self.find(**key)) is not None:
            return known
        seconds, (probas, facts) = clock(fit)
        parts = zip(("validation", "test"), self.tables[1:], probas, strict=True)
        scores = {
            part: {task: judge(y[task], p) for task, p in proba.items()}
            for part, (_, y), proba in parts
        }
        return self.add(**key, **facts, seconds=round(seconds, 1), **scores)

    def keep_final(self, chosen):
        """Forget final runs of parameters that a search over fewer draws had chosen.

        Parameters
        ----------
        chosen : dict of (model, task) to dict
            The parameters; the task of a network is None.
        """
        self.runs = [
            run
            for run in self.runs
            if run["stage"] == "search"
            or chosen.get((run["model"], run.get("task")), run["parameters"]) == run["parameters"]
        ]
        self.save()

    def network(self, parameters, seed, tasks=None):
        """Fit a network to all tasks, or to some."""
        tasks = tasks or self.tasks
        (X, y), (X_val, y_val), (X_test, _) = self.tables
        options = LARGE | {"n_iter_no_change": PATIENCE, "random_state": seed}
        model = MMoEClassifier(**options | parameters)
        model.fit(X, y[tasks], X_val=X_val, y_val=y_val[tasks])
        probas = [
            dict(zip(tasks, (p[:, 1] for p in model.predict_proba(part)), strict=True))
            for part in (X_val, X_test)
        ]
        n_parameters = count_parameters(model.net_.module_)
        return probas, {"n_parameters": n_parameters, "epochs": model.n_iter_}

    def boosting(self, library, parameters, task, seed):
        """Fit boosted trees to one task."""
        from benchmarks.accuracy._boosting import Boosting

        (X, y), (X_val, y_val), (X_test, _) = self.tables
        model = Boosting(library, seed, **parameters)
        model.fit(X, y[task], X_val, y_val[task])
        return [{task: model.predict_proba(part)} for part in (X_val, X_test)], {}

    def tune(self, fit, spaces, tasks, **key):
        """Return the best parameters by the mean AUC of tasks on validation data."""
        trials = draw(spaces, self.n_trials)
        runs = [
            self.run(partial(fit, p, seed=0), stage="search", **key, parameters=p) for p in trials
        ]
        aucs = [np.mean([run["validation"][t]["auc"] for t in tasks]) for run in runs]
        return trials[int(np.argmax(aucs))]

    def tune_boosting(self, library, task):
        """Return the best parameters of boosted trees for one task."""
        from benchmarks.accuracy._boosting import SPACES

        fit = partial(self.boosting, library, task=task)
        return self.tune(fit, [SPACES[library]], [task], model=library, task=task)


def main():
    """Search, then fit what was chosen with all seeds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=["census1", "census2", "kuairand"])
    parser.add_argument("--trials", type=int, default=9)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--members", type=int, default=4, help="1: no such model")
    parser.add_argument("--all-members", action="store_true", help="of all networks, not the best")
    parser.add_argument("--no-cross", action="store_true", help="without cross layers, too")
    parser.add_argument("--boosters", nargs="*")
    parser.add_argument("--single", action="store_true", help="networks of one task each, too")
    options = parser.parse_args()
    benchmark = Benchmark(options.data, options.trials)
    best = benchmark.tune(benchmark.network, MMOE_SPACES, benchmark.tasks, model="MMoE")
    networks = {"MMoE, defaults": {}, "MMoE": best}
    if options.no_cross:
        networks["MMoE, no cross"] = {"n_cross_layers": 0}
    if options.members > 1:
        stacked = list(networks) if options.all_members else ["MMoE"]
        networks |= {
            f"{name}, members": networks[name] | {"n_members": options.members} for name in stacked
        }
    boosters = options.boosters
    if boosters is None:
        boosters = ["HistGradientBoosting", "LightGBM", "XGBoost"]
    chosen = {(b, t): benchmark.tune_boosting(b, t) for b in boosters for t in benchmark.tasks}
    benchmark.keep_final(chosen | {(name, None): p for name, p in networks.items()})
    for seed in range(options.seeds):
        for name, p in networks.items():
            key = {"stage": "seeds", "model": name, "parameters": p, "seed": seed}
            benchmark.run(partial(benchmark.network, p, seed), **key)
        for task in benchmark.tasks if options.single else []:
            key = {"stage": "seeds", "model": "MMoE, one task", "task": task, "parameters": {}}
            benchmark.run(partial(benchmark.network, {}, seed, [task]), **key, seed=seed)
        for (library, task), p in chosen.items():
            key = {"stage": "seeds", "model": library, "task": task, "parameters": p, "seed": seed}
            benchmark.run(partial(benchmark.boosting, library, p, task, seed), **key)
    summarise(benchmark.runs)


def summarise(runs):
    """Print mean and spread over seeds."""
    rows = [
        {"model": run["model"], "task": task, "seconds": run["seconds"]} | scores
        for run in runs
        if run["stage"] == "seeds"
        for task, scores in run["test"].items()
    ]
    table = pd.DataFrame(rows).groupby(["task", "model"], sort=False)
    print(table.agg(["mean", "std"]).round(5).to_string())


if __name__ == "__main__":
    main()
