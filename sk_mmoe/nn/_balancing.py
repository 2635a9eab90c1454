"""From the losses of the tasks to gradients: weights of the tasks, fixed or found in training."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class FixedWeights(nn.Module):
    """Descend along the gradient of the weighted mean of the losses; the base of all balancing.

    Call :meth:`start` once, :meth:`begin_epoch` before each epoch if the balancing looks at epochs,
    and :meth:`backward` in place of ``loss.backward()``. Parameters that it learns go to the
    optimizer beside the network's.

    Attributes
    ----------
    task_weights : Tensor of shape (n_tasks,)
        The weights that the user gives to the tasks, with a sum of one.

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

    def __init__(self) -> None:
        super().__init__()

    def start(self, task_weights: Tensor) -> FixedWeights:
        """Learn how many tasks there are, and what they weigh.

        Parameters
        ----------
        task_weights : Tensor of shape (n_tasks,)
            The weights of the tasks, with a sum of one. Of several members that are trained as
            one program, a row for each: all else then has rows, too.

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
        """Return the weights of the tasks at this moment.

        Returns
        -------
        Tensor of shape (n_tasks,)
            The weights.
        """
        return self.task_weights

    def loss(self, task_losses: Tensor) -> Tensor:
        """Return what to minimise.

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
        self, task_losses: Tensor, network: nn.Module, penalty: Tensor | None = None
    ) -> None:
        """Add the gradient of the balanced losses to the parameters' ``grad``.

        Parameters
        ----------
        task_losses : Tensor of shape (n_tasks,)
            The losses of the tasks in a batch.
        network : torch.nn.Module
            The network. All its parameters but those of ``network.heads`` count as shared.
        penalty : Tensor of shape (), default=None
            A term of the loss that belongs to no task; of several members, one for each.
        """
        loss = self.loss(task_losses)
        (loss if penalty is None else loss + penalty.sum()).backward()


class UncertaintyWeighting(FixedWeights):
    r"""Divide each loss by a learned variance, as a task with noisy labels deserves less.

    The loss is :math:`\sum_k w_k (e^{-s_k} L_k + s_k)` with a learned log variance :math:`s_k` for
    each task, zero at the start. At the optimum a task weighs :math:`w_k / L_k`: the sizes of the
    losses no longer matter. That is twice the loss of [1]_ for squared errors; for log losses,
    where the paper's form differs by a factor, the optimum gives the same weights.

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
        """Return the weights of the tasks at this moment.

        Returns
        -------
        Tensor of shape (n_tasks,)
            The weights, which need not sum to one.
        """
        return self.task_weights * (-self.log_variances).exp()

    def loss(self, task_losses: Tensor) -> Tensor:
        """Return what to minimise, the log variances included.

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


class DynamicWeightAverage(FixedWeights):
    r"""Give more weight, for an epoch, to tasks whose loss has fallen less in the last one.

    Task k has the weight :math:`w_k K \, \mathrm{softmax}(r / T)_k`, where :math:`r_k` is the ratio
    of its last two epochs' losses and K the number of tasks [1]_. In the first two epochs all
    ratios are one.

    Parameters
    ----------
    temperature : float, default=2.0
        The temperature T. The higher, the more alike the weights.

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
        # Computed anew from the history of training before each epoch.
        self.register_buffer("factors", torch.ones_like(task_weights), persistent=False)
        return self

    def begin_epoch(self, task_losses: Sequence[Sequence[float]]) -> None:
        """Weigh the tasks by how their losses changed.

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
