"""The picture of related tasks."""

import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import pearsonr
from scipy.stats.contingency import association
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mmoe import (
    MMoEClassifier,
    MMoEMixedPredictor,
    OMoEClassifier,
    SharedBottomMixedPredictor,
)
from sk_mmoe.inspection._relatedness import TaskRelatednessDisplay, _gate_similarity

FAST = {"max_iter": 1, "random_state": 0}


def test_numbers_and_two_classes_have_pearsons_correlation(X, y_mixed):
    y = y_mixed[["click", "watch_time"]].assign(
        watch_time=-y_mixed["watch_time"], like=np.where(X["x0"] < 0, "yes", "no")
    )
    model = MMoEMixedPredictor(**FAST).fit(X, y)
    correlation = TaskRelatednessDisplay.from_estimator(model, X, y).label_correlation
    expected = np.corrcoef(y.assign(like=y["like"] == "yes").to_numpy(dtype=float), rowvar=False)
    assert_allclose(correlation, expected, atol=1e-12)
    assert (expected < -0.05).any()  # so that a lost sign would show


def test_more_classes_and_numbers_have_the_multiple_correlation(X, y_mixed):
    model = SharedBottomMixedPredictor(**FAST).fit(X, y_mixed)
    correlation = TaskRelatednessDisplay.from_estimator(model, X, y_mixed).label_correlation
    indicators = pd.get_dummies(y_mixed["level"]).to_numpy(dtype=float)
    for k, name in [(0, "click"), (2, "watch_time")]:
        r2 = LinearRegression().fit(indicators, y_mixed[name]).score(indicators, y_mixed[name])
        assert_allclose(correlation[1, k], np.sqrt(r2))
        assert_allclose(correlation[k, 1], correlation[1, k])
    assert_allclose(np.diag(correlation), 1)


def test_more_classes_have_the_correlation_of_their_best_scores(X, y):
    """With two classes against more this is Cramér's V."""
    rng = np.random.default_rng(0)
    other = np.where(rng.random(400) < 0.4, y["level"], rng.choice(["a", "b", "c"], 400))
    y = pd.DataFrame({"level": y["level"], "other": other})
    model = MMoEClassifier(**FAST).fit(X, y)
    value = TaskRelatednessDisplay.from_estimator(model, X, y).label_correlation[0, 1]
    table = pd.crosstab(y["level"], y["other"]).to_numpy() / 400
    a, b = table.sum(axis=1), table.sum(axis=0)
    sizes = np.linalg.svd((table - np.outer(a, b)) / np.sqrt(np.outer(a, b)), compute_uv=False)
    assert_allclose(value, sizes[0])

    some = (y["level"] != "low").to_numpy()
    value = TaskRelatednessDisplay.from_estimator(model, X[some], y[some]).label_correlation[0, 1]
    table = pd.crosstab(y["level"][some], y["other"][some]).to_numpy()
    assert_allclose(value, association(table, method="cramer"))


def test_pairs_count_the_samples_that_both_know(X, y):
    rng = np.random.default_rng(0)
    y = pd.DataFrame({"click": y["click"] * 1.0, "like": 1.0 * (X["x0"] > 0)})
    y = y.mask(rng.random(y.shape) < 0.3)
    model = MMoEClassifier(**FAST).fit(X, y)
    correlation = TaskRelatednessDisplay.from_estimator(model, X, y).label_correlation
    both = y.dropna()
    assert_allclose(correlation[0, 1], pearsonr(both["click"], both["like"])[0])
    assert_allclose(np.diag(correlation), 1)


@pytest.mark.filterwarnings("error")
def test_labels_that_do_not_vary_have_no_correlation(X, y):
    y = pd.DataFrame({"click": y["click"] * 1.0, "like": 1.0 * (X["x0"] > 0), "level": y["level"]})
    model = MMoEClassifier(**FAST).fit(X, y)
    y["click"] = y["click"].where(y["like"] == 1)  # known only where all like
    display = TaskRelatednessDisplay.from_estimator(model, X, y)
    assert_array_equal(np.isnan(display.label_correlation), [[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    assert display.text_[0][0, 1].get_text() == "n/a"
    assert display.text_[0][0, 1].get_color() == "black"

    y["like"] = y["like"].where(y["click"].isna())  # and no sample knows both
    correlation = TaskRelatednessDisplay.from_estimator(model, X, y).label_correlation
    assert np.isnan(correlation[0, 1])


def test_gates_have_the_cosine_of_what_differs_from_the_even_gate(X, y):
    model = MMoEClassifier(n_experts=3, **FAST).fit(X, y)
    similarity = TaskRelatednessDisplay.from_estimator(model, X, y).gate_similarity
    product = square = other_square = 0.0
    for sample in model.gate_weights(X).astype(float):
        for expert in range(3):
            g, h = sample[0, expert] - 1 / 3, sample[1, expert] - 1 / 3
            product, square, other_square = product + g * h, square + g**2, other_square + h**2
    expected = product / np.sqrt(square * other_square)
    assert_allclose(similarity, [[1, expected], [expected, 1]], rtol=1e-5)


def test_tasks_with_an_expert_each_have_a_known_cosine_and_even_gates_none():
    one, other, even = np.eye(4)[0], np.eye(4)[1], np.full(4, 0.25)
    weights = np.tile(np.stack([one, one, other, even]), (5, 1, 1))
    similarity = _gate_similarity(weights.astype(np.float32))
    assert_allclose(similarity[0, :3], [1, 1, -1 / 3], rtol=1e-6)
    assert np.isnan(similarity[3]).all()


def test_a_single_gate_is_like_itself(X, y):
    display = TaskRelatednessDisplay.from_estimator(OMoEClassifier(**FAST).fit(X, y), X, y)
    assert_allclose(display.gate_similarity, 1, rtol=1e-6)


def test_drawn_are_the_numbers_in_one_order_of_tasks(X, y):
    display = TaskRelatednessDisplay.from_estimator(MMoEClassifier(**FAST).fit(X, y), X, y)
    numbers = [display.label_correlation, display.gate_similarity]
    for panel, image, text, values in zip(
        display.axes_, display.im_, display.text_, numbers, strict=True
    ):
        assert_array_equal(image.get_array(), values)
        assert image.get_clim() == (-1, 1)
        assert [cell.get_text() for cell in text.flat] == [f"{v:+.2f}" for v in values.flat]
        assert [label.get_text() for label in panel.get_xticklabels()] == ["click", "level"]
    assert [label.get_text() for label in display.axes_[0].get_yticklabels()] == ["click", "level"]


def test_without_gates_there_are_labels_alone(X, y_mixed):
    model = SharedBottomMixedPredictor(**FAST).fit(X, y_mixed)
    display = TaskRelatednessDisplay.from_estimator(model, X, y_mixed)
    assert display.gate_similarity is None
    assert len(display.axes_) == len(display.im_) == len(display.text_) == 1


def test_a_pipeline_transforms_its_inputs(X, y):
    model = make_pipeline(StandardScaler(), MMoEClassifier(**FAST)).fit(X * 10, y)
    display = TaskRelatednessDisplay.from_estimator(model, X * 10, y)
    expected = _gate_similarity(model[-1].gate_weights(model[0].transform(X * 10)))
    assert_allclose(display.gate_similarity, expected)


def test_the_level_goes_to_the_gates(X, y):
    model = MMoEClassifier(**FAST).fit(X, y)
    gate_weights = model.gate_weights
    levels = []
    model.gate_weights = lambda X, *, level: levels.append(level) or gate_weights(X)
    TaskRelatednessDisplay.from_estimator(model, X, y)
    TaskRelatednessDisplay.from_estimator(model, X, y, level=0)
    assert levels == [-1, 0]


def test_drawn_is_where_one_says():
    figure, axes = plt.subplots(1, 2)
    display = TaskRelatednessDisplay(np.eye(2), np.eye(2), task_names="ab")
    assert display.plot(ax=axes, include_values=False, cmap="PuOr") is display
    assert list(display.axes_) == list(axes)
    assert display.figure_ is figure
    assert display.text_ is None


def test_what_cannot_be_drawn_is_an_error(X, y):
    model = MMoEClassifier(**FAST).fit(X, y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        TaskRelatednessDisplay.from_estimator(model, X, y[:10])
    with pytest.raises(ValueError, match="y must have the tasks"):
        TaskRelatednessDisplay.from_estimator(model, X, y[["level", "click"]])
    with pytest.raises(ValueError, match="not among its classes"):
        TaskRelatednessDisplay.from_estimator(model, X, y.assign(click=2))
    with pytest.raises(ValueError, match="LogisticRegression is no estimator of sk_mmoe"):
        TaskRelatednessDisplay.from_estimator(
            LogisticRegression().fit([[0], [1]], [0, 1]), [[0], [1]], [0, 1]
        )
    with pytest.raises(ValueError, match=r"got \(1, 2\)"):
        TaskRelatednessDisplay([[1, 0]], task_names="a")
    with pytest.raises(ValueError, match=r"shape \(2, 2\) of label_correlation, got \(1, 1\)"):
        TaskRelatednessDisplay(np.eye(2), [[1]], task_names="ab")
    with pytest.raises(ValueError, match="one name for each of the 2 tasks"):
        TaskRelatednessDisplay(np.eye(2), task_names="abc")


def test_matplotlib_is_not_imported_before_drawing():
    code = (
        "import sys; from sk_mmoe.inspection import *;"
        "LossCurvesDisplay([[1.0]], task_names=['a']);"
        "sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
