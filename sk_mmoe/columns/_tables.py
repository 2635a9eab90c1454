"""Tables of every kind in memory, which hand out rows as a network takes them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from sk_mmoe.nn import ColumnRows, SparseRows

Rows = slice | Tensor

# With less than this share of values a sparse product is quicker than a dense one.
_SPARSE_ENOUGH = {"float32": 0.5, "float64": 0.2}


class ColumnTable:
    """Numbers, and levels of columns: a table whose columns a network looks up.

    Parameters
    ----------
    numbers : ndarray of shape (n_samples, n_numbers)
        The numeric columns that the network reads as they are.
    levels : ndarray of shape (n_samples, n_looked_up + n_interpolated), int32
        The levels of the other columns, as rows of one table of embeddings: of those that lie
        between two levels first the lower ones, and after all other columns the upper ones.
    fractions : ndarray of shape (n_samples, n_interpolated)
        How far from its lower to its upper level a value lies.
    level_shares : ndarray of shape (n_vectors,) or (n_tables, n_vectors)
        What share of its row of that table each level has. Several tables in one have separate
        shares.
    """

    def __init__(
        self,
        numbers: np.ndarray,
        levels: np.ndarray,
        fractions: np.ndarray,
        level_shares: np.ndarray,
    ) -> None:
        self.numbers = as_tensor(numbers)
        self.levels = as_tensor(levels)
        self.fractions = as_tensor(fractions)
        self.level_shares = as_tensor(np.atleast_2d(level_shares))
        n_columns = numbers.shape[1] + levels.shape[1] - fractions.shape[1]
        self.shape = (len(levels), n_columns)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.levels)

    def __getitem__(self, rows: Rows) -> ColumnRows:
        """Return some rows."""
        numbers, levels, fractions = (select(part, rows) for part in self._parts)
        n_tables, n_vectors = self.level_shares.shape
        n_interpolated = fractions.shape[-1]
        single = levels[..., n_interpolated : levels.shape[-1] - n_interpolated]
        if n_tables > 1:
            single = single + n_vectors * torch.arange(n_tables, device=self.device)[:, None, None]
        shares = self.level_shares.flatten().index_select(0, single.flatten()).view(single.shape)
        add_up = None if levels.is_cuda else partial(_add_up, levels, n_vectors)
        return ColumnRows(numbers, levels, torch.cat([fractions, shares], dim=-1), add_up)

    def take(self, rows: Tensor) -> ColumnTable:
        """Return a table of some rows."""
        numbers, levels, fractions = (part[rows].numpy() for part in self._parts)
        return ColumnTable(numbers, levels, fractions, self.level_shares.numpy())

    def to(self, device: str) -> ColumnTable:
        """Move the table to a device."""
        self.numbers, self.levels, self.fractions = (part.to(device) for part in self._parts)
        self.level_shares = self.level_shares.to(device)
        return self

    @property
    def _parts(self) -> tuple[Tensor, Tensor, Tensor]:
        """What the table has for each row."""
        return self.numbers, self.levels, self.fractions

    @property
    def nbytes(self) -> int:
        """The size of the table in bytes."""
        return sum(part.nbytes for part in (*self._parts, self.level_shares))

    @property
    def device(self) -> torch.device:
        """The device on which the table lies."""
        return self.levels.device


class SparseTable:
    """A CSR matrix that hands out its rows a batch at a time.

    On the CPU they stay sparse, unless they have so many values that a dense product is quicker.

    Parameters
    ----------
    matrix : scipy sparse matrix of shape (n_samples, n_features)
        The matrix, in CSR format.
    """

    def __init__(self, matrix: Any) -> None:
        matrix = matrix if matrix.has_canonical_format else matrix.copy()
        matrix.sum_duplicates()
        self.shape = matrix.shape
        self.matrix = matrix
        share = _SPARSE_ENOUGH.get(matrix.dtype.name, 0.0)
        self.stays_sparse = matrix.nnz < share * matrix.shape[0] * matrix.shape[1]
        self.starts = torch.from_numpy(matrix.indptr.astype(np.int64))
        self.columns = as_tensor(matrix.indices)
        self.values = as_tensor(matrix.data)

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.shape[0])

    def __getitem__(self, rows: Rows) -> Tensor | SparseRows:
        """Return some rows."""
        if isinstance(rows, Tensor) and rows.dim() > 1:
            return self.dense(rows.flatten()).unflatten(0, rows.shape)
        if not self.stays_sparse:
            return self.dense(rows)
        part: Any = self.matrix[rows if isinstance(rows, slice) else rows.numpy()]
        return SparseRows(_as_csr(part), lambda: _as_csr(part.T.tocsr()))

    def dense(self, rows: Rows) -> Tensor:
        """Return some rows as a dense tensor."""
        starts, stops = self.starts[:-1][rows], self.starts[1:][rows]
        lengths = stops - starts
        row = torch.repeat_interleave(lengths)
        # The k-th stored value of the batch sits where its row starts, plus its rank in the row.
        offset = starts - (lengths.cumsum(0) - lengths)
        source = torch.arange(len(row), device=row.device) + offset[row]
        dense = self.values.new_zeros(len(starts), self.shape[1])
        dense[row, self.columns[source]] = self.values[source]
        return dense

    def take(self, rows: Tensor) -> SparseTable:
        """Return a table of some rows."""
        return SparseTable(self.matrix[rows.numpy()])

    def to(self, device: str) -> SparseTable:
        """Move the matrix to a device."""
        self.starts = self.starts.to(device)
        self.columns = self.columns.to(device)
        self.values = self.values.to(device)
        self.stays_sparse &= self.values.device.type == "cpu"
        return self

    @property
    def nbytes(self) -> int:
        """The size of the table in bytes."""
        return self.starts.nbytes + self.columns.nbytes + self.values.nbytes

    @property
    def device(self) -> torch.device:
        """The device on which the table lies."""
        return self.values.device


Table = Tensor | SparseTable | ColumnTable


def count_rows(rows: Rows) -> int:
    """Return how many rows are chosen, of several orders in each."""
    return rows.stop - rows.start if isinstance(rows, slice) else rows.shape[-1]


def as_table(X: Any) -> Table:
    """Return the table that holds a checked input."""
    if isinstance(X, Tensor | ColumnTable | SparseTable):
        return X
    return SparseTable(X) if sparse.issparse(X) else as_tensor(X)


def select(table: Table, rows: Rows) -> Any:
    """Return some rows of a table, as a network takes them."""
    if isinstance(rows, slice) or not isinstance(table, Tensor):
        return table[rows]
    # In a third of the time of an index in brackets.
    chosen = table.index_select(0, rows.flatten())
    return chosen if rows.dim() == 1 else chosen.unflatten(0, rows.shape)


def table_parts(table: Table) -> tuple[Tensor, ...]:
    """Return the tensors in which a table holds its rows."""
    if isinstance(table, Tensor):
        return (table,)
    if isinstance(table, SparseTable):
        return table.starts, table.columns, table.values
    return (*table._parts, table.level_shares)


def take(table: Table, rows: Tensor) -> Table:
    """Return a table of some rows."""
    return table[rows] if isinstance(table, Tensor) else table.take(rows)


def concatenate(tables: Sequence[Any]) -> Table:
    """Return tables of one kind, one below the other."""
    first = tables[0]
    if isinstance(first, Tensor):
        return torch.cat(list(tables))
    if isinstance(first, SparseTable):
        return SparseTable(sparse.vstack([table.matrix for table in tables], format="csr"))
    parts = (torch.cat(part).numpy() for part in zip(*(t._parts for t in tables), strict=True))
    numbers, levels, fractions = parts
    level_shares = torch.cat([table.level_shares for table in tables])
    return ColumnTable(numbers, levels, fractions, level_shares.numpy())


def as_tensor(array: np.ndarray) -> Tensor:
    """Share an array's memory with a tensor; what torch cannot share is copied."""
    is_usable = array.flags.writeable and min(array.strides, default=0) >= 0
    return torch.from_numpy(array if is_usable else array.copy())


def _add_up(levels: Tensor, n_vectors: int, gradients: Tensor) -> Tensor:
    """Return the sums of the rows with the same level, in a tenth of torch's time.

    If levels have three axes, each entry of the first has a separate table of embeddings.
    """
    n_tables = len(levels) if levels.dim() > 2 else 1
    first = n_vectors * np.arange(n_tables, dtype=np.int32)
    places = (levels.numpy().reshape(n_tables, -1) + first[:, None]).ravel()
    rows = gradients.numpy()
    ones = np.ones(len(places), dtype=rows.dtype)
    starts = np.arange(len(places) + 1, dtype=np.int32)
    shape = (n_tables * n_vectors, len(places))
    return torch.from_numpy(sparse.csc_array((ones, places, starts), shape=shape) @ rows)


def _as_csr(matrix: Any) -> Tensor:
    """Return a sparse tensor that shares the memory of a scipy CSR matrix."""
    starts, columns, values = (
        torch.from_numpy(part) for part in (matrix.indptr, matrix.indices, matrix.data)
    )
    return torch.sparse_csr_tensor(
        starts, columns, values, size=matrix.shape, check_invariants=False
    )
