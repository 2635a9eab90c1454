"""Categories that are counted part by part are those of the whole table."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

from sk_mmoe.columns._counts import CategoryCounts
from sk_mmoe.columns._reader import TableReader

PARAMETERS = {
    "estimator_name": "MMoERegressor",
    "dtype": "float32",
    "categorical_features": "from_dtype",
    "numeric_encoding": "auto",
    "n_knots": "auto",
    "embedding_dim": 8,
    "category_smooth": 20.0,
}


@pytest.fixture
def table():
    """Return a table of numbers and of categories of several types, with gaps."""
    rng = np.random.default_rng(0)
    n_rows = 600
    city = rng.choice(["Rome", "Oslo", "Lima", None], n_rows, p=[0.5, 0.3, 0.1, 0.1])
    return pa.table(
        {
            "age": rng.normal(size=n_rows),
            "city": pa.array(city.tolist()),
            "grade": pa.array(rng.choice(list("abc"), n_rows).tolist()).dictionary_encode(),
            "code": rng.integers(0, 4, n_rows).astype(np.float32) / 3,
        }
    )


def attach(table, sample, **parameters):
    """Return a sample with the counts of a table that comes in parts."""
    counts = CategoryCounts(parameters.get("categorical_features", "from_dtype"))
    for first in range(0, len(table), 170):
        counts.add(table.slice(first, 170))
    return counts.attach(sample)


def described(X, **parameters):
    """Return what is learned of each column."""
    return TableReader.learn(X, **PARAMETERS | parameters).describe()["columns"]


@pytest.mark.parametrize("named", ["from_dtype", ["city", "grade", "code"]])
@pytest.mark.parametrize("embedding_dim", [8, None])
def test_a_table_in_parts_is_learned_as_a_whole_one(table, named, embedding_dim):
    parameters = {"categorical_features": named, "embedding_dim": embedding_dim}
    in_parts = described(attach(table, table, **parameters), **parameters)
    whole = described(table, **parameters)
    for found, expected in zip(in_parts, whole, strict=True):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert_array_equal(found[key], value)


def test_categories_and_gaps_that_the_sample_lacks_are_learned_with_their_counts(table):
    cities = table.column("city").to_pylist()
    sample = table.filter(pa.array([city in ("Rome", "Oslo") for city in cities]))
    reader = TableReader.learn(attach(table, sample), **PARAMETERS)
    column = reader.columns[1]
    counts = pd.Series(cities, dtype=object).value_counts(dropna=False).sort_index()
    assert column.labels == ["Lima", "Oslo", "Rome"]
    assert column.has_missing
    expected = [counts["Lima"], counts["Oslo"], counts["Rome"], counts.iloc[-1]]
    assert_array_equal(column.weights, [n / (n + 20) for n in expected])
    # The rows of the sample are still read as what they are.
    assert_array_equal(
        reader.read(attach(table, sample), dtype="float32").levels,
        reader.read(sample, dtype="float32").levels,
    )


def test_a_column_that_cannot_be_categories_is_named():
    table = pa.table({"tags": [["a"], ["b", "c"]]})
    with pytest.raises(ValueError, match=r"'tags'.*hold lists"):
        attach(table, table, categorical_features=["tags"])
