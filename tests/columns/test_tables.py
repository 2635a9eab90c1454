"""Tables in memory: every row as it is, without copies."""

import subprocess
import sys

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse
from torch.testing import assert_close

from sk_mmoe.columns._tables import ColumnTable, SparseTable
from sk_mmoe.nn import SparseRows


def random_csr(cls=sparse.csr_array, dtype=np.float64, index_dtype=np.int32):
    """Return a matrix with empty rows, the first and the last among them."""
    dense = np.random.default_rng(0).integers(-3, 4, (9, 6)).astype(dtype)
    dense[[0, 4, 8]] = 0
    matrix = cls(dense)
    matrix.indices, matrix.indptr = (
        matrix.indices.astype(index_dtype),
        matrix.indptr.astype(index_dtype),
    )
    return matrix


ROWS = {
    "all": slice(None),
    "first": slice(0, 3),
    "middle": slice(3, 7),
    "past the end": slice(6, 20),
    "none": slice(4, 4),
    "empty ones only": np.array([8, 0, 4], dtype=np.int64),
    "in no order": np.array([7, 2, 0, 5], dtype=np.int64),
    "repeated": np.array([1, 1, 4, 1, 8, 8], dtype=np.int64),
    "one": np.array([3], dtype=np.int64),
    "no index": np.array([], dtype=np.int64),
}


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("cls", [sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_rows_equal_dense_rows(rows, cls, index_dtype, dtype):
    matrix = random_csr(cls, dtype, index_dtype)
    table = SparseTable(matrix)
    rows = rows if isinstance(rows, slice) else torch.from_numpy(rows)
    expected = matrix.toarray()[rows if isinstance(rows, slice) else rows.numpy()]
    table.stays_sparse = True
    for batch in (table.dense(rows), table[rows].to_dense()):
        assert batch.numpy().dtype == dtype
        assert_array_equal(batch.numpy(), expected)
    assert_array_equal(table[rows].transpose.to_dense().numpy(), expected.T)


@pytest.mark.parametrize(("dtype", "few", "many"), [("float32", 0.4, 0.6), ("float64", 0.1, 0.3)])
def test_rows_stay_sparse_where_most_values_are_zero(dtype, few, many):
    for density, kind in ((few, SparseRows), (many, torch.Tensor)):
        matrix = sparse.random(50, 20, density, format="csr", random_state=0, dtype=dtype)
        assert isinstance(SparseTable(matrix)[:3], kind)


@st.composite
def raw_csr(draw):
    """Return a CSR matrix as it may come: unsorted columns, repeated entries, stored zeros."""
    n_columns = draw(st.integers(1, 4))
    lengths = draw(st.lists(st.integers(0, 5), min_size=1, max_size=6))
    entries = draw(
        st.lists(
            st.tuples(st.integers(0, n_columns - 1), st.integers(-2, 2)),
            min_size=sum(lengths),
            max_size=sum(lengths),
        )
    )
    columns = np.array([column for column, _ in entries], dtype=np.int32)
    values = np.array([value for _, value in entries], dtype=np.float64)
    starts = np.r_[0, np.cumsum(lengths)].astype(np.int32)
    return sparse.csr_array((values, columns, starts), shape=(len(lengths), n_columns))


@given(raw_csr(), st.data())
@settings(deadline=None, max_examples=100)
def test_any_csr_matrix_gives_its_dense_rows_and_stays_as_it_is(matrix, data):
    dense = matrix.toarray()
    before = [part.copy() for part in (matrix.data, matrix.indices, matrix.indptr)]
    table = SparseTable(matrix)
    assert len(table) == len(dense)
    assert_array_equal(table.dense(slice(None)).numpy(), dense)
    numbers = st.integers(0, len(dense) - 1)
    rows = data.draw(hnp.arrays(np.int64, st.integers(0, 8), elements=numbers))
    assert_array_equal(table.dense(torch.from_numpy(rows)).numpy(), dense[rows])
    table.stays_sparse = True
    assert_array_equal(table[torch.from_numpy(rows)].to_dense().numpy(), dense[rows])
    for part, earlier in zip((matrix.data, matrix.indices, matrix.indptr), before, strict=True):
        assert_array_equal(part, earlier)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n_tables", [1, 3])
def test_gradients_of_embeddings_are_added_up_by_level(dtype, n_tables):
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 9, size=(20, 4), dtype=np.int32)  # of ten
    shares = np.ones((n_tables, 10), dtype=np.float32)
    table = ColumnTable(
        np.zeros((20, 0), np.float32), levels, np.zeros((20, 0), np.float32), shares
    )
    order = torch.stack([torch.randperm(20) for _ in range(n_tables)])
    rows = table[order[0] if n_tables == 1 else order]
    gradients = torch.randn(rows.levels.numel(), 3, dtype=dtype)
    expected = torch.zeros(10 * n_tables, 3, dtype=dtype)
    offsets = 10 * torch.arange(n_tables)[:, None, None]
    places = (rows.levels.view(n_tables, 20, 4) + offsets).flatten()
    expected.index_add_(0, places, gradients)
    assert_close(rows.add_up(gradients), expected)


def test_read_only_sparse_matrices_are_accepted():
    # In a process of its own: torch warns of shared read-only memory once in a process.
    program = (
        "import scipy.sparse\n"
        "from sk_mmoe.columns._tables import SparseTable\n"
        "matrix = scipy.sparse.random(20, 4, 0.5, format='csr', random_state=0)\n"
        "matrix.data.flags.writeable = matrix.indices.flags.writeable = False\n"
        "table = SparseTable(matrix)\n"
        "rows = slice(None)\n"
        "assert (table.dense(rows).numpy() == matrix.toarray()).all()\n"
        "table.stays_sparse = True\n"
        "assert (table[rows].to_dense().numpy() == matrix.toarray()).all()"
    )
    subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", program], check=True)
