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
