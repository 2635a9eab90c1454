"""Samples: the rows of a table with their targets and weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from sk_mmoe.columns._tables import Rows, as_table, concatenate, select, table_parts, take

# At most so many rows and values are looked at after training.
_INSPECTED_ROWS = 4096
_INSPECTED_VALUES = 2**24
# So that a table on a GPU is not copied as a whole.
_DIGESTED_ROWS = 2**16


class TableDataset(Dataset[Any]):
    """Inputs, encoded targets and weights of a table, addressed by rows.

    Parameters
    ----------
    X : ndarray, scipy CSR matrix or ColumnTable of shape (n_rows, n_features)
        The inputs. A dense array is shared, not copied.
    targets : Tensor of shape (n_samples, n_tasks), default=None
        The encoded targets. `None` if the samples are only to be predicted.
    weights : Tensor of shape (n_samples, n_tasks), default=None
        The weights of the labels. `None` gives all labels the same weight.
    rows : Tensor of shape (n_samples,), default=None
        The rows of X that are used, so that a part of a table needs no copy. `None`: all of them.
    n_tables : int, default=None
        The number of tables of equal length that follow one another in these samples, one for each
        member of a stack of networks. The length is then that of one table, and a batch has rows of
        each. `None`: one table.
    """

    def __init__(
        self,
        X: Any,
        targets: Tensor | None = None,
        weights: Tensor | None = None,
        rows: Tensor | None = None,
        n_tables: int | None = None,
    ) -> None:
        self.X = as_table(X)
        self.targets = targets
        self.weights = weights
        self.rows = rows
        self.n_tables = n_tables

    def __len__(self) -> int:
        """Return the number of samples."""
        n_rows = len(self.X if self.rows is None else self.rows)
        return n_rows // (self.n_tables or 1)

    def __getitem__(self, rows: Rows) -> tuple[Any, tuple[Tensor, ...]]:
        """Return inputs and (targets, weights) of some samples."""
        if self.n_tables is not None:
            first = len(self) * torch.arange(self.n_tables, device=self.device)
            if isinstance(rows, slice):
                rows = torch.arange(len(self), device=self.device)[rows]
            rows = rows + first[:, None]
        y = (select(part, rows) for part in (self.targets, self.weights) if part is not None)
        return select(self.X, rows if self.rows is None else self.rows[rows]), tuple(y)

    def blocks(self, draw_order: Callable[[int], Tensor]) -> Iterator[TableDataset]:
        """Yield the parts whose rows are shuffled together: all samples at once."""
        yield self

    def copy(self, samples: Tensor | None = None) -> TableDataset:
        """Return some samples, or all, without the other rows of the table."""
        samples = torch.arange(len(self)) if samples is None else samples
        targets = None if self.targets is None else self.targets[samples]
        weights = None if self.weights is None else self.weights[samples]
        rows = samples if self.rows is None else self.rows[samples]
        return TableDataset(take(self.X, rows), targets, weights)

    def of_member(self, index: int) -> TableDataset:
        """Return the samples of one member of a stack of networks, without a copy of the table."""
        if self.n_tables is None:
            return self
        part = slice(index * len(self), (index + 1) * len(self))
        rows = torch.arange(len(self) * self.n_tables) if self.rows is None else self.rows
        targets = None if self.targets is None else self.targets[part]
        weights = None if self.weights is None else self.weights[part]
        return TableDataset(self.X, targets, weights, rows[part])

    @classmethod
    def stack(cls, datasets: Sequence[TableDataset]) -> TableDataset:
        """Return data sets of equal length as one data set with several tables.

        Parts of one table are not copied.
        """
        X, rows = datasets[0].X, [d.rows for d in datasets if d.rows is not None]
        if len(rows) < len(datasets) or any(d.X is not X for d in datasets):
            X = concatenate([d.X if d.rows is None else take(d.X, d.rows) for d in datasets])
            rows = []
        targets = torch.cat([d.targets for d in datasets if d.targets is not None])
        weights = None
        if any(d.weights is not None for d in datasets):
            ones = torch.ones_like(targets).chunk(len(datasets))
            pairs = zip(datasets, ones, strict=True)
            weights = torch.cat([one if d.weights is None else d.weights for d, one in pairs])
        index = torch.cat(rows) if rows else None
        return cls(X, targets, weights, index, n_tables=len(datasets))

    def become(self, other: TableDataset) -> None:
        """Hold the samples of another data set instead."""
        vars(self).update(vars(other))

    def to(self, device: str) -> TableDataset:
        """Move the samples to a device if they fit there; else leave them where they are."""
        if torch.device(device).type == "cuda" and self.nbytes < 0.5 * _free_memory(device):
            if self.n_tables is None and self.rows is not None:
                self.X, self.rows = take(self.X, self.rows), None
            self.X = self.X.to(device)
            # Of parts of one table, which would be copied for each member.
            self.rows = None if self.rows is None else self.rows.to(device)
            self.targets = None if self.targets is None else self.targets.to(device)
            self.weights = None if self.weights is None else self.weights.to(device)
        return self

    def inspected_rows(self) -> Tensor:
        """Return some rows, evenly spread, that are few enough to look at after training.

        Returns
        -------
        Tensor of shape (n_rows,)
            The rows: up to 4,096, or fewer if the table is wide, as they may be made dense.
        """
        n_rows = max(1, min(_INSPECTED_ROWS, _INSPECTED_VALUES // self.X.shape[1]))
        return torch.arange(0, len(self), -(-len(self) // n_rows), device=self.device)

    def fingerprint(self) -> str:
        """Return a digest of all samples: inputs, targets and weights.

        Returns
        -------
        str
            The digest, the same for equal samples in equal order.
        """
        digest = sha256(repr((self.X.shape, len(self))).encode())
        for part in (*table_parts(self.X), self.rows, self.targets, self.weights):
            if part is None:
                digest.update(b"none")
                continue
            digest.update(repr((part.shape, part.dtype)).encode())
            for rows in part.split(_DIGESTED_ROWS):
                digest.update(rows.cpu().contiguous().numpy())
        return digest.hexdigest()

    @property
    def nbytes(self) -> int:
        """The size of the whole table in bytes."""
        parts = (self.X, self.targets, self.weights)
        return sum(part.nbytes for part in parts if part is not None)

    @property
    def device(self) -> torch.device:
        """The device on which the table lies."""
        return self.X.device


def _free_memory(device: str) -> int:
    """Return the free bytes of a CUDA device."""
    free, _ = torch.cuda.mem_get_info(device)
    return int(free)
