"""Table 3 and figure 6: content recommendation, on a public stand-in for the paper's data.

The paper's data are not public. KuaiRand has videos that were shown to users: a click and a long
view are engagement, a like is satisfaction. Five models learn the three tasks at once from the days
up to the fourth of May. One half of the later days chooses the settings, the other half judges.

All models read the columns alike, and have about as many weights in their hidden layers. As in the
paper, the experts replace the top one of two shared layers, and a batch has 1024 rows. Each model
is tuned by a Gaussian-process search with the same number of candidates, for the AUC of clicks on
the validation half. Then every seed is trained for six epochs and judged after two, four and six,
which are to the paper's two, four and six million steps what this table is to its data.

Fits are kept on record. Stopped and started again, the script goes on where it was.

    OMP_NUM_THREADS=1 nice python -m benchmarks.paper.table3
    OMP_NUM_THREADS=1 python -m benchmarks.paper.table3 --quick    # writes nothing
"""

import time
import warnings

import numpy as np
import pandas as pd
import torch
from optuna.distributions import FloatDistribution
from sklearn.base import clone
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import PredefinedSplit

import sk_mmoe
from benchmarks._shared.record import NoRecord, Record, runs_of
from benchmarks.accuracy._data import load
from benchmarks.paper._common import arguments, rounded
from benchmarks.paper._intervals import mean_interval, positive_part
from sk_mmoe.metrics import make_task_scorer
from sk_mmoe.model_selection import GPSearchCV
from sk_mmoe.nn import count_parameters

NAME = "paper/table3"
N_CANDIDATES, N_SEEDS = 12, 20
LENGTHS = (2, 4, 6)  # epochs
TASKS = ("click", "long_view", "like")
SCORES = {"AUC": roc_auc_score, "R²": r2_score}

RATE = {"learning_rate_init": FloatDistribution(3e-4, 1e-2, log=True)}
EXPERTS = {
    "trunk_hidden_layer_sizes": (128,),
    "n_experts": 4,
    "expert_hidden_layer_sizes": 16,
    "tower_hidden_layer_sizes": 16,
}
METHODS = {
    "Shared-Bottom": (
        sk_mmoe.SharedBottomClassifier(hidden_layer_sizes=(128, 64), tower_hidden_layer_sizes=16),
        {},
    ),
    "L2-Constrained": (
        sk_mmoe.L2ConstrainedClassifier(hidden_layer_sizes=(52, 32, 16)),
        {"coupling": FloatDistribution(1e-6, 1e-1, log=True)},
    ),
    "Cross-Stitch": (
        sk_mmoe.CrossStitchClassifier(hidden_layer_sizes=(52, 32, 16)),
        {"stitch_learning_rate_factor": FloatDistribution(0.1, 100.0, log=True)},
    ),
    "OMoE": (sk_mmoe.OMoEClassifier(**EXPERTS), {}),
    "MMoE": (sk_mmoe.MMoEClassifier(**EXPERTS), {}),
}
# All read columns alike. Cross layers would be a second way to mix columns.
COMMON = {
    "batch_size": 1024,
    "n_cross_layers": 0,
    "early_stopping": False,
    "n_members": 1,
    "device": "cpu",
}

# Engagement after two, four and six million steps.
PAPER = {
    "Shared-Bottom": ((0.6879, 0.6888, 0.6900), (0.08812, 0.09159, 0.09287)),
    "L2-Constrained": ((0.6866, 0.6881, 0.6895), (0.08668, 0.09030, 0.09213)),
    "Cross-Stitch": ((0.6880, 0.6885, 0.6899), (0.08949, 0.09112, 0.09332)),
    "OMoE": ((0.6876, 0.6891, 0.6893), (0.08749, 0.09085, 0.09230)),
    "MMoE": ((0.6894, 0.6897, 0.6908), (0.08978, 0.09263, 0.09362)),
}
# Mean gates of figure 6, experts in the order of the weights of satisfaction.
PAPER_GATES = {"engagement": (0.17, 0.44, 0.21, 0.18), "satisfaction": (0.78, 0.14, 0.07, 0.02)}


def make_method(name, parameters, seed):
    """Return the estimator of a method."""
    return clone(METHODS[name][0]).set_params(**COMMON, **parameters, random_state=seed)


def tune(name, tables, n_candidates):
    """Return all candidates of a search with their scores, the best first."""
    (X, y), (X_val, y_val), _ = tables
    search = GPSearchCV(
        make_method(name, {"max_iter": LENGTHS[-1]}, 0),
        RATE | METHODS[name][1],
        n_iter=n_candidates,
        n_initial=min(6, n_candidates),
        scoring=make_task_scorer("roc_auc", TASKS[0]),
        cv=PredefinedSplit([-1] * len(X) + [0] * len(X_val)),
        refit=False,
        random_state=0,
    )
    search.fit(pd.concat([X, X_val]), pd.concat([y, y_val]))
    found = search.cv_results_
    candidates = [
        {"parameters": parameters, "auc": round(float(auc), 5)}
        for parameters, auc in zip(found["params"], found["mean_test_score"], strict=True)
    ]
    return sorted(candidates, key=lambda candidate: -candidate["auc"])


def judge(model, X, y):
    """Return AUC and R² of the probabilities of each task."""
    probas = [proba[:, 1] for proba in model.predict_proba(X)]
    return {
        score: {
            task: round(function(y[task], proba), 5)
            for task, proba in zip(TASKS, probas, strict=True)
        }
        for score, function in SCORES.items()
    }


def train(name, parameters, seed, tables):
    """Train a method with a seed, and return its scores after each length."""
    (X, y), *_, (X_test, y_test) = tables
    model = make_method(name, parameters, seed).set_params(warm_start=True)
    started, after, done = time.monotonic(), {}, 0
    for length in LENGTHS:
        model.set_params(max_iter=length - done).fit(X, y)
        done = length
        after[str(length)] = judge(model, X_test, y_test)
        if name == "MMoE":
            after[str(length)]["gates"] = rounded(model.gate_weights(X_test).mean(axis=0))
    network = model.net_.module_
    return {
        "n_parameters": count_parameters(network),
        "n_hidden": count_parameters(network.network),
        "after": after,
        "seconds": round(time.monotonic() - started, 1),
    }


def run(record, tables, *, n_candidates, n_seeds):
    """Search and train what is not on record, seed by seed."""
    # Gates that settle on one expert are what is looked at here.
    warnings.filterwarnings("ignore", message="the gates of the tasks")
    chosen = {}
    for name in METHODS:
        found = record.find(stage="search", method=name)
        if not found:
            candidates = tune(name, tables, n_candidates)
            found = record.add(stage="search", method=name, candidates=candidates)
        chosen[name] = found["candidates"][0]["parameters"]
    started, done = time.monotonic(), 0
    for seed in range(n_seeds):
        for name, parameters in chosen.items():
            key = {"stage": "fit", "method": name, "seed": seed}
            if record.find(**key):
                continue
            record.add(**key, **train(name, parameters, seed, tables))
            done += 1
        left = (n_seeds - seed - 1) * (time.monotonic() - started) / max(done / len(METHODS), 1)
        print(f"seed {seed}: {left / 60:.0f} minutes left", flush=True)


# -- what the runs say --------------------------------------------------------------------------


def read_scores(runs=None):
    """Return the scores of the seeds that all methods have, by (method, length, score, task)."""
    fits = [run for run in (runs_of(NAME) if runs is None else runs) if run["stage"] == "fit"]
    by_key = {(run["method"], run["seed"]): run["after"] for run in fits}
    seeds = [
        seed
        for seed in sorted({seed for _, seed in by_key})
        if all((name, seed) in by_key for name in METHODS)
    ]
    return {
        (name, length, score, task): np.array(
            [by_key[name, seed][str(length)][score][task] for seed in seeds]
        )
        for name in METHODS
        for length in LENGTHS
        for score in SCORES
        for task in TASKS
    }


def parts(scores, task="click"):
    """Return the differences of MMoE and every other model, seed by seed, with their intervals."""
    return [
        positive_part(
            f"{score} after {length} epochs, MMoE minus {name}",
            scores["MMoE", length, score, task] - scores[name, length, score, task],
        )
        for score in SCORES
        for length in LENGTHS
        for name in METHODS
        if name != "MMoE"
    ]


def read_gates(length=LENGTHS[-1]):
    """Return the mean gates of the seeds of shape (n_seeds, n_tasks, n_experts).

    Experts have no order. In each seed they are sorted by the weight that satisfaction gives them,
    the largest first.
    """
    runs = [run for run in runs_of(NAME) if run["stage"] == "fit" and run["method"] == "MMoE"]
    gates = np.array([run["after"][str(length)]["gates"] for run in runs])
    order = np.argsort(-gates[:, TASKS.index("like")], axis=-1)
    return np.take_along_axis(gates, order[:, None], axis=-1)


def gate_parts(gates):
    """Return what the paper reads from figure 6, with intervals over seeds."""
    click, long_view, like = np.moveaxis(gates, 1, 0)

    def distance(one, other):
        return np.abs(one - other).sum(axis=-1) / 2

    return [
        positive_part(
            "largest weight of an expert, like minus click", like.max(axis=-1) - click.max(axis=-1)
        ),
        positive_part(
            "distance of the gates, click to like minus click to long view",
            distance(click, like) - distance(click, long_view),
        ),
    ]


def mean_gates(gates):
    """Return mean and interval of the weight of each task and expert."""
    return {
        task: [mean_interval(gates[:, k, expert]) for expert in range(gates.shape[-1])]
        for k, task in enumerate(TASKS)
    }


def main():
    """Run what is missing."""
    options = arguments(__doc__.splitlines()[0]).parse_args()
    torch.set_num_threads(1)
    tables = [(X.reset_index(drop=True), y.reset_index(drop=True)) for X, y in load("kuairand")]
    if options.quick:
        tables = [(X[:4000], y[:4000]) for X, y in tables]
        run(NoRecord("paper/table3_quick"), tables, n_candidates=2, n_seeds=1)
        return
    record = Record(
        NAME,
        question="the paper's models of content recommendation, on KuaiRand",
        rows=[len(X) for X, _ in tables],
        lengths=LENGTHS,
        n_candidates=N_CANDIDATES,
        chosen_by="AUC of clicks on the validation half, after six epochs",
        not_run="the paper's data; two tasks only; larger networks; other rows to judge by",
    )
    run(record, tables, n_candidates=N_CANDIDATES, n_seeds=N_SEEDS)


if __name__ == "__main__":
    main()
