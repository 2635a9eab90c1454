"""Where training begins: at the best prediction that is the same for all samples."""

from __future__ import annotations

import torch

from sk_mmoe.nn import TaskHeads
from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.training._net import MultiTaskNet
from sk_mmoe.training._samples import TableDataset


def start_at_constant(net: MultiTaskNet, tasks: TaskEncoder, samples: TableDataset) -> None:
    """Let the heads of a fresh net begin at the shares of the classes among its samples.

    Parameters
    ----------
    net : MultiTaskNet
        The net. If its network has other heads than those of this package, it stays as it is.
    tasks : TaskEncoder
        The tasks.
    samples : TableDataset
        The samples of training; of several members, those of each.
    """
    heads = getattr(net.module_, "heads", None)
    if not isinstance(heads, TaskHeads):
        return
    scores = []
    for index in range(len(net.seeds)):
        own = samples.of_member(index)
        assert own.targets is not None  # they are there to be learned
        scores.append(tasks.constant_scores(own.targets, own.weights))
    heads.start_at(torch.stack(scores).to(heads.bias).view_as(heads.bias))
