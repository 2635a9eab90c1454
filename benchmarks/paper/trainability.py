"""Trainability: how often gates polarise, experts die, or a task is not learned at all.

Two MMoE networks learn income and marital status from 20,000 rows of Census-Income, with many
seeds, with and without gate dropout. A seed is an initialisation and an order of the rows. The
heads start at the shares of the classes, as in this package, or at zero, as in most. The runs of a
chunk of seeds are trained as one program. The small network is that of a public demonstration
(keras-mmoe), of which users report tasks that stay at an AUC of .5. The other one has the default
sizes of this package.

Of each run, on 10,000 other rows:

- A gate is polarised if a task gives one expert .99 or more of its mean weight.
- An expert is unused if no task gives it a tenth of an even share, .0125 of 8 experts.
- An expert is dead if none of its ReLU units is active for any row.
- A task is stuck if its AUC is below .55.

The program takes up where it was stopped. ``--quick`` trains a few short runs and keeps nothing.

    OMP_NUM_THREADS=1 nice python -m benchmarks.paper.trainability
"""

import tempfile
import time
import warnings
from itertools import product
from pathlib import Path

import numpy as np
import torch
from scipy.stats import entropy
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from benchmarks._shared.record import environment
from benchmarks.accuracy._data import load
from benchmarks.paper._common import RESULTS, Chunks, arguments, rounded
from benchmarks.paper._intervals import above_bound, share_difference, share_interval
from sk_mmoe import MMoEClassifier, fit_runs
from sk_mmoe.inspection import ExpertUseDisplay

PATH = RESULTS / "trainability.jsonl"
N_SEEDS, CHUNK = 400, 25
N_ROWS, N_JUDGED = 20_000, 10_000
STUCK_BELOW = 0.55
# Less than this share of runs is few.
FEW = 0.05
DROPOUTS = (0.0, 0.1)
STARTS = ("shares", "zero")

COMMON = {"batch_size": 256, "n_cross_layers": 0, "early_stopping": False, "device": "cpu"}
# One column for each category, and scaled numbers.
PLAIN = {"embedding_dim": None, "numeric_encoding": None}
NETWORKS = {
    "8 experts of 4 units": MMoEClassifier(
        n_experts=8,
        expert_hidden_layer_sizes=4,
        tower_hidden_layer_sizes=8,
        max_iter=3,
        **PLAIN,
        **COMMON,
    ),
    "8 experts of 64 units": MMoEClassifier(
        n_experts=8,
        expert_hidden_layer_sizes=64,
        tower_hidden_layer_sizes=32,
        embedding_dim=4,  # as by default on tables with more than 50,000 rows
        max_iter=2,
        **COMMON,
    ),
}


class StartAtZero(Callback):
    """Takes from the biases of the heads what they start at.

    Parameters
    ----------
    shares : Tensor of shape (n_tasks,)
        The share of the second class in each task.
    """

    def __init__(self, shares):
        self.shares = shares

    def on_train_begin(self, net, **kwargs):
        """Change the biases."""
        net.module_.heads.shift(-torch.logit(self.shares))


def read_tables(n_rows=N_ROWS, n_judged=N_JUDGED):
    """Return (X, y) to learn and to judge by, with numbers scaled."""
    (X, y), (X_val, y_val), _ = load("census1")
    X = X.sample(n_rows, random_state=0)
    y = y.loc[X.index].reset_index(drop=True)
    numbers = X.select_dtypes("number").columns
    scaler = StandardScaler().set_output(transform="pandas").fit(X[numbers])
    X, X_val = (
        part.assign(**scaler.transform(part[numbers])).reset_index(drop=True)
        for part in (X, X_val[:n_judged])
    )
    return (X, y), (X_val, y_val[:n_judged].reset_index(drop=True))


def look_at(model, X, y):
    """Return AUC and largest mean weight of each task, and how many experts are lost."""
    experts = model.net_.network.levels[-1].experts
    active = []
    hook = experts.register_forward_hook(
        lambda _, inputs, out: active.append((out > 0).any(dim=2).any(dim=1))
    )
    probas = model.predict_proba(X)
    hook.remove()
    gates = model.gate_weights(X)
    use = ExpertUseDisplay(
        gates.mean(axis=0),
        sample_entropy=entropy(gates, axis=-1).mean(axis=0) / np.log(gates.shape[-1]),
        task_names=model.task_names_,
    )
    return {
        "auc": [
            round(roc_auc_score(y[task], p[:, 1]), 4) for task, p in zip(y, probas, strict=True)
        ],
        "largest_weight": rounded(use.use.max(axis=1)),
        "polarised": len(use.collapsed_tasks),
        "unused": len(use.dead_experts),
        "dead": int((~torch.stack(active).any(dim=0)).sum()),
    }


def train_chunk(network, gate_dropout, start, seeds, learned, judged, **changed):
    """Train a network with several seeds as one program, and look at each."""
    estimator = clone(NETWORKS[network]).set_params(gate_dropout=gate_dropout, **changed)
    if start == "zero":
        shares = torch.tensor(learned[1].mean().to_numpy(), dtype=torch.float32)
        estimator.set_params(callbacks=[("zero", StartAtZero(shares))])
    with warnings.catch_warnings():
        # Polarised gates are counted here.
        warnings.filterwarnings("ignore", message="the gates of the tasks")
        models = fit_runs(estimator, [learned] * len(seeds), random_states=list(seeds))
    looks = [look_at(model, *judged) for model in models]
    return {key: [look[key] for look in looks] for key in looks[0]}


def work(path, learned, judged, *, n_seeds, chunk, **changed):
    """Train what is missing, chunk by chunk, every setting in turn."""
    described = environment()
    chunks = Chunks(path)
    jobs = [
        (
            {"network": network, "gate_dropout": dropout, "start": start},
            range(first, min(first + chunk, n_seeds)),
        )
        for start in STARTS
        for first in range(0, n_seeds, chunk)
        for network in NETWORKS
        for dropout in DROPOUTS
    ]
    jobs = [(setting, seeds) for setting, seeds in jobs if seeds[0] not in chunks.runs_of(setting)]
    started = time.monotonic()
    for number, (setting, seeds) in enumerate(jobs, start=1):
        found = train_chunk(**setting, seeds=seeds, learned=learned, judged=judged, **changed)
        chunks.add({**setting, "runs": list(seeds), **found, "environment": described})
        left = (time.monotonic() - started) * (len(jobs) - number) / number
        print(
            f"{number}/{len(jobs)} {setting} seeds {seeds[0]}-{seeds[-1]}: "
            f"{np.count_nonzero(found['polarised'])} polarised; {left / 60:.0f} minutes left",
            flush=True,
        )


# -- what the runs say --------------------------------------------------------------------------

LOOKS = ("auc", "polarised", "unused", "dead")
EVENTS = {
    "a polarised gate": lambda run: run["polarised"] > 0,
    "an unused expert": lambda run: run["unused"] > 0,
    "a dead expert": lambda run: run["dead"] > 0,
    "a task stuck at .5": lambda run: min(run["auc"]) < STUCK_BELOW,
}


def read_runs():
    """Return the runs by (network, dropout, start), of the seeds that all of a start have."""
    found = {}
    for chunk in Chunks(PATH).chunks:
        key = chunk["network"], chunk["gate_dropout"], chunk["start"]
        for number, seed in enumerate(chunk["runs"]):
            found.setdefault(key, {})[seed] = {look: chunk[look][number] for look in LOOKS}
    seeds = {
        start: set.intersection(*(set(runs) for key, runs in found.items() if key[-1] == start))
        for start in STARTS
    }
    return {
        (network, dropout, start): [found[network, dropout, start][s] for s in sorted(seeds[start])]
        for start, network, dropout in product(STARTS, NETWORKS, DROPOUTS)
    }


def read_events():
    """Return whether each event came about in each run, by (network, dropout, start, event)."""
    return {
        (*key, event): np.array([happened(run) for run in runs])
        for key, runs in read_runs().items()
        for event, happened in EVENTS.items()
    }


def shares(events):
    """Return the share of each event with its interval, by (network, dropout, start)."""
    found = {}
    for (*key, event), happened in events.items():
        found.setdefault(tuple(key), {})[event] = share_interval(happened.sum(), len(happened))
    return found


def parts(events):
    """Return what should be so of this package: few stuck tasks, and what gate dropout is for."""
    start = STARTS[0]
    found = []
    for network in NETWORKS:
        for dropout in DROPOUTS:
            stuck = events[network, dropout, start, "a task stuck at .5"]
            value, low, high = share_interval(stuck.sum(), len(stuck))
            found.append(
                {
                    "statistic": f"{network}, gate dropout {dropout:g}: share with a task stuck",
                    "value": value,
                    "low": low,
                    "high": high,
                    "expected": f"< {FEW}",
                    "shown": True if high < FEW else False if low > FEW else None,
                }
            )
    for event in ("a polarised gate", "an unused expert"):
        for network in NETWORKS:
            without, with_dropout = (events[network, dropout, start, event] for dropout in DROPOUTS)
            name = f"{network}: share with {event}, without minus with dropout"
            found.append(above_bound(name, *share_difference(without, with_dropout)))
    return found


def main():
    """Train what is missing."""
    options = arguments(__doc__.splitlines()[0]).parse_args()
    torch.set_num_threads(1)
    if options.quick:
        with tempfile.TemporaryDirectory() as folder:
            learned, judged = read_tables(1000, 500)
            path = Path(folder) / PATH.name
            work(path, learned, judged, n_seeds=2, chunk=2, max_iter=1)
        return
    work(PATH, *read_tables(), n_seeds=N_SEEDS, chunk=CHUNK)


if __name__ == "__main__":
    main()
