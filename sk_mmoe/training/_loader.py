"""Batches cut from a data set, and copied to a GPU ahead of their turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from sk_mmoe.columns._tables import Rows, count_rows
from sk_mmoe.nn import ColumnRows
from sk_mmoe.nn._random import current_generator
from sk_mmoe.training._samples import TableDataset
from sk_mmoe.training._shared_block import SharedBlock


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
        Takes the number of rows and returns an order of them, or several orders, one below the
        other. With several, a batch has rows of each: X is of shape (n_orders, batch_size,
        n_features).
    share : callable or None
        Takes the rows of a batch, a slice or a tensor, and returns those to load, and how many of
        the batch they are. `None`: all.
    sizes : deque of tuple of int
        Of each batch that was loaded, if there is a share: the number of rows of the whole batch,
        and of the share.
    """

    def __init__(self, dataset: TableDataset, *, batch_size: int, shuffle: bool = False) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.draw_order = _draw_order
        self.share: Callable[[Rows], tuple[Rows, int]] | None = None
        self.sizes: deque[tuple[int, int]] = deque()

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-len(self.dataset) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, tuple[Tensor, ...]]]:
        """Yield inputs and (targets, weights) of each batch."""
        for block, rows in self._batches():
            if self.share is not None:
                n_rows = count_rows(rows)
                # Of a block that was read in shares, each process has other rows.
                share = block.share if isinstance(block, SharedBlock) else self.share
                rows, n_own = share(rows)
                self.sizes.append((n_rows, n_own))
            yield block[rows]

    def _batches(self) -> Iterator[tuple[Any, Rows]]:
        """Yield the part of the data set from which a batch comes, and the rows of the batch."""
        n_rows = len(self.dataset)
        if not self.shuffle:
            for start in range(0, n_rows, self.batch_size):
                yield self.dataset, slice(start, min(start + self.batch_size, n_rows))
            return
        for block in self.dataset.blocks(self.draw_order):
            # Drawn on the CPU, so that a seed gives the same order on every device.
            order = self.draw_order(len(block)).to(block.device)
            for rows in order.split(self.batch_size, dim=-1):
                yield block, rows


def _draw_order(n_rows: int) -> Tensor:
    """Draw an order of rows."""
    return torch.randperm(n_rows, generator=current_generator())


def prefetch(batches: Iterable[Any], device: str) -> Iterator[Any]:
    """Yield batches on a CUDA device, each copied there while the one before is computed."""
    stream = torch.cuda.Stream(device)
    ahead = None
    for X, y in batches:
        # The memory of the batch before last is reused, once that batch is done with.
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            # A copy runs during the computation only from pinned memory.
            copied = _send(X, device), tuple(_send(part, device) for part in y)
        if ahead is not None:
            yield ahead
        torch.cuda.current_stream(device).wait_stream(stream)
        ahead = copied
    if ahead is not None:
        yield ahead


def _send(rows: Any, device: str) -> Any:
    """Return rows on a device, where the copy may not have ended yet."""
    if isinstance(rows, ColumnRows):
        return ColumnRows(*(_send(part, device) for part in rows.parts))
    return (
        (rows if isinstance(rows, Tensor) else rows.to_dense())
        .pin_memory()
        .to(device, non_blocking=True)
    )
