"""Tasks with classes, binary or multiclass: labels, losses, probabilities."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import log_loss

from sk_mmoe.tasks._binary import BinaryTask
from sk_mmoe.tasks._kinds import make_task
from sk_mmoe.tasks._labels import check_labels
from sk_mmoe.tasks._multiclass import MulticlassTask

RNG = np.random.default_rng(0)


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
def test_labels_come_back_from_codes_and_scores(classes, as_scores):
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
def test_any_labels_come_back_from_codes_and_scores(as_scores, values):
    labels = check_labels(np.array(values, dtype=object))
    task = MulticlassTask.learn("level", labels)
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
    assert MulticlassTask.learn("level", classes).encode(labels).tolist() == codes


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
    task = MulticlassTask.learn("level", np.array(classes))
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


@pytest.mark.parametrize("n_classes", [2, 3, 7])
@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4])
def test_probabilities_sum_to_one_and_are_those_of_the_loss(n_classes, scale):
    task = MulticlassTask.learn("level", np.arange(n_classes))
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
    task = MulticlassTask.learn("level", np.arange(n_classes))
    scores = torch.full((1, task.n_outputs), 0.0, dtype=torch.float64)
    scores[0, -1] = 1000.0
    log_proba = task.log_proba(scores)[0]
    assert log_proba[0].item() == -1000.0
    assert log_proba[-1].item() == 0.0


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_predicted_class_is_the_likeliest(n_classes):
    task = MulticlassTask.learn("level", np.arange(n_classes) * 10)
    ties = torch.zeros(1, task.n_outputs)
    scores = torch.cat([ties, draw_scores(task, 40), draw_scores(task, 40, scale=1e-9)])
    likeliest = task.log_proba(scores).argmax(dim=1).numpy()
    assert_array_equal(task.decode(scores), task.classes[likeliest])
