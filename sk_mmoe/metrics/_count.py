"""The metric of counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import d2_tweedie_score, mean_poisson_deviance


def d2_poisson_score(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Return D², the fraction of the Poisson deviance of counts that predictions explain.

    D² is to the Poisson deviance what R² is to the squared error: 1 is perfect, and the mean of
    `y_true` as a constant prediction scores 0.

    Read more in the :doc:`User Guide </user_guide/kinds>`.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        The counts, or rates with their exposure as `sample_weight`. They must not be negative.
    y_pred : array-like of shape (n_samples,)
        The expected counts, which must be positive.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples.

    Returns
    -------
    float
        The score. If all values of `y_true` are equal, it is 0 unless the prediction is perfect, as
        in :func:`sklearn.metrics.r2_score`.

    Raises
    ------
    ValueError
        If a count is negative or a prediction is not positive.

    See Also
    --------
    sklearn.metrics.d2_tweedie_score : The same for other deviances, with ``power=1`` for this one.

    References
    ----------
    Hastie, Tibshirani and Wainwright, "Statistical Learning with Sparsity", 2015, equation (3.11).

    Examples
    --------
    >>> from sk_mmoe.metrics import d2_poisson_score
    >>> d2_poisson_score([0, 1, 3], [0.5, 1.0, 2.5])
    0.745...
    """
    deviance = mean_poisson_deviance(y_true, y_pred, sample_weight=sample_weight)
    counts = np.asarray(y_true, dtype=np.float64)
    if len(counts) > 1 and counts.min() == counts.max():
        return float(deviance == 0)
    return float(d2_tweedie_score(y_true, y_pred, sample_weight=sample_weight, power=1))
