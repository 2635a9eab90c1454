"""Losses divided by learned variances."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sk_mmoe.nn.balancing._fixed import FixedWeights


class UncertaintyWeighting(FixedWeights):
    r"""Divide each loss by a learned variance, so that tasks with noisy labels get less weight.

    Use it if the losses of the tasks differ in size. The loss is :math:`\sum_k w_k (e^{-s_k} L_k +
    s_k)` with a learned log variance :math:`s_k` for each task, zero at the start. At the optimum a
    task has the weight :math:`w_k / L_k`, so that the sizes of the losses no longer matter. For
    squared errors this is twice the loss of [1]_. For log losses the paper's form differs by a
    factor, and the optimum gives the same weights.

    Attributes
    ----------
    log_variances : torch.nn.Parameter of shape (n_tasks,)
        The log variances s.

    References
    ----------
    .. [1] Kendall, Gal, Cipolla. "Multi-Task Learning Using Uncertainty to Weigh Losses for Scene
       Geometry and Semantics", CVPR 2018, equations 7 and 10.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import UncertaintyWeighting
    >>> balancing = UncertaintyWeighting().start(torch.tensor([0.5, 0.5]))
    >>> balancing.weights()
    tensor([0.5000, 0.5000], grad_fn=...)
    """

    def start(self, task_weights: Tensor) -> UncertaintyWeighting:
        """Begin with a variance of one for each task.

        Parameters
        ----------
        task_weights : Tensor of shape (n_tasks,)
            The weights of the tasks, with a sum of one.

        Returns
        -------
        UncertaintyWeighting
            The balancing itself.
        """
        super().start(task_weights)
        self.log_variances = nn.Parameter(torch.zeros_like(task_weights))
        return self

    def weights(self) -> Tensor:
        """Return the current weights of the tasks.

        Returns
        -------
        Tensor of shape (n_tasks,)
            The weights, which need not sum to one.
        """
        return self.task_weights * (-self.log_variances).exp()

    def loss(self, task_losses: Tensor) -> Tensor:
        """Return the loss to minimise, including the log variances.

        Parameters
        ----------
        task_losses : Tensor of shape (n_tasks,)
            The losses of the tasks in a batch.

        Returns
        -------
        Tensor of shape ()
            The balanced loss.
        """
        return super().loss(task_losses) + (self.task_weights * self.log_variances).sum()
