"""What tests of callbacks share: a net, tables that take long to learn, and a comparison."""

import numpy as np
import pytest
import torch

from sk_mmoe.nn import MMoE, MultiTaskLoss
from sk_mmoe.tasks._regression import regression_loss
from sk_mmoe.training._net import MultiTaskNet
from sk_mmoe.training._samples import TableDataset


def draw_table(seed):
    X = np.random.default_rng(seed).normal(size=(40, 5))
    return TableDataset(X, torch.from_numpy(np.sin(4 * X[:, :2])))


@pytest.fixture
def make_table():
    """Return the function that draws 40 rows of two tasks from a seed."""
    return draw_table


@pytest.fixture
def tables():
    """Return samples to learn from, and samples to evaluate."""
    return draw_table(0), draw_table(1)


def build(*callbacks, **options):
    return MultiTaskNet(
        MMoE,
        MultiTaskLoss,
        module__n_features=5,
        module__n_outputs=[1, 1],
        module__dropout=0.1,
        callbacks=list(callbacks),
        **{
            "optimizer": torch.optim.AdamW,
            "lr": 0.1,
            "batch_size": 16,
            "train_split": None,
            "verbose": 0,
            "dtype": "float64",
            "seed": 7,
            "criterion__losses": [regression_loss, regression_loss],
            "iterator_train__shuffle": True,
        }
        | options,
    ).initialize()


@pytest.fixture
def make_net():
    """Return the function that builds a net with some callbacks and settings."""
    return build


@pytest.fixture
def assert_equal_training():
    """Return the function that asserts that two nets have equal histories and weights."""

    def assert_equal_training(net, other):
        timeless = [
            [{name: value for name, value in epoch.items() if name != "dur"} for epoch in n.history]
            for n in (net, other)
        ]
        assert timeless[0] == timeless[1]
        expected = other.module_.state_dict()
        for name, value in net.module_.state_dict().items():
            assert torch.equal(value, expected[name]), name

    return assert_equal_training
