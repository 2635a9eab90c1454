"""What each part of the default estimator is worth, on Census-Income, group 1, or on KuaiRand.

Each variant differs from the defaults in one thing. It learns from a random third of the training
file of Census-Income, or from all of KuaiRand's, with five seeds; AUC and log loss are those
of the validation half of the test file, which also stops training. The other half is not looked at.
Ideas that are not in the package are written here, through what skorch and scikit-learn offer, or
in ``_tabm.py``. A run that is there already is not repeated.

    OMP_NUM_THREADS=1 python benchmarks/accuracy/ablation.py census1
    OMP_NUM_THREADS=1 python benchmarks/accuracy/ablation.py kuairand
"""

import argparse
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import torch
from sklearn.compose import ColumnTransformer
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, QuantileTransformer, StandardScaler
from skorch.callbacks import LRScheduler

from benchmarks._shared.record import Record
from benchmarks._shared.timing import clock
from benchmarks.accuracy._data import load
from benchmarks.accuracy._defaults import LARGE
from benchmarks.accuracy._tabm import MeanLoss, TabM
from sk_mmoe import MMoEClassifier
from sk_mmoe.nn import MMoE, MultiTaskLoss, count_parameters

PATIENCE = 3
# A schedule has to know both.
ONE_CYCLE_EPOCHS, ONE_CYCLE_BATCH = 8, 256


class SmoothedLoss(MultiTaskLoss):
    """The losses of binary tasks with labels of 0.01 and 0.99."""

    def forward(self, scores, targets, weights=None):
        """Smooth the labels in training."""
        if self.training:
            targets = 0.98 * targets + 0.01
        return super().forward(scores, *(part for part in (targets, weights) if part is not None))


class WarmGates(MMoE):
    """Gates with a temperature of three."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for layer in self.levels:
            layer.gates.register_forward_pre_hook(lambda _, inputs: (inputs[0] / 3,))


def waves(X, n_waves=16, scale=1.0):
    """Return sines and cosines of columns, with frequencies drawn at random."""
    frequencies = scale * np.random.default_rng(0).normal(size=(1, X.shape[1], n_waves))
    angles = 2 * np.pi * np.asarray(X)[:, :, None] * frequencies
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=2).reshape(len(X), -1)


def one_cycle(n_rows):
    """Return a one-cycle schedule of the learning rate, over a fixed number of epochs."""
    schedule = LRScheduler(
        torch.optim.lr_scheduler.OneCycleLR,
        max_lr=[3e-3, 3e-3, 15e-3],  # weights, biases, embeddings
        total_steps=ONE_CYCLE_EPOCHS * -(-n_rows // ONE_CYCLE_BATCH),
        step_every="batch",
    )
    return {
        "callbacks": [schedule],
        "batch_size": ONE_CYCLE_BATCH,
        "max_iter": ONE_CYCLE_EPOCHS,
        "n_iter_no_change": ONE_CYCLE_EPOCHS,
    }


def vectors(rate, decay):
    """Return another learning rate and decay of embeddings than those of the estimator."""
    own = {"lr": rate, "weight_decay": decay}
    groups = [("*bias", {"weight_decay": 0.0}), ("*column_embedding.weight", own)]
    return {"net_params": {"optimizer__param_groups": groups}}


def variants(n_rows):
    """Return parameters and a preparation of numbers, by name."""
    log = FunctionTransformer(np.log1p)
    standard = make_pipeline(log, StandardScaler())
    quantile = QuantileTransformer(output_distribution="normal", subsample=None)
    plain = {"numeric_encoding": None}
    table = {
        "defaults": {},
        "numbers: standardised logarithms": (plain, standard),
        "numbers: normal quantiles": (plain, quantile),
        "numbers: periodic": (plain, make_pipeline(quantile, FunctionTransformer(waves))),
        "numbers: 16 knots": {"n_knots": 16},
        "numbers: 128 knots": {"n_knots": 128},
        "one column per category and knot": {"embedding_dim": None},
        "vectors: as slow as all else": vectors(rate=1e-3, decay=5.0),
        "vectors: alpha as of all else": {"embedding_alpha": 1e-4},
        "vectors: both": vectors(rate=1e-3, decay=1e-4),
        "rare categories: whole vectors": {"category_smooth": 0},
        "batches of 1024": {"batch_size": 1024},
        "vectors: of 16": {"embedding_dim": 16},
        "no cross layers": {"n_cross_layers": 0},
        "one cross layer": {"n_cross_layers": 1},
        "no decay of weights": {"alpha": 0.0},
        "no average": {"average": False},
        "no average, one cycle": {"average": False} | one_cycle(n_rows),
        "one cycle": one_cycle(n_rows),
        "label smoothing": {"net_params": {"criterion": SmoothedLoss}},
        "gate temperature 3": {"net_params": {"module": WarmGates}},
        "gate dropout 0.1": {"gate_dropout": 0.1},
        "dropout 0.1": {"dropout": 0.1},
        "SiLU": {"activation": "silu"},
        "trunk of 256": {"trunk_hidden_layer_sizes": (256,)},
        "normalised experts": {"normalize_experts": True},
        "4 members": {"n_members": 4},
        "8 members with common experts": {"net_params": {"module": TabM, "criterion": MeanLoss}},
    }
    return {
        name: entry if isinstance(entry, tuple) else (entry, None) for name, entry in table.items()
    }


def prepare(tables, preparation):
    """Return the tables with their numbers prepared."""
    if preparation is None:
        return tables
    numbers = list(tables[0].select_dtypes("number"))
    others = [c for c in tables[0] if c not in numbers]
    encoder = ColumnTransformer([("numbers", preparation, numbers)]).fit(tables[0])
    return [
        pd.concat(
            [pd.DataFrame(encoder.transform(X)).add_prefix("n").set_index(X.index), X[others]],
            axis=1,
        )
        for X in tables
    ]


def fit_and_judge(parameters, seed, learned, judged):
    """Return what a fit takes, and how good it is on the data that stop it."""
    options = LARGE | {"n_iter_no_change": PATIENCE, "random_state": seed}
    model = MMoEClassifier(**options | parameters)
    X_val, y_val = judged
    seconds, _ = clock(partial(model.fit, *learned, X_val=X_val, y_val=y_val))
    run = {
        "seconds": round(seconds, 1),
        "n_parameters": count_parameters(model.net_.module_),
        "epochs": model.n_iter_,
    }
    probas = [p[:, 1] for p in model.predict_proba(X_val)]
    for metric, score in (("auc", roc_auc_score), ("log_loss", log_loss)):
        pairs = zip(y_val, probas, strict=True)
        run[metric] = {task: round(score(y_val[task], p), 5) for task, p in pairs}
    return run


def main():
    """Fit all variants with all seeds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=["census1", "kuairand"])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    parser.add_argument("--only", nargs="*")
    options = parser.parse_args()
    (X, y), (X_val, y_val), _ = load(options.data)
    if options.data == "census1":
        X = X.sample(frac=1 / 3, random_state=0)
        y = y.loc[X.index]
    record = Record(
        f"accuracy/ablation_{options.data}",
        question="what each part of the default estimator is worth",
        rows=[len(X), len(X_val)],
        not_run="pairs of changes; other data; the test half",
    )
    for seed, (name, (parameters, preparation)) in product(options.seeds, variants(len(X)).items()):
        if record.find(variant=name, seed=seed) or (options.only and name not in options.only):
            continue
        learned, judged = prepare([X, X_val], preparation)
        run = fit_and_judge(parameters, seed, (learned, y), (judged, y_val))
        record.add(variant=name, seed=seed, **run)
    table = pd.json_normalize(record.runs).groupby("variant", sort=False)
    columns = [f"{metric}.{task}" for metric in ("auc", "log_loss") for task in y]
    print(table[columns].agg(["mean", "std"]).round(5).to_string())


if __name__ == "__main__":
    main()
