"""Trainings that end far above a constant prediction: warned of by task, and only those."""

import warnings

import numpy as np
import pytest
import torch

from sk_mmoe import (
    CrossStitchRegressor,
    MMoEClassifier,
    MMoEMixedPredictor,
    MMoERegressor,
    TensorFactorizationRegressor,
    fit_runs,
)
from sk_mmoe.training._divergence import warn_of_divergence
from sk_mmoe.training._samples import TableDataset

RNG = np.random.default_rng(0)
X = RNG.normal(size=(600, 5))
Y = X[:, :2]


@pytest.mark.parametrize(
    "make", [MMoERegressor, TensorFactorizationRegressor, CrossStitchRegressor]
)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_training_far_above_a_constant_warns_or_raises(make, early_stopping):
    model = make(
        max_iter=10, learning_rate_init=10.0, early_stopping=early_stopping, random_state=0
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model.fit(X, Y)
        except FloatingPointError:
            return
    # An R² below -1 is a squared error of more than twice that of the mean.
    diverged = [str(w.message) for w in caught if "training diverged" in str(w.message)]
    assert diverged or model.score(X, Y) > -1


class Shouting(torch.nn.Module):
    """A network that predicts the same score for all samples and tasks."""

    def __init__(self, n_features, n_outputs):
        super().__init__()
        self.n_outputs = n_outputs
        self.score = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return [self.score.expand(len(x), n) for n in self.n_outputs]


@pytest.fixture
def net_of(make_net):
    """Return a function that makes a net whose scores are all one number."""

    def net_of(score):
        net = make_net()
        net.module_ = Shouting(5, [1, 3])
        net.module_.score.data.fill_(score)
        return net

    return net_of


@pytest.fixture
def samples():
    """Return samples of a standardised number and of three classes."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(300, 1))
    numbers = (numbers - numbers.mean()) / numbers.std()
    y = np.column_stack([numbers, rng.integers(0, 3, 300)])
    return TableDataset(rng.normal(size=(300, 5)), torch.from_numpy(y))


def test_only_tasks_above_their_constant_are_named(net_of, samples):
    # The squared error is 1 + score²; equal scores of classes are equal probabilities.
    with pytest.warns(UserWarning, match=r"constant prediction, by the factors \{'time': '10'\}"):
        warn_of_divergence(net_of(3.0), ["time", "level"], samples)


@pytest.mark.parametrize(("score", "warns"), [(0.0, False), (0.99, False), (1.01, True)])
def test_twice_the_loss_of_a_constant_is_the_limit(score, warns, net_of, samples):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_divergence(net_of(score), ["time", "level"], samples)
    assert bool(caught) == warns


def test_a_stream_is_warned_of_at_a_higher_factor(net_of, samples):
    warn_of_divergence(net_of(30.0), ["time", "level"], samples, factor=1000.0)
    with pytest.warns(UserWarning, match="training diverged"):
        warn_of_divergence(net_of(40.0), ["time", "level"], samples, factor=1000.0)


def test_scores_that_are_not_finite_raise(net_of, samples):
    with pytest.raises(FloatingPointError, match="predictions of the training data are not finite"):
        warn_of_divergence(net_of(float("inf")), ["time", "level"], samples)


def test_a_constant_target_is_no_divergence():
    y = np.column_stack([Y[:, 0], np.full(600, 3.0)])
    MMoERegressor(max_iter=2, random_state=0).fit(X, y)


def test_few_epochs_and_rare_classes_are_no_divergence():
    rare = (np.arange(600) % 100 == 0).astype(int)
    MMoEClassifier(max_iter=1, random_state=0).fit(X, np.column_stack([rare, X[:, 0] > 0]))


def test_members_runs_and_mixed_tasks_are_looked_at():
    bad = {
        "numeric_encoding": None,
        "batch_size": 256,
        "max_iter": 4,
        "learning_rate_init": 30.0,
        "random_state": 0,
    }
    mixed = np.column_stack([X[:, 0] > 0, Y[:, 1]]).astype(object)
    for fit in (
        lambda: MMoERegressor(n_members=2, **bad).fit(X, Y),
        lambda: fit_runs(MMoERegressor(**bad), [(X, Y), (X, Y)]),
        lambda: MMoEMixedPredictor(**bad).fit(X, mixed),
    ):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fit()
        assert any("training diverged" in str(w.message) for w in caught)
