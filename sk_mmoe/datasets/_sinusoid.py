"""Regression tasks whose relatedness is a parameter: the synthetic data of the paper."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch, check_array, check_random_state
from sklearn.utils._param_validation import Interval, validate_params


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_features": [Interval(Integral, 1, None, closed="left")],
        "n_tasks": [Interval(Integral, 1, None, closed="left")],
        "correlation": [Interval(Real, -1, 1, closed="both"), "array-like"],
        "scale": [Interval(Real, 0, np.inf, closed="neither")],
        "alpha": ["array-like"],
        "beta": ["array-like"],
        "noise": [Interval(Real, 0, np.inf, closed="left")],
        "coef": ["array-like", None],
        "random_state": ["random_state"],
        "return_params": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def make_multitask_sinusoid(
    n_samples: int = 1000,
    n_features: int = 100,
    *,
    n_tasks: int = 2,
    correlation: float | ArrayLike = 0.5,
    scale: float = 0.5,
    alpha: Sequence[float] | np.ndarray = (13.25, 4.49, 6.18),
    beta: Sequence[float] | np.ndarray = (-1.37, 2.48, -1.37),
    noise: float = 0.1,
    coef: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
    return_params: bool = False,
) -> tuple[np.ndarray, np.ndarray] | tuple[np.ndarray, np.ndarray, Bunch]:
    r"""Make regression tasks that are related as strongly as one likes.

    The synthetic data of section 3.2 of [1]_. Task :math:`k` has a weight vector :math:`w_k` and,
    with :math:`x \sim N(0, I)` and :math:`\varepsilon_k \sim N(0, \text{noise}^2)`,

    .. math::
        y_k = w_k^\top x + \sum_{i=1}^m \sin(\alpha_i w_k^\top x + \beta_i) + \varepsilon_k .

    The cosine of two weight vectors says how related their tasks are. For two tasks,

    .. math::
        w_1 = c\,u_1, \qquad w_2 = c\,(p\,u_1 + \sqrt{1 - p^2}\,u_2)

    with orthogonal unit vectors :math:`u_1, u_2`, drawn uniformly, the scale :math:`c` and the
    cosine :math:`p`. More tasks use the same construction: a triangular factor of the matrix of
    cosines times orthonormal vectors.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.
    n_features : int, default=100
        Number of features, at least the rank of the matrix of cosines.
    n_tasks : int, default=2
        Number of tasks.
    correlation : float or array-like of shape (n_tasks, n_tasks), default=0.5
        The cosine of every pair of weight vectors, between ``-1 / (n_tasks - 1)`` and 1, or the
        matrix of all cosines: symmetric, positive semi-definite, with ones on its diagonal.
        The correlation of the labels is another, smaller number: see Notes.
    scale : float, default=0.5
        The length of every weight vector.
    alpha : array-like of shape (n_sines,), default=(13.25, 4.49, 6.18)
        The frequencies of the sines. None of them, an empty list, leaves linear tasks.
    beta : array-like of shape (n_sines,), default=(-1.37, 2.48, -1.37)
        The phases of the sines, in radians.
    noise : float, default=0.1
        The standard deviation of the noise, drawn for each label on its own.
    coef : array-like of shape (n_tasks, n_features), default=None
        The weight vectors, to draw new samples of the tasks of an earlier call. `correlation` and
        `scale` then have no effect.
    random_state : int, RandomState instance or None, default=None
        Seed of the weight vectors, the samples and the noise.
    return_params : bool, default=False
        Whether to return what made the labels, too.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features), float64
        The features, independent and standard normal.
    y : ndarray of shape (n_samples, n_tasks), float64
        The labels.
    params : Bunch
        The weight vectors `coef` of shape (n_tasks, n_features), `alpha`, `beta` and `noise`, ready
        to be passed to another call. Only returned if `return_params` is True.

    Raises
    ------
    ValueError
        If a parameter is out of its range, `correlation` is no matrix of cosines, it needs more
        features than there are, or shapes disagree.

    Notes
    -----
    The paper does not give the scale, the number of sines, the frequencies and the phases. The
    defaults were fitted to its figure 2: the closed-form correlation of the labels is within .002
    of what can be read off there. It is .076, .307 and .991 (for the noise) at ``correlation=0.5``,
    .9 and 1.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018.

    Examples
    --------
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> X, y, params = make_multitask_sinusoid(
    ...     500, 20, correlation=0.9, random_state=0, return_params=True
    ... )
    >>> X.shape, y.shape
    ((500, 20), (500, 2))

    New samples of the same tasks:

    >>> X_test, y_test = make_multitask_sinusoid(100, 20, random_state=1, **params)
    >>> y_test.shape
    (100, 2)
    """
    alpha, beta = _check_sines(alpha, beta)
    rng = check_random_state(random_state)
    if coef is None:
        factor = _factor(_check_cosines(correlation, n_tasks))
        if factor.shape[1] > n_features:
            raise ValueError(
                f"{n_tasks} weight vectors with these cosines span {factor.shape[1]} dimensions, "
                f"got n_features={n_features}. Raise n_features, or make the tasks more alike."
            )
        weights = scale * factor @ _draw_frame(n_features, factor.shape[1], rng).T
    else:
        weights = check_array(coef, dtype=np.float64, input_name="coef", copy=True)
        if weights.shape != (n_tasks, n_features):
            raise ValueError(
                f"coef must have shape (n_tasks, n_features) = {(n_tasks, n_features)}, got "
                f"{weights.shape}. Pass n_tasks={len(weights)} and n_features={weights.shape[1]}."
            )

    X = rng.standard_normal((n_samples, n_features))
    linear = X @ weights.T
    y = linear.copy()
    for frequency, phase in zip(alpha, beta, strict=True):
        y += np.sin(frequency * linear + phase)
    y += noise * rng.standard_normal(y.shape)
    if return_params:
        return X, y, Bunch(coef=weights, alpha=alpha, beta=beta, noise=noise)
    return X, y


def _check_sines(alpha: Any, beta: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies and phases as vectors of one length."""
    alpha, beta = (
        check_array(value, dtype=np.float64, ensure_2d=False, ensure_min_samples=0, input_name=name)
        for name, value in (("alpha", alpha), ("beta", beta))
    )
    if alpha.ndim != 1 or alpha.shape != beta.shape:
        raise ValueError(
            "alpha and beta must be one-dimensional and equally long, one value for each sine; got "
            f"shapes {alpha.shape} and {beta.shape}."
        )
    return alpha, beta


def _check_cosines(correlation: Any, n_tasks: int) -> np.ndarray:
    """Return the matrix of the cosines of all pairs of tasks."""
    if isinstance(correlation, Real):
        cosines = np.full((n_tasks, n_tasks), float(correlation))
        np.fill_diagonal(cosines, 1.0)
        return cosines
    cosines = check_array(correlation, dtype=np.float64, input_name="correlation")
    if cosines.shape != (n_tasks, n_tasks):
        raise ValueError(
            f"correlation must be a number or of shape (n_tasks, n_tasks) = {(n_tasks, n_tasks)}, "
            f"got {cosines.shape}."
        )
    if not np.allclose(cosines, cosines.T, rtol=0, atol=1e-8):
        raise ValueError("correlation must be symmetric, got a matrix that is not.")
    if not np.allclose(np.diag(cosines), 1, rtol=0, atol=1e-8):
        raise ValueError(
            f"correlation must have ones on its diagonal, got {np.diag(cosines).tolist()}."
        )
    return cosines


def _factor(cosines: np.ndarray) -> np.ndarray:
    """Return the lower trapezoidal L of shape (n_tasks, rank) with L L^T = cosines.

    For positive definite cosines this is the Cholesky factor, for two tasks the paper's weights.
    The eigenvalues also serve the semi-definite ones, such as those of two tasks with cosine 1.
    """
    values, vectors = np.linalg.eigh(cosines)
    if values[0] < -1e-8:
        raise ValueError(
            "correlation must be positive semi-definite, or no vectors have these cosines; got the "
            f"smallest eigenvalue {values[0]:.3g}. One cosine for all pairs of n_tasks tasks must "
            "not be below -1 / (n_tasks - 1)."
        )
    kept = values > len(values) * np.finfo(np.float64).eps * values[-1]
    # The QR decomposition turns the rows of V sqrt(Λ) so that they form a triangle.
    factor = np.linalg.qr((vectors[:, kept] * np.sqrt(values[kept])).T).R.T
    factor *= np.where(np.diag(factor) < 0, -1.0, 1.0)
    return factor / np.linalg.norm(factor, axis=1, keepdims=True)


def _draw_frame(n_features: int, n_vectors: int, rng: np.random.RandomState) -> np.ndarray:
    """Draw orthonormal vectors uniformly, as the columns of an array."""
    frame, triangle = np.linalg.qr(rng.standard_normal((n_features, n_vectors)))
    # With the signs of a positive diagonal, all frames are equally likely.
    return frame * np.where(np.diag(triangle) < 0, -1.0, 1.0)
