"""Weights of samples, tasks and classes, and parameters by task."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils.class_weight import compute_class_weight

from sk_mmoe import MMoEClassifier
from sk_mmoe.metrics import make_mean_scorer
from sk_mmoe.tasks._targets import read_targets
from sk_mmoe.tasks._weights import (
    check_sample_weight,
    check_task,
    check_task_weights,
    class_factors,
    per_task,
)

NAN = np.nan
NAMES = ["click", "like"]

# -- weights ------------------------------------------------------------------------------------

TARGETS = read_targets(np.array([[1, NAN], [0, 1], [NAN, 0]]), estimator_name="E")


@pytest.mark.parametrize(
    ("sample_weight", "expected"),
    [
        ([1, 2, 3], [[1, 0], [2, 2], [0, 3]]),
        (pd.Series([1, 2, 3], index=[9, 8, 7]), [[1, 0], [2, 2], [0, 3]]),
        ([[1, 9], [2, 4], [9, 6]], [[1, 0], [2, 4], [0, 6]]),
        ([[1, 9], [0, 0], [9, 6]], [[1, 0], [0, 0], [0, 6]]),
        (2, [[2, 0], [2, 2], [0, 2]]),
    ],
)
def test_weights_of_samples_and_of_labels_are_zero_where_a_label_is_missing(
    sample_weight, expected
):
    weights = check_sample_weight(sample_weight, TARGETS)
    assert weights.dtype == np.float64
    assert_array_equal(weights, expected)


def test_no_weights_stay_none():
    assert check_sample_weight(None, TARGETS) is None


def test_weights_of_the_user_are_left_as_they_are():
    sample_weight = np.ones((3, 2))
    check_sample_weight(sample_weight, TARGETS)
    assert (sample_weight == 1).all()


@pytest.mark.parametrize(
    ("sample_weight", "message"),
    [
        ([1, 2], r"shape \(3,\) or \(3, 2\).*got \(2,\)"),
        (np.ones((3, 1)), r"got \(3, 1\)"),
        (np.ones((3, 3)), r"got \(3, 3\)"),
        ([1, -1, 1], "finite and not negative"),
        ([1, NAN, 1], "finite and not negative"),
        ([1, np.inf, 1], "finite and not negative"),
        ([0, 0, 0], r"zero for every known label of the tasks \['task0', 'task1'\]"),
        ([1, 0, 0], r"zero for every known label of the tasks \['task1'\]"),
        ([[1, 9], [1, 0], [1, 0]], r"zero for every known label of the tasks \['task1'\]"),
    ],
)
def test_bad_weights_are_refused_with_their_reason(sample_weight, message):
    with pytest.raises(ValueError, match=message):
        check_sample_weight(sample_weight, TARGETS)


@pytest.mark.parametrize(
    ("sample_weight", "message"),
    [
        (np.ma.array([1, 2, 3], mask=[0, 1, 0]), r"masked entries. .*filled\(0\)"),
        (np.array([1, 2, 3j]), "must be numbers, got an array of dtype complex128"),
        (np.array(["2020-01-01"] * 3, dtype="datetime64[D]"), "must be numbers, got an array of"),
        (np.array([1, 2, 3], dtype="timedelta64[s]"), "must be numbers, got an array of"),
        (["1", "2", "3"], "must be numbers, got an array of dtype <U1"),
        ([1, None, 3], "finite and not negative"),
        ([1, {}, 3], "must be numbers, got an array of dtype object"),
    ],
)
def test_weights_that_are_no_numbers_are_refused(sample_weight, message):
    with pytest.raises(ValueError, match=message):
        check_sample_weight(sample_weight, TARGETS)


def test_weights_of_a_table_go_by_the_names_of_the_tasks():
    y = pd.DataFrame({"click": [1, 0, 1], "like": [0, 1, 1]})
    targets = read_targets(y, estimator_name="E")
    weights = pd.DataFrame({"like": [1, 2, 3], "click": [4, 5, 6]})
    expected = [[4, 1], [5, 2], [6, 3]]
    assert_array_equal(check_sample_weight(weights, targets), expected)
    assert_array_equal(check_sample_weight(weights[["click", "like"]], targets), expected)
    with pytest.raises(ValueError, match=r"columns of sample_weight must be the tasks \['click'"):
        check_sample_weight(weights.rename(columns={"like": "buy"}), targets)
    # Without names, here or there, they go by place.
    by_place = check_sample_weight(weights, replace(targets, names=["task0", "task1"]))
    assert_array_equal(by_place, weights)


def test_an_estimator_and_a_scorer_take_weights_by_name():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 2))
    y = pd.DataFrame({"a": X[:, 0] > rng.normal(size=100), "b": X[:, 1] > rng.normal(size=100)})
    weights = pd.DataFrame({"a": rng.uniform(0.1, 2, 100), "b": rng.uniform(0.1, 2, 100)})
    reference = MMoEClassifier(max_iter=3, random_state=0).fit(X, y, weights.to_numpy())
    turned = weights[["b", "a"]]
    model = MMoEClassifier(max_iter=3, random_state=0).fit(X, y, turned)
    assert_array_equal(model.predict_proba(X)[0], reference.predict_proba(X)[0])
    expected = reference.score(X, y, weights.to_numpy())
    assert expected != reference.score(X, y)
    assert model.score(X, y, turned) == expected
    # An array of targets has the names of the estimator's tasks.
    assert model.score(X, y.to_numpy(), turned) == expected
    assert make_mean_scorer("accuracy")(model, X, y, sample_weight=turned) == pytest.approx(
        expected
    )
    by_task = make_mean_scorer("accuracy", weights=pd.Series({"b": 3.0, "a": 1.0}))
    in_order = make_mean_scorer("accuracy", weights=[1.0, 3.0])
    assert by_task(model, X, y) == in_order(model, X, y)


# -- weights of classes -------------------------------------------------------------------------

CLASSES = np.array(["a", "b", "c"])
CODES = np.array([0, 0, 0, 1, 2, 2])


@pytest.mark.parametrize("weights", [np.ones(6), np.array([1, 2, 0.5, 1, 3, 1])])
def test_balanced_factors_are_those_of_scikit_learn(weights):
    factors = class_factors("balanced", "t", CLASSES, CODES, weights)
    expected = compute_class_weight(
        "balanced", classes=CLASSES, y=CLASSES[CODES], sample_weight=weights
    )
    assert_allclose(factors, expected)
    assert_allclose(np.bincount(CODES, weights * factors[CODES]), weights.sum() / 3)


def test_a_class_whose_labels_weigh_nothing_counts_as_absent():
    weights = np.where(CODES == 2, 0.0, 1.0)
    factors = class_factors("balanced", "t", CLASSES, CODES, weights)
    assert_allclose(factors, [4 / 6, 4 / 2, 0])
    present = CODES != 2
    assert_allclose(
        factors[:2], class_factors("balanced", "t", CLASSES[:2], CODES[present], np.ones(4))
    )


def test_balanced_classes_beside_weights_of_zero_are_learned_from_the_others():
    X = np.random.default_rng(0).normal(size=(100, 3))
    y = np.arange(100) % 3
    model = MMoEClassifier(max_iter=2, class_weight="balanced", random_state=0)
    model.fit(X, y, sample_weight=(y < 2).astype(float))
    assert np.isfinite(model.predict_proba(X)).all()
    assert model.classes_.tolist() == [0, 1, 2]


# -- parameters by task -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, [0, 0]),
        ({}, [0, 0]),
        ({"like": 3}, [0, 3]),
        ({"like": 3, "click": 1}, [1, 3]),
        ([1, 3], [1, 3]),
        (np.array([1, 3]), [1, 3]),
        (("a", None), ["a", None]),
        (pd.Series({"like": 3, "click": 1}), [1, 3]),
        (pd.Series({"like": 3}), [0, 3]),
        (pd.Series([1, 3]), [1, 3]),
    ],
)
def test_parameter_is_spread_over_tasks(value, expected):
    assert per_task(value, NAMES, parameter="weights", default=0) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"buy": 1, "like": 2}, r"weights names unknown tasks .*buy.*the tasks are \['click'"),
        ([1], "weights must have one value for each of the 2 tasks .* got 1 values"),
        ([1, 2, 3], "got 3 values"),
        ([], "got 0 values"),
        (pd.Series({"buy": 1, "like": 2}), r"weights names unknown tasks \['buy'\]"),
    ],
)
def test_parameter_for_other_tasks_is_refused(value, message):
    with pytest.raises(ValueError, match=message):
        per_task(value, NAMES, parameter="weights", default=0)


def test_task_weights_default_to_one():
    assert check_task_weights(None, NAMES) == [1.0, 1.0]
    assert check_task_weights({"like": 3}, NAMES) == [1.0, 3.0]


@pytest.mark.parametrize("weight", [0, -1, NAN, np.inf])
def test_task_weights_that_are_no_weights_are_refused(weight):
    with pytest.raises(ValueError, match="task_weights must be positive and finite"):
        check_task_weights([1.0, weight], NAMES)


@pytest.mark.parametrize(("task", "index"), [("click", 0), ("like", 1), (0, 0), (1, 1)])
def test_a_task_is_found_by_name_or_index(task, index):
    assert check_task(task, NAMES, parameter="main_task") == index


def test_a_name_goes_before_an_index():
    assert check_task("0", ["1", "0"], parameter="main_task") == 1
    # Names of columns that are numbers were made strings.
    assert check_task(0, ["1", "0"], parameter="main_task") == 1


@pytest.mark.parametrize("task", ["buy", 2, -1, 0.0, None, "0"])
def test_a_task_that_is_not_there_is_refused(task):
    with pytest.raises(ValueError, match=r"main_task must be one of the tasks \['click', 'like'\]"):
        check_task(task, NAMES, parameter="main_task")


def test_an_index_may_be_an_integer_of_numpy_but_no_bool():
    assert check_task(np.int64(1), ["a", "b"], parameter="main_task") == 1
    with pytest.raises(ValueError, match="got True"):
        check_task(True, ["a", "b"], parameter="main_task")


def test_names_of_columns_may_be_numbers():
    assert per_task({0: 2.0}, ["0", "1"], parameter="task_weights", default=1.0) == [2.0, 1.0]
