"""Batches: every row once in each pass, in the order of the seed."""

from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from torch.utils.data import DataLoader

from sk_mmoe.nn import SparseRows
from sk_mmoe.training._loader import BatchLoader
from sk_mmoe.training._samples import TableDataset

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def make_table(n_rows=10, *, as_sparse=False, weights=True):
    """Return a table whose parts all tell the number of their row."""
    numbers = np.arange(n_rows, dtype=np.float64)
    X = np.column_stack([numbers, 2 * numbers])
    targets = torch.from_numpy(np.column_stack([numbers, -numbers, 3 * numbers]))
    return TableDataset(
        sparse.csr_array(X) if as_sparse else X, targets, targets + 0.5 if weights else None
    )


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
