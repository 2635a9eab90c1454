"""Categories: which values are one, whatever their types, and what is said of others."""

import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sk_mmoe.columns._column import ColumnSettings
from sk_mmoe.columns._frame import Labels, factorize
from sk_mmoe.columns.kinds._categories import Categories

LABELS = st.one_of(
    st.integers(-5, 5), st.booleans(), st.text("ab£", max_size=2), st.floats(-2, 2), st.none()
)


def make_labels(values, **options):
    """Return labels as a frame would give them."""
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return Labels(*factorize(column), **options)


def learn_categories(values, **settings):
    """Return the categories of values."""
    return Categories.learn(make_labels(values), ColumnSettings(**settings))


@given(st.lists(LABELS, min_size=1, max_size=30), st.lists(LABELS, min_size=1, max_size=30))
def test_codes_are_places_among_the_categories(training, later):
    column = learn_categories(training)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (codes,), _ = column.read(make_labels(later))
    for value, code in zip(later, codes, strict=True):
        if value is None:
            assert code == (len(column.labels) if None in training else -1)
        elif value in [known for known in training if known is not None]:
            assert column.labels[code] == value
        else:
            assert code == -1
    assert all(a != b for k, a in enumerate(column.labels) for b in column.labels[:k])
    for value, code in zip(later, codes, strict=True):
        assert column.read_one(value) in (None, (code,))


def test_categories_are_sorted_where_they_can_be():
    assert learn_categories(["b", None, "a", "c"]).labels == ["a", "b", "c"]
    assert learn_categories([2, 1.5, True]).labels == [True, 1.5, 2]
    assert learn_categories(["b", 1, "a"]).labels == ["b", 1, "a"]


def test_the_weight_of_a_category_grows_with_its_rows():
    column = learn_categories(["a"] * 3 + ["b"] + [None] * 6, smooth=3)
    assert_array_equal(column.code_weights(), [3 / 6, 1 / 4, 6 / 9])
    for settings in ({"one_hot": True}, {"of_stream": True}):
        whole = learn_categories(["a"] * 3 + ["b"] + [None] * 6, smooth=3, **settings)
        assert_array_equal(whole.code_weights(), np.ones(3))


# -- values of other types ----------------------------------------------------------------------

SAME = [
    ([1, 2], 1.0),
    ([1, 2], True),
    ([1, 2], np.float32(1)),
    ([1, 2], Decimal(1)),
    ([True, False], 1),
    ([True, False], 1.0),
    ([1.0, 2.0], 1),
    (["1", "2"], np.str_("1")),
]
STRANGE = [
    (["10115", "20095"], 10115),
    (["10115", "20095"], 10115.0),
    (["1", "0"], True),
    (["True", "False"], True),
    (["a", "b"], b"a"),
    ([1, 2], "1"),
    ([True, False], "True"),
    ([1.0, 2.0], "1.0"),
    ([("a", 1)], "a"),
]


def make_frame(values, n_rows):
    """Return a table with a column of objects."""
    column = np.empty(len(values), dtype=object)
    column[:] = values
    column = np.resize(column, n_rows)
    return pd.DataFrame({"code": pd.Series(column, dtype=object), "number": np.arange(n_rows) / 4})


@pytest.mark.parametrize("n_rows", [1, 2, 1000])
@pytest.mark.parametrize(("training", "value"), SAME)
def test_the_same_value_of_another_type_is_the_same_category(learn, read, training, value, n_rows):
    reader = learn(make_frame(training, 40), categorical_features=["code"])
    expected = read(reader, make_frame(training[:1], n_rows))
    for one, other in zip(read(reader, make_frame([value], n_rows)), expected, strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize("n_rows", [1, 2, 1000])
@pytest.mark.parametrize(("training", "value"), STRANGE)
def test_values_of_a_type_that_fit_did_not_see_are_worth_a_warning(
    learn, read, training, value, n_rows
):
    reader = learn(make_frame(training, 40), categorical_features=["code"])
    message = "no value of the categorical column 'code' was seen by fit: it holds .* of type"
    with pytest.warns(UserWarning, match=message):
        codes = read(reader, make_frame([value], n_rows))[1]
    assert not codes[:, 1].any()
    if n_rows > 1:  # one among others
        with pytest.warns(UserWarning, match="not every value of the categorical column 'code'"):
            read(reader, make_frame([value, training[0]], n_rows))


def test_the_warning_points_to_the_users_line(learn, read):
    reader = learn(make_frame(["a", "b"], 40))
    with pytest.warns(UserWarning, match="no value") as caught:
        reader.read(make_frame([1], 1), dtype="float32")
    assert caught[0].filename == __file__


@pytest.mark.parametrize("value", ["c", None, np.nan, pd.NA])
def test_a_few_unseen_or_missing_values_are_nothing_strange(learn, read, value):
    reader = learn(make_frame(["a", "b"], 40))
    for n_rows in (1, 2, 19):
        assert not read(reader, make_frame([value], n_rows))[1][:, 1].any()
    if isinstance(value, str):
        with pytest.warns(UserWarning, match="no value .* such as 'c' are read as unseen"):
            read(reader, make_frame([value], 20))


def test_a_column_without_a_category_has_no_strange_values(learn, read):
    frame = make_frame([None], 40)
    reader = learn(frame, categorical_features=["code"])
    assert reader.columns[0].labels == []
    assert not read(reader, make_frame(["a"], 3))[1][:, 1].any()


@pytest.mark.parametrize("n_rows", [1, 2, 100])
@pytest.mark.parametrize(
    "library", [pd.DataFrame, pl.DataFrame, lambda x: np.column_stack([*x.values()])]
)
@pytest.mark.parametrize(("before", "after"), [("float32", "float64"), ("float64", "float32")])
def test_fractions_match_in_single_and_double_precision(
    learn, read, before, after, library, n_rows
):
    fractions = np.resize([0.1, 0.2, 0.7, 1 / 3], 100)

    def make(dtype):
        number = np.arange(100).astype(dtype)
        return library({"a": fractions.astype(dtype), "b": number})

    reader = learn(make(before), categorical_features=[0])
    for one, other in zip(
        read(reader, make(before)[:n_rows]), read(reader, make(after)[:n_rows]), strict=True
    ):
        assert_array_equal(one, other)


LOWER_PRECISION = {
    "float16": lambda values: pd.Series(values, dtype="float16"),
    "nullable": lambda values: pd.Series(values, dtype="Float32"),
    "of pyarrow": lambda values: pd.Series(values, dtype="float[pyarrow]"),
    "categories": lambda values: pd.Series(values, dtype="float32").astype("category"),
    "objects": lambda values: pd.Series([np.float32(value) for value in values], dtype=object),
}
EXACT = {
    "decimals": lambda values: pd.Series([Decimal(str(v)) for v in values], dtype=object),
    "fractions": lambda values: pd.Series([Fraction(str(v)) for v in values], dtype=object),
}


@pytest.mark.parametrize("n_rows", [1, 2, 60])
@pytest.mark.parametrize("form", (LOWER_PRECISION | EXACT).values(), ids=LOWER_PRECISION | EXACT)
def test_fractions_match_in_every_form(learn, read, form, n_rows):
    values = np.resize([0.1, 0.2, 0.7, 3.0], 60)
    double = pd.DataFrame({"a": values, "b": np.arange(60.0)})
    other = double.assign(a=form(values))
    for before, after in ((double, other), (other, double)):
        reader = learn(before, categorical_features=["a"])
        expected = read(reader, before.head(n_rows))
        assert expected[1][:, 1].all()
        for one, two in zip(read(reader, after.head(n_rows)), expected, strict=True):
            assert_array_equal(one, two)


def test_fractions_that_single_precision_confuses_are_no_category(learn, read):
    close = [0.1, 0.1 + 1e-12, 0.5]
    frame = pd.DataFrame({"a": np.resize(close, 30), "b": np.arange(30.0)})
    reader = learn(frame, categorical_features=["a"])
    codes = read(reader, frame.astype({"a": "float32"}))[1][:3, 1]
    assert_array_equal(codes, [0, 0, reader.n_codes[0] + 3])


def test_intervals_are_categories(learn, read):
    frame = pd.DataFrame({"age": pd.cut(np.arange(30), [-1, 10, 20, 30]), "b": np.arange(30.0)})
    reader = learn(frame)
    assert reader.columns[0].labels == sorted(frame["age"].cat.categories)
    codes = read(reader, frame)[1][:, 1]
    assert_array_equal(np.unique(codes, return_counts=True)[1], [11, 10, 9])


def test_long_integers_are_not_rounded(learn, read):
    codes = [2**60, 2**60 + 1]
    frame = pd.DataFrame({"id": codes * 10, "b": np.arange(20.0)})
    reader = learn(frame, categorical_features=["id"])
    for table in (frame, frame.head(2), frame.iloc[[1]], frame.iloc[[0]]):
        (column,) = (part for part in read(reader, table)[1].T[1:2])
        assert_array_equal(column - reader.n_codes[0] - 1, table["id"] - 2**60)
