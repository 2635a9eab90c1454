"""Gradients combined by an aggregator."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sk_mmoe.nn.balancing._torchjd import RemembersForeign, check_by_trial


class GradientSurgery(RemembersForeign):
    """Combine the tasks' gradients on the shared parameters by an aggregator.

    Use it for aggregators of TorchJD, or for your own function of the gradients. The heads learn by
    the gradient of the weighted mean of the losses. A step costs one backward pass for each task.

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

    def start(self, task_weights: Tensor) -> GradientSurgery:
        """Start with the weights of the tasks, and check that the aggregator fits their number.

        Parameters
        ----------
        task_weights : Tensor of shape (n_tasks,)
            The weights of the tasks, with a sum of one.

        Returns
        -------
        GradientSurgery
            The balancing itself.

        Raises
        ------
        ValueError
            If the aggregator does not map the gradients of the tasks to one gradient.
        """
        super().start(task_weights)
        n_tasks = task_weights.shape[-1]
        example = torch.eye(n_tasks, n_tasks + 2) + 0.5
        purpose = "it must map gradients of tasks"
        check_by_trial(self.aggregator, example, (n_tasks + 2,), purpose=purpose)
        return self

    def combine(self, gradients: Tensor, task_losses: Tensor) -> Tensor:
        """Return the gradient that the aggregator makes of the tasks' gradients.

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
