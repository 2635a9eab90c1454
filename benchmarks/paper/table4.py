"""Table 4: what better predictions of engagement and satisfaction are worth to a recommender.

The paper's live experiment cannot be repeated. Here the users are simulated
(`make_recommendation_log`): a logging policy shows items, users engage with some of them, and few
of those who do tell whether they are satisfied. Three models learn from the log: Single-Task,
Shared-Bottom and MMoE, with about as many weights. New candidates are then ranked by a weighted
combination of the two predictions. What each ranking earns is known exactly, in engagements and in
satisfied users. The lift of one model over another is the relative difference of both.

A seed draws its own tasks, log, candidates and initialisation, the same for all models, so that
lifts are taken seed by seed. Tasks are simulated for three degrees of relatedness. The settings of
each model are those with the lowest log loss on logs of other seeds, which are used for nothing
else: learning rate and weight of the loss of satisfaction, or for Single-Task the rate of each
task. The weight of satisfaction in the ranking is the same for all models.

Fits are kept on record. Stopped and started again, the script goes on where it was.

    OMP_NUM_THREADS=1 nice python -m benchmarks.paper.table4
    OMP_NUM_THREADS=1 python -m benchmarks.paper.table4 --quick    # writes nothing
"""

import time
from itertools import product

import numpy as np
import torch
from sklearn.base import clone
from sklearn.metrics import log_loss

import sk_mmoe
from benchmarks._shared.record import NoRecord, Record, runs_of
from benchmarks.paper._common import arguments, rounded
from benchmarks.paper._intervals import mean_interval
from sk_mmoe.datasets import make_recommendation_log, simulate_ranking
from sk_mmoe.nn import count_parameters

NAME = "paper/table4"
N_SEEDS, N_TUNING = 20, 3
FIRST_TUNING_SEED = 1000
CORRELATIONS = (0.0, 0.5, 0.9)
RATES = (1e-3, 3e-3, 1e-2)
WEIGHTS = (1.0, 0.1, 0.03)
# A satisfied user counts as much as this number of engagements.
WEIGHT = 5.0
N_CANDIDATES, N_SLOTS = 20, 5
N_REQUESTS, N_NEW = 20_000, 5_000
WORLD = {
    "n_candidates": N_CANDIDATES,
    "n_slots": N_SLOTS,
    "engagement_rate": 0.2,
    "satisfaction_rate": 0.2,
    "response_rate": 0.1,
}
MODELS = {
    # One network for each task, half as large as the others.
    "Single-Task": sk_mmoe.SingleTaskClassifier(hidden_layer_sizes=(40, 24, 16)),
    "Shared-Bottom": sk_mmoe.SharedBottomClassifier(
        hidden_layer_sizes=(64, 32), tower_hidden_layer_sizes=16
    ),
    "MMoE": sk_mmoe.MMoEClassifier(
        trunk_hidden_layer_sizes=(64,),
        n_experts=4,
        expert_hidden_layer_sizes=8,
        tower_hidden_layer_sizes=16,
    ),
}
COMMON = {
    "numeric_encoding": None,
    "early_stopping": True,
    "n_members": 1,
    "device": "cpu",
}
PAIRS = (("Shared-Bottom", "Single-Task"), ("MMoE", "Shared-Bottom"))
MEASURES = ("engagement", "satisfaction")
# Live lifts in per cent.
PAPER = {
    ("Shared-Bottom", "Single-Task"): {"engagement": -0.22, "satisfaction": 19.72},
    ("MMoE", "Shared-Bottom"): {"engagement": 0.25, "satisfaction": 2.65},
}


class Model:
    """One of the three models, fitted to a log: the probabilities of both tasks.

    Parameters
    ----------
    name : str
        The model.
    log : tuple of X and y
        The log.
    settings : list of tuple of (float, float)
        Learning rate, and weight of the loss of satisfaction. One network per task has a pair for
        each.
    seed : int
        The random state.
    max_iter : int, default=100
        The number of epochs at most.
    """

    def __init__(self, name, log, settings, seed, max_iter=100):
        X, y = log
        self.fitted = []
        for number, (rate, weight) in enumerate(settings):
            model = clone(MODELS[name]).set_params(**COMMON, learning_rate_init=rate)
            model.set_params(random_state=seed, max_iter=max_iter)
            if name == "Single-Task":
                # Each task stops by itself and has no rows without a label.
                known = ~np.isnan(y[:, number])
                model.fit(X[known], y[known, number].astype(int))
            else:
                model.set_params(task_weights=[1.0, weight]).fit(X, y)
            self.fitted.append(model)
        self.n_parameters = sum(count_parameters(model.net_.module_) for model in self.fitted)
        self.epochs = [model.n_iter_ for model in self.fitted]

    def predict(self, X):
        """Return the probability of engagement and that of satisfaction after it."""
        probas = [model.predict_proba(X) for model in self.fitted]
        return np.stack([p[:, 1] for p in (probas if len(probas) == 2 else probas[0])], axis=1)

    def losses(self, X, y):
        """Return the log loss of each task on known labels."""
        found = []
        for labels, proba in zip(y.T, self.predict(X).T, strict=True):
            known = ~np.isnan(labels)
            found.append(log_loss(labels[known], proba[known], labels=[0, 1]))
        return rounded(found, 5)

    def earn(self, simulation):
        """Return what the ranking earns in a request, on average, by measure."""
        n_requests, n_candidates, n_features = simulation.candidates.shape
        candidates = simulation.candidates.reshape(-1, n_features)
        at_the_top = np.hstack([candidates, np.zeros((len(candidates), 1))])
        engagement, satisfaction = self.predict(at_the_top).T
        scores = engagement * (1 + WEIGHT * satisfaction)
        earned = simulate_ranking(scores.reshape(n_requests, n_candidates), simulation)
        return rounded(earned.mean(axis=0), 6)


def best_and_random(simulation):
    """Return what the ranking by the true probabilities earns, and a random one."""
    engagement, satisfaction = np.moveaxis(simulation.probabilities, 2, 0)
    best = simulate_ranking(engagement * (1 + WEIGHT * satisfaction), simulation)
    random = simulate_ranking(np.zeros_like(engagement), simulation)
    return rounded([best.mean(axis=0), random.mean(axis=0)], 6)


def draw(correlation, seed, n_requests, n_new):
    """Return the log of a seed, and new requests for the same tasks as log and as simulation.

    In the new log all answers are known, so that losses of satisfaction can be compared.
    """
    X, y, simulation = make_recommendation_log(
        n_requests, correlation=correlation, random_state=seed, return_simulation=True, **WORLD
    )
    *log, new = make_recommendation_log(
        n_new,
        coef=simulation.coef,
        random_state=100_000 + seed,
        return_simulation=True,
        **WORLD | {"response_rate": 1.0},
    )
    return (X, y), tuple(log), new


def tune(record, seeds, sizes, max_iter):
    """Return the settings of each model with the lowest mean log loss on other logs."""
    chosen = {}
    for name in MODELS:
        # One network per task has no weights to choose, but a rate for each task.
        weights = (1.0,) if name == "Single-Task" else WEIGHTS
        candidates = list(product(RATES, weights))
        found = []
        for candidate in candidates:
            settings = [candidate] * (2 if name == "Single-Task" else 1)
            for seed in seeds:
                key = {
                    "stage": "search",
                    "model": name,
                    "settings": list(candidate),
                    "seed": seed,
                }
                run = record.find(**key)
                if not run:
                    log, new_log, _ = draw(0.5, seed, *sizes)
                    losses = Model(name, log, settings, seed, max_iter).losses(*new_log)
                    run = record.add(**key, log_losses=losses)
                found.append(run["log_losses"])
        losses = np.reshape(found, (len(candidates), len(seeds), 2)).mean(axis=1)
        if name == "Single-Task":
            chosen[name] = [candidates[best] for best in losses.argmin(axis=0)]
        else:
            chosen[name] = [candidates[losses.sum(axis=1).argmin()]]
    return chosen


def run(record, *, n_seeds, n_tuning, sizes, max_iter=100):
    """Tune and fit what is not on record, seed by seed."""
    tuning_seeds = range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + n_tuning)
    chosen = tune(record, tuning_seeds, sizes, max_iter)
    print("settings:", chosen, flush=True)
    started, done = time.monotonic(), 0
    for seed in range(n_seeds):
        for correlation in CORRELATIONS:
            key = {"stage": "fit", "correlation": correlation, "seed": seed}
            if record.find(**key):
                continue
            log, new_log, new = draw(correlation, seed, *sizes)
            models = {
                name: Model(name, log, settings, seed, max_iter)
                for name, settings in chosen.items()
            }
            best, random = best_and_random(new)
            record.add(
                **key,
                labels=[int(n) for n in (~np.isnan(log[1])).sum(axis=0)],
                positives=[int(n) for n in np.nansum(log[1], axis=0)],
                best=best,
                random=random,
                models={
                    name: {
                        "settings": chosen[name],
                        "earned": model.earn(new),
                        "log_losses": model.losses(*new_log),
                        "epochs": model.epochs,
                        "n_parameters": model.n_parameters,
                    }
                    for name, model in models.items()
                },
            )
            done += 1
        left = (n_seeds - seed - 1) * len(CORRELATIONS) * (time.monotonic() - started)
        print(f"seed {seed}: {left / max(done, 1) / 60:.0f} minutes left", flush=True)


# -- what the runs say --------------------------------------------------------------------------


def read_lifts():
    """Return the lifts of all seeds in per cent, by (correlation, one, other, measure)."""
    found = {}
    for run in runs_of(NAME):
        if run["stage"] != "fit":
            continue
        for one, other in PAIRS:
            for k, measure in enumerate(MEASURES):
                ratio = run["models"][one]["earned"][k] / run["models"][other]["earned"][k]
                key = run["correlation"], one, other, measure
                found.setdefault(key, []).append(100 * (ratio - 1))
    return {key: np.array(values) for key, values in found.items()}


def parts(lifts, correlation):
    """Return the lifts at one relatedness, and whether they have the sign of the paper's."""
    found = []
    for one, other in PAIRS:
        for measure, paper in PAPER[one, other].items():
            value, low, high = mean_interval(lifts[correlation, one, other, measure])
            sign = 1 if paper > 0 else -1
            bounds = sorted([sign * low, sign * high])
            found.append(
                {
                    "statistic": f"{one} over {other}, {measure}",
                    "value": value,
                    "low": low,
                    "high": high,
                    "expected": f"{paper:+.2f}",
                    "shown": True if bounds[0] > 0 else False if bounds[1] < 0 else None,
                }
            )
    return found


def main():
    """Run what is missing."""
    options = arguments(__doc__.splitlines()[0]).parse_args()
    torch.set_num_threads(1)
    if options.quick:
        run(NoRecord("paper/table4_quick"), n_seeds=1, n_tuning=1, sizes=(300, 100), max_iter=3)
        return
    record = Record(
        NAME,
        question="the live experiment of the paper with simulated users",
        world=WORLD,
        requests=[N_REQUESTS, N_NEW],
        weight_of_satisfaction=WEIGHT,
        not_run="live users; other simulators; other weights of satisfaction",
    )
    run(record, n_seeds=N_SEEDS, n_tuning=N_TUNING, sizes=(N_REQUESTS, N_NEW))


if __name__ == "__main__":
    main()
