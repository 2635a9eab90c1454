"""The gate for y and devices: every form of input, every error."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse

from sk_mmoe.tasks._labels import check_labels
from sk_mmoe.tasks._targets import (
    check_same_length,
    read_targets,
)

NAN = np.nan


def read(y):
    return read_targets(y, estimator_name="MMoEClassifier")


# One task: labels 1, missing, 0, in the forms that can hold them; dtype of the labels.
WITH_A_MISSING_LABEL = {
    "float array": (np.array([1, NAN, 0]), "float64"),
    "float32 array": (np.array([1, NAN, 0], dtype=np.float32), "float32"),
    "list with None": ([1, None, 0], "int64"),
    "list with NaN": ([1, NAN, 0], "float64"),
    "list with NA": ([1, pd.NA, 0], "int64"),
    "tuple": ((1, None, 0), "int64"),
    "object array": (np.array([1, NAN, 0], dtype=object), "int64"),
    "objects that are booleans": ([True, None, False], "bool"),
    "float Series": (pd.Series([1, NAN, 0]), "float64"),
    "Int64 Series": (pd.Series([1, None, 0], dtype="Int64"), "int64"),
    "UInt8 Series": (pd.Series([1, None, 0], dtype="UInt8"), "uint8"),
    "Float64 Series": (pd.Series([1, None, 0], dtype="Float64"), "float64"),
    "boolean Series": (pd.Series([1, None, 0], dtype="boolean"), "bool"),
    "categorical of integers": (pd.Series([1, None, 0], dtype="category"), "int64"),
    "categorical of booleans": (pd.Series([True, None, False], dtype="category"), "bool"),
}


@pytest.mark.parametrize(("y", "dtype"), WITH_A_MISSING_LABEL.values(), ids=WITH_A_MISSING_LABEL)
def test_missing_label_is_seen_in_every_form(y, dtype):
    targets = read(y)
    assert targets.ndim == 1
    assert targets.names == ["task0"]
    assert len(targets) == 3
    assert targets.known.tolist() == [[True], [False], [True]]
    assert targets.labels[0].tolist() == [1, 0]
    assert targets.labels[0].dtype == dtype


@pytest.mark.parametrize("missing", [None, NAN, pd.NA, pd.NaT])
@pytest.mark.parametrize("dtype", [object, "str", "string", "category"])
def test_missing_string_is_seen_in_every_form(missing, dtype):
    targets = read(pd.Series(["yes", missing, "no"], dtype=dtype, name="answer"))
    assert targets.names == ["answer"]
    assert targets.known.tolist() == [[True], [False], [True]]
    assert targets.labels[0].tolist() == ["yes", "no"]


@pytest.mark.parametrize("missing", [None, pd.NA])
def test_missing_string_is_seen_in_a_list(missing):
    targets = read([["a", "x"], ["b", missing], ["c", "y"]])
    assert targets.known.tolist() == [[True, True], [True, False], [True, True]]
    assert [labels.tolist() for labels in targets.labels] == [["a", "b", "c"], ["x", "y"]]


def test_columns_of_a_frame_keep_their_own_dtypes():
    y = pd.DataFrame(
        {
            "click": pd.array([1, 0, None], dtype="Int64"),
            "level": pd.Categorical(["low", None, "high"]),
            "watch_time": [1.5, 2.5, 3.5],
            7: pd.to_datetime(["2020-01-01", None, "2021-01-01"]),
        },
        index=[30, 10, 20],
    )
    targets = read(y)
    assert targets.names == ["click", "level", "watch_time", "7"]
    assert targets.ndim == 2
    assert_array_equal(targets.known, y.notna().to_numpy())
    assert [labels.dtype.kind for labels in targets.labels] == ["i", "O", "f", "M"]
    for labels, name in zip(targets.labels, y.columns, strict=True):
        assert labels.tolist() == y[name].dropna().to_numpy().tolist()


@pytest.mark.parametrize(
    ("y", "dtype"),
    [
        (np.array([3, -1], dtype=np.int8), "int8"),
        (np.array([True, False]), "bool"),
        (np.array(["b", "a"]), "<U1"),
        (torch.tensor([3, -1]), "int64"),
        (range(2), "int64"),
        (pd.Series([1, 0], dtype="Sparse[int64]"), "int64"),
        (pd.Categorical(["b", "a"]), "object"),
    ],
)
def test_labels_keep_their_natural_dtype(y, dtype):
    labels = read(y).labels[0]
    assert labels.tolist() == np.asarray(y).tolist()
    assert labels.dtype == dtype


def test_one_column_of_two_dimensions_is_told_from_one_dimension():
    assert read([1, 0]).ndim == 1
    assert read([[1], [0]]).ndim == 2
    assert read(pd.Series([1, 0])).ndim == 1
    assert read(pd.DataFrame({"click": [1, 0]})).ndim == 2
    assert_array_equal(read([[1], [0]]).labels[0], read([1, 0]).labels[0])


BAD_TARGETS = {
    "none": (
        None,
        "MMoEClassifier estimator requires y to be passed, but the target y is None",
    ),
    "sparse": (sparse.eye(3, format="csr"), r"y must be dense.*y\.toarray\(\)"),
    "a number": (5, r"one or two dimensions, got an array of shape \(\)"),
    "three dimensions": (np.ones((2, 1, 1)), r"got an array of shape \(2, 1, 1\)"),
    "no sample": ([], r"at least one sample and one task, got shape \(0,\)"),
    "no task": (np.ones((3, 0)), r"at least one sample and one task, got shape \(3, 0\)"),
    "no sample in a frame": (pd.DataFrame({"a": []}), r"got shape \(0, 1\)"),
    "no task in a frame": (pd.DataFrame(index=range(3)), r"got shape \(3, 0\)"),
    "names that are one as strings": (
        pd.DataFrame([[1, 2, 3]], columns=[1, "1", "b"]),
        r"different names, got \['1'\] repeated",
    ),
    "no known label": (np.array([[1, NAN], [0, NAN]]), r"no known label in the tasks \['task1'\]"),
    "complex": (np.array([1j, 2]), "Complex data not supported: task 'task0' has dtype complex128"),
    "infinity": (np.array([[0, 1], [1, np.inf]]), "y contains infinity in task 'task1'"),
    "infinity among objects": (np.array([None, -np.inf]), "y contains infinity in task 'task0'"),
    "infinity in an extension array": (
        pd.Series([1, np.inf], dtype="Float64"),
        "contains infinity",
    ),
}


@pytest.mark.parametrize(("y", "message"), BAD_TARGETS.values(), ids=BAD_TARGETS)
def test_bad_targets_are_refused_with_their_reason(y, message):
    with pytest.raises(ValueError, match=message):
        read(y)


@st.composite
def targets_and_rows(draw):
    """Return a float table with a known label in each column, and rows of it."""
    n_samples, n_tasks = draw(st.integers(1, 8)), draw(st.integers(1, 3))
    value = st.one_of(st.integers(-3, 3).map(float), st.just(NAN))
    y = draw(hnp.arrays(np.float64, (n_samples, n_tasks), elements=value))
    y[draw(st.integers(0, n_samples - 1))] = 1.0
    rows = draw(st.lists(st.integers(0, n_samples - 1), max_size=12))
    return y, np.array(rows, dtype=np.int64)


@given(targets_and_rows())
@settings(deadline=None, max_examples=100)
def test_taking_rows_equals_subsetting_the_table(case):
    y, rows = case
    taken = read(y).take(rows)
    assert_array_equal(taken.known, ~np.isnan(y[rows]))
    assert len(taken) == len(rows)
    for k, labels in enumerate(taken.labels):
        column = y[rows, k]
        assert_array_equal(labels, column[~np.isnan(column)])


def test_taking_rows_keeps_names_dimension_and_dtypes():
    y = pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"]})
    taken = read(y).take(np.array([2, 1, 2]))
    assert (taken.names, taken.ndim) == (["a", "b"], 2)
    assert [labels.tolist() for labels in taken.labels] == [[3, 2, 3], ["z", "z"]]
    assert [labels.dtype.kind for labels in taken.labels] == ["i", "O"]


def test_a_categorical_gives_labels_of_its_categories():
    labels = pd.Categorical.from_codes([1, 0], categories=[10, 20, 30])
    assert check_labels(labels).tolist() == [20, 10]
    assert check_labels(labels).dtype == "int64"


# -- length -------------------------------------------------------------------------------------


def test_lengths_are_compared():
    targets = read(np.array([[1, NAN], [0, 1], [NAN, 0]]))
    check_same_length(np.ones((3, 1)), targets)
    check_same_length(sparse.csr_array(np.ones((3, 1))), targets)
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[4, 3\]"):
        check_same_length(np.ones((4, 1)), targets)


def test_a_gap_among_the_strings_of_a_list_is_missing():
    targets = read_targets(["a", np.nan, "b"], estimator_name="E")
    assert targets.known.tolist() == [[True], [False], [True]]


def test_numbers_beside_strings_in_a_list_stay_numbers():
    labels = read_targets([["a", 1.5], ["b", 2.5]], estimator_name="E").labels
    assert labels[1].dtype == "float64"


def test_masked_labels_are_missing():
    y = np.ma.array([1, 2, 3], mask=[0, 1, 0])
    targets = read_targets(y, estimator_name="E")
    assert targets.known.tolist() == [[True], [False], [True]]
    assert targets.labels[0].tolist() == [1, 3]


# -- tables of other libraries ------------------------------------------------------------------


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_tables_of_other_libraries_are_read_as_those_of_pandas(library):
    module = pytest.importorskip(library)
    columns = {
        "click": [1, None, 0],
        "like": [True, False, None],
        "level": ["low", "high", None],
        "time": [0.5, None, 1.0],
    }
    table = module.DataFrame(columns) if library == "polars" else module.table(columns)
    dtypes = {"click": "Int64", "like": "boolean", "time": "float64"}
    expected = read(pd.DataFrame(columns).astype(dtypes))
    targets = read(table)
    assert targets.names == expected.names
    assert targets.ndim == 2
    assert_array_equal(targets.known, expected.known)
    for labels, others in zip(targets.labels, expected.labels, strict=True):
        assert labels.dtype == others.dtype
        assert labels.tolist() == others.tolist()


def test_columns_of_other_libraries_have_one_dimension():
    pl, pa = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    targets = read(pl.Series("click", [1, None, 0]))
    assert (targets.names, targets.ndim) == (["click"], 1)
    for column in (pl.Series([1, None, 0]), pa.chunked_array([[1, None], [0]])):
        targets = read(column)
        assert (targets.names, targets.ndim) == (["task0"], 1)
        assert targets.labels[0].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([1, None, 0], "int64[pyarrow]", "int64"),
        ([True, None, False], "bool[pyarrow]", "bool"),
        ([0.5, None, 1.5], "double[pyarrow]", "float64"),
        (["a", None, "b"], "string[pyarrow]", "O"),
        (["a", None, "b"], "dictionary", "O"),
    ],
)
def test_dtypes_of_pyarrow_in_pandas_are_read(values, dtype, expected):
    pa = pytest.importorskip("pyarrow")
    if dtype == "dictionary":
        dtype = pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))
    targets = read(pd.Series(values, dtype=dtype))
    assert targets.known.tolist() == [[True], [False], [True]]
    assert targets.labels[0].tolist() == [values[0], values[2]]
    assert targets.labels[0].dtype == expected


def test_ordered_categories_are_kept_whether_they_occur_or_not():
    grade = pd.Categorical(["low", None, "mid"], ["low", "mid", "top"], ordered=True)
    y = pd.DataFrame({"grade": grade, "other": pd.Categorical(["a", "b", "a"])})
    targets = read(y)
    assert targets.orders[0].tolist() == ["low", "mid", "top"]
    assert targets.orders[1] is None
    assert targets.take(np.array([0])).orders[0].tolist() == ["low", "mid", "top"]
    assert read(grade).orders[0].tolist() == ["low", "mid", "top"]


def test_masked_entries_of_a_table_are_missing():
    y = np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[0, 1], [0, 0]])
    targets = read(y)
    assert targets.known.tolist() == [[True, False], [True, True]]
    assert [labels.tolist() for labels in targets.labels] == [[1, 3], [4]]
