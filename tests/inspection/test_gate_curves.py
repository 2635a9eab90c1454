"""The pictures of gates over a feature and over samples."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from sk_mmoe import MMoEClassifier, SharedBottomClassifier
from sk_mmoe.inspection import GateCurvesDisplay

FAST = {"n_experts": 3, "max_iter": 2, "random_state": 0}


@pytest.fixture
def model(X, y):
    """Return an estimator with gates."""
    return MMoEClassifier(**FAST).fit(X, y)


@pytest.fixture
def mixed(X):
    """Return inputs with numbers as they come, few numbers, strings and gaps."""
    rng = np.random.default_rng(0)
    return X.assign(
        age=rng.gamma(3, 12, 400),
        children=rng.choice([0, 1, 4], 400),
        gain=np.where(rng.random(400) < 0.8, 0, rng.exponential(1000, 400)),
        city=rng.choice(
            ["Rome", "Oslo", "Bern", "Lima", "Kyiv"], 400, p=[0.3, 0.3, 0.3, 0.05, 0.05]
        ),
    )


@pytest.fixture
def pipeline(mixed, y):
    """Return a pipeline whose estimator sees other columns than its user."""
    numbers = [name for name in mixed if name != "city"]
    columns = make_column_transformer((OneHotEncoder(), ["city"]), (StandardScaler(), numbers))
    return make_pipeline(columns, MMoEClassifier(**FAST)).fit(mixed, y)


def gates(pipeline, X):
    return pipeline[-1].gate_weights(pipeline[:-1].transform(X)).astype(np.float64)


def test_bins_of_a_feature_hold_equally_many_samples(model, X):
    display = GateCurvesDisplay.from_estimator(model, X, feature="x3", n_bins=8)
    order = np.argsort(X["x3"].to_numpy())
    weights = model.gate_weights(X)
    for point in range(8):
        rows = order[50 * point : 50 * (point + 1)]
        assert_allclose(display.positions[point], np.median(X["x3"].to_numpy()[rows]))
        assert_allclose(display.weights[point], weights[rows].mean(axis=0), rtol=1e-5)
        expected = np.percentile(weights[rows], [10, 90], axis=0)
        assert_allclose(display.bounds[:, point], expected, rtol=1e-5)


def test_few_distinct_numbers_get_a_point_each(pipeline, mixed):
    display = GateCurvesDisplay.from_estimator(pipeline, mixed, feature="children")
    assert_array_equal(display.positions, [0, 1, 4])
    weights = gates(pipeline, mixed)
    for point, number in enumerate([0, 1, 4]):
        expected = weights[(mixed["children"] == number).to_numpy()].mean(axis=0)
        assert_allclose(display.weights[point], expected)


def test_a_number_of_most_samples_gets_a_point_of_its_own(pipeline, mixed):
    display = GateCurvesDisplay.from_estimator(pipeline, mixed, feature="gain", n_bins=5)
    zero = (mixed["gain"] == 0).to_numpy()
    assert display.positions[0] == 0
    assert_allclose(display.weights[0], gates(pipeline, mixed)[zero].mean(axis=0))
    assert len(display.positions) == 5
    assert_array_equal(display.positions, np.sort(display.positions))


def test_no_bin_lies_on_both_sides_of_a_frequent_number(model, X):
    X = X.assign(x0=np.where(np.arange(400) % 2, X["x0"], 0))
    display = GateCurvesDisplay.from_estimator(model, X, feature="x0", n_bins=4)
    middle = np.flatnonzero(display.positions == 0)
    assert len(middle) == 1
    weights, x0 = model.gate_weights(X), X["x0"].to_numpy()
    # Three bins are left for the other numbers, and zero divides the one in the middle.
    first, second = np.quantile(x0[x0 != 0], [1 / 3, 2 / 3])
    assert first < 0 < second
    edges = [-np.inf, first, 0, second, np.inf]
    groups = [(x0 > a) & (x0 <= b) & (x0 != 0) for a, b in pairwise(edges)]
    expected = [np.median(x0[group]) for group in groups]
    assert_allclose(np.delete(display.positions, middle), expected)
    others = np.delete(display.weights, middle, axis=0)
    assert_allclose(others, [weights[group].mean(axis=0) for group in groups], rtol=1e-5)


def test_a_pipeline_is_drawn_over_the_column_of_its_user(pipeline, mixed):
    display = GateCurvesDisplay.from_estimator(pipeline, mixed, feature="age", n_bins=2)
    old = (mixed["age"] > mixed["age"].median()).to_numpy()
    assert_allclose(display.positions, [mixed["age"][~old].median(), mixed["age"][old].median()])
    assert_allclose(display.weights[1], gates(pipeline, mixed)[old].mean(axis=0))
    assert display.axes_[0].get_xlabel() == "age"


def test_categories_are_points_with_bars(pipeline, mixed):
    display = GateCurvesDisplay.from_estimator(pipeline, mixed, feature="city")
    cities = ["Bern", "Kyiv", "Lima", "Oslo", "Rome"]
    assert list(display.positions) == cities
    for point, city in enumerate(cities):
        expected = gates(pipeline, mixed)[(mixed["city"] == city).to_numpy()].mean(axis=0)
        assert_allclose(display.weights[point], expected)
    assert [label.get_text() for label in display.axes_[0].get_yticklabels()] == cities
    for (task, expert), points in np.ndenumerate(display.lines_):
        assert points.get_linestyle() == "None"
        at, places = points.get_data()
        assert_allclose(at, display.weights[:, task, expert])
        assert_array_equal(np.round(places), range(5))
        bars = np.array(display.bands_[task, expert].get_segments())
        assert_allclose(bars[:, :, 0].T, display.bounds[:, :, task, expert])


def test_the_rarest_categories_are_put_together(pipeline, mixed):
    display = GateCurvesDisplay.from_estimator(pipeline, mixed, feature="city", n_bins=4)
    assert list(display.positions) == ["Bern", "Oslo", "Rome", "(other)"]
    rare = mixed["city"].isin(["Lima", "Kyiv"]).to_numpy()
    assert_allclose(display.weights[3], gates(pipeline, mixed)[rare].mean(axis=0))


def test_categoricals_keep_their_order(pipeline, mixed):
    order = ["Rome", "Oslo", "Lima", "Kyiv", "Bern", "Paris"]
    mixed["city"] = pd.Categorical(mixed["city"], order, ordered=True)
    display = GateCurvesDisplay.from_estimator(pipeline, mixed, feature="city")
    assert list(display.positions) == order[:5]


def test_samples_without_a_value_are_left_out(X, y):
    X = X.assign(x0=X["x0"].where(np.arange(400) % 3 > 0).mask(np.arange(400) == 1, np.inf))
    fill = FunctionTransformer(lambda X: X.assign(x0=0.0))
    model = make_pipeline(fill, MMoEClassifier(**FAST)).fit(X, y)
    display = GateCurvesDisplay.from_estimator(model, X, feature="x0", n_bins=2)
    x0, weights = X["x0"].to_numpy(), gates(model, X)
    known = np.isfinite(x0)
    low = x0 <= np.median(x0[known])
    assert_allclose(display.weights[0], weights[known & low].mean(axis=0))
    assert_allclose(display.weights[1], weights[known & ~low].mean(axis=0))


def test_names_and_indices_of_all_kinds_of_inputs_agree(X, y, model):
    expected = GateCurvesDisplay.from_estimator(model, X, feature="x2")
    array = X.to_numpy()
    plain = MMoEClassifier(**FAST).fit(array, y)
    for estimator, inputs in [
        (model, X),
        (plain, array),
        (plain, array.tolist()),
        (plain, sparse.csr_matrix(array)),
        (plain, sparse.csc_array(array)),
    ]:
        display = GateCurvesDisplay.from_estimator(estimator, inputs, feature=2)
        assert_allclose(display.weights, expected.weights, rtol=1e-4)
        assert_allclose(display.positions, expected.positions)
    assert expected.feature_name == "x2"
    assert display.feature_name == "feature 2"


def test_curves_and_bands_are_the_numbers(model, X):
    display = GateCurvesDisplay.from_estimator(model, X, feature=0)
    assert display.lines_.shape == display.bands_.shape == (2, 3)
    for (task, expert), line in np.ndenumerate(display.lines_):
        assert line.axes is display.axes_[task]
        assert_allclose(line.get_data(), [display.positions, display.weights[:, task, expert]])
        edge = display.bands_[task, expert].get_paths()[0].vertices
        for bound in display.bounds[:, :, task, expert]:
            for corner in zip(display.positions, bound, strict=True):
                assert np.abs(edge - corner).max(axis=1).min() < 1e-12


def test_panels_show_all_points():
    weights = np.array([[[0.9], [0.1]], [[0.5], [0.95]]])
    # The mean of a skewed group can lie outside its band.
    display = GateCurvesDisplay(
        weights, positions=[0, 1], bounds=[weights / 4, weights / 2], task_names=["a", "b"]
    ).plot()
    for panel in display.axes_:
        assert panel.get_ylim()[0] == 0
        assert panel.get_ylim()[1] > 0.95


def test_many_experts_have_no_bands_unless_one_asks():
    weights = np.full((2, 1, 5), 0.2)
    display = GateCurvesDisplay(
        weights, positions=[0, 1], bounds=[weights, weights], task_names=["click"]
    )
    assert display.plot().bands_ is None
    assert display.plot(band=True).bands_.shape == (1, 5)


def test_curves_differ_without_colours():
    weights = np.full((2, 1, 32), 1 / 32)
    display = GateCurvesDisplay(weights, positions=[0, 1], task_names=["click"]).plot()
    looks = {(line.get_linestyle(), line.get_marker()) for line in display.lines_.flat}
    assert len(looks) == 32
    (legend,) = display.figure_.legends
    assert [text.get_text() for text in legend.get_texts()] == [str(e) for e in range(32)]


def test_samples_are_sorted_by_the_leader_and_its_weight(model, X):
    display = GateCurvesDisplay.from_estimator(model, X[:50])
    assert_allclose(display.weights, model.gate_weights(X[:50]))
    for task, image in enumerate(display.im_):
        drawn = image.get_array().T
        rows = sorted(
            display.weights[:, task].tolist(), key=lambda row: (np.argmax(row), -max(row))
        )
        assert_allclose(drawn, rows)
    assert display.lines_ is None


def test_many_samples_are_averaged_with_their_neighbours():
    weights = np.zeros((900, 1, 2))
    weights[:, 0, 0] = np.linspace(1, 0.6, 900)
    weights[:, 0, 1] = 1 - weights[:, 0, 0]
    display = GateCurvesDisplay(weights[::-1], task_names=["click"]).plot()
    assert_allclose(display.im_[0].get_array().T, weights[1::3, 0])
    assert display.axes_[0].get_xlim() == (0, 900)


def test_drawn_is_where_one_says(model, X):
    figure, axes = plt.subplots(1, 2)
    display = GateCurvesDisplay.from_estimator(model, X, feature=0, ax=axes)
    assert list(display.axes_) == list(axes)
    assert display.figure_ is figure
    assert axes[0].get_legend() is not None
    with pytest.raises(ValueError, match="ax must have 2 axes"):
        display.plot(ax=axes[0])


def test_inputs_that_cannot_be_drawn_are_errors(model, X, y):
    draw = GateCurvesDisplay.from_estimator
    with pytest.raises(ValueError, match="SharedBottomClassifier has no gates"):
        draw(SharedBottomClassifier(max_iter=1).fit(X, y), X)
    with pytest.raises(NotFittedError):
        draw(MMoEClassifier(), X)
    for feature in ["colour", 8, -1, 0.5]:
        with pytest.raises(
            ValueError, match=r"an index below 8, got .*the columns of X are \['x0'"
        ):
            draw(model, X, feature=feature)
    plain = MMoEClassifier(**FAST).fit(X.to_numpy(), y)
    with pytest.raises(ValueError, match="got 'x0'; X has no column names"):
        draw(plain, X.to_numpy(), feature="x0")
    with pytest.raises(ValueError, match="n_bins"):
        draw(model, X, feature=0, n_bins=1)


def test_a_feature_without_values_is_an_error(X, y):
    X = X.assign(note=None)
    columns = make_column_transformer(("passthrough", list(X)[:8]))
    model = make_pipeline(columns, MMoEClassifier(**FAST)).fit(X, y)
    with pytest.raises(ValueError, match="feature 'note' has no known and finite value"):
        GateCurvesDisplay.from_estimator(model, X, feature="note")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"weights": [[0.5, 0.5]]}, "weights must have shape"),
        ({"weights": np.zeros((0, 1, 2))}, "at least one point"),
        ({"positions": [1, 2, 3]}, "positions must have shape"),
        ({"bounds": np.zeros((2, 1, 2))}, "bounds must have shape"),
        ({"task_names": ["click", "like"]}, "one name for each of the 1 tasks"),
    ],
)
def test_wrong_shapes_are_errors(arguments, match):
    good = {"weights": np.full((2, 1, 2), 0.5), "task_names": ["click"]}
    with pytest.raises(ValueError, match=match):
        GateCurvesDisplay(**good | arguments)
