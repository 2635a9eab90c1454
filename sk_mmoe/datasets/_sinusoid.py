"""The synthetic data of the MMoE paper: regression tasks of chosen relatedness."""

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
    r"""Generate regression tasks of chosen relatedness.

    These are the synthetic data of section 3.2 of [1]_. Task :math:`k` has a weight vector
    :math:`w_k`. With :math:`x \sim N(0, I)` and
    :math:`\varepsilon_k \sim N(0, \text{noise}^2)`, its label is

    .. math::
        y_k = w_k^\top x + \sum_{i=1}^m \sin(\alpha_i w_k^\top x + \beta_i) + \varepsilon_k .

    The cosine between two weight vectors measures how related the tasks are. For two tasks,

    .. math::
        w_1 = c\,u_1, \qquad w_2 = c\,(p\,u_1 + \sqrt{1 - p^2}\,u_2)

    where :math:`u_1, u_2` are orthogonal unit vectors, drawn uniformly, :math:`c` is the scale and
    :math:`p` the cosine. For more tasks, a triangular factor of the matrix of cosines is multiplied
    by orthonormal vectors.

    Read more in the :doc:`User Guide </user_guide/data>`.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples.
    n_features : int, default=100
        Number of features. It must be at least the rank of the matrix of cosines.
    n_tasks : int, default=2
        Number of tasks.
    correlation : float or array-like of shape (n_tasks, n_tasks), default=0.5
        The cosine between every two weight vectors, from ``-1 / (n_tasks - 1)`` to 1. A matrix
        gives the cosine of each pair; it must be symmetric and positive semi-definite with ones on
        its diagonal. The correlation of the labels is a different and smaller number (see Notes).
    scale : float, default=0.5
        The length of every weight vector. Larger values make the tasks harder, because the labels
        oscillate faster.
    alpha : array-like of shape (n_sines,), default=(13.25, 4.49, 6.18)
        The frequencies of the sines. An empty list gives linear tasks.
    beta : array-like of shape (n_sines,), default=(-1.37, 2.48, -1.37)
        The phases of the sines in radians.
    noise : float, default=0.1
        The standard deviation of the noise. It is independent for each label.
    coef : array-like of shape (n_tasks, n_features), default=None
        The weight vectors. Pass those of an earlier call to draw new samples of the same tasks.
        `correlation` and `scale` then have no effect.
    random_state : int, RandomState instance or None, default=None
        Determines the weight vectors, the samples and the noise. Pass an int for reproducible
        output.
    return_params : bool, default=False
        Whether to also return the parameters of the labels.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features), float64
        The features, independent and standard normal.
    y : ndarray of shape (n_samples, n_tasks), float64
        The labels.
    params : Bunch
        The weight vectors `coef` of shape (n_tasks, n_features), and `alpha`, `beta` and `noise`.
        Pass them to another call as keyword arguments. Only returned if `return_params` is True.

    Raises
    ------
    ValueError
        If a parameter is out of range, if `correlation` is not a matrix of cosines or needs more
        features than there are, or if shapes do not match.

    Notes
    -----
    The paper does not state the scale, the number of sines, the frequencies and the phases. The
    defaults were fitted to its figure 2. The correlation of the labels is known in closed form and
    within .002 of the values in that figure:

    ===============  =========================
    `correlation`    Correlation of the labels
    ===============  =========================
    0.5              .076
    0.9              .307
    1                .991 (because of noise)
    ===============  =========================

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
    alpha, beta = check_sines(alpha, beta)
    rng = check_random_state(random_state)
    if coef is None:
        weights = draw_weights(n_features, n_tasks, correlation, scale, rng)
    else:
        weights = check_array(coef, dtype=np.float64, input_name="coef", copy=True)
        if weights.shape != (n_tasks, n_features):
            raise ValueError(
                f"coef must have shape (n_tasks, n_features) = {(n_tasks, n_features)}, got "
                f"{weights.shape}. Pass n_tasks={len(weights)} and n_features={weights.shape[1]}."
            )

    X = rng.standard_normal((n_samples, n_features))
    y = sums_of_sines(X @ weights.T, alpha, beta)
    y += noise * rng.standard_normal(y.shape)
    if return_params:
        return X, y, Bunch(coef=weights, alpha=alpha, beta=beta, noise=noise)
    return X, y


def draw_weights(
    n_features: int, n_tasks: int, correlation: Any, scale: float, rng: np.random.RandomState
) -> np.ndarray:
    """Draw weight vectors of a length and of chosen cosines, of shape (n_tasks, n_features)."""
    factor = _factor(_check_cosines(correlation, n_tasks))
    if factor.shape[1] > n_features:
        raise ValueError(
            f"{n_tasks} weight vectors with these cosines span {factor.shape[1]} dimensions, "
            f"got n_features={n_features}. Increase n_features or make the tasks more alike."
        )
    return scale * factor @ _draw_frame(n_features, factor.shape[1], rng).T


def sums_of_sines(linear: np.ndarray, alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Return the inputs' products with the weight vectors plus the sines of them."""
    total = linear.copy()
    for frequency, phase in zip(alpha, beta, strict=True):
        total += np.sin(frequency * linear + phase)
    return total


def check_sines(alpha: Any, beta: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies and phases as vectors of equal length."""
    alpha, beta = (
        check_array(value, dtype=np.float64, ensure_2d=False, ensure_min_samples=0, input_name=name)
        for name, value in (("alpha", alpha), ("beta", beta))
    )
    if alpha.ndim != 1 or alpha.shape != beta.shape:
        raise ValueError(
            "alpha and beta must be one-dimensional and of equal length, one value per sine; got "
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
        raise ValueError("correlation must be symmetric, got a matrix that is not symmetric.")
    if not np.allclose(np.diag(cosines), 1, rtol=0, atol=1e-8):
        raise ValueError(
            f"correlation must have ones on its diagonal, got {np.diag(cosines).tolist()}."
        )
    return cosines


def _factor(cosines: np.ndarray) -> np.ndarray:
    """Return the lower trapezoidal L of shape (n_tasks, rank) with L L^T = cosines.

    For positive definite cosines this is the Cholesky factor. For two tasks it gives the weights of
    the paper. Eigenvalues are used because a Cholesky decomposition fails for semi-definite
    matrices, such as that of two tasks with cosine 1.
    """
    values, vectors = np.linalg.eigh(cosines)
    if values[0] < -1e-8:
        raise ValueError(
            "correlation must be positive semi-definite, otherwise no vectors have these cosines. "
            f"The smallest eigenvalue is {values[0]:.3g}. A single cosine for all pairs must be at "
            "least -1 / (n_tasks - 1)."
        )
    kept = values > len(values) * np.finfo(np.float64).eps * values[-1]
    # The QR decomposition turns the rows of V sqrt(Λ) so that they form a triangle.
    factor = np.linalg.qr((vectors[:, kept] * np.sqrt(values[kept])).T).R.T
    factor *= np.where(np.diag(factor) < 0, -1.0, 1.0)
    return factor / np.linalg.norm(factor, axis=1, keepdims=True)


def _draw_frame(n_features: int, n_vectors: int, rng: np.random.RandomState) -> np.ndarray:
    """Return uniformly distributed orthonormal vectors as the columns of an array."""
    frame, triangle = np.linalg.qr(rng.standard_normal((n_features, n_vectors)))
    # A positive diagonal makes the decomposition unique and the distribution uniform.
    return frame * np.where(np.diag(triangle) < 0, -1.0, 1.0)
