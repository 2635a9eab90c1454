"""Towers with one hidden layer, and heads of equal size, fused into one operation."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from sk_mmoe.nn._fused import differentiable_gradients
from sk_mmoe.nn._stacked import StackedLinear


def relu_tower_scores(
    x: Tensor, towers: StackedLinear, head_weight: Tensor, head_bias: Tensor
) -> Tensor:
    r"""Return the scores :math:`V_k \mathrm{relu}(W_k x_k + b_k) + c_k` of each task.

    Parameters
    ----------
    x : Tensor of shape (n_tasks, n_samples, in_features)
        The input of each tower.
    towers : StackedLinear
        The layer of all towers.
    head_weight : Tensor of shape (n_tasks * n_outputs, n_units)
        The weights of the heads, one task after the other.
    head_bias : Tensor of shape (n_tasks * n_outputs,)
        The biases of the heads.

    Returns
    -------
    Tensor of shape (n_tasks, n_samples, n_outputs)
        The scores.
    """
    scores: Tensor = _FusedHeads.apply(  # type: ignore[no-untyped-call]
        x, towers.weight, cast(Tensor, towers.bias), head_weight, head_bias
    )
    return scores


class _FusedHeads(torch.autograd.Function):
    """The scores, with their gradients written out."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, head_weight: Tensor, head_bias: Tensor
    ) -> Tensor:
        """Return the scores."""
        n_tasks, n_units, _ = weight.shape
        towers = torch.baddbmm(bias.unsqueeze(1), x, weight.mT).relu_()
        heads = head_weight.view(n_tasks, -1, n_units)
        ctx.save_for_backward(x, weight, bias, head_weight, head_bias, towers)
        return torch.baddbmm(head_bias.view(n_tasks, 1, -1), towers, heads.mT)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of all inputs."""
        *inputs, towers = ctx.saved_tensors
        if torch.is_grad_enabled():
            return differentiable_gradients(_by_autograd, tuple(inputs), gradient)
        x, weight, _, head_weight, head_bias = inputs
        heads = head_weight.view(len(weight), -1, weight.shape[1])
        of_towers = torch.ops.aten.threshold_backward(torch.bmm(gradient, heads), towers, 0)
        return (
            torch.bmm(of_towers, weight),
            torch.bmm(of_towers.mT, x),
            of_towers.sum(1),
            torch.bmm(gradient.mT, towers).view_as(head_weight),
            gradient.sum(1).view_as(head_bias),
        )


def _by_autograd(
    x: Tensor, weight: Tensor, bias: Tensor, head_weight: Tensor, head_bias: Tensor
) -> Tensor:
    """Return the scores by operations that autograd knows."""
    towers = (x @ weight.mT + bias.unsqueeze(1)).relu()
    heads = head_weight.view(len(weight), -1, weight.shape[1])
    return towers @ heads.mT + head_bias.view(len(weight), 1, -1)
