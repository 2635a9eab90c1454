"""The multi-task loss: masked, weighted, one value per task."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from sk_mmoe.nn.balancing import GradientBalancing, make_balancing

TaskLoss = Callable[[Tensor, Tensor], Tensor]


class MultiTaskLoss(nn.Module):
    """The mean loss of each task over a batch, and their weighted mean.

    A missing label has weight zero: it adds nothing to the loss and sends no gradient. Sums over
    samples are divided by the number of samples, not by the sum of their weights. If the weights
    are scaled to a mean of one over the training set, every label then counts the same, even in a
    batch where few labels are known.

    Parameters
    ----------
    losses : sequence of callable
        For each task a function of ``scores`` of shape (n_samples, n_outputs) and ``targets`` of
        shape (n_samples,) that returns the loss of each sample, of shape (n_samples,).
    task_weights : sequence of float, default=None
        The weight of each task in the total. `None` gives all tasks the same weight. Only the
        ratios matter.
    balancing : str or torch.nn.Module, default="fixed"
        How training balances the tasks: "fixed", "uncertainty", "dwa", "famo", "gradnorm",
        "pcgrad", or an instance of one of these classes, which is copied. A scalarizer of TorchJD
        is wrapped in :class:`LossScalarization`, its ``MoDoWeighting`` and ``SDMGradWeighting`` in
        :class:`TwoSampleWeighting`, and any other module in :class:`GradientSurgery`. The loss
        itself does not depend on the balancing.
    n_members : int, default=None
        The number of networks of a :class:`MemberStack`. Each has its own losses. `None`: a single
        network.

    Attributes
    ----------
    balancing : FixedWeights
        The balancing, whose ``backward`` computes the gradients of a training step.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import MultiTaskLoss
    >>> def squared_error(scores, targets):
    ...     return (scores[:, 0] - targets) ** 2
    >>> loss = MultiTaskLoss([squared_error, squared_error], task_weights=[3.0, 1.0])
    >>> scores = [torch.zeros(2, 1), torch.zeros(2, 1)]
    >>> task_losses = loss(scores, torch.tensor([[1.0, 2.0], [1.0, 4.0]]))
    >>> task_losses
    tensor([ 1., 10.])
    >>> loss.total(task_losses)
    tensor(3.2500)
    """

    def __init__(
        self,
        losses: Sequence[TaskLoss],
        task_weights: Sequence[float] | None = None,
        *,
        balancing: str | nn.Module = "fixed",
        n_members: int | None = None,
    ) -> None:
        super().__init__()
        self.losses = list(losses)
        # Then one call serves all tasks.
        self._alike = all(loss is self.losses[0] for loss in self.losses)
        weights = torch.ones(len(self.losses)) if task_weights is None else task_weights
        weights = torch.as_tensor(weights, dtype=torch.get_default_dtype())
        weights = weights / weights.sum()
        self.balancing = make_balancing(balancing)
        if n_members is not None:
            if isinstance(self.balancing, GradientBalancing):
                raise ValueError(
                    f"balancing={balancing!r} looks at the gradients of a single network, got "
                    f"{n_members} members. Use 'fixed', 'uncertainty', 'dwa', 'famo' or a "
                    "scalarizer of TorchJD."
                )
            weights = weights.repeat(n_members, 1)
        self.balancing.start(weights)

    def forward(
        self, scores: Sequence[Tensor], targets: Tensor, weights: Tensor | None = None
    ) -> Tensor:
        """Return the mean loss of each task.

        Parameters
        ----------
        scores : sequence of Tensor of shape (..., n_samples, n_outputs[k])
            The raw scores of each task. For several members: one member after the other.
        targets : Tensor of shape (..., n_samples, n_tasks)
            The encoded targets; any finite value where a label is missing.
        weights : Tensor of shape (..., n_samples, n_tasks), default=None
            The weight of each label, zero where it is missing. `None` gives all labels the same
            weight.

        Returns
        -------
        Tensor of shape (..., n_tasks)
            The losses.
        """
        # Columns become rows once, in one copy, so that each task reads contiguous memory.
        rows = targets.movedim(-1, 0).contiguous()
        complete = len(scores) == len(rows) == len(self.losses)  # else zip raises below
        if complete and self._alike and len({part.shape for part in scores}) == 1:
            losses = _at_once(self.losses[0], scores, rows)
        else:
            each = zip(self.losses, scores, rows.split(1), strict=True)
            losses = torch.cat([_at_once(loss, [s], t) for loss, s, t in each])
        if weights is not None:
            weights = weights.movedim(-1, 0)
            shared = weights.dim() < losses.dim()  # by all members
            losses = losses * (weights.unsqueeze(-2) if shared else weights)
        means = losses.mean(dim=-1)
        return means if means.dim() == 1 else means.movedim(0, -1)

    def total(self, task_losses: Tensor) -> Tensor:
        """Return the weighted mean over tasks.

        Parameters
        ----------
        task_losses : Tensor of shape (..., n_tasks)
            The loss of each task.

        Returns
        -------
        Tensor of shape (...)
            Their weighted mean.
        """
        return (task_losses * self.balancing.task_weights).sum(dim=-1)


def _at_once(loss: TaskLoss, scores: Sequence[Tensor], targets: Tensor) -> Tensor:
    """Return the losses of tasks that share a loss, and of all members, in one call."""
    shape = (len(scores), *scores[0].shape[:-1])
    if targets.shape != shape:  # members who share their targets
        targets = targets.unsqueeze(-2).expand(shape)
    return loss(torch.cat(list(scores)).flatten(0, -2), targets.flatten()).view(shape)
