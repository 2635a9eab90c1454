"""Numbers of every library and type: as they are, and with gaps."""

import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.model_selection import KFold, cross_val_score

from sk_mmoe import MMoEClassifier
from sk_mmoe.columns._checks import all_finite

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(RNG.normal(size=(60, 3)), columns=["a", "b", "c"])


@pytest.mark.parametrize("library", [pd.DataFrame, pl.from_pandas])
@pytest.mark.parametrize("n_rows", [1, 5])
def test_a_gap_that_fit_did_not_see_is_read_as_the_mean(learn, read, library, n_rows):
    later = TABLE.head(n_rows).copy()
    later.loc[0, "b"] = np.nan
    reader = learn(library(TABLE))
    filled = later.fillna({"b": TABLE["b"].mean()})
    found, expected = (read(reader, library(table)) for table in (later, filled))
    for one, other in zip(found, expected, strict=True):
        assert_allclose(one, other, atol=1e-6)


NAN = np.array([np.nan, 1.0, 2.0])
NULLABLE = {
    "pandas": pd.arrays.FloatingArray(NAN, np.zeros(3, dtype=bool)),
    "pyarrow": pd.arrays.ArrowExtensionArray(pa.array(NAN)),
}


@pytest.mark.parametrize("column", NULLABLE.values(), ids=NULLABLE)
def test_a_nan_among_nullable_numbers_is_a_gap(learn, read, column):
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": column})
    plain = table.astype("float64")
    ours, theirs = learn(table), learn(plain)
    assert ours.network_inputs() == theirs.network_inputs()
    for one, other in zip(read(ours, table), read(theirs, plain), strict=True):
        assert_array_equal(one, other)


def test_numbers_that_are_to_be_read_as_they_are_may_not_be_missing(learn, read):
    later = TABLE.head(2).copy()
    later.loc[0, "b"] = np.nan
    for reader, table in (
        (learn(TABLE, numeric_encoding=None), later),
        (learn(TABLE.to_numpy(), numeric_encoding=None), later.to_numpy()),
    ):
        for n_rows in (1, 2):
            with pytest.raises(ValueError, match="MMoEClassifier does not accept missing values"):
                read(reader, table[:n_rows])


def test_folds_without_the_only_gap_can_be_trained_on():
    table = TABLE.copy()
    table.loc[3, "a"] = np.nan
    y = (TABLE[["a", "b"]] > 0).astype(int)
    scores = cross_val_score(MMoEClassifier(max_iter=2, random_state=0), table, y, cv=KFold(3))
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_rows", [1, 60])
def test_infinite_numbers_are_refused(learn, read, dtype, n_rows):
    for reader in (learn(TABLE), learn(TABLE, numeric_encoding="piecewise_linear")):
        with pytest.raises(ValueError, match=r"too large for .* in the columns \['b'\]\. Replace"):
            read(reader, TABLE.assign(b=np.inf).head(n_rows), dtype)
    if dtype == "float32":
        reader = learn(TABLE, numeric_encoding=None)
        with pytest.raises(ValueError, match=r"infinity or a value .* the columns \['b'\]"):
            read(reader, TABLE.assign(b=1e300).head(n_rows), dtype)


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array])
def test_sparse_numbers_stay_sparse(learn, form):
    matrix = form(TABLE.to_numpy() * (TABLE > 0))
    for table in (matrix, TABLE.to_numpy(), TABLE):
        reader = learn(table, numeric_encoding=None)
        reader.feature_names_in = None
        read = reader.read(matrix, dtype="float32")
        assert read.format == "csr"
        assert_array_equal(read.toarray(), matrix.toarray().astype("float32"))


def test_a_frame_of_sparse_columns_stays_sparse(learn):
    table = (TABLE * (TABLE > 0)).astype(pd.SparseDtype("float64", 0))
    reader = learn(table)
    assert sparse.issparse(reader.read(table, dtype="float32"))
    mixed = table.assign(city=["a", "b"] * 30)
    plain = learn(mixed, numeric_encoding=None)
    assert plain.read(mixed, dtype="float32").shape == (60, 4)


def test_arrays_are_not_copied_without_need(learn):
    array = np.ascontiguousarray(TABLE.to_numpy("float32"))
    reader = learn(array, numeric_encoding=None)
    assert np.shares_memory(reader.read(array, dtype="float32"), array)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", ">f8", "float16", "bool"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_every_type_are_read_as_scikit_learn_does(learn, dtype, order):
    array = np.asarray((TABLE.to_numpy() * 4).round(), order=order).astype(dtype)
    read = learn(array, numeric_encoding=None).read(array, dtype="float32")
    assert read.flags.c_contiguous
    assert read.dtype == np.float32
    assert_array_equal(read, array.astype("float32"))


def test_an_empty_table_is_refused(learn, read):
    for table in (TABLE, TABLE.to_numpy(), pl.from_pandas(TABLE), TABLE.assign(d="x")):
        with pytest.raises(ValueError, match="0 sample"):
            read(learn(table[:0]), table[:0])
        with pytest.raises(ValueError, match="0 sample"):
            read(learn(table), table[:0])
    with pytest.raises(ValueError, match="0 feature"):
        learn(TABLE[[]])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, 0.0])
@pytest.mark.parametrize("place", [0, 5000, -1])
def test_a_number_that_is_not_finite_is_found_wherever_it_stands(value, place):
    numbers = np.full(9999, 3e38, dtype=np.float32)  # whose sum overflows
    numbers[place] = value
    for table in (numbers, numbers / 1e6):
        assert all_finite(table) == np.isfinite(table).all()


def test_to_look_for_them_takes_no_memory():
    numbers = np.ones((100_000, 20), dtype=np.float32)
    tracemalloc.start()
    all_finite(numbers)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < numbers.nbytes / 100
