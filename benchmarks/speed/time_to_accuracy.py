"""How soon MMoE and three boosters reach which AUC, on Census-Income and KuaiRand.

Every model gets the same rows, categories and validation set, which ends the training of MMoE and
of HistGradientBoosting. "MMoE, before" has earlier defaults. A booster needs one model for each
task, and their times are added up. After each epoch, and after each tenth of a booster's
trees, the AUC on the validation set is on record, with the time of the processor until then; a tree
is assumed to take the same time as any other. Scoring is not counted. A run that is on record is
not repeated.

    OMP_NUM_THREADS=1 python -m benchmarks.speed.time_to_accuracy      # an hour
    OMP_NUM_THREADS=2 python -m benchmarks.speed.time_to_accuracy --models MMoE "MMoE, before"
"""

import argparse
import os
import time

import lightgbm
import numpy as np
import torch
import xgboost
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from skorch.callbacks import Callback

from benchmarks._shared.record import Record
from benchmarks.accuracy._boosting import make_encoder
from benchmarks.accuracy._data import load
from benchmarks.accuracy._defaults import LARGE
from sk_mmoe import MMoEClassifier

# Only how numbers are read is that of today.
BEFORE = LARGE | {"numeric_encoding": "auto"}
NETWORKS = {"MMoE": {}, "MMoE, before": BEFORE}
BOOSTERS = ("HistGradientBoosting", "LightGBM", "XGBoost")
N_TREES, N_POINTS = 300, 10


class Curve(Callback):
    """After each epoch, the time of the processor without scoring, and the AUCs on validation data.

    Attributes
    ----------
    points_ : list of list
        For each epoch, the clock and the AUC of each task.
    """

    def on_train_begin(self, net, **kwargs):
        """Start an empty curve."""
        self.points_, self.scoring_ = [], 0.0

    def on_epoch_end(self, net, dataset_valid=None, **kwargs):
        """Score the validation set."""
        now = time.process_time()
        scores, labels = [], []
        with torch.inference_mode():
            for batch, (y, *_) in net.get_iterator(dataset_valid):
                scores.append(torch.cat(net.module_(batch), dim=1))
                labels.append(y)
        columns = zip(torch.cat(labels).T.numpy(), torch.cat(scores).T.numpy(), strict=True)
        self.points_.append([now - self.scoring_, *(roc_auc_score(*pair) for pair in columns)])
        self.scoring_ += time.process_time() - now


def fit_network(name, seed, train, valid, test):
    """Return the time of a fit, its AUCs on test rows, and its curve."""
    model = MMoEClassifier(random_state=seed, callbacks=[("curve", Curve())], **NETWORKS[name])
    begin = time.perf_counter(), time.process_time()
    model.fit(*train, X_val=valid[0], y_val=valid[1])
    took = time.perf_counter() - begin[0], time.process_time() - begin[1]
    curve = dict(model.net_.callbacks_)["curve"]
    aucs = aucs_of(test[1], [proba[:, 1] for proba in model.predict_proba(test[0])])
    return {
        "wall": took[0] - curve.scoring_,
        "seconds": took[1] - curve.scoring_,
        "test": aucs,
        "curve": [[clock - begin[1], *values] for clock, *values in curve.points_],
        "epochs": model.n_iter_,
    }


def fit_boosters(name, seed, train, valid, test):
    """Return the same for a booster, one model per task."""
    tasks, wall, seconds = [], 0.0, 0.0
    for task in train[1]:
        y, y_val = train[1][task], valid[1][task]
        begin = time.perf_counter(), time.process_time()
        encoder = make_encoder(train[0], seed)
        X = encoder.fit_transform(train[0], y)
        X_val, X_test = encoder.transform(valid[0]), encoder.transform(test[0])
        model = make_booster(name, seed)
        model.fit(X, y, **({"X_val": X_val, "y_val": y_val} if name == BOOSTERS[0] else {}))
        wall += time.perf_counter() - begin[0]
        seconds += time.process_time() - begin[1]
        tasks.append((model, X_val, X_test))
    models = [model for model, *_ in tasks]
    shares = np.arange(1, N_POINTS + 1) / N_POINTS
    staged = [staged_probas(model, X_val, shares) for model, X_val, _ in tasks]
    return {
        "wall": wall,
        "seconds": seconds,
        "test": aucs_of(test[1], [m.predict_proba(X_test)[:, 1] for m, _, X_test in tasks]),
        "curve": [
            [share * seconds, *aucs_of(valid[1], probas)]
            for share, *probas in zip(shares, *staged, strict=True)
        ],
        "trees": [getattr(model, "n_iter_", N_TREES) for model in models],
    }


def make_booster(name, seed):
    """Return an unfitted booster that uses as many threads as torch does."""
    threads = torch.get_num_threads()
    if name == "HistGradientBoosting":
        return HistGradientBoostingClassifier(
            max_iter=N_TREES, categorical_features="from_dtype", random_state=seed
        )
    if name == "LightGBM":
        return lightgbm.LGBMClassifier(
            n_estimators=N_TREES, num_leaves=63, n_jobs=threads, random_state=seed, verbose=-1
        )
    return xgboost.XGBClassifier(
        n_estimators=N_TREES,
        learning_rate=0.1,
        tree_method="hist",
        enable_categorical=True,
        n_jobs=threads,
        random_state=seed,
    )


def staged_probas(model, X, shares):
    """Return the probabilities after shares of all trees."""
    if isinstance(model, HistGradientBoostingClassifier):
        stages = [proba[:, 1] for proba in model.staged_predict_proba(X)]
        return [stages[max(round(share * len(stages)), 1) - 1] for share in shares]
    counts = [round(share * N_TREES) for share in shares]
    if isinstance(model, lightgbm.LGBMClassifier):
        return [model.predict_proba(X, num_iteration=count)[:, 1] for count in counts]
    return [model.predict_proba(X, iteration_range=(0, count))[:, 1] for count in counts]


def aucs_of(y, probas):
    """Return the AUC of each task."""
    return [float(roc_auc_score(y[task], proba)) for task, proba in zip(y, probas, strict=True)]


def rounded(values):
    """Return numbers of a run with five digits, which is what repeated runs agree on."""
    if isinstance(values, dict):
        return {name: rounded(value) for name, value in values.items()}
    if isinstance(values, list):
        return [rounded(value) for value in values]
    return round(values, 5) if isinstance(values, float) else values


def main():
    """Fit what is not on record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="*", default=["census1", "kuairand"])
    parser.add_argument("--models", nargs="*", default=[*NETWORKS, *BOOSTERS])
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    record = Record(
        "speed/time_to_accuracy",
        question="AUC by seconds of processor time: MMoE, its earlier defaults, three boosters",
        not_run="tuned boosters, which accuracy.py measures; CUDA",
    )
    for data in options.data:
        parts = load(data)
        for seed in range(options.seeds):
            for name in options.models:
                key = {
                    "data": data,
                    "model": name,
                    "seed": seed,
                    "threads": torch.get_num_threads(),
                }
                if record.find(**key) is None:
                    fit = fit_network if name in NETWORKS else fit_boosters
                    record.add(**key, **rounded(fit(name, seed, *parts)))


if __name__ == "__main__":
    main()
