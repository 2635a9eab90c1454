"""Kinds of tasks: what users declare and what labels tell."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sk_mmoe.tasks._binary import BinaryTask
from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.tasks._kinds import KINDS, make_task, resolve_kinds
from sk_mmoe.tasks._multiclass import MulticlassTask
from sk_mmoe.tasks._regression import RegressionTask
from sk_mmoe.tasks._targets import read_targets


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
        (np.array([1e160, 2e160]), "regression"),
        (np.array([2**60, 2**61]), "binary"),
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
    assert KINDS[task.kind] is expected


def test_more_classes_than_declared_are_refused():
    with pytest.raises(ValueError, match="task 't' is declared binary, but has 3 classes"):
        make_task("t", "binary", np.array([1, 2, 3]))


def test_fractions_are_no_classes():
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        make_task("t", "classification", np.array([0.5, 1.5]))


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_number_of_scores_follows_the_classes(n_classes):
    task = MulticlassTask.learn("t", np.arange(n_classes))
    assert task.n_outputs == (1 if n_classes == 2 else n_classes)
    assert RegressionTask("t", 0.0, 1.0).n_outputs == 1


def test_numbers_with_few_fractions_ask_to_be_declared():
    labels = np.r_[0.5, np.arange(30) % 6]
    with pytest.warns(UserWarning, match=r"'t' is taken as a regression .* such as 0.5.*Declare"):
        assert make_task("t", "infer", labels).kind == "regression"


def test_many_whole_numbers_ask_to_be_declared():
    with pytest.warns(UserWarning, match='60 different whole numbers.*"count" if they are counts'):
        assert make_task("t", "infer", np.repeat(np.arange(60), 3)).kind == "multiclass"


# -- what users declare -------------------------------------------------------------------------

NAMES = ["click", "grade", "visits"]


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        (None, ["infer", "infer", "infer"]),
        ("count", ["count", "count", "count"]),
        ({"visits": "count"}, ["infer", "infer", "count"]),
        (["binary", ["low", "high"], "count"], ["binary", ["low", "high"], "count"]),
        (np.array(["binary", "ordinal", "count"]), ["binary", "ordinal", "count"]),
        ({"grade": np.array([3, 1])}, ["infer", [3, 1], "infer"]),
    ],
)
def test_declared_kinds_are_spread_over_the_tasks(tasks, expected):
    assert resolve_kinds(tasks, NAMES) == expected


@pytest.mark.parametrize(
    ("accepts", "default"),
    [("with_classes", "classification"), ("without_classes", "regression"), ("all", "infer")],
)
def test_tasks_that_are_not_declared_have_the_default_of_their_estimator(accepts, default):
    for tasks in (None, {}):
        assert resolve_kinds(tasks, NAMES, accepts=accepts) == [default] * 3


def test_every_kind_can_be_declared_where_its_tasks_fit():
    for kind, task_class in KINDS.items():
        accepts = "with_classes" if task_class.has_classes else "without_classes"
        other = "without_classes" if task_class.has_classes else "with_classes"
        assert resolve_kinds(kind, NAMES) == [kind] * 3
        assert resolve_kinds(kind, NAMES, accepts=accepts) == [kind] * 3
        with pytest.raises(ValueError, match="Use an estimator for mixed tasks"):
            resolve_kinds(kind, NAMES, accepts=other)


@pytest.mark.parametrize(
    ("tasks", "accepts", "message"),
    [
        ({"grade": "colour"}, "all", r"kinds \['binary', .*'infer'\], .* got 'colour' for .*grade"),
        ({"grade": 3}, "all", "got 3 for task 'grade'"),
        ({"grade": None}, "all", "got None for task 'grade'"),
        ({"grade": {"low": 0}}, "all", r"got \{'low': 0\} for task 'grade'"),
        ({"buy": "count"}, "all", r"tasks names unknown tasks \['buy'\]"),
        (["count"], "all", "tasks must have one value for each of the 3 tasks"),
        ({"visits": "count"}, "with_classes", "'visits' to be 'count', but this estimator takes"),
        ({"grade": ["a", "b"]}, "without_classes", r"to be \['a', 'b'\], but this estimator"),
        ({"visits": "count", "click": "infer"}, "without_classes", "'click' to be 'infer'"),
    ],
)
def test_a_kind_that_the_estimator_cannot_have_is_refused_by_task(tasks, accepts, message):
    with pytest.raises(ValueError, match=message):
        resolve_kinds(tasks, NAMES, accepts=accepts)


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_of_every_kind_comes_back_from_its_description(kind):
    labels = np.array([0, 1, 3, 1] if kind != "binary" else [0, 1, 1, 0])
    targets = read_targets(labels, estimator_name="E")
    encoder = TaskEncoder.learn(targets, kinds=[kind])
    assert encoder.kinds == [kind]
    again = TaskEncoder.restore(encoder.describe())
    assert (again.kinds, again.names, again.n_outputs) == (
        encoder.kinds,
        encoder.names,
        encoder.n_outputs,
    )
    scores = [torch.randn(5, n, dtype=torch.float64) for n in encoder.n_outputs]
    assert_array_equal(again.decode(scores), encoder.decode(scores))
    encoded = [one.encode(targets, dtype=torch.float64) for one in (again, encoder)]
    assert_array_equal(*encoded)


@pytest.mark.parametrize("kind", KINDS)
def test_what_every_kind_promises(kind):
    """Losses have one value a sample, members that agree change nothing, the truth scores 1."""
    labels = np.array([0, 1, 3, 1] if kind != "binary" else [0, 1, 1, 0])
    task = make_task("t", kind, labels)
    assert task.kind == kind
    scores = torch.randn(4, task.n_outputs, dtype=torch.float64)
    losses = task.loss(scores, torch.from_numpy(task.encode(labels)).double())
    assert losses.shape == (4,)
    assert (losses >= 0).all()
    assert pickle.loads(pickle.dumps(task.loss)) is task.loss
    together = scores.expand(3, -1, -1)
    alone = task.decode(scores)
    if task.has_classes:
        assert_array_equal(task.decode(task.average(together)), alone)
        assert np.isnan(task.spread(together)).all()
    else:
        assert_allclose(task.decode(task.average(together)), alone, rtol=1e-12)
        assert_allclose(task.spread(together), 0, atol=1e-12)
    assert task.metric(labels, labels if task.has_classes else labels + 1e-12, None) == (
        pytest.approx(1)
    )
