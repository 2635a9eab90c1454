"""Weights from the gradients of two independent samples."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from sk_mmoe.nn.balancing._gradients import add_gradient, jacobian, split_parameters
from sk_mmoe.nn.balancing._torchjd import RemembersForeign, check_by_trial


class TwoSampleWeighting(RemembersForeign):
    r"""Weight the tasks by the products of their gradients in two halves of a batch.

    The product of a batch's gradients with themselves overestimates that of the expected gradients,
    because the noise of a gradient is correlated with itself. MoDo [1]_ and SDMGrad [2]_ therefore
    multiply the gradients of two independent batches. The rows of a batch are drawn at random, so
    its two halves are independent. Their gradients give the matrix :math:`J_1 J_2^T`, from which
    `weighting` computes the weights. The step follows the gradient of the whole batch with these
    weights, as in equation 2.9 of [1]_. (SDMGrad takes the step on a third batch.) The heads learn
    by the gradient of the weighted mean of the losses.

    A step costs two backward passes for each task, and two more. If a batch has one row or the
    network shares nothing, it is the same as fixed weights.

    Parameters
    ----------
    weighting : torch.nn.Module
        A map from a matrix of shape (n_tasks, n_tasks) to weights of shape (n_tasks,), such as
        TorchJD's ``MoDoWeighting`` or ``SDMGradWeighting``. The losses are multiplied by the task
        weights first, scaled to a mean of one.

    References
    ----------
    .. [1] Chen, Fernando, Ying, Chen. "Three-Way Trade-Off in Multi-Objective Learning:
       Optimization, Generalization and Conflict-Avoidance", JMLR 2024, equation 2.9.
    .. [2] Xiao, Ban, Ji. "Direction-oriented Multi-objective Learning: Simple and Provable
       Stochastic Algorithms", NeurIPS 2023, algorithm 1.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import TwoSampleWeighting
    >>> class InverseNorms(torch.nn.Module):
    ...     def forward(self, products):
    ...         return products.diagonal().clamp(min=1e-8).rsqrt()
    >>> TwoSampleWeighting(InverseNorms()).start(torch.tensor([0.5, 0.5])).weights()
    tensor([0.5000, 0.5000])
    """

    n_parts: ClassVar[int] = 2

    factors: Tensor

    def __init__(self, weighting: nn.Module) -> None:
        super().__init__()
        self.weighting = weighting

    def start(self, task_weights: Tensor) -> TwoSampleWeighting:
        """Begin with the weights as they are given.

        Parameters
        ----------
        task_weights : Tensor of shape (n_tasks,)
            The weights of the tasks, with a sum of one.

        Returns
        -------
        TwoSampleWeighting
            The balancing itself.

        Raises
        ------
        ValueError
            If `weighting` does not map a matrix to weights of the tasks.
        """
        super().start(task_weights)
        n_tasks = task_weights.shape[-1]
        example = torch.eye(n_tasks) + 0.5
        purpose = "it must map products of gradients"
        check_by_trial(self.weighting, example, (n_tasks,), purpose=purpose)
        # Computed anew from the gradients of each batch.
        factors = torch.full_like(task_weights, 1 / n_tasks)
        self.register_buffer("factors", factors, persistent=False)
        return self

    def weights(self) -> Tensor:
        """Return the weights of the losses of the shared parameters in the last batch.

        Returns
        -------
        Tensor of shape (n_tasks,)
            The weights.
        """
        return self.task_weights * len(self.factors) * self.factors

    def backward(
        self,
        task_losses: Tensor,
        network: nn.Module,
        penalty: Tensor | None = None,
        part_losses: Tensor | None = None,
    ) -> None:
        """Add the balanced gradients to the parameters' ``grad``.

        Parameters
        ----------
        task_losses : Tensor of shape (n_tasks,)
            The losses of the tasks in a batch.
        network : torch.nn.Module
            The network. All its parameters except those of ``network.heads`` count as shared.
        penalty : Tensor of shape (), default=None
            A term of the loss that belongs to no task. Its gradient is added as it is.
        part_losses : Tensor of shape (2, n_tasks), default=None
            The losses in each half of the batch. `None`: the batch has a single row.
        """
        shared, own = split_parameters(network)
        weighted = (task_losses * self.task_weights).sum()
        if penalty is not None:
            penalty.backward(retain_graph=True)
        if not shared or part_losses is None:
            weighted.backward()
            return
        scale = len(self.task_weights) * self.task_weights
        first, second = (jacobian(losses * scale, shared) for losses in part_losses)
        self.factors = self.weighting(first @ second.mT).detach()
        if own:
            weighted.backward(inputs=own, retain_graph=True)
        balanced = (task_losses * self.weights()).sum()
        add_gradient(shared, jacobian(balanced[None], shared)[0])
