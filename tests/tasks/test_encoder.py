"""The encoder of all tasks of a table."""

import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose

from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.tasks._targets import read_targets

FRAME = pd.DataFrame(
    {
        "click": pd.Series([1, None, 0, 1, 0], dtype="Int64"),
        "level": ["low", "high", None, "middle", "high"],
        "watch_time": [1.0, 2.5, np.nan, 4.0, 2.5],
    }
)


def make_encoder(y):
    targets = read_targets(y, estimator_name="E")
    with warnings.catch_warnings():
        # Few labels of many classes look to scikit-learn like a regression gone astray.
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        return TaskEncoder.learn(targets, kinds=["infer"] * len(targets.names)), targets


@pytest.fixture
def ideal_scores(as_scores):
    """Return a function that gives the scores of a network which knows all labels."""
    return partial(_ideal_scores, as_scores)


def _ideal_scores(as_scores, encoder, targets):
    encoded = encoder.encode(targets, dtype=torch.float64)
    return [
        column[:, None] if task.kind == "regression" else as_scores(task, column.numpy())
        for task, column in zip(encoder.tasks, encoded.T, strict=True)
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_missing_labels_are_encoded_as_zero_and_known_ones_by_their_tasks(dtype):
    encoder, targets = make_encoder(FRAME)
    encoded = encoder.encode(targets, dtype=dtype)
    assert encoded.dtype == dtype
    assert encoded[:, 0].tolist() == [1, 0, 0, 1, 0]
    # The classes are sorted: high, low, middle.
    assert encoded[:, 1].tolist() == [1, 0, 0, 2, 0]
    # Mean 2.5, variance (1.5² + 1.5²) / 4.
    expected = np.array([-1.5, 0, 0, 1.5, 0]) / np.sqrt(4.5 / 4)
    assert_allclose(encoded[:, 2].numpy(), expected, rtol=1e-6)


def test_labels_of_mixed_tasks_come_back_as_objects(ideal_scores):
    encoder, targets = make_encoder(FRAME.dropna())
    decoded = encoder.decode(ideal_scores(encoder, targets))
    assert decoded.dtype == object
    assert decoded[:, :2].tolist() == [[1, "low"], [1, "middle"], [0, "high"]]
    assert_allclose(decoded[:, 2].astype(float), [1, 4, 2.5])


@pytest.mark.parametrize(
    ("y", "dtype"),
    [
        (np.array([[0, 3], [1, 5]]), "int64"),
        (np.array([[True, False], [False, True]]), "bool"),
        (np.array([["a", "long"], ["b", "longer"]]), "<U6"),
        (pd.DataFrame({"a": np.array([0, 1], dtype=np.int8), "b": [3, 500]}), "int64"),
        (pd.DataFrame({"a": [0, 1], "b": [0.5, 1.5]}), "float64"),
        (pd.DataFrame({"a": [0, 1], "b": [True, False]}), "object"),
        (pd.DataFrame({"a": [0, 1], "b": ["0", "1"]}), "object"),
    ],
)
def test_dtype_of_predictions_changes_no_label(y, dtype, ideal_scores):
    encoder, targets = make_encoder(y)
    decoded = encoder.decode(ideal_scores(encoder, targets))
    assert decoded.dtype == dtype
    assert decoded.tolist() == np.asarray(y, dtype=object).tolist()


def test_predictions_have_the_dimensions_of_y(ideal_scores):
    for y, shape in [([0, 1, 0], (3,)), ([[0], [1], [0]], (3, 1))]:
        encoder, targets = make_encoder(y)
        assert encoder.decode(ideal_scores(encoder, targets)).shape == shape


@pytest.mark.parametrize("columns", [["level", "click", "watch_time"], ["click"]])
def test_other_tasks_than_at_the_first_fit_are_refused(columns):
    encoder, _ = make_encoder(FRAME)
    other = read_targets(FRAME[columns], estimator_name="E")
    with pytest.raises(ValueError, match=r"y must have the tasks \['click', 'level'"):
        encoder.encode(other, dtype=torch.float32)


# -- scores -------------------------------------------------------------------------------------


def test_score_is_the_mean_over_tasks_of_their_metrics(ideal_scores):
    encoder, targets = make_encoder(FRAME)
    scores = ideal_scores(encoder, targets)
    assert encoder.score(scores, targets) == pytest.approx(1)
    scores[0] = -scores[0]  # all wrong
    assert encoder.score(scores, targets) == pytest.approx(2 / 3)
    weights = targets.known * [[0.0, 1, 1]]  # the wrong task has no weight
    assert encoder.score(scores, targets, weights) == pytest.approx(1)
    assert np.isnan(encoder.score(scores, targets, 0 * weights))


def test_targets_of_another_length_are_refused(ideal_scores):
    encoder, targets = make_encoder(FRAME)
    scores = ideal_scores(encoder, targets)
    with pytest.raises(ValueError, match="same number of samples, got 5 rows of X and 2 of y"):
        encoder.score(scores, targets.take(np.array([0, 1])))


def test_labels_that_are_no_classes_count_as_wrong(as_scores):
    encoder, _ = make_encoder(np.array(["a", "b", "b"]))
    targets = read_targets(["a", "b", "c"], estimator_name="E")
    scores = [as_scores(encoder.tasks[0], [0, 1, 1])]
    assert encoder.score(scores, targets) == pytest.approx(2 / 3)


def test_fractions_among_classes_say_how_to_declare_numbers(as_scores):
    encoder, _ = make_encoder(np.array([0.0, 1.0, 2.0, 1.0]))
    targets = read_targets([0.0, 1.0, 0.5, 2.0], estimator_name="E")
    scores = [as_scores(encoder.tasks[0], [0, 1, 1, 2])]
    hint = r'declare tasks=\{\'task0\': "regression"\}'
    with pytest.warns(UserWarning, match=rf"fractions such as 0.5, which count as wrong.*{hint}"):
        assert encoder.score(scores, targets) == pytest.approx(3 / 4)
    with pytest.raises(ValueError, match=hint):
        encoder.encode(targets, dtype=torch.float32)


def test_strings_are_not_compared_with_numbers(as_scores):
    encoder, _ = make_encoder(np.array([0, 1, 1]))
    targets = read_targets(["0", "1", "1"], estimator_name="E")
    with pytest.raises(ValueError, match=r"labels \['0', '1'\] .* not among its classes \[0, 1\]"):
        encoder.score([as_scores(encoder.tasks[0], [0, 1, 1])], targets)


@pytest.mark.parametrize("factor", [1e-170, 1.0, 1e160, 1e300])
def test_squares_of_targets_need_not_be_numbers(factor):
    y = factor * np.array([1.0, -2.0, 0.5, 1.5])
    encoder, targets = make_encoder(y)
    standardised = encoder.encode(targets, dtype=torch.float64)
    assert_allclose(standardised.numpy()[:, 0].std(), 1, rtol=1e-12)
    assert encoder.score([standardised], targets) == pytest.approx(1)
    assert encoder.score([0 * standardised], targets) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("kind", ["regression", "count"])
@pytest.mark.parametrize("value", [1e60, 1e307])
def test_targets_far_beyond_those_of_the_first_fit_are_refused(kind, value):
    first = read_targets([1e-3, 2e-3, 4e-3], estimator_name="E")
    encoder = TaskEncoder.learn(first, kinds=[kind])
    later = read_targets([1e-3, value], estimator_name="E")
    with pytest.raises(ValueError, match=r"of the tasks \['task0'\] are too large compared"):
        encoder.encode(later, dtype=torch.float32)


# -- classes that users declare -----------------------------------------------------------------


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1.0, np.nan, 0.0]),
        pd.Series([1, None, 0], dtype="Int64"),
        pd.Series([True, None, False], dtype="boolean"),
        pd.Series(["yes", None, "no"]),
        pd.Series(["yes", None, "no"], dtype=object),
        pd.Series(["yes", None, "no"], dtype="category"),
        pd.Series(pd.to_datetime(["2020", None, "2021"])),
    ],
    ids=lambda column: str(column.dtype),
)
def test_a_missing_value_among_the_classes_is_none(column):
    targets = read_targets(column, estimator_name="E")
    known = sorted(column.dropna().tolist())
    for classes in (column.unique(), column, list(column)):
        encoder = TaskEncoder.learn(targets, kinds=["classification"], classes=classes)
        assert pd.Series(encoder.classes[0]).tolist() == known
        encoder.check_classes(column.unique())


def test_classes_are_declared_by_name_or_in_order():
    y = pd.DataFrame({"a": [0, 0], "b": ["x", "x"], "c": [0.5, 1.5]})
    targets = read_targets(y, estimator_name="E")
    kinds = ["classification", "classification", "regression"]
    for classes in ([[0, 1], ["y", "x"], None], {"b": ["x", "y"], "a": [1, 0]}):
        encoder = TaskEncoder.learn(targets, kinds=kinds, classes=classes)
        assert [None if c is None else c.tolist() for c in encoder.classes] == [
            [0, 1], ["x", "y"], None,
        ]  # fmt: skip
        encoder.check_classes(classes)
    with pytest.raises(ValueError, match=r"of task 'b' are \['x', 'y'\] .* got \['x', 'z'\]"):
        encoder.check_classes({"b": ["x", "z"]})
    with pytest.raises(ValueError, match="classes of task 'c' must be None: it is a regression"):
        TaskEncoder.learn(targets, kinds=kinds, classes={"a": [0, 1], "b": ["x", "y"], "c": [1]})
