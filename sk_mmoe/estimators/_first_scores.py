"""Where training begins: at the best prediction that is the same for all samples."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from sk_mmoe.nn import TaskHeads
from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.training._net import MultiTaskNet
from sk_mmoe.training._samples import TableDataset


def first_scores(tasks: TaskEncoder, samples: TableDataset, n_members: int) -> Tensor:
    """Return the raw scores from which the training of each member begins.

    Parameters
    ----------
    tasks : TaskEncoder
        The tasks.
    samples : TableDataset
        The samples to learn from: one table for all members, or one for each.
    n_members : int
        The number of members.

    Returns
    -------
    Tensor of float64 of shape (n_members, sum(n_outputs))
        The scores of one task after the other.
    """
    n_tables = samples.n_tables or 1
    targets = cast(Tensor, samples.targets).chunk(n_tables)
    weights = [None] * n_tables if samples.weights is None else samples.weights.chunk(n_tables)
    of_tables = [tasks.constant_scores(*own) for own in zip(targets, weights, strict=True)]
    return torch.stack(of_tables).expand(n_members, -1)


def shift_heads(net: MultiTaskNet, scores: Tensor) -> None:
    """Let the heads of a fresh net begin at given scores.

    Parameters
    ----------
    net : MultiTaskNet
        The net. If its network has other heads than those of this package, it stays as it is.
    scores : Tensor of shape (n_members, sum(n_outputs))
        The scores.
    """
    heads = getattr(net.module_, "heads", None)
    if isinstance(heads, TaskHeads):
        heads.shift(scores.to(heads.bias).view_as(heads.bias))
