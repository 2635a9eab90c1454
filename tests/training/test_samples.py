"""Samples: inputs, targets and weights of the same rows, shared and not copied."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy import sparse

from sk_mmoe.columns._tables import ColumnTable
from sk_mmoe.nn import ColumnRows, SparseRows
from sk_mmoe.training._samples import TableDataset


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


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("selected", [False, True])
def test_a_fingerprint_sees_every_row(form, selected):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=200_000), rng.integers(1, 30, 200_000)])
    rows = torch.from_numpy(rng.permutation(200_000)) if selected else None
    targets = torch.from_numpy(rng.normal(size=(200_000, 1)))
    whole = TableDataset(form(X), targets, rows=rows).fingerprint()
    assert TableDataset(form(X.copy()), targets.clone(), rows=rows).fingerprint() == whole
    for row in (0, 65_537, 123_456, 199_999):
        other = X.copy()
        other[row, 0] += 1e-12
        assert TableDataset(form(other), targets, rows=rows).fingerprint() != whole
        other = targets.clone()
        other[row] += 1e-12
        assert TableDataset(form(X), other, rows=rows).fingerprint() != whole


def test_a_fingerprint_sees_the_order_of_rows():
    table = TableDataset(np.arange(6.0)[:, None], torch.zeros(3, 1), rows=torch.tensor([0, 1, 2]))
    other = TableDataset(np.arange(6.0)[:, None], torch.zeros(3, 1), rows=torch.tensor([0, 2, 1]))
    assert table.fingerprint() != other.fingerprint()


@pytest.mark.parametrize(("n_rows", "n_columns", "n_inspected"), [
    (7, 2, 7), (4_096, 2, 4_096), (4_097, 2, 2_049), (12_288, 2, 4_096), (50, 2**23, 2),
])  # fmt: skip
def test_the_rows_to_look_at_are_few_and_evenly_spread(n_rows, n_columns, n_inspected):
    matrix = sparse.csr_array((n_rows, n_columns))
    rows = TableDataset(matrix).inspected_rows()
    assert len(rows) == n_inspected
    assert rows[0] == 0
    assert len(set(np.diff(rows.numpy()))) <= 1
    assert rows[-1] < n_rows
