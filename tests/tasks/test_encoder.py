"""Kinds of tasks: labels to numbers, losses, and scores back to labels."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler
from torch.nn import functional as F

from sk_mmoe.tasks._encoder import (
    TASK_KINDS,
    BinaryTask,
    MulticlassTask,
    RegressionTask,
    TaskEncoder,
    make_classification_task,
    make_task,
)
from sk_mmoe.tasks._targets import check_labels, check_targets

RNG = np.random.default_rng(0)


def as_scores(task, codes):
    """Return scores that clearly favour the classes of some codes."""
    codes = torch.from_numpy(np.asarray(codes))
    if task.n_outputs == 1:
        return (codes * 2.0 - 1.0)[:, None]
    return F.one_hot(codes.long(), task.n_outputs).double()


def draw_scores(task, n_samples, scale=3.0):
    return torch.from_numpy(scale * RNG.normal(size=(n_samples, task.n_outputs)))


CLASSES = {
    "integers": np.array([0, 1]),
    "negative integers": np.array([-5, 3, 100]),
    "small integers": np.array([-100, 100], dtype=np.int8),
    "large integers": np.array([2**62, 2**62 + 1]),
    "unsigned integers": np.array([2**63, 2**63 + 1], dtype=np.uint64),
    "booleans": np.array([False, True]),
    "whole floats": np.array([-1.0, 0.0, 2.0]),
    "strings": np.array(["a", "bcd", "é"]),
    "string objects": np.array(["no", "yes"], dtype=object),
    "dates": np.array(["2020-01-01", "2021-01-01", "2022-05-05"], dtype="datetime64[D]"),
    "durations": np.array([1, 60], dtype="timedelta64[s]"),
}


@pytest.mark.parametrize("classes", CLASSES.values(), ids=CLASSES)
def test_labels_come_back_from_codes_and_scores(classes):
    codes = np.r_[np.arange(len(classes))[::-1], RNG.integers(0, len(classes), 20)]
    labels = classes[codes]
    task = make_task("level", "classification", labels)
    assert_array_equal(task.classes, classes)
    assert_array_equal(task.encode(labels), codes)
    decoded = task.decode(as_scores(task, codes))
    assert decoded.dtype == labels.dtype
    assert_array_equal(decoded, labels)


@given(
    st.one_of(
        st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2),
        st.lists(st.text(max_size=4), min_size=2),
        st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2),
        st.lists(st.booleans(), min_size=2),
    ).filter(lambda labels: len(set(labels)) > 1)
)
@settings(deadline=None, max_examples=100)
def test_any_labels_come_back_from_codes_and_scores(values):
    labels = check_labels(np.array(values, dtype=object))
    task = make_classification_task("level", labels)
    codes = task.encode(labels)
    assert_array_equal(task.classes[codes], labels)
    assert task.decode(as_scores(task, codes)).tolist() == values


@pytest.mark.parametrize(
    ("classes", "labels", "codes"),
    [
        (np.array([0, 1]), np.array([1.0, 0.0]), [1, 0]),
        (np.array([0.0, 1.0, 2.0]), np.array([2, 0]), [2, 0]),
        (np.array(["a", "b"]), np.array(["b", "a"], dtype=object), [1, 0]),
        (np.array(["a", "b"], dtype=object), np.array(["b", "a"]), [1, 0]),
        (np.array([0, 300]), np.array([0], dtype=np.int8), [0]),
    ],
)
def test_equal_labels_of_another_dtype_are_the_same_classes(classes, labels, codes):
    assert make_classification_task("level", classes).encode(labels).tolist() == codes


@pytest.mark.parametrize(
    ("classes", "labels", "unseen"),
    [
        ([0, 1], [0, 2, 3, 2], r"\[2, 3\]"),
        ([0, 1], [0.0, 0.5], r"\[0\.5\]"),
        (["a", "b"], ["a", "c"], r"\['c'\]"),
        (["1", "2"], [1, 2], r"\[1, 2\]"),
    ],
)
def test_unseen_labels_are_refused_by_name(classes, labels, unseen):
    task = make_classification_task("level", np.array(classes))
    with pytest.raises(
        ValueError, match=f"labels {unseen} in task 'level' .* not among its classes"
    ):
        task.encode(np.array(labels))


def test_one_class_is_refused():
    with pytest.raises(ValueError, match=r"task 'level' needs .* only one class: \['a'\]"):
        make_task("level", "classification", np.array(["a", "a"]))


# -- losses and probabilities -------------------------------------------------------------------


def test_binary_loss_is_the_log_loss_of_scikit_learn():
    task = BinaryTask("click", np.array([0, 1]))
    labels, scores = RNG.integers(0, 2, 50), draw_scores(task, 50)
    losses = task.loss(scores, torch.from_numpy(labels).double())
    assert losses.shape == (50,)
    proba = torch.sigmoid(scores[:, 0]).numpy()
    assert losses.mean().item() == pytest.approx(log_loss(labels, proba), rel=1e-12)
    expected = -np.log(np.where(labels == 1, proba, 1 - proba))
    assert_allclose(losses.numpy(), expected, rtol=1e-10)


def test_multiclass_loss_is_the_log_loss_of_scikit_learn():
    task = MulticlassTask("level", np.array(["a", "b", "c", "d"]))
    codes, scores = np.r_[RNG.integers(0, 4, 50), :4], draw_scores(task, 54)
    losses = task.loss(scores, torch.from_numpy(codes).double())
    assert losses.shape == (54,)
    proba = torch.softmax(scores, dim=1).numpy()
    assert losses.mean().item() == pytest.approx(log_loss(codes, proba), rel=1e-12)
    assert_allclose(losses.numpy(), -np.log(proba[np.arange(54), codes]), rtol=1e-10)


def test_regression_loss_is_the_squared_error_in_units_of_the_variance():
    labels = 5 + 20 * RNG.normal(size=50)
    task = make_task("watch_time", "regression", labels)
    scores = draw_scores(task, 50)
    losses = task.loss(scores, torch.from_numpy(task.encode(labels)))
    assert losses.shape == (50,)
    assert_allclose(losses.numpy(), (task.decode(scores) - labels) ** 2 / labels.var())


@pytest.mark.parametrize("n_classes", [2, 3, 7])
@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4])
def test_probabilities_sum_to_one_and_are_those_of_the_loss(n_classes, scale):
    task = make_classification_task("level", np.arange(n_classes))
    scores = draw_scores(task, 40, scale)
    log_proba = task.log_proba(scores)
    assert log_proba.shape == (40, n_classes)
    assert torch.isfinite(log_proba).all()
    assert_allclose(log_proba.exp().sum(dim=1).numpy(), 1, rtol=1e-12)
    for code in range(n_classes):
        losses = task.loss(scores, torch.full((40,), float(code)).double())
        assert_allclose(-log_proba[:, code].numpy(), losses.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_extreme_scores_lose_no_small_probability(n_classes):
    task = make_classification_task("level", np.arange(n_classes))
    scores = torch.full((1, task.n_outputs), 0.0, dtype=torch.float64)
    scores[0, -1] = 1000.0
    log_proba = task.log_proba(scores)[0]
    assert log_proba[0].item() == -1000.0
    assert log_proba[-1].item() == 0.0


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_predicted_class_is_the_likeliest(n_classes):
    task = make_classification_task("level", np.arange(n_classes) * 10)
    ties = torch.zeros(1, task.n_outputs)
    scores = torch.cat([ties, draw_scores(task, 40), draw_scores(task, 40, scale=1e-9)])
    likeliest = task.log_proba(scores).argmax(dim=1).numpy()
    assert_array_equal(task.decode(scores), task.classes[likeliest])


# -- regression ---------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_targets_are_standardised_as_by_scikit_learn(weighted):
    labels = 1e6 + 50 * RNG.normal(size=100)
    weights = RNG.integers(0, 4, 100).astype(float) if weighted else None
    task = make_task("watch_time", "regression", labels, weights)
    expected = StandardScaler().fit_transform(labels[:, None], sample_weight=weights)[:, 0]
    assert_allclose(task.encode(labels), expected, atol=1e-9)


def test_weights_count_as_repetitions():
    labels, weights = RNG.normal(size=20), RNG.integers(0, 4, 20)
    weighted = make_task("t", "regression", labels, weights.astype(float))
    repeated = make_task("t", "regression", np.repeat(labels, weights))
    assert weighted.mean == pytest.approx(repeated.mean)
    assert weighted.scale == pytest.approx(repeated.scale)


@given(
    value=st.floats(-1e12, 1e12, allow_subnormal=False),
    weights=st.none() | st.lists(st.floats(0.01, 100), min_size=1, max_size=200),
)
@settings(deadline=None, max_examples=100)
def test_a_constant_target_is_not_scaled(value, weights):
    labels = np.full(50 if weights is None else len(weights), value)
    task = make_task("t", "regression", labels, None if weights is None else np.array(weights))
    assert task.scale == 1.0
    assert_allclose(task.mean, value, rtol=1e-12)
    assert_allclose(task.decode(torch.zeros(3, 1)), value, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, np.int64, bool, object])
@pytest.mark.parametrize("offset", [0, 1])
def test_predictions_come_back_in_the_users_units(dtype, offset):
    labels = (np.array([3, 7, -2, 0]) + offset).astype(dtype)
    task = make_task("t", "regression", labels)
    decoded = task.decode(torch.from_numpy(task.encode(labels))[:, None])
    assert decoded.dtype == np.float64
    assert_allclose(decoded, labels.astype(float), atol=1e-12)


@pytest.mark.parametrize("labels", [["a", "b"], [(1, 2), None]])
def test_a_regression_refuses_what_are_no_numbers(labels):
    column = np.empty(2, dtype=object)
    column[:] = labels
    with pytest.raises(ValueError, match="task 't' is a regression and needs numbers, got labels"):
        make_task("t", "regression", column)


# -- kinds --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (np.array([0, 1, 1]), "binary"),
        (np.array([True, False]), "binary"),
        (np.array([0.0, 1.0]), "binary"),
        (np.array(["a", "b"], dtype=object), "binary"),
        (np.arange(6) % 3, "multiclass"),
        (np.arange(6) % 3 * 1.0, "multiclass"),
        (np.array(["a", "b", "c"] * 2), "multiclass"),
        (np.array([0.5, 1.5]), "regression"),
        (np.array([1.0, 2.0, 2.5]), "regression"),
    ],
)
def test_kind_is_inferred_from_the_labels(labels, kind):
    assert make_task("t", "infer", labels).kind == kind


@pytest.mark.parametrize(
    ("kind", "labels", "expected"),
    [
        ("binary", [3, 5], BinaryTask),
        ("classification", [3, 5], BinaryTask),
        ("classification", [1, 2, 3], MulticlassTask),
        ("multiclass", [1, 2, 3], MulticlassTask),
        ("multiclass", [3, 5], BinaryTask),
        ("regression", [1, 2, 3], RegressionTask),
        ("regression", [0, 1], RegressionTask),
    ],
)
def test_declared_kind_is_built(kind, labels, expected):
    task = make_task("t", kind, np.array(labels))
    assert type(task) is expected
    assert TASK_KINDS[task.kind] is expected


def test_more_classes_than_declared_are_refused():
    with pytest.raises(ValueError, match="task 't' is declared binary, but has 3 classes"):
        make_task("t", "binary", np.array([1, 2, 3]))


def test_fractions_are_no_classes():
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        make_task("t", "classification", np.array([0.5, 1.5]))


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_number_of_scores_follows_the_classes(n_classes):
    task = make_classification_task("t", np.arange(n_classes))
    assert task.n_outputs == (1 if n_classes == 2 else n_classes)
    assert RegressionTask("t", 0.0, 1.0).n_outputs == 1


# -- the encoder --------------------------------------------------------------------------------

FRAME = pd.DataFrame(
    {
        "click": pd.Series([1, None, 0, 1, 0], dtype="Int64"),
        "level": ["low", "high", None, "middle", "high"],
        "watch_time": [1.0, 2.5, np.nan, 4.0, 2.5],
    }
)


def make_encoder(y):
    targets = check_targets(y, estimator_name="E")
    with warnings.catch_warnings():
        # Few labels of many classes look to scikit-learn like a regression gone astray.
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        tasks = [
            make_task(name, "infer", labels)
            for name, labels in zip(targets.names, targets.labels, strict=True)
        ]
    return TaskEncoder(tasks, ndim=targets.ndim), targets


def ideal_scores(encoder, targets):
    """Return the scores of a network that knows all labels."""
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


def test_labels_of_mixed_tasks_come_back_as_objects():
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
def test_dtype_of_predictions_changes_no_label(y, dtype):
    encoder, targets = make_encoder(y)
    decoded = encoder.decode(ideal_scores(encoder, targets))
    assert decoded.dtype == dtype
    assert decoded.tolist() == np.asarray(y, dtype=object).tolist()


def test_predictions_have_the_dimensions_of_y():
    for y, shape in [([0, 1, 0], (3,)), ([[0], [1], [0]], (3, 1))]:
        encoder, targets = make_encoder(y)
        assert encoder.decode(ideal_scores(encoder, targets)).shape == shape


@pytest.mark.parametrize("columns", [["level", "click", "watch_time"], ["click"]])
def test_other_tasks_than_at_the_first_fit_are_refused(columns):
    encoder, _ = make_encoder(FRAME)
    other = check_targets(FRAME[columns], estimator_name="E")
    with pytest.raises(ValueError, match=r"y must have the tasks \['click', 'level'"):
        encoder.encode(other, dtype=torch.float32)
