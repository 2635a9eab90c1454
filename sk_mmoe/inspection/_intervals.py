"""Intervals of scores, and of differences between scores on the same rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

_FEWEST = 2  # of one number there is no spread


class Interval(NamedTuple):
    """An estimate with its interval; NaN where there are too few numbers for it."""

    estimate: float
    lower: float
    upper: float


def corrected_interval(
    differences: np.ndarray, test_over_train: float, confidence_level: float
) -> Interval:
    """Return the mean difference over the splits of a cross-validation, with its interval.

    The training sets of different splits overlap, so their differences are not independent and
    Student's usual interval is too narrow. The variance of the mean is therefore taken as
    ``(1 / n_splits + n_test / n_train) * var(differences)`` [1]_.

    Parameters
    ----------
    differences : ndarray of shape (n_splits,)
        The differences. Those that are NaN are left out.
    test_over_train : float
        The number of test rows of a split, divided by the number of training rows.
    confidence_level : float
        The confidence level.

    Returns
    -------
    Interval
        The mean and its interval.

    References
    ----------
    .. [1] Nadeau and Bengio. "Inference for the Generalization Error", Machine Learning, 2003,
       section 3 (the corrected resampled t-test).
    """
    known = differences[~np.isnan(differences)]
    if len(known) == 0:
        return Interval(np.nan, np.nan, np.nan)
    mean = float(known.mean())
    if len(known) < _FEWEST:
        return Interval(mean, np.nan, np.nan)
    deviation = np.sqrt((1 / len(known) + test_over_train) * known.var(ddof=1))
    half = float(student.ppf((1 + confidence_level) / 2, len(known) - 1) * deviation)
    return Interval(mean, mean - half, mean + half)


def bootstrap_interval(
    score: Callable[[np.ndarray], float],
    rows: np.ndarray,
    *,
    n_resamples: int,
    confidence_level: float,
    rng: np.random.Generator,
) -> Interval:
    """Return a score on some rows, with the percentile interval of its bootstrap over the rows.

    Parameters
    ----------
    score : callable
        Returns the score on rows, which it gets by index. A row may be there several times.
    rows : ndarray of shape (n_rows,), int
        The rows.
    n_resamples : int
        The number of resamples.
    confidence_level : float
        The confidence level.
    rng : Generator
        Draws the resamples.

    Returns
    -------
    Interval
        The score and its interval. Resamples whose score is NaN are left out.

    References
    ----------
    Efron and Tibshirani. "An Introduction to the Bootstrap", 1993, section 13.3.
    """
    scores = np.array(
        [score(rng.choice(rows, size=len(rows))) for _ in range(n_resamples if len(rows) else 0)]
    )
    estimate, known = score(rows), scores[~np.isnan(scores)]
    if len(known) < _FEWEST:
        return Interval(estimate, np.nan, np.nan)
    tail = (1 - confidence_level) / 2
    lower, upper = np.quantile(known, [tail, 1 - tail])
    return Interval(estimate, float(lower), float(upper))
