"""Splits that are alike in all tasks: proportions, sizes, chances, forms of y, uses."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    cross_validate,
    train_test_split,
)
from sklearn.tree import DecisionTreeClassifier

from sk_mmoe.model_selection import (
    MultiOutputStratifiedKFold,
    MultiOutputStratifiedShuffleSplit,
)


def fold_of_rows(splitter, y):
    """Return the number of the fold in which each row is tested, checking that there is one."""
    folds = np.full(len(y), -1)
    for number, (train, test) in enumerate(splitter.split(np.zeros(len(y)), y)):
        assert (folds[test] == -1).all()
        folds[test] = number
        np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(len(y)))
    assert (folds >= 0).all()
    return folds


def spread_of_counts(column, folds):
    """Return, for the worst level of a column, the largest minus the smallest count of a fold."""
    counts = pd.crosstab(pd.Series(column).astype(object).fillna("missing"), folds)
    return (counts.max(axis=1) - counts.min(axis=1)).max()


def binary_tasks(n_samples, proportions, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.random((n_samples, len(proportions))) < proportions).astype(int)


tables = st.tuples(st.integers(2, 60), st.integers(1, 5)).flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.integers(0, 3))
)


@settings(deadline=None, max_examples=60)
@given(y=tables, n_splits=st.integers(2, 7), seed=st.none() | st.integers(0, 100))
def test_folds_partition_rows_and_share_the_first_task_exactly(y, n_splits, seed):
    n_splits = min(n_splits, len(y))
    splitter = MultiOutputStratifiedKFold(n_splits, shuffle=seed is not None, random_state=seed)
    folds = fold_of_rows(splitter, y)
    assert np.ptp(np.bincount(folds, minlength=n_splits)) <= 1
    assert spread_of_counts(y[:, 0], folds) <= 1


@settings(deadline=None, max_examples=60)
@given(y=tables, test_size=st.floats(0.05, 0.95), seed=st.integers(0, 100))
def test_shuffled_parts_have_their_sizes_and_share_of_the_first_task(y, test_size, seed):
    n_test = int(np.ceil(test_size * len(y)))
    if n_test == len(y):
        n_test = len(y) - 1
    splitter = MultiOutputStratifiedShuffleSplit(3, test_size=n_test, random_state=seed)
    for train, test in splitter.split(y, y):
        assert len(test) == n_test
        np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(len(y)))
        counts = np.bincount(y[:, 0])
        # At most one row off in the rows to be dealt out, and one in the deal.
        assert (
            np.abs(np.bincount(y[test, 0], minlength=len(counts)) - counts * n_test / len(y)) < 2
        ).all()


@pytest.mark.parametrize("seed", range(3))
def test_all_of_a_few_tasks_are_shared_nearly_exactly(seed):
    y = np.random.default_rng(seed).integers(0, [2, 3, 4], size=(500, 3))
    folds = fold_of_rows(MultiOutputStratifiedKFold(5, shuffle=True, random_state=seed), y)
    assert max(spread_of_counts(column, folds) for column in y.T) <= 3


def test_combinations_of_labels_are_shared():
    y = binary_tasks(1000, [0.5, 0.1])
    folds = fold_of_rows(MultiOutputStratifiedKFold(5), y)
    assert spread_of_counts(2 * y[:, 0] + y[:, 1], folds) <= 2


@pytest.mark.parametrize(
    "proportions",
    [[0.5] * 16, [0.05] * 16, np.linspace(0.01, 0.5, 40)],
    ids=["even", "rare", "many"],
)
def test_many_tasks_are_far_more_alike_than_in_other_splitters(proportions):
    y = binary_tasks(2000, proportions)
    rows = {"shuffle": True, "random_state": 0}

    def mean_spread(folds):
        return np.mean([spread_of_counts(column, folds) for column in y.T])

    ours = mean_spread(fold_of_rows(MultiOutputStratifiedKFold(**rows), y))
    at_random = mean_spread(fold_of_rows(KFold(**rows), y))
    by_first = [np.full(len(y), -1)]
    for number, (_, test) in enumerate(StratifiedKFold(**rows).split(y, y[:, 0])):
        by_first[0][test] = number
    assert ours < 0.2 * at_random
    assert ours < 0.2 * mean_spread(by_first[0])


def test_every_row_is_tested_equally_often():
    # Rows with rare combinations of labels are the ones a greedy choice would prefer or avoid.
    y = binary_tasks(120, [0.3] * 8)
    n_splits = 1000
    tested = np.zeros(len(y))
    splitter = MultiOutputStratifiedShuffleSplit(n_splits, test_size=0.15, random_state=0)
    for _, test in splitter.split(y, y):
        tested[test] += 1
    deviation = np.sqrt(n_splits * 0.15 * 0.85)
    assert np.abs(tested - n_splits * 0.15).max() < 4.5 * deviation


def test_splits_vary_as_much_as_at_random_though_most_rows_are_unique():
    y = binary_tasks(400, [0.3] * 12)
    tests = np.zeros((50, 400))
    splitter = MultiOutputStratifiedShuffleSplit(50, test_size=0.25, random_state=0)
    for number, (_, test) in enumerate(splitter.split(y, y)):
        tests[number, test] = 1
    overlaps = (tests @ tests.T)[np.triu_indices(50, k=1)] / 100
    # The overlap of parts drawn at random is hypergeometric.
    deviation = np.sqrt(0.25 * 0.75 * 300 / 399 / 100)
    assert abs(overlaps.mean() - 0.25) < 0.02
    assert overlaps.std() < 1.3 * deviation


def test_train_size_leaves_rows_out_and_both_parts_are_alike():
    y = binary_tasks(1000, [0.5, 0.2, 0.1])
    splitter = MultiOutputStratifiedShuffleSplit(1, train_size=300, test_size=100, random_state=0)
    train, test = next(splitter.split(y, y))
    assert (len(train), len(test), len(np.intersect1d(train, test))) == (300, 100, 0)
    assert np.abs(y[train].sum(axis=0) - 300 * y.mean(axis=0)).max() < 3
    assert np.abs(y[test].sum(axis=0) - 100 * y.mean(axis=0)).max() < 3


def test_numbers_are_shared_by_quantiles():
    rng = np.random.default_rng(0)
    y = np.exp(rng.normal(size=(1000, 2)) @ [[1, 0.5], [0, 1]])
    y[rng.random(y.shape) < 0.1] = np.nan
    folds = fold_of_rows(MultiOutputStratifiedKFold(5, shuffle=True, random_state=0), y)
    for column in y.T:
        quarters = pd.qcut(column, 4, labels=False)
        assert spread_of_counts(quarters, folds) <= 6
        assert spread_of_counts(np.isnan(column), folds) <= 2


def test_counts_with_few_rows_each_are_numbers_and_leave_room_for_other_tasks():
    rng = np.random.default_rng(0)
    y = np.column_stack([rng.permutation(1000), rng.random((1000, 3)) < 0.3]).astype(int)
    folds = fold_of_rows(MultiOutputStratifiedKFold(5), y)
    assert spread_of_counts(y[:, 0] // 250, folds) <= 4
    assert max(spread_of_counts(column, folds) for column in y.T[1:]) <= 3


def test_many_whole_classes_are_classes():
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(50), 10))
    assert spread_of_counts(y, fold_of_rows(MultiOutputStratifiedKFold(5), y)) == 0


def test_infinite_numbers_are_binned():
    y = np.append(np.random.default_rng(0).normal(size=98), [-np.inf, np.inf])
    folds = fold_of_rows(MultiOutputStratifiedKFold(2), y)
    assert spread_of_counts(y > 0, folds) <= 4


def test_rare_classes_are_no_error_and_go_to_different_folds():
    y = np.zeros((100, 2), dtype=int)
    y[[3, 50, 97], 1] = 1
    y[20, 0] = 2
    folds = fold_of_rows(MultiOutputStratifiedKFold(5), y)
    assert len(set(folds[[3, 50, 97]])) == 3


FORMS = {
    "1-d": lambda y: y["a"].to_numpy(),
    "list": lambda y: y["a"].tolist(),
    "Series": lambda y: y["a"],
    "one column": lambda y: y[["a"]],
    "array": lambda y: y[["a", "n"]].to_numpy(),
    "objects": lambda y: y.to_numpy(dtype=object),
    "DataFrame": lambda y: y.set_index(np.arange(1000, 1000 + len(y))),
    "categorical": lambda y: y.astype({"s": "category"}),
    "nullable": lambda y: y.convert_dtypes(),
    "bool": lambda y: y[["a", "b"]].astype(bool),
    "float codes": lambda y: y[["a", "n"]].astype(float).to_numpy(),
}


@pytest.fixture
def mixed():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "a": (rng.random(200) < 0.3).astype(int),
            "b": rng.random(200) < 0.5,
            "n": rng.integers(0, 3, 200),
            "s": rng.choice(["x", "y", "z"], 200),
            "v": rng.normal(size=200),
        }
    )


@pytest.mark.parametrize("form", FORMS)
def test_any_form_of_y_is_split(mixed, form):
    y = FORMS[form](mixed)
    folds = fold_of_rows(MultiOutputStratifiedKFold(4), y)
    assert spread_of_counts(mixed["a"], folds) <= 1
    for _, test in MultiOutputStratifiedShuffleSplit(2, test_size=0.25, random_state=0).split(y, y):
        assert abs(mixed["a"].to_numpy()[test].sum() - mixed["a"].sum() / 4) <= 1


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA])
def test_missing_labels_are_a_level_of_their_own(mixed, missing):
    y = mixed[["s", "n"]].astype(object)
    hidden = np.random.default_rng(1).random(y.shape) < 0.2
    y = y.mask(hidden, missing)
    folds = fold_of_rows(MultiOutputStratifiedKFold(4), y)
    assert spread_of_counts(hidden[:, 0], folds) <= 1
    assert spread_of_counts(y["s"], folds) <= 1
    assert spread_of_counts(hidden[:, 1], folds) <= 2


def test_a_column_without_labels_changes_nothing_for_the_others(mixed):
    y = mixed[["a", "n"]].assign(empty=np.nan)
    np.testing.assert_array_equal(
        fold_of_rows(MultiOutputStratifiedKFold(4), y),
        fold_of_rows(MultiOutputStratifiedKFold(4), mixed[["a", "n"]]),
    )


def test_folds_without_shuffling_are_always_the_same(mixed):
    first, second = (fold_of_rows(MultiOutputStratifiedKFold(4), mixed) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    "splitter",
    [
        MultiOutputStratifiedKFold(3, shuffle=True, random_state=7),
        MultiOutputStratifiedShuffleSplit(3, test_size=0.2, random_state=7),
    ],
    ids=lambda splitter: type(splitter).__name__,
)
def test_one_seed_is_one_split_and_another_seed_another(mixed, splitter):
    def tests(seed):
        splitter.random_state = seed
        return [set(test) for _, test in splitter.split(mixed, mixed)]

    assert tests(7) == tests(7)
    assert tests(7) != tests(8)


def test_global_random_state_is_left_alone(mixed):
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    list(MultiOutputStratifiedShuffleSplit(2, random_state=0).split(mixed, mixed))
    list(MultiOutputStratifiedKFold().split(mixed, mixed))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_default_sizes_are_scikit_learns(mixed):
    ours = next(MultiOutputStratifiedShuffleSplit(random_state=0).split(mixed, mixed))
    theirs = next(ShuffleSplit(random_state=0).split(mixed))
    assert [len(part) for part in ours] == [len(part) for part in theirs]
    assert MultiOutputStratifiedShuffleSplit().get_n_splits() == ShuffleSplit().get_n_splits()
    assert MultiOutputStratifiedKFold().get_n_splits() == KFold().get_n_splits()


def test_splitters_serve_cross_validation_and_search():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = pd.DataFrame({"a": X[:, 0] > 0, "b": X[:, 1] > 1}).astype(int)
    scores = cross_validate(
        DecisionTreeClassifier(), X, y, cv=MultiOutputStratifiedKFold(3), scoring="f1_macro"
    )
    assert len(scores["test_score"]) == 3
    search = GridSearchCV(
        LinearRegression(),
        {"fit_intercept": [True, False]},
        cv=MultiOutputStratifiedShuffleSplit(2, random_state=0),
    ).fit(X, y)
    assert search.n_splits_ == 2


def test_splitters_show_and_clone_their_parameters():
    splitter = MultiOutputStratifiedKFold(4, shuffle=True, random_state=1)
    assert repr(splitter) == "MultiOutputStratifiedKFold(n_splits=4, random_state=1, shuffle=True)"
    search = clone(GridSearchCV(LinearRegression(), {}, cv=splitter))
    assert vars(search.cv) == vars(splitter)


@pytest.mark.parametrize(
    ("splitter", "message"),
    [
        (MultiOutputStratifiedKFold(3), "y must be passed"),
        (MultiOutputStratifiedShuffleSplit(3), "y must be passed"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_targets_is_an_error(splitter, message):
    with pytest.raises(ValueError, match=message):
        next(splitter.split(np.zeros((10, 2))))


def test_bad_parameters_are_refused_as_in_scikit_learn():
    with pytest.raises(ValueError, match="n_splits=2 or more"):
        MultiOutputStratifiedKFold(1)
    with pytest.raises(ValueError, match="greater than the number of samples"):
        next(MultiOutputStratifiedKFold(5).split([0, 1], [0, 1]))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        next(MultiOutputStratifiedKFold(2).split([0, 1, 2], [0, 1]))
    with pytest.raises(ValueError, match="test_size=2"):
        next(MultiOutputStratifiedShuffleSplit(1, test_size=2.0).split([0, 1], [0, 1]))


def test_parts_of_a_holdout_are_closer_to_the_whole_than_at_random():
    y = binary_tasks(2000, [0.3] * 12)
    _, ours = next(MultiOutputStratifiedShuffleSplit(1, test_size=0.1, random_state=0).split(y, y))
    _, at_random = train_test_split(np.arange(2000), test_size=0.1, random_state=0)
    error = [np.abs(y[test].mean(axis=0) - y.mean(axis=0)).mean() for test in (ours, at_random)]
    assert error[0] < 0.2 * error[1]
