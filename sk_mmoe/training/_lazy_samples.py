"""Samples that do not fit into memory: they are read anew in every epoch, a block at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import torch

from sk_mmoe.training._samples import TableDataset
from sk_mmoe.training._shared_block import SharedBlock


class LazySamples(TableDataset):
    """Samples of which only a few are in memory; batches come from blocks that are read in turn.

    Parameters
    ----------
    few : TableDataset
        The samples that stay in memory, which are looked at after training.
    n_samples : int
        The number of all samples.
    n_groups : int
        The number of groups of rows that can be read in any order.
    read_blocks : callable
        Takes an order of the groups, a list of int, and yields all samples in blocks that are small
        enough for memory. A process that reads but a share yields shared blocks.
    digest : str
        A digest of what tells these samples from others, apart from the few.
    """

    def __init__(
        self,
        few: TableDataset,
        *,
        n_samples: int,
        n_groups: int,
        read_blocks: Callable[[list[int]], Iterator[TableDataset | SharedBlock]],
        digest: str = "",
    ) -> None:
        super().__init__(few.X, few.targets, few.weights, few.rows)
        self.few = few
        self.n_samples = n_samples
        self.n_groups = n_groups
        self.read_blocks = read_blocks
        self.digest = digest

    def __len__(self) -> int:
        """Return the number of all samples."""
        return self.n_samples

    def blocks(self, draw_order: Callable[[int], torch.Tensor]) -> Iterator[Any]:
        """Yield all samples once, in blocks, from the groups in a random order."""
        order = [0]
        if self.n_groups > 1:
            # Of several orders, one for each member, the first: the members share the blocks.
            order = draw_order(self.n_groups).reshape(-1, self.n_groups)[0].tolist()
        yield from self.read_blocks(order)

    def to(self, device: str) -> LazySamples:
        """Leave the samples where they are: batches are copied to a device as they come."""
        return self

    def inspected_rows(self) -> torch.Tensor:
        """Return the rows of the few samples in memory that are looked at after training."""
        return self.few.inspected_rows()

    def fingerprint(self) -> str:
        """Return a digest of the few samples, and of what else tells the table from others."""
        return sha256(
            f"{self.n_samples} {self.digest} {self.few.fingerprint()}".encode()
        ).hexdigest()
