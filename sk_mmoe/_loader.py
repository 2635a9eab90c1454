"""Tables in memory, and the batches cut from them."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor
from torch.utils.data import Dataset

from sk_mmoe.nn import SparseRows

Rows = slice | Tensor

# A sparse product takes four to five times as long per value as a dense one.
_SPARSE_ENOUGH = 0.2


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
        self.stays_sparse = matrix.nnz < _SPARSE_ENOUGH * matrix.shape[0] * matrix.shape[1]
        self.starts = torch.from_numpy(matrix.indptr.astype(np.int64))
        self.columns = _as_tensor(matrix.indices)
        self.values = _as_tensor(matrix.data)

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.shape[0])

    def to(self, device: str) -> SparseTable:
        """Move the matrix to a device."""
        self.starts = self.starts.to(device)
        self.columns = self.columns.to(device)
        self.values = self.values.to(device)
        self.stays_sparse &= self.values.device.type == "cpu"
        return self

    def __getitem__(self, rows: Rows) -> Tensor | SparseRows:
        """Return some rows."""
        if not self.stays_sparse:
            return self.dense(rows)
        part = self.matrix[rows if isinstance(rows, slice) else rows.numpy()]
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


class TableDataset(Dataset[Any]):
    """Inputs, encoded targets and weights of a table, addressed by rows.

    Parameters
    ----------
    X : ndarray or scipy CSR matrix of shape (n_samples, n_features)
        The inputs; a dense array is shared, not copied.
    targets : Tensor of shape (n_samples, n_tasks), default=None
        The encoded targets; `None` when there is only something to predict.
    weights : Tensor of shape (n_samples, n_tasks), default=None
        The weights of the labels; `None` weights all alike.
    """

    def __init__(
        self, X: Any, targets: Tensor | None = None, weights: Tensor | None = None
    ) -> None:
        self.X = SparseTable(X) if sparse.issparse(X) else _as_tensor(X)
        self.targets = targets
        self.weights = weights

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.X)

    def __getitem__(self, rows: Rows) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return inputs and (targets, weights) of some rows."""
        y = (part[rows] for part in (self.targets, self.weights) if part is not None)
        return self.X[rows], tuple(y)

    def to(self, device: str) -> TableDataset:
        """Move the whole table to a device, where it fits; else leave it where it is."""
        if torch.device(device).type == "cuda" and self.nbytes < 0.5 * _free_memory(device):
            self.X = self.X.to(device)
            self.targets = None if self.targets is None else self.targets.to(device)
            self.weights = None if self.weights is None else self.weights.to(device)
        return self

    def fingerprint(self) -> str:
        """Return a digest of the targets and weights, and of up to a thousand rows of the input."""
        rows = torch.linspace(0, len(self) - 1, min(len(self), 1000)).long()
        digest = sha256(repr(self.X.shape).encode())
        X = self.X[rows.to(self.device)]
        X = X.to_dense() if isinstance(X, SparseRows) else X
        for part in (X, self.targets, self.weights):
            if part is not None:
                digest.update(part.cpu().numpy().tobytes())
        return digest.hexdigest()

    @property
    def nbytes(self) -> int:
        """The size of the table in bytes."""
        X = self.X
        parts = [X.starts, X.columns, X.values] if isinstance(X, SparseTable) else [X]
        return sum(part.nbytes for part in (*parts, self.targets, self.weights) if part is not None)

    @property
    def device(self) -> torch.device:
        """The device on which the table lies."""
        return (self.X.values if isinstance(self.X, SparseTable) else self.X).device


class BatchLoader:
    """Batches of a table cut by row indices: no workers, no collation.

    A drop-in for :class:`torch.utils.data.DataLoader` as skorch's ``iterator_train``.

    Parameters
    ----------
    dataset : TableDataset
        The table.
    batch_size : int
        Number of rows in a batch; the last one may be smaller.
    shuffle : bool, default=False
        Whether to draw the rows in a new random order at every pass.
    """

    def __init__(self, dataset: TableDataset, *, batch_size: int, shuffle: bool = False) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, tuple[Tensor, ...]]]:
        """Yield inputs and (targets, weights) of each batch."""
        n_rows = len(self.dataset)
        if not self.shuffle:
            for start in range(0, n_rows, self.batch_size):
                yield self.dataset[start : start + self.batch_size]
            return
        # Drawn on the CPU, so that a seed gives the same order on every device.
        order = torch.randperm(n_rows).to(self.dataset.device)
        for rows in order.split(self.batch_size):
            yield self.dataset[rows]


def _as_tensor(array: np.ndarray) -> Tensor:
    """Share an array's memory with a tensor; a read-only array is copied."""
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def _as_csr(matrix: Any) -> Tensor:
    """Return a sparse tensor that shares the memory of a scipy CSR matrix."""
    starts, columns, values = (
        torch.from_numpy(part) for part in (matrix.indptr, matrix.indices, matrix.data)
    )
    return torch.sparse_csr_tensor(
        starts, columns, values, size=matrix.shape, check_invariants=False
    )


def _free_memory(device: str) -> int:
    """Return the free bytes of a CUDA device."""
    free, _ = torch.cuda.mem_get_info(device)
    return int(free)
