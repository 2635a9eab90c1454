"""A reader on its own: what it learns, tells a network, and hands out."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sk_mmoe.columns._large_values import warn_of_large_values
from sk_mmoe.columns._reader import TableReader


def make_frame(n_samples=300, seed=0):
    """Return a table with columns of all kinds."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.normal(size=n_samples),
            "city": pd.Categorical(rng.choice(["Bern", "Oslo", "Rome"], n_samples)),
            "debt": rng.normal(size=n_samples),
            "plan": rng.choice(["gold", "iron", None], n_samples),
            "owns": rng.integers(0, 2, n_samples).astype(bool),
        }
    )


X = make_frame()
CITIES = (["Rome", "Oslo", "Bern"], ["Oslo", "Rome", "Kiel", "Bern"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"embedding_dim": None},
        {"numeric_encoding": None},
        {"categorical_features": None, "numeric_encoding": None},
        {"of_stream": True},
    ],
    ids=str,
)
def test_a_described_reader_reads_the_same(learn, read, parameters, dtype):
    table = X[["age", "debt", "owns"]] if "categorical_features" in parameters else X
    reader = learn(table, **parameters)
    again = TableReader.restore(reader.describe())
    assert again.network_inputs() == reader.network_inputs()
    assert again.of_stream == reader.of_stream
    later = make_frame(20, seed=1)[table.columns]
    for one, other in zip(read(reader, later, dtype), read(again, later, dtype), strict=True):
        assert_array_equal(one, other)


def test_a_network_is_told_what_a_table_has(learn):
    numbers = X[["age", "debt"]]
    assert learn(numbers, numeric_encoding=None).network_inputs() == {"n_features": 2}
    # Three numbers, ten knots for each of two, three cities, two plans and a gap.
    whole = learn(X, n_knots=10)
    assert whole.embeds
    assert whole.network_inputs() == {
        "n_features": 7,
        "n_vectors": [10, 10, 3, 3],
        "n_interpolated": 2,
    }
    assert learn(X, n_knots=10, embedding_dim=None).network_inputs() == {"n_features": 29}
    # Two knots for a truth value.
    knots = learn(X, n_knots=10, numeric_encoding="piecewise_linear")
    assert knots.network_inputs() == {
        "n_features": 5,
        "n_vectors": [10, 10, 2, 3, 3],
        "n_interpolated": 3,
    }
    plain = learn(X, numeric_encoding=None)
    assert plain.network_inputs() == {"n_features": 5, "n_vectors": [3, 3], "n_interpolated": 0}


def test_slots_of_a_value_add_up_to_its_one_hot_row(learn):
    reader = learn(X, n_knots=10, numeric_encoding="piecewise_linear", embedding_dim=None)
    numbers = reader.read(X, dtype="float64").toarray()
    assert_allclose(numbers[:, :22].sum(axis=1), 3)  # one of each numeric column
    assert_array_equal(numbers[:, 22:].sum(axis=1), 2)
    assert set(np.unique(numbers[:, 22:])) == {0, 1}


def test_messages_name_the_estimator(learn):
    reader = learn(X[["age", "debt"]], numeric_encoding=None, estimator_name="Mine")
    with pytest.warns(UserWarning, match="Mine was fitted with feature names"):
        reader.read(np.ones((3, 2)), dtype="float32")
    reader = learn(np.ones((3, 2)), estimator_name="Mine")
    with pytest.raises(ValueError, match="1 features, but Mine is expecting 2 features as input"):
        reader.read(np.ones((3, 1)), dtype="float32")


@pytest.mark.parametrize("numeric_encoding", [None, "auto", "piecewise_linear"])
def test_numbers_that_nobody_scaled_are_worth_a_warning(learn, numeric_encoding):
    table = pd.DataFrame({"income": [1e5, 2e5], "age": [20.0, 30.0]})
    read = learn(table, numeric_encoding=numeric_encoding).read(table, dtype="float32")
    if numeric_encoding is None:
        with pytest.warns(UserWarning, match=r"values up to 2e\+05.* Put a StandardScaler"):
            warn_of_large_values(read)
    else:
        warn_of_large_values(read)


def test_encoding_keeps_memory_small(learn):
    rng = np.random.default_rng(0)
    columns = {f"c{k}": pd.Categorical(rng.integers(0, 30, 2000)) for k in range(40)}
    table = pd.DataFrame(columns)

    def encode(embedding_dim):
        reader = learn(table, numeric_encoding=None, embedding_dim=embedding_dim)
        return reader.read(table, dtype="float32")

    assert encode(8).nbytes == 2000 * 40 * 4 + (1 + 40 * 30) * 4
    matrix = encode(None)
    stored = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
    assert stored < 2000 * 40 * 30 * 4 / 9


def test_many_threads_read_with_one_reader(learn, read):
    tables = [X, *(X.astype({"city": pd.CategoricalDtype(order)}) for order in CITIES)]
    expected = read(learn(X), X)
    reader = learn(X)
    with ThreadPoolExecutor(8) as pool:
        for arrays in pool.map(lambda k: read(reader, tables[k % len(tables)]), range(64)):
            for one, other in zip(arrays, expected, strict=True):
                assert_array_equal(one, other)


def test_reading_does_not_write_on_the_users_table(learn, read):
    numbers = X[["age", "debt"]].copy()
    later = numbers.head(3).copy()
    later.loc[0, "age"] = np.nan
    for table in (numbers, later, later.astype("float32")):
        before = table.copy()
        read(learn(numbers), table)
        pd.testing.assert_frame_equal(table, before)
