"""A look at the gates after training, which may have settled on one expert."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch

from sk_mmoe.training._net import MultiTaskNet
from sk_mmoe.training._samples import TableDataset

# A task that gives a single expert this mean weight, or more, does not mix.
POLARISED = 0.99


def warn_of_polarised_gates(
    net: MultiTaskNet, task_names: Sequence[str], samples: TableDataset
) -> None:
    """Warn of tasks whose gates have settled on one expert for all samples.

    Parameters
    ----------
    net : MultiTaskNet
        The trained net. If its network has no gates there is nothing to look at.
    task_names : sequence of str
        The names of the tasks.
    samples : TableDataset
        The samples of training, some of which are looked at.
    """
    if not hasattr(net.network, "reachable_experts"):
        return
    means = []
    for index in range(len(net.seeds)):
        own = samples.of_member(index)
        x, network = own[own.inspected_rows()][0].to(net.device), net.member(index).eval()
        with torch.inference_mode():
            means.append(network.gate_weights(x).mean(dim=1).cpu())
    mean = torch.stack(means)
    # The only expert of a task was not chosen by its gate.
    has_choice = torch.as_tensor(net.network.reachable_experts()).sum(dim=-1) > 1
    settled = (mean.amax(dim=-1) >= POLARISED).all(dim=0) & has_choice
    names = [name for name, is_so in zip(task_names, settled.tolist(), strict=True) if is_so]
    if names:
        warnings.warn(
            f"the gates of the tasks {names} put all their weight on one expert. Such a task uses "
            "a part of the network only. Try gate_dropout=0.1, standardised inputs or a lower "
            "learning_rate_init. ExpertUseDisplay shows which task uses which expert.",
            stacklevel=2,
        )
