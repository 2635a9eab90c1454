"""Weights of samples, tasks and classes, and parameters by task."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sk_mmoe.tasks._targets import read_targets
from sk_mmoe.tasks._weights import check_sample_weight, check_task, check_task_weights, per_task

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
