"""Counts: Poisson deviance, rates as predictions, exposure through weights."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.stats import poisson
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import d2_tweedie_score, mean_poisson_deviance

from sk_mmoe import MMoERegressor, SharedBottomRegressor
from sk_mmoe.tasks._count import CountTask, count_loss
from sk_mmoe.tasks._kinds import make_task

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 3))
EXPOSURE = RNG.uniform(0.2, 5, 400)
RATE = np.exp(1 + X @ [0.6, -0.3, 0.1])
COUNTS = RNG.poisson(EXPOSURE * RATE)


def test_the_loss_is_the_deviance_of_scikit_learn_in_units_of_the_mean():
    task = make_task("visits", "count", COUNTS)
    scores = torch.from_numpy(RNG.normal(size=(400, 1)))
    losses = count_loss(scores, torch.from_numpy(task.encode(COUNTS)))
    assert losses.shape == (400,)
    expected = mean_poisson_deviance(COUNTS, task.decode(scores)) / COUNTS.mean()
    assert losses.mean().item() == pytest.approx(expected, rel=1e-12)


def test_the_loss_is_zero_at_the_target_and_nowhere_below():
    targets = torch.tensor([0.0, 0.5, 3.0], dtype=torch.float64)
    assert_allclose(count_loss(targets[1:, None].log(), targets[1:]), 0, atol=1e-15)
    scores = torch.linspace(-20, 20, 301, dtype=torch.float64)
    for target in targets:
        assert (count_loss(scores[:, None], target.expand(301)) >= 0).all()


def test_a_network_starts_at_the_mean_of_the_targets():
    for weights in (None, EXPOSURE):
        task = make_task("visits", "count", COUNTS, weights)
        assert_allclose(
            task.decode(torch.zeros(2, 1)), np.average(COUNTS, weights=weights), rtol=1e-12
        )


@pytest.mark.parametrize("unit", [1e-170, 1e-3, 1.0, 24.0, 1e160, 1e300])
def test_units_of_time_change_predictions_and_not_the_loss(unit):
    reference = make_task("visits", "count", COUNTS)
    task = make_task("visits", "count", unit * COUNTS)
    assert_allclose(task.encode(unit * COUNTS), reference.encode(COUNTS), rtol=1e-12)
    scores = torch.from_numpy(RNG.normal(size=(5, 1)))
    assert_allclose(task.decode(scores), unit * reference.decode(scores), rtol=1e-12)


def test_rates_weighted_by_exposure_have_the_likelihood_of_the_counts():
    rates = np.stack([RATE, 2 * RATE])
    task = make_task("claims", "count", COUNTS / EXPOSURE, EXPOSURE)
    targets = torch.from_numpy(task.encode(COUNTS / EXPOSURE))
    losses = [
        EXPOSURE @ count_loss(torch.from_numpy(np.log(rate / task.mean))[:, None], targets).numpy()
        for rate in rates
    ]
    likelihoods = [poisson.logpmf(COUNTS, EXPOSURE * rate).sum() for rate in rates]
    # The loss is minus twice the logarithm in units of the mean, up to a constant.
    assert (losses[1] - losses[0]) * task.mean == pytest.approx(
        -2 * (likelihoods[1] - likelihoods[0]), rel=1e-12
    )


@pytest.mark.parametrize("exposure", [None, EXPOSURE])
def test_a_linear_network_has_the_coefficients_of_poisson_regression(exposure):
    y = COUNTS if exposure is None else COUNTS / exposure
    model = SharedBottomRegressor(
        tasks="count",
        hidden_layer_sizes=(),
        tower_hidden_layer_sizes=(),
        numeric_encoding=None,
        alpha=0,
        average=False,
        batch_size=len(X),
        max_iter=30,
        early_stopping=False,
        dtype="float64",
        random_state=0,
        net_params={"optimizer": torch.optim.LBFGS, "lr": 1.0},
    ).fit(X, y, sample_weight=exposure)
    expected = PoissonRegressor(alpha=0, tol=1e-10).fit(X, y, sample_weight=exposure)
    logs = np.log(model.predict(np.vstack([np.zeros(3), np.eye(3)])))
    assert_allclose(logs[0], expected.intercept_, rtol=1e-4)
    assert_allclose(logs[1:] - logs[0], expected.coef_, atol=1e-4)
    # The score is D², which a table of rates weighs by exposure.
    assert model.score(X, y, sample_weight=exposure) == pytest.approx(
        d2_tweedie_score(y, model.predict(X), sample_weight=exposure, power=1)
    )


def test_members_predict_the_mean_of_their_rates():
    task = CountTask("visits", 3.0)
    scores = torch.from_numpy(RNG.normal(size=(4, 7, 1)))
    rates = 3 * np.exp(scores[..., 0].numpy())
    assert_allclose(task.decode(task.average(scores)), rates.mean(axis=0), rtol=1e-12)
    assert_allclose(task.spread(scores), rates.std(axis=0), rtol=1e-12)


def test_predictions_are_positive_and_finite_however_extreme_a_score_is():
    decoded = CountTask("visits", 1e10).decode(torch.tensor([[-1e4], [0.0], [1e4]]))
    assert np.isfinite(decoded).all()
    assert (decoded > 0).all()


def test_counts_may_have_fractions_and_be_booleans():
    assert_allclose(make_task("t", "count", np.array([0.5, 1.5])).encode(np.array([2.0])), [2])
    assert_allclose(make_task("t", "count", np.array([True, False])).mean, 0.5)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, -2], "task 't' is a count and needs targets of 0 or more, got -2. Declare"),
        ([0, 0], "task 't' is a count and all its known targets with weight are 0"),
        (["a", "b"], "task 't' is a count and needs numbers, got labels such as"),
    ],
)
def test_what_cannot_be_counts_is_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        make_task("t", "count", np.array(labels))


def test_negative_counts_of_a_later_chunk_are_refused():
    task = make_task("t", "count", np.array([1, 2]))
    with pytest.raises(ValueError, match="needs targets of 0 or more, got -1"):
        task.encode(np.array([1, -1]))


def test_regressors_mix_counts_and_numbers_and_pickle():
    y = np.column_stack([COUNTS, X[:, 0]])
    model = MMoERegressor(tasks=["count", "regression"], n_members=2, max_iter=3, random_state=0)
    model.fit(X, y)
    assert model.task_kinds_ == ["count", "regression"]
    again = pickle.loads(pickle.dumps(model))
    predictions, spread = again.predict(X, return_std=True)
    assert_allclose(predictions, model.predict(X))
    assert (predictions[:, 0] > 0).all()
    assert spread.shape == predictions.shape
