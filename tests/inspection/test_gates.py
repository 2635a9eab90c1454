"""The picture of gates."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mmoe import MMoEClassifier, OMoEClassifier, SharedBottomClassifier
from sk_mmoe.inspection import GateWeightsDisplay

FAST = {"max_iter": 2, "random_state": 0}


def test_shown_are_the_means_of_the_gate_weights(X, y):
    model = MMoEClassifier(n_experts=3, **FAST).fit(X, y)
    display = GateWeightsDisplay.from_estimator(model, X)
    assert_allclose(display.mean_weights, model.gate_weights(X).astype(float).mean(axis=0))
    assert_allclose(display.im_.get_array(), display.mean_weights)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["click", "level"]
    assert [text.get_text() for text in display.text_[0]] == [
        f"{weight:.2f}" for weight in display.mean_weights[0]
    ]


def test_weights_of_samples_count(X, y):
    model = MMoEClassifier(**FAST).fit(X, y)
    weight = (np.arange(400) < 100).astype(float)
    display = GateWeightsDisplay.from_estimator(model, X, sample_weight=weight)
    assert_allclose(display.mean_weights, model.gate_weights(X[:100]).mean(axis=0), rtol=1e-5)


def test_a_pipeline_transforms_its_inputs(X, y):
    model = make_pipeline(StandardScaler(), MMoEClassifier(**FAST)).fit(X * 10, y)
    display = GateWeightsDisplay.from_estimator(model, X * 10)
    expected = model[-1].gate_weights(model[0].transform(X * 10)).mean(axis=0)
    assert_allclose(display.mean_weights, expected, rtol=1e-5)


@pytest.mark.parametrize("level", [0, 1])
def test_shown_is_the_level_that_one_asks_for(level, X, y):
    model = MMoEClassifier(n_levels=2, **FAST).fit(X, y)
    display = GateWeightsDisplay.from_estimator(model, X, level=level)
    expected = model.gate_weights(X, level=level).mean(axis=0)
    assert_allclose(display.mean_weights, expected, rtol=1e-5)


def test_the_rows_of_a_single_gate_are_alike(X, y):
    display = GateWeightsDisplay.from_estimator(OMoEClassifier(**FAST).fit(X, y), X)
    assert_allclose(display.mean_weights[0], display.mean_weights[1])


def test_drawn_is_where_one_says(X, y):
    _, ax = plt.subplots()
    display = GateWeightsDisplay([[0.7, 0.3]], task_names=["click"])
    assert display.plot(ax=ax, include_values=False, cmap="Greys") is display
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert display.text_ is None


def test_numbers_stand_out_from_their_cells():
    display = GateWeightsDisplay([[1.0, 0.0]], task_names=["click"]).plot()
    assert [text.get_color() for text in display.text_[0]] == ["black", "white"]


def test_what_cannot_be_drawn_is_an_error(X, y):
    with pytest.raises(ValueError, match="SharedBottomClassifier has no gates"):
        GateWeightsDisplay.from_estimator(SharedBottomClassifier(**FAST).fit(X, y), X)
    with pytest.raises(ValueError, match="one name for each of the 1 tasks"):
        GateWeightsDisplay([[0.7, 0.3]], task_names=["click", "like"])
