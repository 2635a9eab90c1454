"""Metrics of classes that have an order."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import cohen_kappa_score

from sk_mmoe.metrics._labels import find_codes


def quadratic_kappa_score(
    y_true: Any, y_pred: Any, *, labels: Any = None, sample_weight: Any = None
) -> float:
    """Return Cohen's kappa with quadratic weights: agreement of ordered classes beyond chance.

    Use it if errors between distant classes are worse than errors between neighbouring ones. A
    prediction two classes away from the truth counts four times as much as one that is one class
    away.

    Read more in the :doc:`User Guide </user_guide/kinds>`.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The true classes.
    y_pred : array-like of shape (n_samples,)
        The predicted classes.
    labels : array-like of shape (n_classes,), default=None
        All classes from the lowest to the highest. `None` sorts those that occur. Scorers of this
        package pass the classes of the task in their order.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples.

    Returns
    -------
    float
        The score: 1 is perfect, and predictions that are independent of the truth score 0.

    See Also
    --------
    ranked_probability_score : For probabilities.
    sklearn.metrics.cohen_kappa_score : With other weights.

    References
    ----------
    Cohen, "Weighted kappa: Nominal scale agreement with provision for scaled disagreement or
    partial credit", Psychological Bulletin, 1968.

    Examples
    --------
    >>> from sk_mmoe.metrics import quadratic_kappa_score
    >>> order = ["low", "middle", "high"]
    >>> truth = ["low", "middle", "high", "high"]
    >>> quadratic_kappa_score(truth, ["low", "middle", "middle", "high"], labels=order)
    0.8
    >>> quadratic_kappa_score(truth, ["low", "middle", "low", "high"], labels=order)
    0.38...
    """
    kappa = cohen_kappa_score(
        y_true, y_pred, labels=labels, weights="quadratic", sample_weight=sample_weight
    )
    return float(kappa)


def ranked_probability_score(
    y_true: Any, y_proba: Any, *, labels: Any = None, sample_weight: Any = None
) -> float:
    """Return the ranked probability score of ordered classes.

    It is the mean squared difference between the predicted cumulative probabilities and those of
    the truth, which jump from 0 to 1 at the true class. Probability on a neighbour of the true
    class costs less than probability on a distant class. With two classes this is the Brier score.

    Read more in the :doc:`User Guide </user_guide/kinds>`.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The true classes.
    y_proba : array-like of shape (n_samples, n_classes)
        The predicted probabilities, with the classes from the lowest to the highest.
    labels : array-like of shape (n_classes,), default=None
        The classes of the columns of `y_proba`. `None` sorts those that occur in `y_true`. Scorers
        of this package pass the classes of the task in their order.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples.

    Returns
    -------
    float
        The score, from 0 (perfect) to 1: lower is better. The scorer
        "neg_ranked_probability_score" is minus this.

    Raises
    ------
    ValueError
        If a label is not among the classes, or there is no column for each class.

    See Also
    --------
    quadratic_kappa_score : For predicted classes.
    sklearn.metrics.brier_score_loss : For classes without an order.

    References
    ----------
    Epstein, "A Scoring System for Probability Forecasts of Ranked Categories", Journal of Applied
    Meteorology, 1969.

    Examples
    --------
    >>> from sk_mmoe.metrics import ranked_probability_score
    >>> order = ["low", "middle", "high"]
    >>> ranked_probability_score(["low", "high"], [[1, 0, 0], [0, 1, 0]], labels=order)
    0.25
    >>> ranked_probability_score(["low", "high"], [[1, 0, 0], [1, 0, 0]], labels=order)
    0.5
    """
    truth = np.asarray(y_true)
    classes = np.unique(truth) if labels is None else np.asarray(labels)
    proba = np.asarray(y_proba, dtype=np.float64)
    if proba.shape != (len(truth), len(classes)):
        raise ValueError(
            "y_proba must have one row for each label and one column for each class, shape "
            f"{(len(truth), len(classes))}, got {proba.shape}. Pass all classes as labels."
        )
    codes = find_codes(classes, truth)
    if (codes < 0).any():
        unknown = list(dict.fromkeys(truth[codes < 0].tolist()))
        raise ValueError(
            f"y_true has {unknown}, which are not among the labels {classes.tolist()}."
        )
    jumps = codes[:, None] <= np.arange(len(classes) - 1)
    distances = np.square(proba.cumsum(axis=1)[:, :-1] - jumps).mean(axis=1)
    return float(np.average(distances, weights=sample_weight))
