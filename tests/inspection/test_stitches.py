"""The picture of stitches."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mmoe import CrossStitchClassifier, SharedBottomClassifier
from sk_mmoe.inspection._stitches import StitchDisplay, _normalize_rows

FAST = {"max_iter": 2, "learning_rate_init": 0.05, "random_state": 0}


def written(text):
    """Return what stands in the cells of a map, row by row."""
    return [cell.get_text() for cell in text.flat]


def test_shown_are_the_learned_stitches(X, y):
    model = CrossStitchClassifier(**FAST).fit(X, y)
    display = StitchDisplay.from_estimator(model, normalize=False)
    assert display.spread is None
    for layer, stitch in enumerate(model.stitches_):
        assert_allclose(display.weights[layer], stitch)
        assert_array_equal(display.im_[layer].get_array(), display.weights[layer])
        assert display.axes_[layer].get_title() == f"hidden layer {layer + 1}"
        assert written(display.text_[layer]) == [f"{weight:+.2f}" for weight in stitch.flat]
    labels = display.axes_[0].get_xticklabels(), display.axes_[0].get_yticklabels()
    assert [[label.get_text() for label in names] for names in labels] == [["click", "level"]] * 2


def test_rows_are_divided_by_the_sums_of_their_absolute_values(X, y):
    model = CrossStitchClassifier(**FAST).fit(X, y)
    display = StitchDisplay.from_estimator(model)
    assert display.normalized
    assert_allclose(np.abs(display.weights).sum(axis=2), 1)
    row = model.stitches_[1][0]
    assert_allclose(display.weights[1, 0], row / (abs(row[0]) + abs(row[1])), rtol=1e-6)


def test_signs_stay_and_rows_of_zeros_too():
    assert_array_equal(_normalize_rows(np.array([[3.0, -1], [0, 0]])), [[0.75, -0.25], [0, 0]])


@pytest.mark.parametrize("normalize", [True, False])
def test_stitches_of_units_are_averaged(X, y, normalize):
    model = CrossStitchClassifier(hidden_layer_sizes=(6, 4), per_channel=True, **FAST).fit(X, y)
    display = StitchDisplay.from_estimator(model, normalize=normalize)
    for layer, n_units in enumerate([6, 4]):
        for k in range(2):
            for j in range(2):
                shares = []
                for unit in range(n_units):
                    row = model.stitches_[layer][unit, k].astype(float)
                    shares.append(row[j] / sum(abs(row)) if normalize else row[j])
                mean, deviation = np.mean(shares), np.std(shares)
                assert_allclose(display.weights[layer, k, j], mean)
                assert_allclose(display.spread[layer, k, j], deviation)
                cell = display.text_[layer][k, j].get_text()
                assert cell == f"{mean:+.2f}\n± {deviation:.2f}"


def test_zero_is_in_the_middle_of_the_colours():
    display = StitchDisplay([[[2.0, -3], [0, 1]]], task_names="ab").plot()
    assert display.im_[0].get_clim() == (-3, 3)
    nothing = StitchDisplay(np.zeros((1, 2, 2)), task_names="ab").plot()
    assert nothing.im_[0].get_clim() == (-1, 1)


def test_all_maps_have_the_same_colours():
    display = StitchDisplay([np.eye(2), 2 * np.eye(2)], task_names="ab").plot()
    assert [image.get_clim() for image in display.im_] == [(-2, 2)] * 2


def test_a_pipeline_may_lead_to_the_estimator(X, y):
    model = make_pipeline(StandardScaler(), CrossStitchClassifier(**FAST)).fit(X, y)
    display = StitchDisplay.from_estimator(model, normalize=False)
    assert_allclose(display.weights, model[-1].stitches_)


def test_drawn_is_where_one_says():
    figure, ax = plt.subplots()
    display = StitchDisplay([np.eye(2)], task_names="ab")
    assert display.plot(ax=ax, include_values=False, cmap="PuOr") is display
    assert display.axes_[0] is ax
    assert display.figure_ is figure
    assert display.text_ is None
    assert display.im_[0].get_cmap().name == "PuOr"


def test_long_names_are_upright():
    display = StitchDisplay([np.eye(2)], task_names=["click", "watch_time"]).plot()
    assert {label.get_rotation() for label in display.axes_[0].get_xticklabels()} == {90}


def test_what_cannot_be_drawn_is_an_error(X, y):
    with pytest.raises(ValueError, match="SharedBottomClassifier has no stitches"):
        StitchDisplay.from_estimator(SharedBottomClassifier(**FAST).fit(X, y))
    with pytest.raises(ValueError, match="no hidden layers"):
        StitchDisplay.from_estimator(CrossStitchClassifier(hidden_layer_sizes=(), **FAST).fit(X, y))
    with pytest.raises(ValueError, match=r"got \(1, 1, 2\)"):
        StitchDisplay([[[1, 2]]], task_names="a")
    with pytest.raises(ValueError, match=r"shape \(1, 2, 2\) of weights, got \(2, 2\)"):
        StitchDisplay([np.eye(2)], spread=np.eye(2), task_names="ab")
    with pytest.raises(ValueError, match="one name for each of the 2 tasks"):
        StitchDisplay([np.eye(2)], task_names="abc")
    with pytest.raises(ValueError, match="ax must have 2 axes"):
        StitchDisplay([np.eye(2)] * 2, task_names="ab").plot(ax=plt.gca())
