"""Tables of any library: the same columns as in pandas, and weights by name."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_series_equal

from sk_mmoe.metrics._tables import named_columns, weights_by_name

pa = pytest.importorskip("pyarrow")

COLUMNS = {
    "integers": ([3, 1, 2], "int64"),
    "integers with gaps": ([3, None, 2], "Int64"),
    "floats": ([0.5, 1.0, 2.0], "float64"),
    "floats with gaps": ([0.5, None, 2.0], "float64"),
    "booleans": ([True, False, True], "bool"),
    "booleans with gaps": ([True, None, False], "boolean"),
    "strings": (["a", "b", "a"], object),
    "strings with gaps": (["a", None, "b"], object),
    "dates": ([datetime.date(2020, 1, 1), None, datetime.date(2021, 1, 1)], object),
    "decimals": ([Decimal("1.50"), None, Decimal("2.00")], object),
    "nothing": ([None, None, None], object),
}


def polars_table(columns):
    pl = pytest.importorskip("polars")
    return pl.DataFrame(columns)


MAKERS = {"pyarrow": pa.table, "polars": polars_table}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize(("values", "dtype"), COLUMNS.values(), ids=COLUMNS)
def test_columns_are_those_of_pandas(make, values, dtype):
    table = named_columns(make({"a": values, "b": [1, 2, 3]}))
    assert table.names == ["a", "b"]
    assert table.ndim == 2
    assert table.columns[0].isna().tolist() == [value is None for value in values]
    known = table.columns[0].dropna().tolist()
    assert known == [value for value in values if value is not None]
    if values[0] is not None and not isinstance(values[0], datetime.date):
        assert table.columns[0].dtype == dtype


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_times_keep_their_zone(make):
    naive = [datetime.datetime(2020, 1, 1, 12), None]
    aware = [datetime.datetime(2020, 1, 1, 12, tzinfo=datetime.UTC), None]
    table = named_columns(make({"naive": naive, "aware": aware}))
    for column, values in zip(table.columns, [naive, aware], strict=True):
        assert column.isna().tolist() == [False, True]
        assert column[0] == pd.Timestamp(values[0])


def test_an_enumeration_of_polars_is_ordered_and_a_categorical_is_not():
    pl = pytest.importorskip("polars")
    values = ["mid", None, "low"]
    enum = named_columns(pl.Series("a", values, dtype=pl.Enum(["low", "mid", "top"])))
    assert (enum.names, enum.ndim) == (["a"], 1)
    assert enum.columns[0].dtype == pd.CategoricalDtype(["low", "mid", "top"], ordered=True)
    categorical = named_columns(pl.Series(values, dtype=pl.Categorical))
    assert categorical.names == [None]
    assert not categorical.columns[0].dtype.ordered
    for column in (enum.columns[0], categorical.columns[0]):
        assert column.dropna().tolist() == ["mid", "low"]


def test_a_dictionary_of_pyarrow_is_a_categorical():
    table = named_columns(pa.table({"a": pa.array(["x", "y", None]).dictionary_encode()}))
    assert table.columns[0].dropna().tolist() == ["x", "y"]
    assert isinstance(table.columns[0].dtype, pd.CategoricalDtype)


def test_tables_of_pandas_are_taken_as_they_are():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    table = named_columns(frame)
    assert table.names == ["a", "b"]
    for column, name in zip(table.columns, table.names, strict=True):
        assert_series_equal(column, frame[name])
    for one in (pd.Index([1, 2], name="n"), pd.Series([1, 2], name="n")):
        assert named_columns(one).names == ["n"]
    assert named_columns(pd.array([1, None], dtype="Int64")).ndim == 1


@pytest.mark.parametrize("value", [np.ones((2, 2)), [[1, 2]], 3, None, "ab"])
def test_anything_else_is_no_table(value):
    assert named_columns(value) is None


# -- weights ------------------------------------------------------------------------------------

NAMES = ["click", "like"]
WEIGHTS = pd.DataFrame({"like": [1.0, 2.0], "click": [3.0, 4.0]})


def test_weights_with_the_names_of_the_tasks_go_by_name():
    for table in (WEIGHTS, pa.Table.from_pandas(WEIGHTS)):
        found = weights_by_name(table, NAMES, parameter="sample_weight")
        np.testing.assert_array_equal(found, [[3, 1], [4, 2]])


@pytest.mark.parametrize(
    ("table", "names"),
    [
        (WEIGHTS.set_axis([0, 1], axis=1), NAMES),
        (WEIGHTS, ["task0", "task1"]),
    ],
)
def test_weights_or_tasks_without_names_go_by_place(table, names):
    found = weights_by_name(table, names, parameter="sample_weight")
    np.testing.assert_array_equal(found, [[1, 3], [2, 4]])


def test_a_single_column_is_that_of_a_single_task_whatever_its_name():
    found = weights_by_name(WEIGHTS[["like"]], ["click"], parameter="sample_weight")
    np.testing.assert_array_equal(found, [[1], [2]])


@pytest.mark.parametrize("columns", [["like", "buy"], ["like"], ["like", "click", "buy"]])
def test_weights_with_other_names_are_refused(columns):
    table = pd.DataFrame(1.0, index=range(2), columns=columns)
    with pytest.raises(ValueError, match=r"columns of sample_weight must be the tasks \['click'"):
        weights_by_name(table, NAMES, parameter="sample_weight")


@pytest.mark.parametrize("weights", [[1, 2], np.ones((2, 2)), pd.Series([1, 2], name="like")])
def test_weights_of_samples_stay_as_they_are(weights):
    assert weights_by_name(weights, NAMES, parameter="sample_weight") is weights
