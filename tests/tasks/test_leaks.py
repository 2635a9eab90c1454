"""Features that give a target away draw one warning."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.tasks._leaks import warn_of_leaks
from sk_mmoe.tasks._targets import read_targets

RNG = np.random.default_rng(0)
N = 400
CLICK = RNG.integers(0, 2, N)
LEVEL = RNG.choice(["low", "mid", "top"], N)
PRICE = RNG.normal(size=N)
Y = pd.DataFrame({"click": CLICK, "level": LEVEL, "price": PRICE})


def find_leaks(X, y=Y, kinds=("classification", "classification", "regression")):
    targets = read_targets(y, estimator_name="E")
    encoder = TaskEncoder.learn(targets, kinds=list(kinds))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_leaks(X, encoder, targets)
    assert len(caught) <= 1
    return str(caught[0].message) if caught else None


LEAKS = {
    "the number itself": (PRICE, "price"),
    "other units": (-32 - 1.8 * PRICE, "price"),
    "with noise": (PRICE + 0.005 * RNG.normal(size=N), "price"),
    "its logarithm": (np.exp(3 * PRICE), "price"),
    "with gaps": (np.where(np.arange(N) % 3, PRICE, np.nan), "price"),
    "with gaps in a nullable dtype": (
        pd.Series(PRICE, dtype="Float64").mask(np.arange(N) % 3 == 0),
        "price",
    ),
    "the class with gaps": (pd.Series(CLICK, dtype="Int64").mask(np.arange(N) % 3 == 0), "click"),
    "the binary class": (1 - CLICK, "click"),
    "the binary class as strings": (np.where(CLICK, "yes", "no"), "click"),
    "the binary class as booleans": (CLICK.astype(bool), "click"),
    "codes of classes": (pd.Series(LEVEL).map({"low": 7, "mid": 1, "top": 3}), "level"),
    "categories": (pd.Categorical(LEVEL), "level"),
    "categories of numbers": (pd.Categorical(CLICK), "click"),
}


@pytest.mark.parametrize(("column", "task"), LEAKS.values(), ids=LEAKS)
def test_a_feature_that_gives_a_target_away_is_named_with_its_task(column, task):
    X = pd.DataFrame({"age": RNG.normal(size=N), "leak": column})
    assert f"'leak' (task '{task}')" in find_leaks(X)
    assert "'age'" not in find_leaks(X)


INNOCENT = {
    "a good feature": PRICE + 0.1 * RNG.normal(size=N),
    "a number whose threshold is the class": np.where(CLICK, 1, -1) * RNG.uniform(0.1, 3, N),
    "a category for each row": [f"id{k}" for k in range(N)],
    "a number for each row": np.arange(N),
    "a constant": np.ones(N),
    "nothing known": np.full(N, np.nan),
    "a frequent category": np.where(CLICK | (np.arange(N) % 50 == 0), "yes", "no"),
    "a date": pd.date_range("2020", periods=N),
}


@pytest.mark.parametrize("column", INNOCENT.values(), ids=INNOCENT)
def test_a_feature_that_does_not_draws_no_warning(column):
    assert find_leaks(pd.DataFrame({"feature": column})) is None


def test_a_rare_class_is_not_given_away_by_the_absence_of_others():
    y = pd.DataFrame({"rare": np.arange(N) == 7})
    X = pd.DataFrame({"a": ["x"] * (N - 1) + ["y"]})
    assert find_leaks(X, y, ["classification"]) is None


def test_many_leaks_are_one_warning_that_shows_some():
    X = np.column_stack([PRICE * (k + 1) for k in range(8)])
    message = find_leaks(X)
    assert "0 (task 'price'), 1 (task 'price'), 2" in message
    assert "and 3 more" in message


def test_a_task_with_few_labels_is_not_looked_at():
    y = pd.DataFrame({"rare": np.where(np.arange(N) < 20, PRICE, np.nan)})
    assert find_leaks(PRICE[:, None], y, ["regression"]) is None


def test_few_rows_and_sparse_matrices_are_not_looked_at():
    assert find_leaks(PRICE[:20, None], Y[:20]) is None
    assert find_leaks(sparse.csr_array(PRICE[:, None])) is None


def test_counts_and_ordered_classes_are_looked_at():
    visits = RNG.poisson(3, N)
    y = pd.DataFrame({"visits": visits, "grade": visits // 4})
    X = pd.DataFrame({"double": 2.0 * visits, "grade_code": visits // 4})
    message = find_leaks(X, y, ["count", "ordinal"])
    assert "'double' (task 'visits')" in message
    assert "'grade_code' (task 'grade')" in message


def test_large_tables_are_judged_by_a_part_of_their_rows():
    y = RNG.normal(size=50_000)
    X = np.column_stack([y, RNG.normal(size=50_000)])
    assert "0 (task 'task0')" in find_leaks(X, y, ["regression"])
