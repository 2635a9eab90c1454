"""Balancing that looks at the gradients that the tasks send to what they share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sk_mmoe.nn._balancing import FixedWeights


class GradientBalancing(FixedWeights):
    """Base: one gradient for each task on the shared parameters, and what is made of them."""

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
        self, task_losses: Tensor, network: nn.Module, penalty: Tensor | None = None
    ) -> None:
        """Add the balanced gradients to the parameters' ``grad``.

        A network that shares nothing, such as separate networks, learns as with fixed weights.

        Parameters
        ----------
        task_losses : Tensor of shape (n_tasks,)
            The losses of the tasks in a batch.
        network : torch.nn.Module
            The network. All its parameters but those of ``network.heads`` count as shared.
        penalty : Tensor of shape (), default=None
            A term of the loss that belongs to no task; its gradient is added as it is.
        """
        shared, own = _split_parameters(network)
        if not shared:
            super().backward(task_losses, network, penalty)
            return
        weighted = task_losses * self.weights().detach()
        gradients = torch.stack([_gradient(loss, shared) for loss in weighted])
        if own:  # below the heads nothing is traversed again
            weighted.sum().backward(inputs=own, retain_graph=True)
        if penalty is not None:
            penalty.backward()
        combined = self.combine(gradients, task_losses.detach())
        parts = combined.split([parameter.numel() for parameter in shared])
        for parameter, part in zip(shared, parts, strict=True):
            part = part.view_as(parameter)
            parameter.grad = part if parameter.grad is None else parameter.grad + part


class GradNorm(GradientBalancing):
    r"""Learn weights that make the tasks' gradients alike in size, larger where a task lags.

    Task k has the weight :math:`w_k \lambda_k`, where the :math:`\lambda` have a mean of one and
    descend along :math:`\sum_k | G_k - \bar G r_k^\alpha |`: :math:`G_k` is the norm of the
    gradient of the weighted loss on the shared parameters, :math:`\bar G` the mean norm, and
    :math:`r_k` the part of its first loss that task k still has, over the mean of these parts [1]_.
    The paper takes the norm on the last shared layer; here it is taken on all shared parameters,
    for any architecture alike. A step costs a backward pass for each task.

    Parameters
    ----------
    restoring_force : float, default=1.5
        The exponent :math:`\alpha`. With 0 all gradients are made alike in size.

    Attributes
    ----------
    log_weights : torch.nn.Parameter of shape (n_tasks,)
        The :math:`\lambda` are n_tasks times their softmax.
    first_losses : Tensor of shape (n_tasks,)
        The first loss of each task, 0 where there was none.

    References
    ----------
    .. [1] Chen et al. "GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep
       Multitask Networks", ICML 2018, section 3, algorithm 1.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import GradNorm
    >>> GradNorm(restoring_force=0.5).start(torch.tensor([0.5, 0.5])).weights()
    tensor([0.5000, 0.5000], grad_fn=...)
    """

    first_losses: Tensor

    def __init__(self, restoring_force: float = 1.5) -> None:
        super().__init__()
        if not restoring_force >= 0:
            raise ValueError(f"restoring_force must be at least 0, got {restoring_force}.")
        self.restoring_force = restoring_force

    def start(self, task_weights: Tensor) -> GradNorm:
        """Begin with the weights as they are given.

        Parameters
        ----------
        task_weights : Tensor of shape (n_tasks,)
            The weights of the tasks, with a sum of one.

        Returns
        -------
        GradNorm
            The balancing itself.
        """
        super().start(task_weights)
        self.log_weights = nn.Parameter(torch.zeros_like(task_weights))
        self.register_buffer("first_losses", torch.zeros_like(task_weights))
        return self

    def weights(self) -> Tensor:
        """Return the weights of the tasks at this moment.

        Returns
        -------
        Tensor of shape (n_tasks,)
            The weights.
        """
        return self.task_weights * len(self.log_weights) * self.log_weights.softmax(dim=0)

    def combine(self, gradients: Tensor, task_losses: Tensor) -> Tensor:
        """Return the sum of the gradients, and send one to the weights.

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
        self.first_losses.copy_(torch.where(self.first_losses > 0, self.first_losses, task_losses))
        # A task without a label in the batch, or nothing left to learn, has no say.
        active = (task_losses > 0) & (gradients != 0).any(dim=1)
        if active.any():
            left = task_losses[active] / self.first_losses[active]
            weights = self.weights()[active]
            norms = gradients[active].norm(dim=1)
            target = norms.mean() * (left / left.mean()) ** self.restoring_force
            # The norm is proportional to the weight: no second derivative is needed.
            (norms * (weights / weights.detach()) - target).abs().sum().backward()
        return gradients.sum(dim=0)

    def extra_repr(self) -> str:
        """Describe the restoring force."""
        return f"restoring_force={self.restoring_force}"


class GradientSurgery(GradientBalancing):
    """Descend on the shared parameters along what an aggregator makes of the tasks' gradients.

    The heads learn by the gradient of the weighted mean. A step costs a backward pass for each
    task.

    Parameters
    ----------
    aggregator : torch.nn.Module
        A map from the tasks' gradients, of shape (n_tasks, n_parameters), to one gradient of shape
        (n_parameters,), such as :class:`PCGrad` or any aggregator of TorchJD [1]_.

    References
    ----------
    .. [1] Quinton, Rey. "Jacobian Descent for Multi-Objective Optimization", 2024.

    Examples
    --------
    >>> from sk_mmoe.nn import GradientSurgery, PCGrad
    >>> GradientSurgery(PCGrad())
    GradientSurgery(
      (aggregator): PCGrad()
    )
    """

    def __init__(self, aggregator: nn.Module) -> None:
        super().__init__()
        self.aggregator = aggregator

    def combine(self, gradients: Tensor, task_losses: Tensor) -> Tensor:
        """Return what the aggregator makes of the gradients.

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
        combined: Tensor = self.aggregator(gradients)
        return combined


class PCGrad(nn.Module):
    """Take from each task's gradient what conflicts with the others', and add up what is left.

    Two gradients conflict if their inner product is negative. Each gradient in turn is projected
    on the plane normal to every other one that it conflicts with, in random order [1]_.

    References
    ----------
    .. [1] Yu et al. "Gradient Surgery for Multi-Task Learning", NeurIPS 2020, algorithm 1.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import PCGrad
    >>> PCGrad()(torch.tensor([[1.0, 0.0], [-1.0, 1.0]]))
    tensor([0.5000, 1.5000])
    """

    def __init__(self) -> None:
        super().__init__()

    def forward(self, gradients: Tensor) -> Tensor:
        """Return the sum of the projected gradients.

        Parameters
        ----------
        gradients : Tensor of shape (n_tasks, n_parameters)
            The gradient of each task.

        Returns
        -------
        Tensor of shape (n_parameters,)
            The sum.
        """
        # A projected gradient is a mixture of the gradients, and inner products of mixtures need
        # those of the gradients only: the loop runs over a few numbers, on the CPU.
        products = (gradients @ gradients.T).tolist()
        n_tasks = len(products)
        mixtures = [[float(i == j) for j in range(n_tasks)] for i in range(n_tasks)]
        for i, mixture in enumerate(mixtures):
            for j in torch.randperm(n_tasks).tolist():
                product = sum(w * p for w, p in zip(mixture, products[j], strict=True))
                if j != i and product < 0:
                    mixture[j] -= product / products[j][j]
        return gradients.new_tensor(mixtures).sum(dim=0) @ gradients


def _split_parameters(network: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Return the parameters below a network's heads, and those of its heads."""
    heads = getattr(network, "heads", None)
    own = [] if heads is None else [p for p in heads.parameters() if p.requires_grad]
    of_heads = {id(parameter) for parameter in own}
    learned = (p for p in network.parameters() if p.requires_grad)
    return [p for p in learned if id(p) not in of_heads], own


def _gradient(loss: Tensor, parameters: list[nn.Parameter]) -> Tensor:
    """Return the gradient of a loss as one vector; the graph is kept for the next task."""
    parts = torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)
    return torch.cat([part.flatten() for part in parts])
