"""The cross-stitch unit: a learned mixture of the activations of several tasks."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from sk_mmoe.nn._stacked import check_sizes


class CrossStitchUnit(nn.Module):
    r"""Learned linear mixture of the activations of several tasks.

    Task :math:`k` receives :math:`\sum_j S_{kj} h_j`, where :math:`h_j` are the activations of task
    :math:`j` and :math:`S` is a learned matrix [1]_.

    Parameters
    ----------
    n_tasks : int
        Number of tasks.
    own_weight_init : float, default=0.9
        Initial weight of a task's own activations. The other tasks share the rest evenly. A single
        task starts with 1.
    n_channels : int, default=None
        Number of features of the activations, to learn one matrix per feature. `None`: one matrix
        for all features.
    learning_rate_factor : float, default=1.0
        Learning rate of the matrix, as a multiple of the optimizer's, in the groups of
        :func:`parameter_groups`. 0: the matrix keeps its initial values.

    Attributes
    ----------
    weight : torch.nn.Parameter of shape (n_tasks, n_tasks) or (n_channels, n_tasks, n_tasks)
        The matrix S, or one matrix per feature.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    References
    ----------
    .. [1] Misra et al. "Cross-stitch Networks for Multi-task Learning", CVPR 2016, equation 1.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import CrossStitchUnit
    >>> CrossStitchUnit(2)(torch.tensor([[[1.0]], [[0.0]]])).flatten()
    tensor([0.9000, 0.1000], grad_fn=...)
    """

    def __init__(
        self,
        n_tasks: int,
        *,
        own_weight_init: float = 0.9,
        n_channels: int | None = None,
        learning_rate_factor: float = 1.0,
    ) -> None:
        super().__init__()
        (n_tasks,) = check_sizes(n_tasks, name="n_tasks")
        channels = () if n_channels is None else check_sizes(n_channels, name="n_channels")
        if not 0 <= learning_rate_factor < math.inf:
            raise ValueError(
                "learning_rate_factor must be a finite number of at least 0, got "
                f"{learning_rate_factor}."
            )
        self.own_weight_init = own_weight_init
        self.learning_rate_factor = learning_rate_factor
        self.weight = nn.Parameter(torch.empty(*channels, n_tasks, n_tasks))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the initial weights, the same for all features."""
        n_tasks = self.weight.shape[-1]
        own = 1.0 if n_tasks == 1 else self.own_weight_init
        nn.init.constant_(self.weight, (1 - own) / max(n_tasks - 1, 1))
        with torch.no_grad():
            self.weight.diagonal(dim1=-2, dim2=-1).fill_(own)

    def forward(self, x: Tensor) -> Tensor:
        """Return the mixture of each task.

        Parameters
        ----------
        x : Tensor of shape (..., n_tasks, n_samples, n_channels)
            The activations of each task.

        Returns
        -------
        Tensor of shape (..., n_tasks, n_samples, n_channels)
            The mixtures.
        """
        if self.weight.dim() == 3:
            return torch.einsum("ckj,...jnc->...knc", self.weight, x)
        # A matrix product takes half the time of an einsum.
        return (self.weight @ x.flatten(-2)).unflatten(-1, x.shape[-2:])

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        """Return the optimizer settings of the matrix, for :func:`parameter_groups`.

        Parameters
        ----------
        rate : float
            The learning rate of the optimizer.

        Returns
        -------
        list of dict
            One group, with `learning_rate_factor` times the learning rate and without weight decay.
        """
        # Weight decay would pull the matrix to zero, which removes the activations of all tasks.
        lr = rate * self.learning_rate_factor
        return [{"params": [self.weight], "lr": lr, "weight_decay": 0.0}]

    def extra_repr(self) -> str:
        """Describe the number of tasks and of channels."""
        *channels, n_tasks, _ = self.weight.shape
        return f"{n_tasks}, n_channels={channels[0] if channels else None}"
