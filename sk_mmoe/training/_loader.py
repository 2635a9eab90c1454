"""Tables in memory, and the batches cut from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from sk_mmoe.columns._tables import Rows, as_table, concatenate, select, take
from sk_mmoe.nn import ColumnRows


class TableDataset(Dataset[Any]):
    """Inputs, encoded targets and weights of a table, addressed by rows.

    Parameters
    ----------
    X : ndarray, scipy CSR matrix or ColumnTable of shape (n_rows, n_features)
        The inputs; a dense array is shared, not copied.
    targets : Tensor of shape (n_samples, n_tasks), default=None
        The encoded targets; `None` when there is only something to predict.
    weights : Tensor of shape (n_samples, n_tasks), default=None
        The weights of the labels; `None` weights all alike.
    rows : Tensor of shape (n_samples,), default=None
        The rows of X that count, so that a part of a table needs no copy. `None`: all of them.
    n_tables : int, default=None
        Into how many tables of equal length, one for each member of a stack of networks, the rows
        fall. Samples are then counted in a table, and rows come for each. `None`: one table.
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

    @classmethod
    def stack(cls, datasets: Sequence[TableDataset]) -> TableDataset:
        """Return data sets of equal length as one, with a table for each."""
        X = [d.X if d.rows is None else take(d.X, d.rows) for d in datasets]
        targets = [d.targets for d in datasets]
        weights = [torch.ones_like(d.targets) if d.weights is None else d.weights for d in datasets]
        unweighted = all(d.weights is None for d in datasets)
        return cls(
            concatenate(X),
            torch.cat(targets),
            None if unweighted else torch.cat(weights),
            n_tables=len(datasets),
        )

    def become(self, other: TableDataset) -> None:
        """Hold the samples of another data set instead."""
        vars(self).update(vars(other))

    def to(self, device: str) -> TableDataset:
        """Move the samples to a device, where they fit; else leave them where they are."""
        if torch.device(device).type == "cuda" and self.nbytes < 0.5 * _free_memory(device):
            X = self.X if self.rows is None else take(self.X, self.rows)
            self.X, self.rows = X.to(device), None
            self.targets = None if self.targets is None else self.targets.to(device)
            self.weights = None if self.weights is None else self.weights.to(device)
        return self

    def fingerprint(self) -> str:
        """Return a digest of the targets and weights, and of up to a thousand rows of the input."""
        rows = torch.linspace(0, len(self) - 1, min(len(self), 1000)).long()
        X = self[rows.to(self.device)][0]
        if isinstance(X, ColumnRows):
            parts = X.parts
        else:
            parts = (X if isinstance(X, Tensor) else X.to_dense(),)
        digest = sha256(repr(self.X.shape).encode())
        for part in (*parts, self.targets, self.weights):
            if part is not None:
                digest.update(part.cpu().numpy().tobytes())
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

    Attributes
    ----------
    draw_order : callable
        Returns an order of a number of rows, or several, one below the other. The batches then
        have the rows of each: X is of shape (n_orders, batch_size, n_features).
    """

    def __init__(self, dataset: TableDataset, *, batch_size: int, shuffle: bool = False) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.draw_order = torch.randperm

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
        order = self.draw_order(n_rows).to(self.dataset.device)
        for rows in order.split(self.batch_size, dim=-1):
            yield self.dataset[rows]


def prefetch(batches: Iterable[Any], device: str) -> Iterator[Any]:
    """Yield batches on a CUDA device, each copied there while the one before is computed."""
    stream = torch.cuda.Stream(device)
    ahead = None
    for X, y in batches:
        # The memory of the batch before last is used again: when it is done with.
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            # Only from pinned memory a copy runs beside the computation.
            copied = _send(X, device), tuple(_send(part, device) for part in y)
        if ahead is not None:
            yield ahead
        torch.cuda.current_stream(device).wait_stream(stream)
        ahead = copied
    if ahead is not None:
        yield ahead


def _send(rows: Any, device: str) -> Any:
    """Return rows on a device; they may still be on their way."""
    if isinstance(rows, ColumnRows):
        return ColumnRows(*(_send(part, device) for part in rows.parts))
    return (
        (rows if isinstance(rows, Tensor) else rows.to_dense())
        .pin_memory()
        .to(device, non_blocking=True)
    )


def _free_memory(device: str) -> int:
    """Return the free bytes of a CUDA device."""
    free, _ = torch.cuda.mem_get_info(device)
    return int(free)
