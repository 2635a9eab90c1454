"""Numbers in two views: what a network reads does not depend on their units."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from sk_mmoe import MMoERegressor
from sk_mmoe.columns._column import ColumnSettings
from sk_mmoe.columns.kinds._knots import Knots
from sk_mmoe.columns.kinds._scaled_numbers import ScaledNumbers

SETTINGS = ColumnSettings(n_knots="auto", scales_numbers=True)
FAST = {"max_iter": 3, "dtype": "float64", "random_state": 0}


def make_table(n_rows=120):
    """Return four columns and two targets that depend on them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 4))
    X[:, 3] = X[:, 3] > 0.5
    y = np.column_stack([X[:, 0] + np.abs(X[:, 1]), X[:, 2] * X[:, 3]])
    return X, y + rng.normal(scale=0.3, size=y.shape)


def test_numbers_are_standardised_and_bent():
    values = np.random.default_rng(0).gamma(2.0, size=200)
    z = StandardScaler().fit_transform(values[:, None]).ravel()
    read = ScaledNumbers.learn(values, SETTINGS).read_numbers(values)
    assert_allclose(read, z / np.sqrt(1 + z**2 / 25))
    near = np.abs(z) < 1
    assert_allclose(read[near], z[near], rtol=0.02)


def test_the_other_view_is_that_of_knots():
    values = np.random.default_rng(0).normal(size=200)
    values[:5] = np.nan
    ours, knots = ScaledNumbers.learn(values, SETTINGS), Knots.learn(values, SETTINGS)
    assert ours.n_codes == knots.n_codes
    for found, expected in zip(ours.read(values), knots.read(values), strict=True):
        assert_array_equal(found, expected)


@pytest.mark.parametrize("factor", [1.0, 1e-200, 1e200, 1e-9, -4.0])
@pytest.mark.parametrize("shift", [0.0, 30.0])
def test_a_column_in_other_units_is_read_alike(factor, shift):
    values = np.random.default_rng(0).normal(size=200)
    others = (values + shift) * factor
    column, other = (ScaledNumbers.learn(part, SETTINGS) for part in (values, others))
    assert_allclose(other.read_numbers(others), np.sign(factor) * column.read_numbers(values))
    if factor > 0:
        found, expected = other.read(others), column.read(values)
        weights = [
            np.array([(slots.codes[0] + slots.weights), slots.codes[1] - 1 + slots.weights])
            for slots in (found, expected)
        ]
        assert_allclose(weights[0][0], weights[1][0], atol=1e-9)


@pytest.mark.parametrize("values", [[3.0, 3.0, 3.0], [0.0], [np.nan, np.nan], [0.1] * 7])
def test_a_column_without_spread_is_read_as_zeros(values):
    values = np.array(values)
    assert_array_equal(ScaledNumbers.learn(values, SETTINGS).read_numbers(values), 0)


def test_two_values_are_one_apart_and_have_no_knots():
    values = np.array([5.0] * 99 + [7.0])
    column = ScaledNumbers.learn(values, SETTINGS)
    assert column.n_slots == column.n_codes == 0
    low, high = np.unique(column.read_numbers(values))
    assert_allclose(high - low, 1, rtol=0.03)


def test_two_values_with_gaps_have_a_code_for_what_is_missing():
    column = ScaledNumbers.learn(np.array([5.0, 7.0, np.nan]), SETTINGS)
    assert column.n_slots == 2
    assert column.n_codes == 3


def test_a_gap_that_training_lacked_is_read_as_the_mean():
    values = np.random.default_rng(0).normal(3, 2, size=200)
    column = ScaledNumbers.learn(values, SETTINGS)
    gap, mean = np.array([np.nan]), np.array([values.mean()])
    assert_array_equal(column.read_numbers(gap), [0])
    for found, expected in zip(column.read(gap), column.read(mean), strict=True):
        assert_allclose(found, expected)


@pytest.mark.parametrize("value", [-1e300, -3.0, 0.0, 0.25, 1e9, np.nan])
@pytest.mark.parametrize("training", ["gaps", "no gaps", "two values"])
def test_one_value_is_read_as_many_are(value, training):
    values = np.random.default_rng(0).normal(size=50)
    if training == "two values":
        values = np.sign(values)
    if training == "gaps":
        values[0] = np.nan
    column = ScaledNumbers.learn(values, SETTINGS)
    number, *slots = column.read_one(value)
    many = np.array([value])
    assert_allclose(number, column.read_numbers(many)[0], rtol=1e-12)
    if column.n_slots:
        codes, weights = column.read(many)
        assert_allclose(slots, [codes[0, 0], codes[1, 0], weights[0]])


def test_a_description_restores_the_column():
    values = np.random.default_rng(0).normal(size=50)
    column = ScaledNumbers.learn(values, SETTINGS)
    restored = ScaledNumbers(**column.describe())
    assert_array_equal(restored.read_numbers(values), column.read_numbers(values))
    assert_array_equal(restored.read(values).codes, column.read(values).codes)


def test_predictions_do_not_depend_on_units():
    X, y = make_table()
    factors, shifts = np.array([1e5, 1e-3, 1.0, 40.0]), np.array([3e6, 0.0, -7.0, 2.0])
    others = X * factors + shifts
    expected = MMoERegressor(**FAST).fit(X, y).predict(X)
    assert_allclose(MMoERegressor(**FAST).fit(others, y).predict(others), expected, rtol=1e-6)


def test_an_array_rows_in_lists_and_a_frame_are_read_alike():
    X, y = make_table()
    model = MMoERegressor(**FAST).fit(X, y)
    assert_array_equal(model.predict(X.tolist()), model.predict(X))
    frame = pd.DataFrame(X, columns=list("abcd"))
    assert_array_equal(MMoERegressor(**FAST).fit(frame, y).predict(frame), model.predict(X))


def test_how_numbers_are_read_does_not_depend_on_other_columns():
    X, y = make_table()
    frame = pd.DataFrame(X, columns=list("abcd"))
    alone = MMoERegressor(**FAST).fit(frame, y).model_.reader.columns
    frame["kind"] = pd.Categorical(["one"] * len(X))
    frame["gap"] = np.where(np.arange(len(X)) == 3, np.nan, 1.0)
    beside = MMoERegressor(**FAST).fit(frame, y).model_.reader.columns
    for ours, theirs in zip(alone, beside[:4], strict=True):
        assert ours.kind == theirs.kind
        assert_array_equal(ours.describe()["positions"], theirs.describe()["positions"])
        assert (ours.center, ours.scale) == (theirs.center, theirs.scale)


def test_a_gap_at_predict_time_changes_one_row_and_needs_no_gap_in_training():
    X, y = make_table()
    model = MMoERegressor(**FAST).fit(X, y)
    holes, filled = X.copy(), X.copy()
    holes[5, 1], filled[5, 1] = np.nan, X[:, 1].mean()
    found, expected = model.predict(holes), model.predict(filled)
    assert_allclose(found, expected)
    assert_array_equal(np.delete(found, 5, axis=0), np.delete(model.predict(X), 5, axis=0))


def test_predictions_stay_constant_far_from_the_training_values():
    X, y = make_table()
    model = MMoERegressor(**FAST).fit(X, y)
    far, farther = X[:10].copy(), X[:10].copy()
    far[:, 0], farther[:, 0] = 1e6, 1e12
    assert_allclose(model.predict(far), model.predict(farther), rtol=1e-6)
    assert np.abs(model.predict(far)).max() < 50


def test_a_sparse_matrix_stays_sparse_and_free_of_units():
    X, y = make_table()
    X = np.where(np.abs(X) < 0.5, 0, X)
    factors = np.array([1e5, 1e-3, 1.0, 40.0])
    model = MMoERegressor(**FAST).fit(sparse.csr_array(X), y)
    table = model.model_.reader.read(sparse.csr_array(X), dtype="float64")
    assert sparse.issparse(table)
    assert table.nnz == np.count_nonzero(X)
    stored = np.where(X == 0, np.nan, X)
    assert_allclose(table.toarray(), X / np.sqrt(np.nanmean(stored**2, axis=0)))
    others = sparse.csr_array(X * factors)
    predictions = MMoERegressor(**FAST).fit(others, y).predict(others)
    assert_allclose(predictions, model.predict(sparse.csr_array(X)), rtol=1e-6)
    assert_allclose(model.predict(X), predictions, rtol=1e-6)


def test_one_hot_columns_of_a_sparse_matrix_stay_as_they_are():
    X = sparse.random(200, 30, density=0.1, format="csr", random_state=0)
    X.data[:] = 1
    y = np.asarray(X[:, [0]].todense())
    reader = MMoERegressor(**FAST).fit(X, y).model_.reader
    assert_allclose(reader.read(X, dtype="float64").toarray(), X.toarray())


def test_a_model_of_an_array_reads_a_sparse_matrix():
    X, y = make_table()
    model = MMoERegressor(**FAST).fit(X, y)
    assert_array_equal(model.predict(sparse.csr_array(X)), model.predict(X))


@pytest.mark.parametrize("encoding", [None, "piecewise_linear"])
def test_other_encodings_have_no_standardised_view(encoding):
    X, y = make_table()
    model = MMoERegressor(numeric_encoding=encoding, **FAST).fit(X, y)
    columns = model.model_.reader.columns
    assert columns is None or all(column.n_numbers == 0 for column in columns)
