"""Search spaces: what users may pass, and what the estimator then gets."""

import numpy as np
import pytest
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from scipy import stats
from sklearn.linear_model import LinearRegression, Ridge

from sk_mmoe.model_selection._search_space import SearchSpace, all_candidates


def dimension(values):
    """Return Optuna's distribution and the estimator's value for what Optuna suggests."""
    space = SearchSpace({"p": values})
    return space.distributions["p"], lambda suggested: space.parameters({"p": suggested})["p"]


@pytest.mark.parametrize(
    ("frozen", "expected"),
    [
        (stats.uniform(2, 3), FloatDistribution(2.0, 5.0)),
        (stats.uniform(loc=-1, scale=1), FloatDistribution(-1.0, 0.0)),
        (stats.loguniform(1e-4, 1e-1), FloatDistribution(1e-4, 1e-1, log=True)),
        (stats.reciprocal(1, 100), FloatDistribution(1.0, 100.0, log=True)),
        (stats.loguniform(1e-4, 1e-1, scale=10), FloatDistribution(1e-3, 1.0, log=True)),
        (stats.randint(3, 9), IntDistribution(3, 8)),
        (stats.randint(3, 9, loc=1), IntDistribution(4, 9)),
    ],
)
def test_distributions_of_scipy_are_those_of_optuna(frozen, expected):
    found, value = dimension(frozen)
    assert found == expected
    assert value(found.high) == found.high


@pytest.mark.parametrize(
    "frozen",
    [
        stats.norm(3, 2),
        stats.expon(scale=0.1),
        stats.beta(2, 5),
        stats.loguniform(1e-2, 1, loc=5),
    ],
    ids=lambda frozen: frozen.dist.name,
)
def test_other_distributions_are_searched_by_their_quantiles(frozen):
    found, value = dimension(frozen)
    assert 0 <= found.low < found.high <= 1
    for quantile in (found.low, 0.3, found.high):
        assert np.isfinite(value(quantile))
        assert frozen.cdf(value(quantile)) == pytest.approx(quantile)


def test_quantiles_of_counts_are_whole_and_in_the_support():
    found, value = dimension(stats.binom(4, 0.5))
    values = [value(q) for q in np.linspace(found.low, found.high, 101)]
    assert {type(v) for v in values} == {int}
    assert sorted(set(values)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "distribution",
    [
        FloatDistribution(0.0, 1.0, step=0.25),
        IntDistribution(1, 64, log=True),
        CategoricalDistribution(["a", "b"]),
    ],
    ids=lambda distribution: type(distribution).__name__,
)
def test_distributions_of_optuna_are_taken_as_they_are(distribution):
    assert dimension(distribution)[0] == distribution


LISTS = {
    "numbers": [16, 32, 64],
    "strings": ["relu", "gelu"],
    "equal under ==": [1, True, 1.0],
    "nothing and NaN": [None, float("nan")],
    "repeated": ["a", "a", "b"],
    "tuples": [(64,), (64, 32), ()],
    "dicts": [{"a": 1}, {"a": 2}],
    "estimators": [Ridge(), LinearRegression()],
    "functions and classes": [np.mean, np.median, Ridge],
    "range": range(2, 5),
    "tuple": (0.1, 0.2),
}


@pytest.mark.parametrize("name", LISTS)
def test_choices_come_back_as_the_very_objects(name):
    values = list(LISTS[name])
    found, value = dimension(LISTS[name])
    assert len(found.choices) == len(values)
    assert [id(value(label)) for label in found.choices] == [id(v) for v in values]


@pytest.mark.parametrize("name", LISTS)
def test_choices_have_labels_that_any_storage_keeps(name):
    found, _ = dimension(LISTS[name])
    assert all(isinstance(label, str | int | float | bool | None) for label in found.choices)
    assert len(set(found.choices)) == len(found.choices)
    # Another process has other addresses.
    assert not any("0x" in str(label) for label in found.choices)


def test_simple_choices_are_their_own_labels():
    assert dimension([16, "x", None])[0].choices == (16, "x", None)


def test_arrays_give_numbers_of_python():
    found, value = dimension(np.array([1, 2]))
    assert {type(value(label)) for label in found.choices} == {int}
    _, value = dimension(np.logspace(-2, 0, 3))
    assert type(value(1.0)) is float


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (1.0, TypeError, r"'p' a list of values, .* Got 1.0. A single value .* \[value\]"),
        ("relu", TypeError, "Got 'relu'"),
        ({"a": 1}, TypeError, "a list of values"),
        ({1, 2}, TypeError, "a list of values"),
        (stats.uniform, TypeError, "a frozen distribution"),
        ([], ValueError, "'p' has an empty list"),
        (np.ones((2, 2)), ValueError, "'p' must be one-dimensional. Got an array of 2 dimensions"),
    ],
)
def test_what_is_no_search_space_is_refused_with_the_remedy(values, error, message):
    with pytest.raises(error, match=message):
        SearchSpace({"p": values})


def test_size_is_the_number_of_different_candidates():
    lists = {"a": [1, 2, 3], "b": IntDistribution(2, 8, step=2), "c": ["x"]}
    assert SearchSpace(lists).size == 12
    assert SearchSpace({}).size == 1
    assert SearchSpace({"f": FloatDistribution(0, 1, step=0.25)}).size == 5
    assert SearchSpace({"i": IntDistribution(1, 8, log=True)}).size == 8
    assert SearchSpace({**lists, "d": stats.uniform(0, 1)}).size == np.inf


def test_all_candidates_of_a_finite_space_are_found():
    space = SearchSpace({"a": [(1,), (2,)], "f": FloatDistribution(0, 1, step=0.25)})
    found = [space.parameters(c) for c in all_candidates(space.distributions)]
    assert found == [{"a": a, "f": f} for a in [(1,), (2,)] for f in [0, 0.25, 0.5, 0.75, 1]]
