"""Several processes that train one network do what a single one does."""

import os

import numpy as np
import pandas as pd
import pytest
import torch
import torch.distributed as dist
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone
from skorch.callbacks import Callback, GradientNormClipping

from sk_mmoe import L2ConstrainedClassifier, MMoEClassifier, MMoERegressor
from sk_mmoe.callbacks import TrainingCheckpoint
from sk_mmoe.training._processes import Processes
from sk_mmoe.training._seeding import seed_generators, separate_generators

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the tests fork processes")

# float64, so that sums in another order do not grow into other numbers.
SMALL = {
    "max_iter": 2,
    "dtype": "float64",
    "random_state": 0,
    "batch_size": 50,
    "n_members": 1,
}


@pytest.fixture
def gaps(X, y):
    """Return targets with missing labels and weights of single labels."""
    rng = np.random.default_rng(0)
    return y.astype(object).mask(rng.random(y.shape) < 0.3), rng.random(y.shape)


CASES = {
    "early stopping": MMoEClassifier(early_stopping=True, **SMALL),
    "uncertainty": MMoEClassifier(loss_balancing="uncertainty", **SMALL),
    "FAMO": MMoEClassifier(loss_balancing="famo", early_stopping=False, **SMALL),
    "a penalty of gates": MMoEClassifier(
        gate="dselect_k", gate_entropy=0.5, early_stopping=False, **SMALL
    ),
    "a penalty of weights": L2ConstrainedClassifier(coupling=0.1, early_stopping=False, **SMALL),
    "members": MMoEClassifier(**SMALL | {"n_members": 2}),
    "a callback that clips gradients": MMoEClassifier(
        callbacks=[("clip", GradientNormClipping(0.05))], **SMALL
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_two_processes_learn_what_one_learns(case, X, gaps, run_in_group, learned, assert_same):
    # Without a held-out part the last batch has one row, which only one process can compute.
    model, (y, weights) = CASES[case], gaps
    data = X[:301], y[:301], weights[:301]
    alone = learned(clone(model).fit(*data))
    model = clone(model).set_params(net_params={"distributed": True})
    first, second = run_in_group(lambda _: learned(model.fit(*data)))
    assert_same(first, alone, rtol=1e-6, atol=1e-9)
    for name, value in first[0].items():
        assert_array_equal(second[0][name], value)


def test_more_processes_than_rows_in_a_batch_and_a_sparse_table(
    X, y, run_in_group, learned, assert_same
):
    csr = sparse.csr_matrix(np.where(X > 0.5, X, 0))[:102]
    model = MMoEClassifier(**SMALL | {"early_stopping": False, "batch_size": 20})
    alone = learned(model.fit(csr, y[:102]))
    model.set_params(net_params={"distributed": True})
    for found in run_in_group(lambda _: learned(model.fit(csr, y[:102])), 3):
        assert_same(found, alone, rtol=1e-6, atol=1e-9)


def test_a_checkpoint_resumes_all_processes(X, y, tmp_path, run_in_group, learned, assert_same):
    def train(rank):
        settings = SMALL | {"net_params": {"distributed": True}}
        settings["callbacks"] = [TrainingCheckpoint(tmp_path / "run.pt")]
        MMoEClassifier(**settings | {"max_iter": 1}).fit(X, y)
        return learned(MMoEClassifier(**settings).fit(X, y))

    alone = learned(MMoEClassifier(**SMALL).fit(X, y))
    for found in run_in_group(train):
        assert_same(found, alone, rtol=1e-6, atol=1e-9)


def test_a_stop_in_one_process_stops_all(X, y, run_in_group):
    def train(rank):
        class Stop(Callback):
            def on_epoch_end(self, net, **kwargs):
                net.stop_training_ |= rank == 1 and net.n_epochs == 2

        settings = SMALL | {"max_iter": 4, "callbacks": [("stop", Stop())]}
        return MMoEClassifier(net_params={"distributed": True}, **settings).fit(X, y).n_iter_

    assert run_in_group(train) == [2, 2]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"random_state": "of the rank"}, "random_state"),
        ({"rows": slice(0, 200)}, "data"),
        ({"loss_balancing": "pcgrad"}, "pcgrad"),
    ],
    ids=["random_state", "data", "balancing"],
)
def test_what_would_not_be_one_training_is_refused_in_all(change, named, X, y, run_in_group):
    rows = change.get("rows", slice(None))
    parameters = {name: value for name, value in change.items() if name != "rows"}

    def train(rank):
        own = rows if rank else slice(None)
        seed = rank if "random_state" in change else 0
        settings = SMALL | parameters | {"random_state": seed}
        model = MMoEClassifier(net_params={"distributed": True}, **settings)
        return model.fit(X[own], y[own])

    for message in run_in_group(train):
        assert named in message


def test_without_a_group_one_process_trains(X, y, monkeypatch, learned, assert_same):
    alone = learned(MMoEClassifier(**SMALL).fit(X, y))
    model = MMoEClassifier(net_params={"distributed": True}, **SMALL)
    assert_same(learned(model.fit(X, y)), alone, rtol=0)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="init_process_group"):
        model.fit(X, y)


def test_each_process_draws_separate_dropout(monkeypatch):
    from sk_mmoe.nn._random import Dropout

    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    masks = []
    for rank in (0, 1):
        monkeypatch.setattr(dist, "get_rank", lambda rank=rank: rank)
        with separate_generators("cpu"):
            seed_generators(5, "cpu")
            Processes().begin_epoch(3, 1, "cpu")
            masks.append(Dropout()(torch.ones(100)))
    assert (masks[0] != masks[1]).any()


def test_dropout_leaves_all_processes_with_one_network(X, y_mixed, run_in_group, learned):
    model = MMoERegressor(dropout=0.3, net_params={"distributed": True}, **SMALL)
    y: pd.Series = y_mixed["watch_time"]
    first, second = run_in_group(lambda _: learned(model.fit(X, y)))
    for name, value in first[0].items():
        assert_array_equal(second[0][name], value)
