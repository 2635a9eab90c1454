"""The simulated recommender against what its description says in closed form."""

from itertools import permutations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad
from scipy.special import expit, softmax
from scipy.stats import norm

from sk_mmoe.datasets import make_recommendation_log, simulate_ranking

N = 20_000


def make(n_requests=50, **parameters):
    parameters.setdefault("random_state", 0)
    return make_recommendation_log(n_requests, return_simulation=True, **parameters)


def assert_share(events, expected):
    """Check that a share of independent events is within five standard errors of the expected."""
    error = np.sqrt(np.mean(expected) * (1 - np.mean(expected)) / len(events))
    assert abs(np.mean(events) - np.mean(expected)) < 5 * error


# -- what is in the log -------------------------------------------------------------------------


def test_shapes_are_those_of_the_description():
    X, y, log = make(7, n_candidates=6, n_slots=3, n_user_features=2, n_item_features=4)
    assert X.shape == (21, 7)
    assert y.shape == (21, 2)
    assert log.candidates.shape == (7, 6, 6)
    assert log.probabilities.shape == (7, 6, 2)
    assert log.shown.shape == (7, 3)
    assert log.coef.shape == (2, 6)


def test_rows_are_the_candidates_that_were_shown_slot_by_slot():
    X, _, log = make(7, n_slots=3)
    shown = np.take_along_axis(log.candidates, log.shown[:, :, None], axis=1)
    assert_array_equal(X[:, :-1], shown.reshape(21, -1))
    assert_array_equal(X[:, -1], np.tile([0, 1, 2], 7))
    assert all(len(set(slots)) == 3 for slots in log.shown.tolist())


def test_candidates_of_a_request_share_the_user():
    _, _, log = make(n_user_features=3, n_item_features=2)
    users, items = log.candidates[:, :, :3], log.candidates[:, :, 3:]
    assert_array_equal(users, np.broadcast_to(users[:, :1], users.shape))
    assert len(np.unique(users[:, 0, 0])) == 50
    assert len(np.unique(items)) == items.size


@pytest.mark.parametrize("correlation", [-1, 0, 0.6, 1])
def test_weights_have_the_cosine_and_the_length(correlation):
    coef = make(correlation=correlation, scale=1.5)[2].coef
    assert_allclose(coef @ coef.T / 1.5**2, [[1, correlation], [correlation, 1]], atol=1e-12)


def test_probabilities_follow_from_the_features():
    _, _, log = make(alpha=[3.0, 1.0], beta=[0.5, -1.0])
    linear = log.candidates @ log.coef.T
    logits = log.intercept + linear + np.sin(3 * linear + 0.5) + np.sin(linear - 1)
    assert_allclose(log.probabilities, expit(logits))


@pytest.mark.parametrize(("scale", "alpha", "beta"), [(1, [2], [0]), (0.3, [], []), (2, [9], [1])])
def test_mean_probabilities_are_the_rates(scale, alpha, beta):
    rates = {"engagement_rate": 0.2, "satisfaction_rate": 0.7}
    log = make(1, scale=scale, alpha=alpha, beta=beta, **rates)[2]

    def density(z, k):
        logit = (
            log.intercept[k] + z + sum(np.sin(a * z + b) for a, b in zip(alpha, beta, strict=True))
        )
        return expit(logit) * norm.pdf(z, scale=scale)

    means = [quad(density, -9 * scale, 9 * scale, args=(k,), limit=500)[0] for k in (0, 1)]
    assert_allclose(means, [0.2, 0.7], rtol=1e-6)


# -- what users do ------------------------------------------------------------------------------


@pytest.mark.parametrize("decay", [0.0, 0.5, 2.0])
def test_users_look_at_lower_slots_less_often(decay):
    _, y, log = make(N, position_decay=decay, n_candidates=5, n_slots=5)
    assert_allclose(log.examination, np.arange(1, 6) ** -decay)
    chances = np.take_along_axis(log.probabilities[:, :, 0], log.shown, axis=1)
    for slot, engaged in enumerate(y[:, 0].reshape(N, 5).T):
        assert_share(engaged, (slot + 1) ** -decay * chances[:, slot])


def test_random_policy_engages_at_the_rate():
    _, y, _ = make(N, policy_strength=0, position_decay=0, n_slots=1, engagement_rate=0.4)
    assert_share(y[:, 0], 0.4)


def test_satisfaction_is_known_after_an_engagement_with_an_answer():
    _, y, _ = make(N, n_slots=1, response_rate=0.3)
    engaged = y[:, 0] == 1
    assert np.isnan(y[~engaged, 1]).all()
    assert_share(~np.isnan(y[engaged, 1]), 0.3)
    assert set(y[~np.isnan(y[:, 1]), 1]) == {0, 1}


def test_every_engagement_has_an_answer_by_default():
    _, y, _ = make()
    assert_array_equal(np.isnan(y[:, 1]), y[:, 0] == 0)


def test_satisfied_users_are_as_many_as_their_probabilities_say():
    _, y, log = make(N, n_slots=1)
    chances = np.take_along_axis(log.probabilities[:, :, 1], log.shown, axis=1)[:, 0]
    engaged = y[:, 0] == 1
    assert_share(y[engaged, 1], chances[engaged])


@pytest.mark.parametrize("strength", [0.0, 1.0, 2.5])
def test_policy_draws_items_by_their_logits(strength):
    # For a pair of slots, the chance of a pair of items is that of one draw after another.
    _, _, log = make(N, n_candidates=3, n_slots=2, policy_strength=strength)
    probabilities = log.probabilities[:, :, 0]
    first = softmax(strength * np.log(probabilities / (1 - probabilities)), axis=1)
    for one, other in permutations(range(3), 2):
        expected = first[:, one] * first[:, other] / (1 - first[:, one])
        assert_share((log.shown == [one, other]).all(axis=1), expected)


def test_strong_policy_shows_the_best_items_in_order():
    _, _, log = make(policy_strength=1e6)
    best = np.argsort(-log.probabilities[:, :, 0], axis=1)[:, :5]
    assert_array_equal(log.shown, best)


# -- rankings -----------------------------------------------------------------------------------


def test_ranking_earns_what_users_do_on_average():
    _, y, log = make(N, position_decay=0.7)
    scores = np.zeros((N, 20))
    np.put_along_axis(scores, log.shown, np.arange(5, 0, -1)[None], axis=1)
    earned = simulate_ranking(scores, log)
    counts = np.nansum(y.reshape(N, 5, 2), axis=1)
    difference = counts - earned
    error = difference.std(axis=0) / np.sqrt(N)
    assert (np.abs(difference.mean(axis=0)) < 5 * error).all()


def test_earnings_are_the_sum_over_slots():
    _, _, log = make(2, n_candidates=3, n_slots=2)
    (engagement, satisfaction), decay = log.probabilities[1, [2, 0]].T, np.array([1, 1 / 2])
    earned = simulate_ranking([[0, 0, 0], [2, 1, 3]], log)[1]
    assert_allclose(earned, [(decay * engagement).sum(), (decay * engagement * satisfaction).sum()])


def test_no_ranking_engages_more_than_that_by_the_true_probabilities():
    _, _, log = make()
    best = simulate_ranking(log.probabilities[:, :, 0], log)[:, 0]
    others = np.random.default_rng(0).random((20, 50, 20))
    assert all((simulate_ranking(other, log)[:, 0] <= best).all() for other in others)
    # The slots of a request are drawn from the same candidates, by a policy that knows them too.
    in_log = np.take_along_axis(log.probabilities[:, :, 0], log.shown, axis=1) @ log.examination
    assert (in_log <= best + 1e-12).all()


# -- seeds and input ----------------------------------------------------------------------------


def test_seed_determines_everything():
    for one, other in zip(make(random_state=3)[:2], make(random_state=3)[:2], strict=True):
        assert_array_equal(one, other)
    assert (make(random_state=4)[0] != make(random_state=3)[0]).any()


def test_coef_gives_new_requests_for_the_same_tasks():
    X, _, log = make()
    X_new, _, new = make(random_state=1, coef=log.coef)
    assert_array_equal(new.coef, log.coef)
    assert_allclose(new.intercept, log.intercept)
    assert (X_new != X).any()


def test_simulation_is_returned_on_request_only():
    assert len(make_recommendation_log(3, random_state=0)) == 2


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_slots": 21}, "n_slots must be at most n_candidates=20, got 21"),
        ({"coef": np.ones((2, 3))}, r"coef must have shape .* = \(2, 20\), got \(2, 3\)"),
        ({"alpha": [1.0, 2.0]}, "alpha and beta must be one-dimensional and of equal length"),
        ({"engagement_rate": 1.0}, "'engagement_rate' parameter .* must be a float in the range"),
        ({"response_rate": 0.0}, "'response_rate' parameter .* must be a float in the range"),
        ({"n_user_features": 0, "n_item_features": 1}, "span 2 dimensions, got n_features=1"),
    ],
)
def test_bad_parameters_are_told(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_recommendation_log(3, **parameters)


@pytest.mark.parametrize("scores", [np.zeros((50, 5)), np.zeros((1000, 20))])
def test_there_must_be_a_score_for_each_candidate(scores):
    with pytest.raises(ValueError, match=r"one score for each candidate, got .* Pass predictions"):
        simulate_ranking(scores, make()[2])


def test_scores_must_be_finite():
    with pytest.raises(ValueError, match="scores contains NaN"):
        simulate_ranking(np.full((50, 20), np.nan), make()[2])
