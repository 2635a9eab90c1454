"""Cells that are neither numbers nor labels: refused, with the columns and a way out."""

import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from sk_mmoe import MMoEClassifier
from sk_mmoe.columns._cells import Role, are_dates, find_role, kind_of

N_ROWS = 30
DAYS = pd.date_range("2026-01-01", periods=N_ROWS)
NUMBERS = np.arange(N_ROWS) / 4


def objects(values):
    """Return values as a column of objects."""
    return pd.Series(list(values), dtype=object)


DATES = {
    "datetime64": DAYS,
    "with a time zone": DAYS.tz_localize("UTC"),
    "durations": DAYS - DAYS[0],
    "periods": DAYS.to_period("D"),
    "dates": DAYS.date,
    "times": [datetime.time(12)] * N_ROWS,
    "timestamps as objects": objects(DAYS),
    "datetime64 as objects": objects(DAYS.to_numpy()),
    "durations as objects": objects([datetime.timedelta(1)] * N_ROWS),
    "with gaps": objects([None, *DAYS[1:]]),
    "dates of pyarrow": pd.Series(DAYS.date, dtype=pd.ArrowDtype(pa.date32())),
    "times of pyarrow": pd.Series(
        [datetime.time(3)] * N_ROWS, dtype=pd.ArrowDtype(pa.time64("us"))
    ),
    "timestamps of pyarrow": pd.Series(DAYS, dtype=pd.ArrowDtype(pa.timestamp("us"))),
    "categories": pd.Categorical(DAYS),
    "offsets": objects([pd.offsets.MonthEnd()] * N_ROWS),
}
STRINGS_OF_DATES = {
    "ISO": DAYS.strftime("%Y-%m-%d"),
    "with times": DAYS.strftime("%Y-%m-%d %H:%M:%S"),
    "with a zone": DAYS.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "European": DAYS.strftime("%d.%m.%Y"),
    "American": DAYS.strftime("%m/%d/%Y"),
    "short": DAYS.strftime("%m/%d/%y"),
    "with the month": DAYS.strftime("%d %B %Y"),
    "with the month first": DAYS.strftime("%b %d, %Y"),
    "of letters": DAYS.strftime("%a, %d %b %Y %H:%M:%S +0000"),
    "with gaps": objects([None, *DAYS.strftime("%Y-%m-%d")[1:]]),
    "digits": DAYS.strftime("%Y%m%d"),
    "digits and times": DAYS.strftime("%Y%m%dT%H%M%S"),
    "times": [f"{hour % 24:02}:30" for hour in range(N_ROWS)],
    "times with seconds": [f"{hour % 24}:30:15.5" for hour in range(N_ROWS)],
    "times of twelve hours": [f"{hour % 12 + 1}:05 PM" for hour in range(N_ROWS)],
}
CONTAINERS = {
    "lists": [[1, 2]] * N_ROWS,
    "dicts": [{"a": 1}] * N_ROWS,
    "sets": [{1}] * N_ROWS,
    "frozen sets": [frozenset({1})] * N_ROWS,
    "arrays": [np.ones(2)] * N_ROWS,
    "one list among strings": [*["a"] * (N_ROWS - 1), ["b"]],
    "lists of pyarrow": pd.Series([[1]] * N_ROWS, dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
}
EVERY_CHOICE = pytest.mark.parametrize("choice", ["from_dtype", None, ["strange"]], ids=str)


def make_frame(column):
    """Return a table with a column of numbers and a strange one."""
    return pd.DataFrame({"number": NUMBERS, "strange": column})


@EVERY_CHOICE
@pytest.mark.parametrize("column", DATES.values(), ids=DATES)
def test_dates_and_times_are_neither_numbers_nor_categories(learn, column, choice):
    with pytest.raises(ValueError, match=r"the columns \['strange'\] hold dates.*DatetimeEncoder"):
        learn(make_frame(column), categorical_features=choice)


@pytest.mark.parametrize("name", ["datetime64", "durations", "dates", "times", "with gaps"])
@pytest.mark.parametrize("library", [pl.from_pandas, pa.Table.from_pandas])
def test_dates_are_refused_from_every_library(learn, library, name):
    table = library(make_frame(DATES[name]))
    with pytest.raises(ValueError, match=r"the columns \['strange'\] hold dates"):
        learn(table)


def test_periods_do_not_come_in_through_pyarrow(learn, read):
    table = pa.Table.from_pandas(make_frame(DATES["periods"]))
    reader = learn(make_frame(NUMBERS))
    for call in (lambda: learn(table), lambda: read(reader, table)):
        with pytest.raises(ValueError, match=r"the columns \['strange'\] hold dates"):
            call()


@pytest.mark.parametrize("column", STRINGS_OF_DATES.values(), ids=STRINGS_OF_DATES)
def test_strings_of_dates_are_categories_only_if_one_says_so(learn, column):
    table = make_frame(column)
    with pytest.raises(ValueError, match=r"\['strange'\] hold dates or times as strings"):
        learn(table)
    assert learn(table, categorical_features=["strange"]).is_categorical.tolist() == [False, True]
    assert learn(table.astype({"strange": "category"})).is_categorical.tolist() == [False, True]


@pytest.mark.parametrize(
    "labels",
    [
        ["2026-01-01", "never"],
        ["24:30"],
        ["16:9"],
        ["12:30", "noon"],
        ["20263101"],
        ["2026"],
        ["2026-01"],
        ["1.2.3"],
        ["10.11.12"],
        ["20-00-00"],
        ["May 12"],
        ["3 market 2020"],
        [20260101],
        [],
    ],
)
def test_other_labels_are_no_dates(labels):
    assert not are_dates(labels)


@EVERY_CHOICE
@pytest.mark.parametrize("column", CONTAINERS.values(), ids=CONTAINERS)
def test_containers_are_refused(learn, column, choice):
    with pytest.raises(ValueError, match=r"the columns \['strange'\] hold lists, dicts"):
        learn(make_frame(column), categorical_features=choice)


@pytest.mark.parametrize("values", [[[1]] * N_ROWS, [{"a": 1}] * N_ROWS], ids=["lists", "dicts"])
def test_containers_are_refused_from_polars(learn, values):
    table = pl.DataFrame({"number": NUMBERS, "strange": values})
    with pytest.raises(ValueError, match=r"the columns \['strange'\] hold lists, dicts"):
        learn(table)


@EVERY_CHOICE
@pytest.mark.parametrize("column", [NUMBERS * 1j, objects(NUMBERS * 1j)], ids=["dtype", "objects"])
def test_complex_numbers_are_refused(learn, column, choice):
    with pytest.raises(ValueError, match=r"Complex data not supported: the columns \['strange'\]"):
        learn(make_frame(column), categorical_features=choice)


ARRAYS = {
    "dates": (np.tile(DAYS.to_numpy()[:, None], 2), "hold dates"),
    "durations": (np.ones((4, 2), dtype="m8[s]"), "hold dates"),
    "complex numbers": (np.ones((4, 2), dtype=complex), "Complex data"),
    "dates as objects": (make_frame(DATES["datetime64 as objects"]).to_numpy(), "hold dates"),
    "dicts": (make_frame(CONTAINERS["dicts"]).to_numpy(), "hold lists, dicts"),
    "rows with a date": ([[1.0, np.datetime64("2026-01-01")]] * 4, "hold dates"),
    "rows with a list": ([[1.0, [1]], [2.0, 3.0]], "hold lists, dicts"),
    "rows with a dict": ([[1.0, {"a": 1}], [2.0, 3.0]], "hold lists, dicts"),
    "rows with a complex number": ([[1.0, 1j], [2.0, 3.0]], "Complex data"),
}


@pytest.mark.parametrize(
    "parameters", [{}, {"numeric_encoding": "piecewise_linear"}, {"categorical_features": [1]}]
)
@pytest.mark.parametrize(("array", "message"), ARRAYS.values(), ids=ARRAYS)
def test_arrays_are_checked_as_frames_are(learn, read, array, message, parameters):
    with pytest.raises(ValueError, match=message):
        read(learn(array, **parameters), array)
    reader = learn(np.column_stack([NUMBERS, NUMBERS]), **parameters)
    with pytest.raises(ValueError, match=message):
        read(reader, array)


@pytest.mark.parametrize("n_rows", [1, 3, N_ROWS])
@pytest.mark.parametrize(
    ("name", "message"), [("dates", "hold dates"), ("dicts", "hold lists, dicts")]
)
@pytest.mark.parametrize("column", [NUMBERS, ["a", "b"] * 15], ids=["numbers", "labels"])
def test_what_comes_at_predict_is_checked_too(learn, read, column, name, message, n_rows):
    reader = learn(make_frame(column))
    table = make_frame((DATES | CONTAINERS)[name]).head(n_rows)
    with pytest.raises(ValueError, match=rf"the columns \['strange'\] {message}"):
        read(reader, table)


@pytest.mark.parametrize("n_rows", [1, 3])
def test_labels_where_fit_saw_numbers_are_an_error(learn, read, n_rows):
    reader = learn(make_frame(NUMBERS))
    table = make_frame("x").head(n_rows)
    with pytest.raises(ValueError, match=r"the columns \['strange'\] cannot be read as numbers"):
        read(reader, table)


def test_strings_are_no_numbers_where_no_column_is_categorical(learn):
    with pytest.raises(ValueError, match=r"\['strange'\] cannot be read.*in categorical_features"):
        learn(make_frame("x"), categorical_features=None)


@pytest.mark.parametrize(
    "parameters", [{}, {"categorical_features": [1]}, {"numeric_encoding": None}]
)
def test_masked_values_are_missing(learn, read, parameters):
    numbers = np.column_stack([NUMBERS, np.arange(N_ROWS) % 3])
    mask = np.zeros(numbers.shape, dtype=bool)
    mask[3, 0] = mask[4, 1] = True
    masked = np.ma.array(numbers, mask=mask)
    filled = np.where(mask, np.nan, numbers)
    if "numeric_encoding" in parameters:
        for table in (masked, numbers):
            with pytest.raises(ValueError, match="does not accept missing values"):
                read(learn(table, **parameters), masked)
        unmasked = np.ma.array(numbers)
        (found,) = read(learn(unmasked, **parameters), unmasked)
        np.testing.assert_array_equal(found, numbers.astype("float32"))
        return
    ours, theirs = learn(masked, **parameters), learn(filled, **parameters)
    for one, other in zip(read(ours, masked), read(theirs, filled), strict=True):
        np.testing.assert_array_equal(one, other)


def test_masks_of_single_rows_are_honoured(learn, read):
    rows = [np.ma.array([number, 1.0], mask=[number == 2, False]) for number in range(4)]
    filled = np.array([[np.nan if number == 2 else number, 1.0] for number in range(4)])
    reader = learn(filled, numeric_encoding="piecewise_linear")
    for one, other in zip(read(reader, rows), read(reader, filled), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("form", [np.ndarray.tolist, np.asarray, lambda array: array.astype("U5")])
def test_strings_among_rows_without_names_are_told_by_their_place(learn, read, form):
    rows = form(np.array([[1.0, "x"], [2.0, "y"]], dtype=object))
    with pytest.raises(ValueError, match=r"columns \[1\] cannot be read.*in categorical_features"):
        learn(rows)
    with pytest.raises(ValueError, match=r"columns \[1\] cannot be read.*Convert them to numbers"):
        read(learn(np.ones((2, 2))), rows)
    assert learn(rows, categorical_features=[1]).columns[1].labels == ["x", "y"]


def test_a_mask_over_integers_and_objects_is_honoured(learn):
    for dtype in (int, object):
        masked = np.ma.array([[1, 2], [3, 4], [5, 6]], mask=[[0, 0], [1, 0], [0, 1]], dtype=dtype)
        reader = learn(masked, categorical_features=[1])
        numbers, labels = reader.columns
        assert numbers.knots.has_missing
        assert labels.has_missing
        assert reader.columns[1].labels == [2, 4]


@pytest.mark.parametrize("shape", [(1, 3), (3, 1), (4, 3)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_reversed_views_are_read_as_their_copies(shape, dtype):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, shape[1])).astype(dtype)
    model = MMoEClassifier(max_iter=1, dtype=dtype, random_state=0).fit(X, np.arange(50) % 2)
    for view in (X[::-1][: shape[0]], X[: shape[0], ::-1], X[::-1, ::-1][: shape[0]]):
        np.testing.assert_array_equal(model.predict_proba(view), model.predict_proba(view.copy()))
    matrix = sparse.csr_array(X[: shape[0]])
    matrix.data = matrix.data[::-1].copy()[::-1]
    np.testing.assert_array_equal(model.predict(matrix), model.predict(X[: shape[0]]))


@pytest.mark.parametrize(
    ("cells", "role"),
    [
        ([], Role.NUMBER),
        ([None, np.nan, pd.NA, pd.NaT], Role.NUMBER),
        ([1, 2.5, True, np.int8(3), Decimal("1.5"), Fraction(1, 3), None], Role.NUMBER),
        (["a", np.nan], Role.LABEL),
        ([("a", 1), ("b", 2)], Role.LABEL),
        ([pd.Interval(0, 1)], Role.LABEL),
        ([b"a", 1], Role.LABEL),
        ([1.0, 2j], Role.COMPLEX),
        (["a", datetime.date(2026, 1, 1)], Role.DATE),
        ([1.0, pd.Period("2026")], Role.DATE),
        ([datetime.date(2026, 1, 1), [1]], Role.NESTED),
    ],
)
def test_one_cell_may_decide_what_a_column_is(cells, role):
    assert find_role(cells) is role


def test_labels_of_two_kinds_are_never_equal():
    labels = [1, 1.5, True, "1", b"1", ("1",), Decimal(1), np.float32(1.5), np.str_("1")]
    for one in labels:
        for other in labels:
            if kind_of(type(one)) != kind_of(type(other)):
                assert one != other
