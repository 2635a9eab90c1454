"""Samples that several processes have read, each some of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sk_mmoe.columns._tables import Rows
from sk_mmoe.training._samples import TableDataset


class SharedBlock:
    """The samples of a block that this process has, and the places of all in the block.

    Parameters
    ----------
    own : TableDataset
        The samples of this process. If it has none, any sample, which then counts nothing.
    counts : sequence of int
        The number of samples in each piece of the block, in the order of the pieces.
    is_own : sequence of bool
        Which pieces this process has.
    """

    def __init__(self, own: TableDataset, counts: Sequence[int], is_own: Sequence[bool]) -> None:
        self.own = own
        here = torch.repeat_interleave(torch.tensor(is_own), torch.tensor(counts))
        self._rows = torch.where(here, here.cumsum(0) - 1, -1)

    def __len__(self) -> int:
        """Return the number of samples of the whole block."""
        return len(self._rows)

    def __getitem__(self, rows: Tensor) -> tuple[Any, tuple[Tensor, ...]]:
        """Return inputs and (targets, weights) of some samples of this process."""
        return self.own[rows]

    def share(self, rows: Rows) -> tuple[Tensor, int]:
        """Return which samples of a batch this process has.

        Parameters
        ----------
        rows : slice or Tensor of shape (n_rows,)
            The rows of the whole batch, as numbers in the whole block.

        Returns
        -------
        rows : Tensor of shape (n_own,)
            The rows of this process, as numbers among its samples. Without any it gets the first
            one, which then counts nothing: a mean over no rows would be no number.
        n_own : int
            How many of the batch there are.
        """
        found = self._rows[rows]
        found = found[found >= 0]
        n_own = len(found)
        return (found if n_own else torch.zeros(1, dtype=torch.long)), n_own

    @property
    def device(self) -> torch.device:
        """The device on which the samples lie."""
        return self.own.device
