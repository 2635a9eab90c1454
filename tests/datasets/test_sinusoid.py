"""The synthetic tasks against section 3.2 of the paper."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sk_mmoe.datasets import make_multitask_sinusoid
from sk_mmoe.datasets._sinusoid import _factor

# The correlation of the labels by the cosine of the weights, read off figure 2.
FIGURE_2 = {
    0.4: 0.055,
    0.5: 0.075,
    0.6: 0.10,
    0.7: 0.135,
    0.8: 0.195,
    0.9: 0.305,
    0.95: 0.445,
    0.98: 0.66,
    1.0: 1.0,
}
THREE_TASKS = [[1.0, 0.8, -0.3], [0.8, 1.0, 0.0], [-0.3, 0.0, 1.0]]
TWO_ALIKE = [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]


def make(n_samples=5, n_features=6, **parameters):
    parameters.setdefault("random_state", 0)
    return make_multitask_sinusoid(n_samples, n_features, return_params=True, **parameters)


def label_covariance(p, params, scale):
    """Return the covariance of the two labels without noise, in closed form.

    s = w_1.x and t = w_2.x are jointly normal with variance c^2 and covariance p c^2, hence for
    all u, v

        E[exp(i (u s + v t))] = exp(-c^2 (u^2 + v^2 + 2 p u v) / 2).

    The imaginary part of its derivative by u at 0 is E[s sin(v t + b)] = p c^2 v exp(-c^2 v^2 / 2)
    cos b; products of sines are differences of cosines of sums.
    """
    a, b, variance = params.alpha, params.beta, scale**2
    damping = np.exp(-variance * a**2 / 2)
    with_line = (p * variance * a * damping * np.cos(b)).sum()
    sine_mean = (damping * np.sin(b)).sum()

    def cosine_mean(sign):
        """Return E[cos((a_i s + b_i) + sign (a_j t + b_j))] for all i, j."""
        power = a[:, None] ** 2 + a**2 + 2 * sign * p * a[:, None] * a
        return np.exp(-variance * power / 2) * np.cos(b[:, None] + sign * b)

    sines = (cosine_mean(-1) - cosine_mean(1)).sum() / 2
    return p * variance + 2 * with_line + sines - sine_mean**2


def label_correlation(p, params, scale=0.5):
    variance = label_covariance(1.0, params, scale) + params.noise**2
    return label_covariance(p, params, scale) / variance


@pytest.mark.parametrize("p", [-1, -0.7, 0, 0.5, 0.9, 1 - 1e-10, 1])
@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_weights_have_the_cosine_and_the_length(p, scale):
    weights = make(correlation=p, scale=scale)[2].coef
    lengths = np.linalg.norm(weights, axis=1)
    assert_allclose(lengths, scale, rtol=1e-14)
    assert_allclose(weights[0] @ weights[1] / scale**2, p, atol=1e-14)


@pytest.mark.parametrize("p", [-0.7, 0, 0.5, 0.999])
def test_two_tasks_are_the_papers_construction(p):
    weights = make(correlation=p, scale=2.0)[2].coef
    u1 = weights[0] / 2
    u2 = (weights[1] / 2 - p * u1) / math.sqrt(1 - p**2)
    assert_allclose([u1 @ u1, u2 @ u2, u1 @ u2], [1, 1, 0], atol=1e-12)


@pytest.mark.parametrize("cosines", [[[1, 0.6], [0.6, 1]], [[1, -0.9], [-0.9, 1]], THREE_TASKS])
def test_factor_is_that_of_cholesky(cosines):
    # Its signs are fixed, so that a seed gives the same tasks with any linear algebra library.
    assert_allclose(_factor(np.array(cosines)), np.linalg.cholesky(cosines), atol=1e-14)


@pytest.mark.parametrize("n_tasks", [1, 2, 3, 6])
@pytest.mark.parametrize("p", ["lowest", 0, 0.4, 1])
def test_one_cosine_holds_for_all_pairs(n_tasks, p):
    p = -1 / max(n_tasks - 1, 1) if p == "lowest" else p
    X, y, params = make(n_tasks=n_tasks, correlation=p, scale=1)
    expected = np.where(np.eye(n_tasks), 1, p)
    assert_allclose(params.coef @ params.coef.T, expected, atol=1e-14)
    assert X.shape == (5, 6)
    assert y.shape == (5, n_tasks)
    assert X.dtype == y.dtype == np.float64


@pytest.mark.parametrize("cosines", [THREE_TASKS, TWO_ALIKE, np.eye(3).tolist()])
def test_matrix_gives_all_cosines(cosines):
    weights = make(n_tasks=3, correlation=cosines, scale=1)[2].coef
    assert_allclose(weights @ weights.T, cosines, atol=1e-14)


@pytest.mark.parametrize(
    ("n_tasks", "correlation", "rank"),
    [(2, 0.5, 2), (2, 1, 1), (2, -1, 1), (4, 1, 1), (4, -1 / 3, 3), (3, TWO_ALIKE, 2)],
)
def test_rank_of_the_cosines_is_the_least_number_of_features(n_tasks, correlation, rank):
    parameters = {"n_tasks": n_tasks, "correlation": correlation, "random_state": 0}
    X, _ = make_multitask_sinusoid(5, rank, **parameters)
    assert X.shape == (5, rank)
    if rank > 1:
        with pytest.raises(ValueError, match=f"span {rank} dimensions, got n_features={rank - 1}"):
            make_multitask_sinusoid(5, rank - 1, **parameters)


def test_weights_are_uniform_on_the_sphere():
    draws = [
        make(1, 3, correlation=-0.2, scale=1, random_state=seed)[2].coef for seed in range(999)
    ]
    vectors = np.array(draws)
    # A coordinate of a uniform vector on the sphere in R^3 is uniform on [-1, 1].
    assert_allclose(vectors.mean(axis=0), 0, atol=4 / math.sqrt(3 * 999))
    second = np.einsum("nki,nkj->kij", vectors, vectors) / 999
    assert_allclose(second, np.broadcast_to(np.eye(3) / 3, (2, 3, 3)), atol=0.05)
    quartiles = np.quantile(vectors, [0.25, 0.5, 0.75], axis=0)
    assert_allclose(quartiles, np.array([-0.5, 0, 0.5])[:, None, None] * np.ones((2, 3)), atol=0.1)


def test_labels_follow_the_formula():
    X, y, params = make(n_samples=7, n_tasks=3, correlation=0.2, noise=0, alpha=(2, 5), beta=(1, 0))
    for n in range(7):
        for k in range(3):
            linear = sum(params.coef[k, j] * X[n, j] for j in range(6))
            sines = math.sin(2 * linear + 1) + math.sin(5 * linear)
            assert y[n, k] == pytest.approx(linear + sines, abs=1e-12)


def test_no_sines_leave_linear_tasks():
    X, y, params = make(alpha=[], beta=[], noise=0)
    assert_allclose(y, X @ params.coef.T, atol=1e-14)


def test_noise_is_a_standard_deviation_and_independent():
    _, clean, params = make(50_000, 3, noise=0)
    _, noisy, _ = make(50_000, 3, noise=0.1)
    error = noisy - clean
    assert_allclose(error.mean(axis=0), 0, atol=0.002)
    assert_allclose(error.var(axis=0), 0.01, rtol=0.03)
    assert abs(np.corrcoef(error.T)[0, 1]) < 0.02
    assert abs(np.corrcoef(error[:, 0], clean[:, 0])[0, 1]) < 0.02
    assert params.noise == 0


def test_default_noise_has_the_papers_variance():
    assert make()[2].noise ** 2 == pytest.approx(0.01)


def test_features_are_independent_and_standard_normal():
    X, _, _ = make(50_000, 4)
    assert_allclose(X.mean(axis=0), 0, atol=0.02)
    assert_allclose(np.cov(X.T), np.eye(4), atol=0.03)
    assert_allclose((X**4).mean(axis=0), 3, atol=0.2)


@pytest.mark.parametrize("p", [-1.0, -0.5, *FIGURE_2])
def test_label_correlation_has_its_closed_form(p):
    _, y, params = make(200_000, 2, correlation=p)
    assert_allclose(np.corrcoef(y.T)[0, 1], label_correlation(p, params), atol=0.008)
    variance = label_covariance(1.0, params, 0.5) + 0.01
    assert_allclose(y.var(axis=0), variance, rtol=0.02)


@pytest.mark.parametrize(("p", "reading"), FIGURE_2.items())
def test_label_correlation_is_that_of_figure_2(p, reading):
    params = make()[2]
    assert label_correlation(p, params) == pytest.approx(reading, abs=0.01)
    if p < 1:
        assert label_correlation(p, params) == pytest.approx(reading, abs=0.0025)


def test_seed_decides():
    first, again, other = (make(random_state=seed) for seed in (3, 3, 4))
    for a, b, c in zip(first[:2], again[:2], other[:2], strict=True):
        assert_array_equal(a, b)
        assert not np.allclose(a, c)
    assert_array_equal(first[2].coef, again[2].coef)
    assert not np.allclose(first[2].coef, other[2].coef)


def test_generator_gives_new_samples_each_time():
    rng = np.random.RandomState(0)
    assert not np.allclose(make(random_state=rng)[0], make(random_state=rng)[0])


def test_params_draw_new_samples_of_the_same_tasks():
    X, y, params = make(n_tasks=3, correlation=0.9, scale=2, alpha=(3.0,), beta=(1.0,), noise=0)
    X_new, y_new, params_new = make(n_tasks=3, random_state=1, **params)
    assert not np.allclose(X, X_new)
    for features, labels in ((X, y), (X_new, y_new)):
        linear = features @ params.coef.T
        assert_allclose(labels, linear + np.sin(3 * linear + 1), atol=1e-12)
    assert_array_equal(params_new.coef, params.coef)
    assert params_new.coef is not params.coef


def test_params_come_only_on_demand():
    assert len(make_multitask_sinusoid(3, 2, random_state=0)) == 2


def test_defaults_are_the_papers_size():
    X, y = make_multitask_sinusoid(random_state=0)
    assert X.shape == (1000, 100)
    assert y.shape == (1000, 2)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_samples": 0}, "n_samples"),
        ({"n_features": 2.5}, "n_features"),
        ({"n_tasks": 0}, "n_tasks"),
        ({"correlation": 1.1}, "correlation"),
        ({"correlation": math.nan}, "correlation"),
        ({"correlation": -0.6, "n_tasks": 3}, "positive semi-definite.*-0.2"),
        ({"correlation": np.eye(3)}, r"correlation.*\(2, 2\), got \(3, 3\)"),
        ({"correlation": [[1, 0.5], [0.4, 1]]}, "symmetric"),
        ({"correlation": [[4, 1], [1, 4]]}, r"ones on its diagonal, got \[4.0, 4.0\]"),
        ({"correlation": [[1, 2], [2, 1]]}, "positive semi-definite"),
        ({"correlation": [[1, math.nan], [math.nan, 1]]}, "correlation contains NaN"),
        ({"scale": 0}, "scale"),
        ({"scale": math.inf}, "scale"),
        ({"alpha": 1.0}, "alpha"),
        ({"alpha": [1.0]}, r"of equal length.*\(1,\) and \(3,\)"),
        ({"alpha": [[1.0]], "beta": [[1.0]]}, "one-dimensional"),
        ({"beta": [0, math.inf, 0]}, "beta contains infinity"),
        ({"noise": -0.1}, "noise"),
        ({"noise": math.inf}, "noise"),
        ({"coef": np.ones((3, 7))}, r"got \(3, 7\). Pass n_tasks=3 and n_features=7"),
        ({"coef": np.full((2, 6), math.nan)}, "coef contains NaN"),
        ({"random_state": "seed"}, "random_state"),
        ({"return_params": "yes"}, "return_params"),
    ],
)
def test_bad_parameters_raise(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_multitask_sinusoid(**{"n_samples": 5, "n_features": 6, **parameters})
