"""Weights that follow what each step did to the losses."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from sk_mmoe.nn.balancing._fixed import FixedWeights

# Added to a loss before its logarithm, as in the paper's code.
_EPSILON = 1e-8
_MEAN_DECAY, _SQUARE_DECAY = 0.9, 0.999  # Adam's defaults


class FAMO(FixedWeights):
    r"""Make all losses fall at the same rate, in proportion to their size.

    A step descends along :math:`\sum_k z_k \nabla \log L_k`, scaled so that the weights of the
    gradients :math:`\nabla L_k` sum to one, with
    :math:`z = \mathrm{softmax}(\xi + \log w)`. The losses of the batch are computed again after the
    step. By their changes :math:`d_k = \log L_k^{before} - \log L_k^{after}` the logits move to
    give more weight to tasks that improved less, by a step of Adam along
    :math:`z \circ (d - \sum_k z_k d_k) + \gamma \xi` [1]_. With equal task weights this is the
    paper's method.

    Use it for tasks whose losses differ a lot in size or speed. It needs no gradients of single
    tasks, only one more pass through the network for each step. The losses must not be negative. A
    task without a label in a batch does not learn from the batch and keeps its weight.

    Parameters
    ----------
    learning_rate : float, default=0.025
        Learning rate of the logits. Raise it if the weights lag behind the losses.
    decay : float, default=1e-3
        Strength :math:`\gamma` of the L2 regularisation of the logits. Raise it to keep the weights
        closer to those of `task_weights`.

    Attributes
    ----------
    logits : Tensor of shape (n_tasks,)
        The logits :math:`\xi`, zero at the start.

    References
    ----------
    .. [1] Liu, Feng, Stone, Liu. "FAMO: Fast Adaptive Multitask Optimization", NeurIPS 2023,
       section 3, algorithm 1, and the appendix's PyTorch code, which moves the logits by Adam.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import FAMO
    >>> balancing = FAMO().start(torch.tensor([0.5, 0.5]))
    >>> balancing.look_back(torch.tensor([1.0, 1.0]), torch.tensor([0.5, 0.9]))
    >>> balancing.logits
    tensor([-0.0250,  0.0250])
    """

    looks_back: ClassVar[bool] = True

    factors: Tensor
    logits: Tensor
    means: Tensor
    squares: Tensor
    n_steps: Tensor

    def __init__(self, learning_rate: float = 0.025, decay: float = 1e-3) -> None:
        super().__init__()
        if not learning_rate > 0:
            raise ValueError(f"learning_rate must be positive, got {learning_rate}.")
        if not decay >= 0:
            raise ValueError(f"decay must be at least 0, got {decay}.")
        self.learning_rate = learning_rate
        self.decay = decay

    def start(self, task_weights: Tensor) -> FAMO:
        """Begin with logits of zero.

        Parameters
        ----------
        task_weights : Tensor of shape (n_tasks,)
            The weights of the tasks, with a sum of one.

        Returns
        -------
        FAMO
            The balancing itself.
        """
        super().start(task_weights)
        for name in ("logits", "means", "squares"):
            self.register_buffer(name, torch.zeros_like(task_weights))
        self.register_buffer("n_steps", torch.zeros_like(task_weights[..., :1]))
        # Computed anew from the losses of each batch.
        self.register_buffer("factors", task_weights.clone(), persistent=False)
        return self

    def weights(self) -> Tensor:
        """Return the weights of the losses in the last batch.

        Returns
        -------
        Tensor of shape (n_tasks,)
            The weights, with a sum of one.
        """
        return self.factors

    def loss(self, task_losses: Tensor) -> Tensor:
        """Return a loss whose gradient is that of the weighted logarithms.

        Parameters
        ----------
        task_losses : Tensor of shape (n_tasks,)
            The losses of the tasks in a batch.

        Returns
        -------
        Tensor of shape ()
            The balanced loss.
        """
        losses = task_losses.detach()
        rates = torch.where(losses != 0, self._shares() / _shifted(losses), 0.0)
        self.factors = _normalize(rates)
        return super().loss(task_losses)

    @torch.no_grad()
    def look_back(self, before: Tensor, after: Tensor) -> None:
        """Give more weight to the tasks whose losses fell less.

        Parameters
        ----------
        before : Tensor of shape (n_tasks,)
            The losses of the tasks in the batch, from which the step was computed.
        after : Tensor of shape (n_tasks,)
            The losses in the same batch after the step.
        """
        shares = self._shares()
        has_labels = (before != 0) & (after != 0)
        changes = _shifted(before).log() - _shifted(after).log()
        changes = torch.where(has_labels, changes, 0.0)
        mean = (_normalize(shares * has_labels) * changes).sum(dim=-1, keepdim=True)
        # The derivative of the softmax, times the changes.
        gradient = torch.where(has_labels, shares * (changes - mean), 0.0)
        gradient += self.decay * self.logits
        self.n_steps += 1
        self.means.lerp_(gradient, 1 - _MEAN_DECAY)
        self.squares.lerp_(gradient.square(), 1 - _SQUARE_DECAY)
        mean = self.means / (1 - _MEAN_DECAY**self.n_steps)
        square = self.squares / (1 - _SQUARE_DECAY**self.n_steps)
        self.logits -= self.learning_rate * mean / (square.sqrt() + _EPSILON)

    def _shares(self) -> Tensor:
        """Return what the logits and the task weights make of the tasks, with a sum of one."""
        return (self.logits + self.task_weights.log()).softmax(dim=-1)

    def extra_repr(self) -> str:
        """Describe the learning rate and the decay."""
        return f"learning_rate={self.learning_rate}, decay={self.decay}"


def _shifted(losses: Tensor) -> Tensor:
    """Return losses that have a logarithm; rounding may have made some of them negative."""
    return losses.clamp(min=0.0) + _EPSILON


def _normalize(values: Tensor) -> Tensor:
    """Return values, none of them negative, scaled to a sum of one; zeros stay zeros."""
    total = values.sum(dim=-1, keepdim=True)
    return values / torch.where(total > 0, total, 1.0)
