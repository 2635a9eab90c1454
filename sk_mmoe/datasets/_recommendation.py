"""A simulated recommender: a log of what users did, and what another ranking would earn."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.utils import Bunch, check_array, check_random_state
from sklearn.utils._param_validation import Interval, validate_params

from sk_mmoe.datasets._sinusoid import check_sines, draw_weights, sums_of_sines

_OPEN_SHARE = Interval(Real, 0, 1, closed="neither")
# A standard normal variable on a grid: the trapezoidal rule is exact to rounding for smooth means.
_GRID = np.linspace(-9.0, 9.0, 20_001)
_SHARES = np.exp(-(_GRID**2) / 2) / np.exp(-(_GRID**2) / 2).sum()


@validate_params(
    {
        "n_requests": [Interval(Integral, 1, None, closed="left")],
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
        "n_slots": [Interval(Integral, 1, None, closed="left")],
        "n_user_features": [Interval(Integral, 0, None, closed="left")],
        "n_item_features": [Interval(Integral, 1, None, closed="left")],
        "correlation": [Interval(Real, -1, 1, closed="both")],
        "scale": [Interval(Real, 0, None, closed="neither")],
        "alpha": ["array-like"],
        "beta": ["array-like"],
        "engagement_rate": [_OPEN_SHARE],
        "satisfaction_rate": [_OPEN_SHARE],
        "position_decay": [Interval(Real, 0, None, closed="left")],
        "policy_strength": [Interval(Real, 0, None, closed="left")],
        "response_rate": [Interval(Real, 0, 1, closed="right")],
        "coef": ["array-like", None],
        "random_state": ["random_state"],
        "return_simulation": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def make_recommendation_log(
    n_requests: int = 1000,
    *,
    n_candidates: int = 20,
    n_slots: int = 5,
    n_user_features: int = 10,
    n_item_features: int = 10,
    correlation: float = 0.5,
    scale: float = 1.0,
    alpha: Sequence[float] | np.ndarray = (2.0,),
    beta: Sequence[float] | np.ndarray = (0.0,),
    engagement_rate: float = 0.3,
    satisfaction_rate: float = 0.3,
    position_decay: float = 1.0,
    policy_strength: float = 1.0,
    response_rate: float = 1.0,
    coef: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
    return_simulation: bool = False,
) -> tuple[np.ndarray, np.ndarray] | tuple[np.ndarray, np.ndarray, Bunch]:
    r"""Generate the log of a recommender whose users are known.

    In each request a user can be shown `n_candidates` items. A logging policy shows some of them
    in `n_slots` slots. The log has a row for each item shown. Users engage with an item, such as by
    a click, and may then be satisfied by it. Both probabilities are known, so that
    :func:`simulate_ranking` can tell what any other ranking of the candidates would have earned.
    The live experiments of recommenders with several tasks [1]_ can be imitated in this way.

    Let :math:`x` be the features of user and item, all of them independent and standard normal. The
    tasks, :math:`k = 1` for engagement and :math:`k = 2` for satisfaction, have weight vectors
    :math:`w_k` of length `scale`, whose cosine is `correlation`, as in
    :func:`make_multitask_sinusoid`. Their probabilities are

    .. math::
        p_k(x) = \sigma\Bigl(b_k + w_k^\top x + \sum_i \sin(\alpha_i w_k^\top x + \beta_i)\Bigr) .

    A request is then simulated as follows:

    1. The policy draws items one after the other, for the slots from the top. The chance of an
       item among those left is proportional to
       :math:`\exp(\text{strength} \cdot \operatorname{logit} p_1(x))`.
    2. The user looks at slot :math:`j = 0, 1, \dots` with probability
       :math:`(1 + j)^{-\text{decay}}`, and engages with an item that is seen with probability
       :math:`p_1(x)`.
    3. After an engagement the user is satisfied with probability :math:`p_2(x)`. It is known for a
       part of the engagements only, the `response_rate`.

    Read more in the :doc:`User Guide </user_guide/data>`.

    Parameters
    ----------
    n_requests : int, default=1000
        Number of requests. The log has ``n_requests * n_slots`` rows.
    n_candidates : int, default=20
        Number of items that could be shown in a request.
    n_slots : int, default=5
        Number of items that are shown, at most `n_candidates`.
    n_user_features : int, default=10
        Number of features of the user, which all candidates of a request have in common.
    n_item_features : int, default=10
        Number of features of an item.
    correlation : float, default=0.5
        The cosine between the weight vectors of both tasks, from -1 to 1: how related they are.
    scale : float, default=1.0
        The length of both weight vectors. Larger values make labels less random, and the
        probabilities harder to learn.
    alpha : array-like of shape (n_sines,), default=(2.0,)
        The frequencies of the sines. An empty list gives logistic models.
    beta : array-like of shape (n_sines,), default=(0.0,)
        The phases of the sines in radians.
    engagement_rate : float, default=0.3
        The mean of the probability of engagement :math:`p_1` over all users and items, in (0, 1).
        It determines :math:`b_1`.
    satisfaction_rate : float, default=0.3
        The mean of the probability of satisfaction :math:`p_2` over all users and items, in (0, 1).
        It determines :math:`b_2`.
    position_decay : float, default=1.0
        How fast attention declines from slot to slot. With 0 users look at all slots.
    policy_strength : float, default=1.0
        How closely the logging policy follows the true probability of engagement. With 0 it shows
        random items. A strong policy hides items that it does not favour from those who learn from
        its log.
    response_rate : float, default=1.0
        The part of the engagements for which it is known whether the user was satisfied, in (0, 1].
        Lower it to make the labels of satisfaction sparse.
    coef : array-like of shape (2, n_user_features + n_item_features), default=None
        The weight vectors. Pass those of an earlier call, with otherwise the same parameters, to
        draw new requests for the same tasks. `correlation` and `scale` then have no effect.
    random_state : int, RandomState instance or None, default=None
        Determines the weight vectors, the requests and what users do. Pass an int for reproducible
        output.
    return_simulation : bool, default=False
        Whether to also return what is needed to simulate another ranking.

    Returns
    -------
    X : ndarray of shape (n_requests * n_slots, n_user_features + n_item_features + 1), float64
        The features of user and item, and in the last column the slot, from 0. The slots of a
        request follow each other.
    y : ndarray of shape (n_requests * n_slots, 2), float64
        Whether the user engaged, and whether the user was satisfied. The second is NaN where there
        was no engagement or no answer.
    simulation : Bunch
        Only returned if `return_simulation` is True. Its entries are:

        - `candidates`, of shape (n_requests, n_candidates, n_user_features + n_item_features): the
          features of all candidates.
        - `probabilities`, of shape (n_requests, n_candidates, 2): the probability of engagement for
          an item that is seen, and the probability of satisfaction after an engagement.
        - `examination`, of shape (n_slots,): the probability that a user looks at a slot.
        - `shown`, of shape (n_requests, n_slots): the index of the candidate in each slot of the
          log.
        - `coef`, of shape (2, n_user_features + n_item_features): the weight vectors.
        - `intercept`, of shape (2,): the numbers :math:`b_k`.

    Raises
    ------
    ValueError
        If a parameter is out of range, there are more slots than candidates, or shapes do not
        match.

    See Also
    --------
    simulate_ranking : What a ranking of the candidates earns.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 6.4.

    Examples
    --------
    >>> from sk_mmoe.datasets import make_recommendation_log, simulate_ranking
    >>> X, y, simulation = make_recommendation_log(
    ...     1000, response_rate=0.2, random_state=0, return_simulation=True
    ... )
    >>> X.shape, y.shape
    ((5000, 21), (5000, 2))

    What the best ranking by engagement earns in a request, in engagements and in satisfied users:

    >>> best = simulation.probabilities[:, :, 0]
    >>> simulate_ranking(best, simulation).mean(axis=0).round(2)
    array([1.29, 0.52])
    """
    if n_slots > n_candidates:
        raise ValueError(
            f"n_slots must be at most n_candidates={n_candidates}, got {n_slots}. Show fewer items "
            "or raise n_candidates."
        )
    alpha, beta = check_sines(alpha, beta)
    rng = check_random_state(random_state)
    n_features = n_user_features + n_item_features
    weights = _weights(coef, n_features, correlation, scale, rng)
    rates = engagement_rate, satisfaction_rate
    intercept = np.array(
        [
            _intercept(rate, np.linalg.norm(vector), alpha, beta)
            for rate, vector in zip(rates, weights, strict=True)
        ]
    )

    of_user = rng.standard_normal((n_requests, 1, n_user_features))
    of_items = rng.standard_normal((n_requests, n_candidates, n_item_features))
    of_users = np.broadcast_to(of_user, (n_requests, n_candidates, n_user_features))
    candidates = np.concatenate([of_users, of_items], axis=2)
    logits = intercept + sums_of_sines(candidates @ weights.T, alpha, beta)
    probabilities = expit(logits)

    # Gumbel noise on the logits draws without replacement, each time in proportion to their exp.
    noisy = policy_strength * logits[:, :, 0] + rng.gumbel(size=(n_requests, n_candidates))
    shown = np.argsort(-noisy, axis=1)[:, :n_slots]
    examination = (1.0 + np.arange(n_slots)) ** -position_decay
    chances = np.take_along_axis(probabilities, shown[:, :, None], axis=1)
    engaged = rng.random((n_requests, n_slots)) < examination * chances[:, :, 0]
    satisfied = rng.random((n_requests, n_slots)) < chances[:, :, 1]
    answered = engaged & (rng.random((n_requests, n_slots)) < response_rate)

    slots = np.broadcast_to(np.arange(n_slots, dtype=float)[:, None], (n_requests, n_slots, 1))
    features = np.take_along_axis(candidates, shown[:, :, None], axis=1)
    X = np.concatenate([features, slots], axis=2).reshape(n_requests * n_slots, -1)
    y = np.stack([engaged, np.where(answered, satisfied, np.nan)], axis=2).reshape(-1, 2)
    if not return_simulation:
        return X, y
    simulation = Bunch(
        candidates=candidates,
        probabilities=probabilities,
        examination=examination,
        shown=shown,
        coef=weights,
        intercept=intercept,
    )
    return X, y, simulation


def simulate_ranking(scores: ArrayLike, simulation: Bunch) -> np.ndarray:
    """Return what a ranking of simulated candidates earns.

    The candidates of each request with the highest scores are shown, the highest in the top slot.
    The result is an expectation and has no noise of its own. To compare it with the logging policy,
    give the candidates that were shown the highest scores.

    Parameters
    ----------
    scores : array-like of shape (n_requests, n_candidates)
        The scores. Of equal scores the first candidate ranks first.
    simulation : Bunch
        The simulation that :func:`make_recommendation_log` returned with `return_simulation`.

    Returns
    -------
    ndarray of shape (n_requests, 2)
        The expected numbers of engagements and of satisfied users in each request.

    Raises
    ------
    ValueError
        If there is not one finite score for each candidate.

    See Also
    --------
    make_recommendation_log : The simulation.

    Examples
    --------
    >>> from sk_mmoe.datasets import make_recommendation_log, simulate_ranking
    >>> _, _, simulation = make_recommendation_log(random_state=0, return_simulation=True)
    >>> engagement, satisfaction = simulation.probabilities.transpose(2, 0, 1)
    >>> earned = simulate_ranking(engagement + 2 * engagement * satisfaction, simulation)
    >>> earned.mean(axis=0).round(2)
    array([1.25, 0.64])
    """
    scores = check_array(scores, dtype=np.float64, input_name="scores")
    expected = simulation.probabilities.shape[:2]
    if scores.shape != expected:
        raise ValueError(
            f"scores must have shape (n_requests, n_candidates) = {expected}, one score for each "
            f"candidate, got {scores.shape}. Pass predictions of simulation.candidates."
        )
    n_slots = len(simulation.examination)
    ranked = np.argsort(-scores, axis=1, kind="stable")[:, :n_slots]
    chances = np.take_along_axis(simulation.probabilities, ranked[:, :, None], axis=1)
    engaged = simulation.examination * chances[:, :, 0]
    return np.stack([engaged.sum(axis=1), (engaged * chances[:, :, 1]).sum(axis=1)], axis=1)


def _weights(
    coef: ArrayLike | None,
    n_features: int,
    correlation: float,
    scale: float,
    rng: np.random.RandomState,
) -> np.ndarray:
    """Return the weight vectors of both tasks, drawn or passed."""
    if coef is None:
        return draw_weights(n_features, 2, correlation, scale, rng)
    weights = check_array(coef, dtype=np.float64, input_name="coef", copy=True)
    if weights.shape != (2, n_features):
        raise ValueError(
            "coef must have shape (2, n_user_features + n_item_features) = "
            f"{(2, n_features)}, got {weights.shape}. Pass the coef of an earlier call with the "
            "same numbers of features."
        )
    return weights


def _intercept(rate: float, length: float, alpha: np.ndarray, beta: np.ndarray) -> float:
    """Return what to add to the logit so that its probability has a given mean.

    The product of normal features with a weight vector is normal, so that the mean is an integral
    over one variable.
    """
    logits = sums_of_sines(length * _GRID, alpha, beta)

    def excess(intercept: float) -> float:
        return float(_SHARES @ expit(intercept + logits)) - rate

    reach = 40.0 + np.abs(logits).max()
    return float(brentq(excess, -reach, reach))
