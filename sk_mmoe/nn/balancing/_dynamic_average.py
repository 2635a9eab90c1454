"""Weights that follow how fast the losses fall from epoch to epoch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sk_mmoe.nn.balancing._fixed import FixedWeights


class DynamicWeightAverage(FixedWeights):
    r"""Give more weight in an epoch to tasks whose loss has fallen less in the last one.

    Task k has the weight :math:`w_k K \, \mathrm{softmax}(r / T)_k`, where :math:`r_k` is the ratio
    of its last two epochs' losses and K the number of tasks [1]_. In the first two epochs all
    ratios are one.

    Parameters
    ----------
    temperature : float, default=2.0
        The temperature T. Lower it if the weights are nearly equal. Raise it if they jump from
        epoch to epoch.

    References
    ----------
    .. [1] Liu, Johns, Davison. "End-to-End Multi-Task Learning with Attention", CVPR 2019,
       equation 7.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import DynamicWeightAverage
    >>> balancing = DynamicWeightAverage().start(torch.tensor([0.5, 0.5]))
    >>> balancing.begin_epoch([[1.0, 1.0], [0.5, 0.9]])
    >>> balancing.weights()
    tensor([0.4502, 0.5498])
    """

    factors: Tensor

    def __init__(self, temperature: float = 2.0) -> None:
        super().__init__()
        if not temperature > 0:
            raise ValueError(f"temperature must be positive, got {temperature}.")
        self.temperature = temperature

    def start(self, task_weights: Tensor) -> DynamicWeightAverage:
        """Begin with the weights as they are given.

        Parameters
        ----------
        task_weights : Tensor of shape (n_tasks,)
            The weights of the tasks, with a sum of one.

        Returns
        -------
        DynamicWeightAverage
            The balancing itself.
        """
        super().start(task_weights)
        # Computed from the history of training before each epoch.
        self.register_buffer("factors", torch.ones_like(task_weights), persistent=False)
        return self

    def begin_epoch(self, task_losses: Sequence[Sequence[float]]) -> None:
        """Weight the tasks by how their losses changed.

        Parameters
        ----------
        task_losses : sequence of shape (n_epochs, n_tasks)
            The mean training losses of the tasks in each epoch.
        """
        if len(task_losses) < 2:
            return
        before, last = torch.tensor(task_losses[-2:]).to(self.factors)
        ratios = torch.where(before > 0, last / before, 1.0)
        n_tasks = ratios.shape[-1]
        self.factors.copy_(n_tasks * (ratios / self.temperature).softmax(dim=-1))

    def weights(self) -> Tensor:
        """Return the weights of the tasks in this epoch.

        Returns
        -------
        Tensor of shape (n_tasks,)
            The weights.
        """
        return self.task_weights * self.factors

    def extra_repr(self) -> str:
        """Describe the temperature."""
        return f"temperature={self.temperature}"
