"""Numeric columns through knots: as scikit-learn's linear splines would give them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.preprocessing import OneHotEncoder, SplineTransformer

from sk_mmoe import MMoEClassifier, MMoERegressor, fit_runs, load_model, save_model
from sk_mmoe.columns.kinds._knots import Knots
from sk_mmoe.datasets import fetch_census_income

RNG = np.random.default_rng(0)
NUMBERS = st.floats(-1e6, 1e6)


def make_frame(n_samples=400, seed=0):
    """Return a table in odd units with holes, and two tasks that depend on steps in it."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n_samples),
            "gain": np.where(rng.random(n_samples) < 0.9, 0, rng.lognormal(8, 2, n_samples)),
            "weight": rng.normal(7e4, 1e4, n_samples),
            "member": rng.random(n_samples) < 0.5,
            "city": rng.choice(["Bern", "Oslo", None], n_samples),
        }
    )
    X.loc[rng.random(n_samples) < 0.1, "weight"] = np.nan
    rich = (X["gain"] > 0) | ((X["age"] > 50) & X["member"])
    return X, pd.DataFrame({"rich": rich, "known": X["weight"].notna()})


X, Y = make_frame()
FAST = {"max_iter": 20, "learning_rate_init": 1e-2, "random_state": 0}


@pytest.fixture(scope="module")
def fitted():
    """Return a model of the table."""
    return MMoEClassifier(**FAST).fit(X, Y)


@pytest.fixture(scope="module")
def census(census_home):
    """Return training rows and others of the real table."""
    X, y = fetch_census_income(data_home=census_home, return_X_y=True)
    return train_test_split(X, y, train_size=10_000, test_size=50_000, random_state=0)


# -- where knots lie --------------------------------------------------------------------------


@given(st.lists(NUMBERS, min_size=2, max_size=80), st.integers(2, 20), st.lists(NUMBERS))
def test_a_number_is_what_lies_between_its_knots(column, n_knots, numbers):
    knots = Knots.from_numbers(np.array(column), n_knots)
    positions = knots.positions
    assert (np.diff(positions) > 0).all()
    assert np.isin(positions, column).all()
    assert positions[0] == min(column)
    assert positions[-1] == max(column)
    lower, upper, fraction = knots.locate(np.array(numbers))
    assert ((fraction >= 0) & (fraction <= 1)).all()
    assert (upper - lower <= 1).all()
    between = positions[lower] * (1 - fraction) + positions[upper] * fraction
    assert_allclose(between, np.clip(numbers, *positions[[0, -1]]), rtol=1e-9, atol=1e-6)


def test_few_distinct_values_are_knots_each():
    column = RNG.integers(0, 7, 1000).astype(float)
    assert_array_equal(Knots.from_numbers(column, 7).positions, np.arange(7))


def test_frequent_values_are_knots_and_quantiles_of_the_rest():
    column = np.concatenate([np.zeros(9000), RNG.permutation(np.arange(1.0, 1001))])
    positions = Knots.from_numbers(column, 11).positions
    # Zero, and ten quantiles of the thousand others.
    assert len(positions) == 11
    assert positions[0] == 0
    assert_allclose(positions[1:], np.linspace(1, 1000, 10), atol=1)


def test_knots_of_many_rows_are_those_of_a_part():
    column = RNG.normal(size=300_000)
    positions = Knots.from_numbers(column, 9).positions
    assert_allclose(positions[1:-1], np.quantile(column, np.linspace(0, 1, 9))[1:-1], atol=0.02)


def test_a_missing_value_has_a_level_where_fit_saw_one():
    seen = Knots.from_numbers(np.array([1.0, np.nan, 2.0]), 4)
    assert seen.n_codes == 3
    assert [part.tolist() for part in seen.locate(np.array([np.nan, 1.5]))] == [
        [2, 0],
        [2, 1],
        [0, 0.5],
    ]
    unseen = Knots.from_numbers(np.array([1.0, 2.0]), 4)
    assert unseen.n_codes == 2
    assert [part.tolist() for part in unseen.locate(np.array([np.nan]))] == [[-1], [-1], [0]]


@pytest.mark.parametrize("column", [[3.0, 3.0], [np.nan, np.nan], [3.0, np.nan]])
def test_constant_and_empty_columns_do_no_harm(column):
    knots = Knots.from_numbers(np.array(column), 4)
    lower, upper, fraction = knots.locate(np.array([2.0, 3.0, np.nan]))
    assert_array_equal(lower, upper)
    assert not fraction.any()
    assert lower.max() < knots.n_codes


# -- what the network reads -------------------------------------------------------------------


def test_looked_up_columns_are_linear_splines():
    numbers = ["age", "weight"]
    table = X[[*numbers, "city"]].fillna({"weight": 7e4})
    options = {"numeric_encoding": "piecewise_linear", "max_iter": 3, "random_state": 0}
    model = MMoEClassifier(embedding_dim=None, n_knots=6, **options).fit(table, Y)
    knots = np.column_stack(
        [column.positions for column in model._model.reader.columns if column.kind == "knots"]
    )
    splines = SplineTransformer(degree=1, knots=knots, extrapolation="constant")
    encoder = make_column_transformer(
        (splines, numbers), (OneHotEncoder(handle_unknown="ignore"), ["city"]), sparse_threshold=0
    ).fit(table)
    reference = MMoEClassifier(**options | {"numeric_encoding": None})
    reference.fit(encoder.transform(table), Y)
    assert_allclose(model.loss_curve_, reference.loss_curve_, rtol=1e-5)
    later = make_frame(seed=1)[0][table.columns].fillna({"weight": 1e6})
    expected = reference.predict_proba(encoder.transform(later))
    for ours, theirs in zip(model.predict_proba(later), expected, strict=True):
        assert_allclose(ours, theirs, atol=1e-5)


def test_a_table_as_it_comes_is_learned(fitted):
    X_test, y_test = make_frame(seed=1)
    assert fitted.score(X_test, y_test) > 0.9


def test_units_do_not_matter(fitted):
    scaled = X.assign(weight=X["weight"] * 1e-6 + 3, age=1000 * X["age"])
    again = MMoEClassifier(**FAST).fit(scaled, Y)
    for a, b in zip(fitted.predict_proba(X), again.predict_proba(scaled), strict=True):
        assert_allclose(a, b, atol=1e-3)


@pytest.mark.parametrize("embeds", [True, False])
def test_missing_numbers_tell(fitted, embeds):
    model = fitted if embeds else MMoEClassifier(embedding_dim=None, **FAST).fit(X, Y)
    proba = model.predict_proba(X)[1]
    known = Y["known"].to_numpy()
    assert proba[known, 1].mean() > proba[~known, 1].mean() + 0.3
    # In a column that was whole, a missing value counts as none.
    holes = X.head(20).assign(age=np.nan)
    assert np.isfinite(model.predict_proba(holes)[0]).all()


def test_numbers_alone_have_knots_too_unless_they_are_read_as_they_are():
    numbers = X[["age", "gain"]] / 1e5
    model = MMoEClassifier(max_iter=3, numeric_encoding=None, random_state=0)
    for table in (numbers, numbers.to_numpy()):
        assert clone(model).fit(table, Y)._model.reader.network_inputs() == {"n_features": 2}
    model.set_params(numeric_encoding="piecewise_linear")
    frame = clone(model).fit(numbers, Y)
    array = clone(model).fit(numbers.to_numpy(), Y)
    assert frame._model.reader.embeds
    assert array.loss_curve_ == frame.loss_curve_
    assert array.is_categorical_ is frame.is_categorical_ is None
    with pytest.raises(ValueError, match="encoding='piecewise_linear' needs a dense table"):
        model.fit(sparse.csr_array(numbers.to_numpy()), Y)


def test_a_frame_of_numbers_with_gaps_needs_no_other_preparation():
    numbers = X[["age", "weight"]]
    model = MMoEClassifier(**FAST).fit(numbers, Y)
    assert model.is_categorical_ is None
    assert model.score(numbers, Y) > 0.8
    again = MMoEClassifier(**FAST).fit(numbers.to_numpy(), Y)
    assert again.loss_curve_ == model.loss_curve_
    with pytest.raises(ValueError, match="NaN"):
        MMoEClassifier(numeric_encoding=None).fit(numbers.to_numpy(), Y)


def test_an_array_with_categories_is_such_a_table_too():
    numbers = X[["age", "gain", "member"]].to_numpy(dtype=float)
    model = MMoEClassifier(categorical_features=[2], max_iter=3, random_state=0).fit(numbers, Y)
    frame = MMoEClassifier(categorical_features=["member"], max_iter=3, random_state=0)
    frame.fit(X[["age", "gain", "member"]], Y)
    assert model.loss_curve_ == frame.loss_curve_


def test_infinite_numbers_are_an_error():
    with pytest.raises(ValueError, match="infinity"):
        MMoEClassifier().fit(X.assign(weight=np.inf), Y)


@pytest.mark.parametrize(("n_rows", "n_knots"), [(100, [8, 8]), (400, [10, 10]), (2000, [16, 22])])
def test_more_rows_afford_more_knots_most_of_all_beside_many_zeros(n_rows, n_knots):
    numbers = np.random.default_rng(0).normal(size=n_rows)
    rare = np.where(np.arange(n_rows) % 5 < 3, 0, numbers)
    table = pd.DataFrame({"even": numbers, "rare": rare})
    model = MMoERegressor(numeric_encoding="piecewise_linear", max_iter=1)
    assert model.fit(table, table["even"])._model.reader.n_codes == n_knots
    assert model.set_params(n_knots=30).fit(table, table["even"])._model.reader.n_codes == [30, 30]


def test_regressors_learn_steps_that_are_no_lines():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.lognormal(size=(2000, 3)), columns=list("abc"))
    y = np.floor(table["a"].clip(upper=4)) + 3 * (table["b"] > 1) * (table["c"] > 1)
    model = MMoERegressor(
        numeric_encoding="piecewise_linear", max_iter=60, learning_rate_init=3e-3, random_state=0
    )
    assert model.fit(table[:1500], y[:1500]).score(table[1500:], y[1500:]) > 0.9


def test_runs_of_one_program_have_knots_of_their_own():
    tables = [make_frame(seed=seed) for seed in (2, 3)]
    tables = [(x[["weight", "member"]].fillna(0), y) for x, y in tables]
    options = {"numeric_encoding": "piecewise_linear", "max_iter": 3, "n_members": 1}
    estimator = MMoEClassifier(**options, random_state=0)
    models = fit_runs(estimator, tables)
    first, second = (model._model.reader.columns[0].positions for model in models)
    assert (first != second).any()
    for seed, (model, table) in enumerate(zip(models, tables, strict=True)):
        alone = clone(estimator).set_params(random_state=seed).fit(*table)
        assert_allclose(model.loss_curve_, alone.loss_curve_, rtol=1e-4)


def test_a_saved_model_knows_its_knots(tmp_path):
    model = MMoEClassifier(n_cross_layers=1, n_members=2, max_iter=2, random_state=0).fit(X, Y)
    model.set_params(n_cross_layers=3, embedding_dim=2)
    save_model(model, tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors")
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_a_stream_keeps_the_knots_of_its_first_chunk():
    classes = [[False, True]] * 2
    model = MMoEClassifier(random_state=0).partial_fit(X[:200], Y[:200], classes=classes)
    before = model._model.reader.columns[0].describe()
    model.partial_fit(X[200:].assign(age=99), Y[200:])
    after = model._model.reader.columns[0].describe()
    assert_array_equal(after.pop("positions"), before.pop("positions"))
    assert after == before


def test_cross_validation_takes_tables_as_they_come():
    scores = cross_val_score(MMoEClassifier(**FAST), X, Y["rich"], cv=3)
    assert scores.min() > 0.85


@pytest.mark.filterwarnings("ignore:the gates of the tasks")
def test_some_knots_of_age_teach_more_than_one_for_each_year(census):
    X, X_test, y, y_test = census

    def loss(n_knots):
        model = MMoEClassifier(n_knots=n_knots, n_iter_no_change=3, random_state=0).fit(X, y)
        return log_loss(y_test["never_married"], model.predict_proba(X_test)[1])

    assert loss("auto") < loss(128) - 0.001


# One of its gates settles, with every rate and decay of embeddings.
@pytest.mark.filterwarnings("ignore:the gates of the tasks")
def test_real_tables_as_they_come_are_learned_better_than_by_gradient_boosting(census):
    X, X_test, y, y_test = census
    model = MMoEClassifier(n_iter_no_change=3, random_state=0).fit(X, y)
    for k, task in enumerate(y):
        boosting = HistGradientBoostingClassifier(random_state=0).fit(X, y[task])
        ours = roc_auc_score(y_test[task], model.predict_proba(X_test)[k][:, 1])
        theirs = roc_auc_score(y_test[task], boosting.predict_proba(X_test)[:, 1])
        assert ours > theirs
