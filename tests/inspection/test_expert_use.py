"""The picture of the use of experts."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgba
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import entropy
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mmoe import MMoEClassifier, PLEClassifier, SharedBottomClassifier
from sk_mmoe.inspection import ExpertUseDisplay

FAST = {"max_iter": 2, "random_state": 0}
# Nobody uses expert 2, the second task uses expert 1 alone, and the third can reach but one.
USE = [[0.5, 0.3, 0.005, 0.195], [0.01, 0.99, 0, 0], [0, 0, 0, 1]]
THREE_TASKS = {
    "sample_entropy": [0.5, 0.04, np.nan],
    "task_names": ["click", "like", "own"],
    "reachable": [[1, 1, 1, 1], [1, 1, 1, 1], [0, 0, 0, 1]],
}


class Gates(BaseEstimator):
    """A fitted estimator whose gates are given."""

    def __init__(self, weights, task_names, reachable=None):
        self.weights = weights
        self.task_names = self.task_names_ = task_names
        self.reachable = reachable

    def fit(self, X, y=None):
        """Do nothing, as there is nothing to fit."""
        return self

    def __sklearn_is_fitted__(self):
        """Return that this can be drawn."""
        return True

    @property
    def net_(self):
        """Return a net whose network knows which experts each task can reach."""
        reachable = np.ones(np.shape(self.weights[-1])[1:], dtype=bool)
        if self.reachable is not None:
            reachable = np.array(self.reachable, dtype=bool)
        network = SimpleNamespace(reachable_experts=lambda: torch.from_numpy(reachable))
        return SimpleNamespace(network=network)

    def gate_weights(self, X, *, level):
        """Return the gates of a level."""
        return np.asarray(self.weights[level])


def texts(labels):
    return [label.get_text() for label in labels]


def test_numbers_agree_with_loops_over_samples(X, y):
    model = MMoEClassifier(n_experts=3, **FAST).fit(X, y)
    display = ExpertUseDisplay.from_estimator(model, X)
    weights = model.gate_weights(X).astype(np.float64)
    for task in range(2):
        gates = [weights[i, task] for i in range(len(X))]
        mean = sum(gates) / len(gates)
        assert_allclose(display.use[task], mean)
        assert_allclose(display.mean_entropy[task], entropy(mean, base=3), rtol=1e-6)
        of_samples = np.mean([entropy(gate, base=3) for gate in gates])
        assert_allclose(display.sample_entropy[task], of_samples, rtol=1e-6)


def test_drawn_are_the_numbers(X, y):
    display = ExpertUseDisplay.from_estimator(MMoEClassifier(**FAST).fit(X, y), X)
    assert_allclose(display.im_.get_array(), display.use)
    assert_allclose(display.sample_points_.get_data(), [display.sample_entropy, [0, 1]])
    assert_allclose(display.mean_points_.get_data(), [display.mean_entropy, [0, 1]])
    assert texts(display.axes_[0].get_yticklabels()) == ["click", "level"]
    # The rows of both panels are at the same height.
    assert display.axes_[0].get_ylim() == display.axes_[1].get_ylim()


@pytest.mark.parametrize(
    ("gates", "of_samples", "of_mean"),
    [
        ([[0.25] * 4] * 4, 1, 1),
        (np.eye(4), 0, 1),
        ([[0, 1, 0, 0]] * 3 + [[0, 0, 1, 0]], 0, entropy([3, 1], base=4)),
    ],
    ids=["even", "picks one for each sample", "picks one of two"],
)
def test_entropies_tell_even_gates_from_those_that_pick(gates, of_samples, of_mean):
    model = Gates([np.expand_dims(gates, 1)], ["click"])
    display = ExpertUseDisplay.from_estimator(model, None)
    assert_allclose(display.sample_entropy, [of_samples], atol=1e-12)
    assert_allclose(display.mean_entropy, [of_mean], atol=1e-12)
    assert display.collapsed_tasks == []


def test_experts_of_other_tasks_do_not_count():
    # Two experts of the first task, two of the second, and a shared one, whom the second abandoned.
    weights = np.array([[[0.25, 0.25, 0, 0, 0.5], [0, 0, 0.5, 0.5, 0]]] * 3)
    model = Gates([weights], ["click", "like"], reachable=[[1, 1, 0, 0, 1], [0, 0, 1, 1, 1]])
    display = ExpertUseDisplay.from_estimator(model, None)
    expected = [entropy([1, 1, 2], base=3), entropy([1, 1], base=3)]
    assert_allclose(display.sample_entropy, expected)
    assert_allclose(display.mean_entropy, expected)
    assert texts(display.text_[0]) == ["0.25", "0.25", "n/a", "n/a", "0.50"]
    assert texts(display.text_[1]) == ["n/a", "n/a", "0.50", "0.50", "0.00"]


def test_experts_of_other_tasks_are_read_from_the_network(X, y):
    model = PLEClassifier(n_shared_experts=1, n_task_experts=2, **FAST).fit(X, y)
    display = ExpertUseDisplay.from_estimator(model, X)
    assert_array_equal(display.reachable, [[1, 1, 0, 0, 1], [0, 0, 1, 1, 1]])
    assert (display.use[~display.reachable] == 0).all()


def test_a_task_with_a_single_expert_has_no_entropy():
    model = Gates([[np.eye(2)] * 3], ["click", "like"], reachable=np.eye(2))
    display = ExpertUseDisplay.from_estimator(model, None)
    assert np.isnan(display.sample_entropy).all()
    assert np.isnan(display.mean_entropy).all()
    assert display.collapsed_tasks == []
    assert texts(display.axes_[1].texts) == ["a single expert"] * 2


def test_a_task_that_settles_on_one_expert_is_marked():
    display = ExpertUseDisplay(USE, **THREE_TASKS).plot()
    assert display.collapsed_tasks == ["like"]
    rows = display.axes_[0].get_yticklabels()
    assert texts(rows) == ["click", "like\n(collapsed)", "own"]
    assert [row.get_fontweight() == "bold" for row in rows] == [False, True, False]


def test_an_expert_without_listeners_is_marked():
    display = ExpertUseDisplay(USE, **THREE_TASKS).plot()
    assert_array_equal(display.dead_experts, [2])
    assert texts(display.axes_[0].get_xticklabels()) == ["0", "1", "2\ndead", "3"]
    (mark,) = display.dead_marks_
    assert (mark.get_x(), mark.get_width(), mark.get_height()) == (1.5, 1, 3)
    assert mark.get_hatch()


def test_one_says_which_experts_count_as_dead():
    options = {"sample_entropy": [1], "task_names": ["click"]}
    use = [[0.03, 0.02, 0.5, 0.45]]
    # A tenth of the even share of four experts is 0.025.
    assert_array_equal(ExpertUseDisplay(use, **options).dead_experts, [1])
    assert_array_equal(ExpertUseDisplay(use, dead_below=0.05, **options).dead_experts, [0, 1])
    even = np.full((1, 200), 1 / 200)
    assert len(ExpertUseDisplay(even, **options).dead_experts) == 0


def test_levels_have_gates_of_their_own():
    first, last = np.full((2, 1, 2), 0.5), np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    model = Gates([first, last], ["click"])
    assert_allclose(ExpertUseDisplay.from_estimator(model, None).sample_entropy, [0])
    assert_allclose(ExpertUseDisplay.from_estimator(model, None, level=0).sample_entropy, [1])


def test_weights_of_samples_count(X, y):
    model = MMoEClassifier(**FAST).fit(X, y)
    weight = (np.arange(400) < 100).astype(float)
    weighted = ExpertUseDisplay.from_estimator(model, X, sample_weight=weight)
    part = ExpertUseDisplay.from_estimator(model, X[:100])
    assert_allclose(weighted.use, part.use, rtol=1e-5)
    assert_allclose(weighted.sample_entropy, part.sample_entropy, rtol=1e-5)


def test_a_pipeline_transforms_its_inputs(X, y):
    model = make_pipeline(StandardScaler(), MMoEClassifier(**FAST)).fit(X * 10, y)
    display = ExpertUseDisplay.from_estimator(model, X * 10)
    expected = model[-1].gate_weights(model[0].transform(X * 10)).mean(axis=0)
    assert_allclose(display.use, expected, rtol=1e-5)


def test_entropies_differ_without_colours():
    display = ExpertUseDisplay([[0.7, 0.3]], sample_entropy=[0.2], task_names=["click"]).plot()
    dots, squares = display.sample_points_, display.mean_points_
    assert dots.get_marker() != squares.get_marker()
    assert to_rgba(dots.get_markerfacecolor()) == to_rgba("black")
    assert to_rgba(squares.get_markerfacecolor()) == to_rgba("white")


def test_drawn_is_where_one_says():
    figure, axes = plt.subplots(1, 2)
    display = ExpertUseDisplay([[0.7, 0.3]], sample_entropy=[0.2], task_names=["click"])
    assert display.plot(ax=axes, include_values=False) is display
    assert list(display.axes_) == list(axes)
    assert display.figure_ is figure
    assert display.text_ is None


def test_what_cannot_be_drawn_is_an_error(X, y):
    with pytest.raises(ValueError, match="SharedBottomClassifier has no gates"):
        ExpertUseDisplay.from_estimator(SharedBottomClassifier(**FAST).fit(X, y), X)
    with pytest.raises(ValueError, match="one name for each of the 1 tasks"):
        ExpertUseDisplay([[0.7, 0.3]], sample_entropy=[1], task_names=["click", "like"])
    with pytest.raises(ValueError, match=r"sample_entropy must have shape \(1,\)"):
        ExpertUseDisplay([[0.7, 0.3]], sample_entropy=[1, 1], task_names=["click"])
    with pytest.raises(ValueError, match="reachable must have the shape"):
        ExpertUseDisplay([[1.0]], sample_entropy=[1], task_names=["click"], reachable=[[1, 0]])
    with pytest.raises(ValueError, match="sum to one in each row"):
        ExpertUseDisplay([[0.7, 0.7]], sample_entropy=[1], task_names=["click"])
    with pytest.raises(ValueError, match="ax must have 2 axes"):
        ExpertUseDisplay([[1.0]], sample_entropy=[1], task_names=["click"]).plot(ax=plt.gca())
