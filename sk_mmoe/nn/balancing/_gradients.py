"""The base of balancing that combines the gradients of the tasks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sk_mmoe.nn.balancing._fixed import FixedWeights


class GradientBalancing(FixedWeights):
    """Compute one gradient for each task on the shared parameters, and combine them.

    The base of methods that look at gradients. A subclass overrides :meth:`combine`. The heads
    learn by the gradient of the weighted mean of the losses. A step costs one backward pass for
    each task.
    """

    def combine(self, gradients: Tensor, task_losses: Tensor) -> Tensor:
        """Return the gradient for the shared parameters.

        Parameters
        ----------
        gradients : Tensor of shape (n_tasks, n_shared_parameters)
            The gradient of each task's weighted loss.
        task_losses : Tensor of shape (n_tasks,)
            The losses of the tasks in a batch.

        Returns
        -------
        Tensor of shape (n_shared_parameters,)
            The gradient to descend along.
        """
        raise NotImplementedError

    def backward(
        self,
        task_losses: Tensor,
        network: nn.Module,
        penalty: Tensor | None = None,
        part_losses: Tensor | None = None,
    ) -> None:
        """Add the balanced gradients to the parameters' ``grad``.

        A network that shares nothing, such as separate networks, learns as with fixed weights.

        Parameters
        ----------
        task_losses : Tensor of shape (n_tasks,)
            The losses of the tasks in a batch.
        network : torch.nn.Module
            The network. All its parameters except those of ``network.heads`` count as shared.
        penalty : Tensor of shape (), default=None
            A term of the loss that belongs to no task. Its gradient is added as it is.
        part_losses : Tensor of shape (n_parts, n_tasks), default=None
            The losses in parts of the batch, which most methods do not need.
        """
        shared, own = split_parameters(network)
        if not shared:
            super().backward(task_losses, network, penalty)
            return
        weighted = task_losses * self.weights().detach()
        gradients = jacobian(weighted, shared)
        if own:  # below the heads nothing is traversed again
            weighted.sum().backward(inputs=own, retain_graph=True)
        if penalty is not None:
            penalty.backward()
        add_gradient(shared, self.combine(gradients, task_losses.detach()))


def split_parameters(network: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Return the parameters below a network's heads, and those of its heads."""
    heads = getattr(network, "heads", None)
    own = [] if heads is None else [p for p in heads.parameters() if p.requires_grad]
    of_heads = {id(parameter) for parameter in own}
    learned = (p for p in network.parameters() if p.requires_grad)
    return [p for p in learned if id(p) not in of_heads], own


def jacobian(losses: Tensor, parameters: list[nn.Parameter]) -> Tensor:
    """Return the gradient of each loss as a row; the graph is kept."""
    return torch.stack([_gradient(loss, parameters) for loss in losses])


def add_gradient(parameters: list[nn.Parameter], gradient: Tensor) -> None:
    """Add a gradient, given as one vector, to those of the parameters."""
    parts = gradient.split([parameter.numel() for parameter in parameters])
    for parameter, part in zip(parameters, parts, strict=True):
        part = part.view_as(parameter)
        parameter.grad = part if parameter.grad is None else parameter.grad + part


def _gradient(loss: Tensor, parameters: list[nn.Parameter]) -> Tensor:
    """Return the gradient of a loss as one vector."""
    parts = torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)
    return torch.cat([part.flatten() for part in parts])
