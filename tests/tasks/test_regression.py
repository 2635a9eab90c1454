"""Regression tasks: standardised targets, predictions in the users' units."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.preprocessing import StandardScaler

from sk_mmoe.tasks._kinds import make_task

RNG = np.random.default_rng(0)


def test_regression_loss_is_the_squared_error_in_units_of_the_variance():
    labels = 5 + 20 * RNG.normal(size=50)
    task = make_task("watch_time", "regression", labels)
    scores = torch.from_numpy(3 * RNG.normal(size=(50, 1)))
    losses = task.loss(scores, torch.from_numpy(task.encode(labels)))
    assert losses.shape == (50,)
    assert_allclose(losses.numpy(), (task.decode(scores) - labels) ** 2 / labels.var())


@pytest.mark.parametrize("weighted", [False, True])
def test_targets_are_standardised_as_by_scikit_learn(weighted):
    labels = 1e6 + 50 * RNG.normal(size=100)
    weights = RNG.integers(0, 4, 100).astype(float) if weighted else None
    task = make_task("watch_time", "regression", labels, weights)
    expected = StandardScaler().fit_transform(labels[:, None], sample_weight=weights)[:, 0]
    assert_allclose(task.encode(labels), expected, atol=1e-9)


def test_weights_count_as_repetitions():
    labels, weights = RNG.normal(size=20), RNG.integers(0, 4, 20)
    weighted = make_task("t", "regression", labels, weights.astype(float))
    repeated = make_task("t", "regression", np.repeat(labels, weights))
    assert weighted.mean == pytest.approx(repeated.mean)
    assert weighted.scale == pytest.approx(repeated.scale)


@given(
    value=st.floats(-1e12, 1e12, allow_subnormal=False),
    weights=st.none() | st.lists(st.floats(0.01, 100), min_size=1, max_size=200),
)
@settings(deadline=None, max_examples=100)
def test_a_constant_target_is_not_scaled(value, weights):
    labels = np.full(50 if weights is None else len(weights), value)
    task = make_task("t", "regression", labels, None if weights is None else np.array(weights))
    assert task.scale == 1.0
    assert_allclose(task.mean, value, rtol=1e-12)
    assert_allclose(task.decode(torch.zeros(3, 1)), value, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, np.int64, bool, object])
@pytest.mark.parametrize("offset", [0, 1])
def test_predictions_come_back_in_the_users_units(dtype, offset):
    labels = (np.array([3, 7, -2, 0]) + offset).astype(dtype)
    task = make_task("t", "regression", labels)
    decoded = task.decode(torch.from_numpy(task.encode(labels))[:, None])
    assert decoded.dtype == np.float64
    assert_allclose(decoded, labels.astype(float), atol=1e-12)


@pytest.mark.parametrize("labels", [["a", "b"], [(1, 2), None]])
def test_a_regression_refuses_what_are_no_numbers(labels):
    column = np.empty(2, dtype=object)
    column[:] = labels
    with pytest.raises(ValueError, match="task 't' is a regression and needs numbers, got labels"):
        make_task("t", "regression", column)
