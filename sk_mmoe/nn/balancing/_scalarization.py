"""Losses combined by any function of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call

from sk_mmoe.nn.balancing._fixed import FixedWeights
from sk_mmoe.nn.balancing._torchjd import check_by_trial


class LossScalarization(FixedWeights):
    """Descend along the gradient of a function of the losses.

    Use it for scalarizers of TorchJD, or for your own function of the losses.

    The function gets the losses multiplied by the task weights, which are scaled to a mean of one.
    With equal task weights these are the unchanged losses. A task without a label in the batch has
    a loss of zero. It is passed as a tiny positive number, so that its logarithm is finite.

    A step takes little more time than with fixed weights. Members are balanced separately.

    Parameters
    ----------
    scalarizer : torch.nn.Module
        A map from losses of shape (n_tasks,) to one loss of shape (), such as TorchJD's scalarizers
        ``STCH`` and ``IMTLL``. Its parameters are learned together with the network.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import LossScalarization
    >>> class Largest(torch.nn.Module):
    ...     def forward(self, losses):
    ...         return losses.max()
    >>> balancing = LossScalarization(Largest()).start(torch.tensor([0.5, 0.5]))
    >>> balancing.loss(torch.tensor([1.0, 3.0])), balancing.weights()
    (tensor(3.), tensor([0., 1.]))
    """

    last_losses: Tensor

    def __init__(self, scalarizer: nn.Module) -> None:
        super().__init__()
        self.scalarizer = scalarizer

    def start(self, task_weights: Tensor) -> LossScalarization:
        """Start with the weights of the tasks, and check that the scalarizer fits their number.

        Parameters
        ----------
        task_weights : Tensor of shape (n_tasks,)
            The weights of the tasks, with a sum of one.

        Returns
        -------
        LossScalarization
            The balancing itself.

        Raises
        ------
        ValueError
            If the scalarizer does not map the losses of the tasks to one loss.
        """
        super().start(task_weights)
        example = torch.ones(task_weights.shape[-1])
        check_by_trial(self.scalarizer, example, (), purpose="it must map losses of tasks")
        if task_weights.dim() > 1:
            # A row of parameters for each member.
            for module in self.scalarizer.modules():
                for name, parameter in module.named_parameters(recurse=False):
                    rows = parameter.detach().expand(len(task_weights), *parameter.shape)
                    setattr(module, name, nn.Parameter(rows.clone()))
        self.register_buffer("last_losses", torch.ones_like(task_weights), persistent=False)
        return self

    def weights(self) -> Tensor:
        """Return the derivatives of the balanced loss with respect to the last batch's losses.

        Returns
        -------
        Tensor of shape (n_tasks,)
            The derivatives, which need not sum to one.
        """
        losses = self.last_losses.clone().requires_grad_()
        with torch.enable_grad():
            return torch.autograd.grad(self._scalarize(losses), losses)[0]

    def loss(self, task_losses: Tensor) -> Tensor:
        """Return the loss to minimise.

        Parameters
        ----------
        task_losses : Tensor of shape (n_tasks,)
            The losses of the tasks in a batch.

        Returns
        -------
        Tensor of shape ()
            The scalarizer's result. For several members: the sum over them.
        """
        self.last_losses = task_losses.detach()
        return self._scalarize(task_losses)

    def _scalarize(self, task_losses: Tensor) -> Tensor:
        """Return what the scalarizer makes of the weighted losses."""
        weighted = task_losses * (self.task_weights.shape[-1] * self.task_weights)
        weighted = weighted.where(weighted != 0, torch.finfo(weighted.dtype).tiny)
        if weighted.dim() == 1:
            loss: Tensor = self.scalarizer(weighted)
            return loss
        learned = dict(self.scalarizer.named_parameters())
        losses = [
            functional_call(
                self.scalarizer, {name: rows[index] for name, rows in learned.items()}, (row,)
            )
            for index, row in enumerate(weighted)
        ]
        return torch.stack(losses).sum()
