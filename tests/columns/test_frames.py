"""Tables of several libraries: the same table is the same numbers, whoever made it."""

import pickle
import warnings
from collections import OrderedDict
from decimal import Decimal

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sk_mmoe import MMoEClassifier
from sk_mmoe.columns._reader import TableReader

LABELS = [f"{number} £" for number in (10, 9, 8, 75, 6, 5, 4, 3)]


def draw_values(kind, n_rows, n_distinct, rng):
    """Return the values of a column, before some are lost."""
    if kind in ("float64", "float32"):
        return rng.normal(size=n_rows).astype(kind).tolist()
    if kind == "decimal":
        return [Decimal(int(number)) / 4 for number in rng.integers(-9, 9, n_rows)]
    if kind == "bool":
        return (rng.random(n_rows) < 0.5).tolist()
    if kind == "int":
        return rng.integers(-n_distinct, n_distinct, n_rows).tolist()
    return [LABELS[code] for code in rng.integers(0, n_distinct, n_rows)]


POLARS = {
    "float64": pl.Float64,
    "float32": pl.Float32,
    "decimal": pl.Decimal(10, 2),
    "bool": pl.Boolean,
    "int": pl.Int64,
    "string": pl.String,
    "category": pl.Categorical,
    "enum": pl.Enum(LABELS),
}
ARROW = {
    "float64": pa.float64(),
    "float32": pa.float32(),
    "decimal": pa.decimal128(10, 2),
    "bool": pa.bool_(),
    "int": pa.int64(),
    "string": pa.string(),
}
STRINGS = ("string", "category", "enum")
NULLABLE = {
    "float64": "Float64",
    "float32": "Float32",
    "decimal": object,
    "bool": "boolean",
    "int": "Int64",
    "string": "string",
}


def to_pandas(columns):
    """Return a DataFrame with NumPy's dtypes, and objects where NumPy has no gaps."""
    frame = {}
    for name, (kind, values) in columns.items():
        has_gaps = None in values
        if kind in ("category", "enum"):
            frame[name] = pd.Categorical(values, categories=LABELS, ordered=kind == "enum")
        elif kind == "decimal" or (kind == "bool" and has_gaps):
            frame[name] = pd.Series(values, dtype=object)
        elif kind == "int" and has_gaps:
            frame[name] = pd.Series(values, dtype="float64")
        else:
            frame[name] = pd.Series(values, dtype={"int": "int64", "string": "str"}.get(kind, kind))
    return pd.DataFrame(frame)


def to_objects(columns):
    """Return a DataFrame of objects."""
    return pd.DataFrame({name: pd.Series(v, dtype=object) for name, (_, v) in columns.items()})


def to_nullable(columns):
    """Return a DataFrame with the dtypes of pandas that know gaps."""
    frame = to_pandas(columns)
    for name, (kind, values) in columns.items():
        if kind in NULLABLE:
            frame[name] = pd.Series(values, dtype=NULLABLE[kind])
    return frame


def to_polars(columns):
    """Return a DataFrame of polars."""
    return pl.DataFrame({n: pl.Series(v, dtype=POLARS[kind]) for n, (kind, v) in columns.items()})


def to_arrow(columns):
    """Return a table of pyarrow; categories are dictionaries, in two chunks."""
    table = {}
    for name, (kind, values) in columns.items():
        if kind in ARROW:
            table[name] = pa.array(values, type=ARROW[kind])
        else:
            codes = pa.array([None if v is None else LABELS.index(v) for v in values], pa.int8())
            table[name] = pa.DictionaryArray.from_arrays(codes, pa.array(LABELS))
    table = pa.table(table)
    middle = len(table) // 2
    return pa.concat_tables([table[:middle], table[middle:]])


def to_arrow_dtypes(columns):
    """Return a DataFrame with the dtypes of pyarrow."""
    return to_arrow(columns).to_pandas(types_mapper=pd.ArrowDtype)


def to_records(columns):
    """Return records, which leave out what is missing."""
    rows = zip(*(values for _, values in columns.values()), strict=True)
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    # The first one names all columns.
    return records[:1] + [
        {name: value for name, value in record.items() if value is not None}
        for record in records[1:]
    ]


def to_narwhals(columns):
    """Return a DataFrame of narwhals."""
    return nw.from_native(to_polars(columns))


FORMS = [
    to_objects,
    to_nullable,
    to_polars,
    to_arrow,
    to_arrow_dtypes,
    to_records,
    to_narwhals,
]


@st.composite
def tables(draw, kinds=tuple(POLARS), min_rows=1):
    """Return columns of several kinds with gaps."""
    kinds = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=6))
    n_rows = draw(st.integers(min_rows, 40) | st.integers(min_rows, 300))
    n_distinct = draw(st.integers(1, len(LABELS)))
    share_missing = draw(st.sampled_from([0, 0.1, 0.6]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    columns = {}
    for k, kind in enumerate(kinds):
        values = draw_values(kind, n_rows, n_distinct, rng)
        missing = rng.random(n_rows) < share_missing
        columns[f"{kind} {k}"] = kind, [None if m else v for v, m in zip(values, missing)]  # noqa: B905
    return columns


PARAMETERS = st.sampled_from(
    [
        {},
        {"embedding_dim": None},
        {"numeric_encoding": "piecewise_linear", "n_knots": 5},
        {"dtype": "float64"},
    ]
)
SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def assert_same(ours, theirs):
    """Check that two tables consist of the same arrays."""
    for one, other in zip(ours, theirs, strict=True):
        assert one.dtype == other.dtype
        assert_array_equal(one, other)


@pytest.mark.parametrize("form", FORMS)
@SETTINGS
@given(columns=tables(), parameters=PARAMETERS)
def test_every_library_gives_the_same_numbers(learn, read, form, columns, parameters):
    pandas, other = to_pandas(columns), form(columns)
    if form in (to_objects, to_records):  # objects are strings if there is one
        labels = [values for kind, values in columns.values() if kind in STRINGS]
        assume(all(any(value is not None for value in values) for values in labels))
    dtype = parameters.get("dtype", "float32")
    ours, theirs = learn(pandas, **parameters), learn(other, **parameters)
    assert_array_equal(ours.is_categorical, theirs.is_categorical)
    assert_array_equal(ours.feature_names_in, theirs.feature_names_in)
    assert ours.network_inputs() == theirs.network_inputs()
    expected = read(ours, pandas, dtype)
    assert_same(read(theirs, other, dtype), expected)
    assert_same(read(ours, other, dtype), expected)
    assert_same(read(theirs, pandas, dtype), expected)


@pytest.mark.parametrize("form", [to_pandas, to_nullable, to_arrow_dtypes, to_polars, to_arrow])
@SETTINGS
@given(columns=tables(), parameters=PARAMETERS, data=st.data())
def test_a_row_is_read_alike_in_every_company(learn, read, form, columns, parameters, data):
    table = form(columns)
    dtype = parameters.get("dtype", "float32")
    reader = learn(table, **parameters)
    whole = read(reader, table, dtype)
    whole = whole[:3] if reader.embeds else whole  # what there is for each row
    order = data.draw(st.permutations(range(len(table))))
    shuffled = table.iloc[order] if isinstance(table, pd.DataFrame) else table_rows(table, order)
    assert_same(read(reader, shuffled, dtype)[: len(whole)], [part[order] for part in whole])
    row = order[0]
    alone = table.iloc[[row]] if isinstance(table, pd.DataFrame) else table_rows(table, [row])
    assert_same(read(reader, alone, dtype)[: len(whole)], [part[[row]] for part in whole])


def fit_quietly(table, n_rows):
    """Return an estimator that is fitted to labels which nothing predicts."""
    y = np.random.default_rng(0).integers(0, 2, (n_rows, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of accidents among few rows
        return MMoEClassifier(max_iter=1, random_state=0).fit(table, y)


@pytest.mark.parametrize("form", [to_nullable, to_arrow_dtypes, to_polars, to_arrow])
@settings(SETTINGS, max_examples=6)
@given(columns=tables(min_rows=8), data=st.data())
def test_predictions_depend_neither_on_the_library_nor_on_the_order_of_rows(form, columns, data):
    pandas, other = to_pandas(columns), form(columns)
    model = fit_quietly(other, len(pandas))
    expected = np.column_stack(fit_quietly(pandas, len(pandas)).predict_proba(pandas))
    assert_array_equal(np.column_stack(model.predict_proba(other)), expected)
    assert_array_equal(np.column_stack(model.predict_proba(pandas)), expected)
    order = data.draw(st.permutations(range(len(pandas))))
    shuffled = other.iloc[order] if isinstance(other, pd.DataFrame) else table_rows(other, order)
    # A product of matrices may round a row differently in another place.
    assert_allclose(np.column_stack(model.predict_proba(shuffled)), expected[order], rtol=1e-5)
    refused = [pandas.assign(more=1.0), pandas.assign(**{pandas.columns[0]: [[1]] * len(pandas)})]
    with warnings.catch_warnings(), pytest.raises(ValueError, match="feature names should match"):
        model.predict(refused[0])
    for call in (model.predict, lambda X: model.fit(X, np.ones(len(X)))):
        with pytest.raises(ValueError, match="hold lists, dicts"):
            call(refused[1])
    assert_array_equal(np.column_stack(model.predict_proba(other)), expected)


def table_rows(table, rows):
    """Return rows of a table of polars or pyarrow."""
    return table[rows] if isinstance(table, pl.DataFrame) else table.take(rows)


@SETTINGS
@given(columns=tables(), parameters=PARAMETERS, of_stream=st.booleans())
def test_copies_read_the_same(learn, read, columns, parameters, of_stream):
    table = to_pandas(columns)
    dtype = parameters.get("dtype", "float32")
    # What a first chunk lacks is worth a warning.
    kinds = {kind for kind, _ in columns.values()}
    of_stream = of_stream and kinds <= {"enum"}
    reader = learn(table, **parameters, of_stream=of_stream)
    expected = read(reader, table, dtype)
    assert_same(read(pickle.loads(pickle.dumps(reader)), table, dtype), expected)
    assert_same(read(TableReader.restore(reader.describe()), table, dtype), expected)


@pytest.mark.parametrize("form", [to_pandas, to_polars, to_arrow, to_arrow_dtypes])
def test_a_stream_knows_what_a_dtype_declares_in_every_library(learn, form):
    columns = {"c": ("enum", [LABELS[0], LABELS[1], None]), "a": ("float64", [1.0, 2.0, 3.0])}
    reader = learn(form(columns), of_stream=True)
    assert reader.columns[0].labels == sorted(LABELS)
    assert learn(form(columns)).columns[0].labels == sorted(LABELS[:2])


def test_structured_arrays_are_tables(learn, read):
    rows = [(1.5, "a", True), (2.5, "b", False)]
    array = np.array(rows, dtype=[("x", "f8"), ("y", "U1"), ("z", "?")])
    frame = pd.DataFrame(rows, columns=["x", "y", "z"])
    assert_same(read(learn(array), array), read(learn(frame), frame))


def test_masks_of_fields_are_honoured(learn, read):
    rows = [(1.5, "a"), (2.5, "b"), (3.5, "a")]
    mask = [(True, False), (False, True), (False, False)]
    array = np.ma.array(rows, mask=mask, dtype=[("x", "f8"), ("y", "U1")])
    frame = pd.DataFrame({"x": [np.nan, 2.5, 3.5], "y": ["a", None, "a"]})
    assert_same(read(learn(array), array), read(learn(frame), frame))


@pytest.mark.parametrize("form", [tuple, np.array, lambda rows: [OrderedDict(r) for r in rows]])
def test_records_come_in_many_forms(learn, read, form):
    records = [{"a": 1.0, "b": "x"}, {"a": 2.0, "b": "y"}]
    reader = learn(records)
    assert_same(read(learn(form(records)), form(records)), read(reader, records))
    assert_same(read(reader, form(records[:1])), read(reader, records[:1]))


def test_tables_of_pyarrow_come_in_many_forms(learn, read):
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", None, "y"]})
    table = pa.Table.from_pandas(frame)
    views = table.set_column(1, "b", pa.array(["x", None, "y"], pa.string_view()))
    expected = read(learn(frame), frame)
    for form in (table, table.to_batches()[0], views):
        assert_same(read(learn(form), form), expected)
        assert_same(read(learn(frame), form), expected)


def test_keys_of_records_have_no_order(learn, read):
    records = [{"a": 1.0, "b": "x"}, {"a": 2.0, "b": "y"}]
    reader = learn(records)
    mixed = [{"b": "x", "a": 1.0}, {"b": "y", "a": 2.0}]
    assert_same(read(reader, mixed), read(reader, records))
    with pytest.raises(ValueError, match="now missing:\n- b"):
        read(reader, [{"a": 1.0}])


def test_tables_that_are_not_there_yet_are_refused(learn):
    with pytest.raises(TypeError, match=r"got a LazyFrame\. Collect it first"):
        learn(pl.DataFrame({"a": [1.0]}).lazy())
    with pytest.raises(TypeError, match=r"Pass pandas.DataFrame\(X\)"):
        learn({"a": [1.0]})


@pytest.mark.parametrize(
    "X",
    [{1.0}, (row for row in [[1.0]]), "table", b"table"],
    ids=["set", "generator", "string", "bytes"],
)
def test_what_has_no_rows_is_refused(learn, read, X):
    reader = learn(np.ones((2, 2)))
    for call in (lambda: learn(X), lambda: read(reader, X)):
        with pytest.raises(TypeError, match=r"X must be a table, got a .*Pass a DataFrame"):
            call()


@pytest.mark.parametrize("library", [pd.Series, pl.Series, pa.chunked_array])
def test_single_columns_are_refused(learn, read, library):
    reader = learn(pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}))
    column = library([["x", "y"]]) if library is pa.chunked_array else library(["x", "y"])
    for call in (lambda: learn(column), lambda: read(reader, column)):
        with pytest.raises(ValueError, match="Expected a 2-dimensional container"):
            call()


def test_repeated_names_are_refused(learn, read):
    twice = pd.DataFrame([[1.0, 2.0]], columns=["a", "a"])
    for call in (
        lambda: learn(twice),
        lambda: read(learn(twice.set_axis(["a", "b"], axis=1)), twice),
    ):
        with pytest.raises(ValueError, match=r"unique column names, but the columns \['a'\] occur"):
            call()
