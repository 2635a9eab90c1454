"""Learned weights that even out the sizes of the gradients."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sk_mmoe.nn.balancing._gradients import GradientBalancing


class GradNorm(GradientBalancing):
    r"""Learn weights that make the tasks' gradients similar in size, and larger for slow tasks.

    Use it if the gradients of one task are much larger than those of the others. Task k has the
    weight :math:`w_k \lambda_k`. The :math:`\lambda` have a mean of one and follow the gradient of
    :math:`\sum_k | G_k - \bar G r_k^\alpha |` downwards [1]_. :math:`G_k` is the norm of the
    gradient of the weighted loss on the shared parameters, and :math:`\bar G` is the mean norm.
    :math:`r_k` is the current loss of task k divided by its first loss, relative to the mean of
    these ratios. The paper takes the norm on the last shared layer. Here it is taken on all shared
    parameters, which every architecture has. A step costs one backward pass for each task.

    Parameters
    ----------
    restoring_force : float, default=1.5
        The exponent :math:`\alpha`. Raise it to give slow tasks larger gradients. With 0 all
        gradients become equal in size.

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
        """Return the current weights of the tasks.

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
        # A task without a label in the batch, or with nothing left to learn, is left out.
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
