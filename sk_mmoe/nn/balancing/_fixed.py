"""Weights that stay as they are given, and the base of all balancing methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

# A learned weight of a task must cross whole units, which the network's parameters seldom do.
_LEARNING_RATE_FACTOR = 10


class FixedWeights(nn.Module):
    """Descend along the gradient of the weighted mean of the losses; the base of all balancing.

    In your own training loop, call :meth:`start` once, :meth:`begin_epoch` before each epoch, and
    :meth:`backward` in place of ``loss.backward()``. After the optimizer's step, call
    :meth:`look_back` if the class attribute `looks_back` is True. Pass the groups of
    :meth:`parameter_groups` to the optimizer, in addition to the network's parameters.

    A subclass overrides the methods that it needs: :meth:`weights` to weight the losses,
    :meth:`loss` to combine them in another way, or :meth:`backward` to combine gradients.

    Attributes
    ----------
    task_weights : Tensor of shape (n_tasks,)
        The weights that the user gives to the tasks, with a sum of one.
    looks_back : bool
        Whether :meth:`look_back` needs the losses after each step. They cost another pass through
        the network, without gradients.
    n_parts : int
        The number of parts of a batch whose separate losses :meth:`backward` also needs.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import FixedWeights, SharedBottom
    >>> network = SharedBottom(3, [1, 1])
    >>> balancing = FixedWeights().start(torch.tensor([0.5, 0.5]))
    >>> task_losses = torch.stack([s.square().mean() for s in network(torch.ones(4, 3))])
    >>> balancing.backward(task_losses, network)
    >>> network.heads.weight.grad.shape
    torch.Size([2, 32])
    """

    task_weights: Tensor
    looks_back: ClassVar[bool] = False
    n_parts: ClassVar[int] = 1

    def __init__(self) -> None:
        super().__init__()

    def start(self, task_weights: Tensor) -> FixedWeights:
        """Start with the weights of the tasks.

        Parameters
        ----------
        task_weights : Tensor of shape (n_tasks,)
            The weights of the tasks, with a sum of one. For several members that are trained as
            one program: one row for each member. All other tensors then have such rows, too.

        Returns
        -------
        FixedWeights
            The balancing itself.
        """
        # A setting, not a part of what is learned.
        self.register_buffer("task_weights", task_weights, persistent=False)
        return self

    def begin_epoch(self, task_losses: Sequence[Sequence[float]]) -> None:
        """Look at the losses of the epochs so far.

        Parameters
        ----------
        task_losses : sequence of shape (n_epochs, n_tasks)
            The mean training losses of the tasks in each epoch.
        """

    def weights(self) -> Tensor:
        """Return the current weights of the tasks.

        Returns
        -------
        Tensor of shape (n_tasks,)
            The weights.
        """
        return self.task_weights

    def loss(self, task_losses: Tensor) -> Tensor:
        """Return the loss to minimise.

        Parameters
        ----------
        task_losses : Tensor of shape (n_tasks,)
            The losses of the tasks in a batch.

        Returns
        -------
        Tensor of shape ()
            The balanced loss.
        """
        return (task_losses * self.weights()).sum()

    def backward(
        self,
        task_losses: Tensor,
        network: nn.Module,
        penalty: Tensor | None = None,
        part_losses: Tensor | None = None,
    ) -> None:
        """Add the gradient of the balanced losses to the parameters' ``grad``.

        Parameters
        ----------
        task_losses : Tensor of shape (n_tasks,)
            The losses of the tasks in a batch.
        network : torch.nn.Module
            The network. All its parameters except those of ``network.heads`` count as shared.
        penalty : Tensor of shape (), default=None
            A term of the loss that belongs to no task. For several members: one for each.
        part_losses : Tensor of shape (n_parts, n_tasks), default=None
            The losses in each of `n_parts` equal parts of the batch. They are only needed where
            `n_parts` is above 1. `None`: the batch has fewer rows than parts.
        """
        loss = self.loss(task_losses)
        (loss if penalty is None else loss + penalty.sum()).backward()

    def look_back(self, before: Tensor, after: Tensor) -> None:
        """Compare the losses of a batch before and after the step that it led to.

        Parameters
        ----------
        before : Tensor of shape (n_tasks,)
            The losses of the tasks in the batch, from which the step was computed.
        after : Tensor of shape (n_tasks,)
            The losses in the same batch after the step, without gradients.
        """

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        """Return the learned weights as groups for an optimizer.

        Parameters
        ----------
        rate : float
            The learning rate of the network.

        Returns
        -------
        list of dict
            At most one group: all parameters of the balancing, at ten times the rate and without
            weight decay, which would pull the weights towards their initial values.
        """
        learned = list(self.parameters())
        if not learned:
            return []
        return [{"params": learned, "lr": _LEARNING_RATE_FACTOR * rate, "weight_decay": 0.0}]
