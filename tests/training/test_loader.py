"""Batches cut from tables in memory: every row once, as it is, without copies."""

import subprocess
import sys
from itertools import chain

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse
from torch.utils.data import DataLoader

from sk_mmoe.columns._tables import ColumnTable, SparseTable
from sk_mmoe.nn import ColumnRows, SparseRows
from sk_mmoe.training._loader import BatchLoader, TableDataset

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


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


# -- data sets ----------------------------------------------------------------------------------


def make_table(n_rows=10, *, as_sparse=False, weights=True):
    """Return a table whose parts all tell the number of their row."""
    numbers = np.arange(n_rows, dtype=np.float64)
    X = np.column_stack([numbers, 2 * numbers])
    targets = torch.from_numpy(np.column_stack([numbers, -numbers, 3 * numbers]))
    return TableDataset(
        sparse.csr_array(X) if as_sparse else X, targets, targets + 0.5 if weights else None
    )


def test_a_dense_array_is_shared_not_copied():
    X = np.ones((4, 2))
    assert TableDataset(X).X.data_ptr() == X.ctypes.data


def test_values_of_a_sparse_matrix_are_shared_not_copied():
    X = random_csr()
    assert TableDataset(X).X.values.data_ptr() == X.data.ctypes.data


def test_a_read_only_array_is_copied_without_a_warning():
    X = np.arange(8.0).reshape(4, 2)
    X.flags.writeable = False
    table = TableDataset(X)
    assert_array_equal(table.X.numpy(), X)
    assert table.X.data_ptr() != X.ctypes.data


@pytest.mark.parametrize("as_sparse", [False, True])
def test_rows_of_all_parts_belong_together(as_sparse):
    rows = torch.tensor([7, 0, 7, 3])
    X, (targets, weights) = make_table(as_sparse=as_sparse)[rows]
    assert X.tolist() == [[row, 2 * row] for row in rows.tolist()]
    assert torch.equal(targets, torch.stack([rows, -rows, 3 * rows], dim=1))
    assert torch.equal(weights, targets + 0.5)


@pytest.mark.parametrize(("weights", "n_parts"), [(True, 2), (False, 1)])
def test_weights_are_a_part_only_where_there_are_some(weights, n_parts):
    _, y = make_table(weights=weights)[:3]
    assert len(y) == n_parts
    _, y = TableDataset(np.ones((4, 2)))[:3]
    assert y == ()


FORMS = {
    "dense": lambda X: X,
    "sparse": sparse.csr_array,
    "with codes": lambda X: ColumnTable(
        X[:, :1], X[:, 1:].astype(np.int32), X[:, :0], np.arange(30.0)
    ),
}


def dense_of(X):
    """Return rows of any kind as an array."""
    if isinstance(X, ColumnRows):
        return np.concatenate([X.numbers, X.levels, X.shares], axis=-1)
    return (X.to_dense() if isinstance(X, SparseRows) else X).numpy()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_part_of_a_table_shares_its_memory(form):
    numbers = np.arange(10.0)
    X = np.column_stack([numbers, 2 * numbers])
    rows = torch.tensor([7, 2, 5])
    part = TableDataset(form(X), torch.from_numpy(numbers[rows])[:, None], rows=rows)
    assert len(part) == 3
    for chosen in (slice(0, 2), torch.tensor([2, 0])):
        X_part, (targets,) = part[chosen]
        assert_array_equal(dense_of(X_part)[:, :2], X[rows][chosen])
        assert_array_equal(targets[:, 0], numbers[rows][chosen])
    whole = TableDataset(form(X[rows]), torch.from_numpy(numbers[rows])[:, None])
    assert part.fingerprint() == TableDataset(form(X), part.targets, rows=rows).fingerprint()
    assert_array_equal(dense_of(part[:][0]), dense_of(whole[:][0]))
    if isinstance(part.X, torch.Tensor):
        assert part.X.data_ptr() == X.ctypes.data


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_stacked_tables_give_rows_of_each(form):
    numbers = np.arange(6.0)
    tables = [np.column_stack([numbers + 10 * k, 2 * numbers]) for k in range(3)]
    rows = torch.tensor([5, 1, 3, 0])
    datasets = [TableDataset(form(X), torch.from_numpy(X[rows, :1]), rows=rows) for X in tables]
    stack = TableDataset.stack(datasets)
    assert len(stack) == 4
    for rows in (slice(1, 3), torch.tensor([[0, 1], [3, 2], [1, 1]])):
        X, (targets,) = stack[rows]
        for k, dataset in enumerate(datasets):
            X_own, (targets_own,) = dataset[rows if isinstance(rows, slice) else rows[k]]
            assert_array_equal(dense_of(X)[k], dense_of(X_own))
            assert torch.equal(targets[k], targets_own)


def test_each_of_stacked_tables_has_shares_of_its_own():
    levels, none = np.array([[1], [0], [2]], dtype=np.int32), np.zeros((3, 0))
    shares = np.array([[1.0, 0.5, 0.25], [1.0, 0.2, 0.1]])
    tables = [
        TableDataset(ColumnTable(none, levels, none, own), torch.ones(3, 1)) for own in shares
    ]
    rows, _ = TableDataset.stack(tables)[torch.tensor([[0, 2], [1, 0]])]
    assert_array_equal(rows.shares[..., 0], [[0.5, 0.25], [1.0, 0.2]])
    rows, _ = TableDataset.stack(tables)[1:]
    assert_array_equal(rows.shares[..., 0], [[1.0, 0.25], [1.0, 0.1]])
    # Members that share one table have their rows in orders of their own.
    rows, _ = tables[1][torch.tensor([[0, 2], [1, 0]])]
    assert_array_equal(rows.shares[..., 0], [[0.2, 0.1], [1.0, 0.2]])


def test_the_places_of_levels_are_those_of_a_loop():
    levels = torch.tensor([[0, 2, 1], [0, 3, 1]], dtype=torch.int32)
    table = ColumnTable(np.zeros((2, 0)), levels.numpy(), np.zeros((2, 0)), np.ones(4))
    where = table[torch.tensor([1, 0])].transpose().to_dense()
    expected = torch.nn.functional.one_hot(levels[[1, 0]].flatten().long(), 4).T
    assert_array_equal(where, expected)
    members = table[torch.tensor([[1], [0]])].transpose().to_dense()
    assert members.shape == (8, 6)
    assert_array_equal(members[:4, :3], expected[:, :3])
    assert_array_equal(members[4:, 3:], expected[:, 3:])
    assert members.sum() == 6


def test_size_counts_all_parts():
    table = make_table()
    assert len(table) == 10
    assert table.nbytes == 8 * 10 * (2 + 3 + 3)
    matrix = random_csr()
    # Row starts are widened to eight bytes each.
    assert TableDataset(matrix).nbytes == 8 * 10 + matrix.indices.nbytes + matrix.data.nbytes


@pytest.mark.parametrize("as_sparse", [False, True])
def test_a_table_stays_on_the_cpu_when_told_so(as_sparse):
    table = make_table(as_sparse=as_sparse)
    assert table.to("cpu") is table
    assert table.device.type == "cpu"


@needs_cuda
@pytest.mark.parametrize("as_sparse", [False, True])
def test_batches_are_the_same_on_a_cuda_device(as_sparse):
    def batches(table):
        torch.manual_seed(0)
        return list(BatchLoader(table, batch_size=3, shuffle=True))

    table = make_table(as_sparse=as_sparse).to("cuda")
    assert table.device.type == "cuda"
    expected = batches(make_table(as_sparse=as_sparse))
    for (X, y), (X_cpu, y_cpu) in zip(batches(table), expected, strict=True):
        assert torch.equal(X.cpu(), X_cpu)
        assert all(torch.equal(a.cpu(), b) for a, b in zip(y, y_cpu, strict=True))


# -- loaders ------------------------------------------------------------------------------------


def order_of(loader):
    """Return the numbers of the rows, batch by batch."""
    dense = [X.to_dense() if isinstance(X, SparseRows) else X for X, _ in loader]
    return [X[:, 0].long().tolist() for X in dense]


@given(
    n_rows=st.integers(1, 40),
    batch_size=st.integers(1, 50),
    shuffle=st.booleans(),
    as_sparse=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_every_row_comes_once_per_pass(n_rows, batch_size, shuffle, as_sparse):
    table = make_table(n_rows, as_sparse=as_sparse)
    loader = BatchLoader(table, batch_size=batch_size, shuffle=shuffle)
    for _ in range(2):
        batches = order_of(loader)
        assert len(batches) == len(loader)
        assert [len(batch) for batch in batches[:-1]] == [batch_size] * (len(loader) - 1)
        rows = list(chain.from_iterable(batches))
        assert sorted(rows) == list(range(n_rows))
        assert shuffle or rows == list(range(n_rows))


def test_the_order_follows_the_seed_of_torch_and_changes_at_every_pass():
    loader = BatchLoader(make_table(30), batch_size=7, shuffle=True)
    torch.manual_seed(5)
    first, second = order_of(loader), order_of(loader)
    torch.manual_seed(5)
    assert order_of(loader) == first
    assert order_of(loader) == second
    assert first != second
    torch.manual_seed(5)
    assert list(chain.from_iterable(first)) == torch.randperm(30).tolist()


@pytest.mark.parametrize("batch_size", [1, 4, 10, 99])
def test_batches_are_those_of_the_loader_of_torch(batch_size):
    table = make_table()
    rows = torch.utils.data.TensorDataset(table.X, table.targets, table.weights)
    loader = BatchLoader(table, batch_size=batch_size)
    for (X, y), reference in zip(loader, DataLoader(rows, batch_size=batch_size), strict=True):
        assert all(torch.equal(a, b) for a, b in zip((X, *y), reference, strict=True))


@pytest.mark.parametrize("part", ["data", "indices"])
def test_read_only_sparse_matrices_are_accepted(part):
    # In a process of its own: torch warns of shared read-only memory once in a process.
    program = (
        "import scipy.sparse\n"
        "from sk_mmoe.columns._tables import SparseTable\n"
        "matrix = scipy.sparse.random(20, 4, 0.5, format='csr', random_state=0)\n"
        f"matrix.{part}.flags.writeable = False\n"
        "table = SparseTable(matrix)\n"
        "rows = slice(None)\n"
        "assert (table.dense(rows).numpy() == matrix.toarray()).all()\n"
        "table.stays_sparse = True\n"
        "assert (table[rows].to_dense().numpy() == matrix.toarray()).all()"
    )
    subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", program], check=True)


def test_a_fingerprint_tells_tables_apart():
    def table(X=0.0, y=0.0, weight=1.0):
        targets = torch.tensor([[0.0], [y]])
        return TableDataset(np.array([[X], [2.0]]), targets, torch.tensor([[1.0], [weight]]))

    def columns(fraction=0.5, share=0.5):
        numbers, levels = np.zeros((2, 0)), np.array([[1, 3, 2]] * 2, dtype=np.int32)
        shares = np.array([1, 1, 1, share])
        return TableDataset(ColumnTable(numbers, levels, np.full((2, 1), fraction), shares))

    prints = [table(), table(X=1.0), table(y=1.0), table(weight=2.0)]
    prints += [columns(), columns(fraction=0.1), columns(share=0.1)]
    assert len({one.fingerprint() for one in prints}) == 7
    assert table().fingerprint() == table().fingerprint()
