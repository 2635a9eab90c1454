"""Experts with one hidden layer, their gates and the mixtures, fused into one operation."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from sk_mmoe.nn._fused import differentiable_gradients
from sk_mmoe.nn._linear import linear, sparse_product, sparse_weight_gradient
from sk_mmoe.nn._mixing import mix, repeats
from sk_mmoe.nn._softmax_gate import SoftmaxGate
from sk_mmoe.nn._sparse import SparseRows
from sk_mmoe.nn._stacked import StackedLinear


def mix_relu_experts(x: Tensor | SparseRows, experts: StackedLinear, gates: SoftmaxGate) -> Tensor:
    r"""Return the mixtures of :math:`\mathrm{relu}(W_i x + b_i)` under softmax gates.

    Parameters
    ----------
    x : Tensor of shape (n_samples, in_features), or SparseRows
        The input of experts and gates.
    experts : StackedLinear
        The layer of all experts.
    gates : SoftmaxGate
        The gates.

    Returns
    -------
    Tensor of shape (n_gates, n_samples, n_units)
        The mixtures.
    """
    mixtures: Tensor = _FusedMixture.apply(  # type: ignore[no-untyped-call]
        x, experts.weight, cast(Tensor, experts.bias), gates.weight
    )
    return mixtures


class _FusedMixture(torch.autograd.Function):
    """The mixtures, with their gradients written out."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor | SparseRows, weight: Tensor, bias: Tensor, gate_weight: Tensor
    ) -> Tensor:
        """Return the mixtures."""
        n_experts, n_units, _ = weight.shape
        n_gates, n_samples = len(gate_weight), len(x)
        experts, logits = _read(x, weight.flatten(0, 1), bias.flatten(), gate_weight.flatten(0, 1))
        experts.relu_()
        # With the samples on the last axis, torch vectorises the softmax.
        gates = logits.view(n_gates, n_experts, n_samples).softmax(1)
        # Gates without weight are added until torch leaves the products to MKL.
        n_rows = n_gates * repeats(n_gates * n_experts * n_units)
        padded = gates.new_zeros(n_samples, n_rows, n_experts)
        padded[:, :n_gates] = gates.permute(2, 0, 1)
        mixtures = torch.bmm(padded, experts.view(n_samples, n_experts, n_units))
        ctx.rows = x if isinstance(x, SparseRows) else None
        dense = None if isinstance(x, SparseRows) else x
        ctx.save_for_backward(dense, weight, bias, gate_weight, experts, gates, padded)
        return mixtures[:, :n_gates].transpose(0, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of all inputs."""
        x, weight, bias, gate_weight, experts, gates, padded = ctx.saved_tensors
        x = x if ctx.rows is None else ctx.rows
        if torch.is_grad_enabled():
            return differentiable_gradients(_by_autograd, (x, weight, bias, gate_weight), gradient)
        n_samples, n_gates = len(experts), len(gate_weight)
        # What the gates without weight get is multiplied by zeros.
        of_mixtures = torch.cat([gradient.transpose(0, 1)] * (padded.shape[1] // n_gates), dim=1)
        outputs = experts.view(n_samples, *weight.shape[:2])
        of_gates = torch.bmm(of_mixtures, outputs.mT)[:, :n_gates].permute(1, 2, 0)
        of_logits = torch.ops.aten._softmax_backward_data(of_gates, gates, 1, gates.dtype)
        of_logits = of_logits.view(-1, n_samples)
        of_experts = torch.bmm(padded.mT, of_mixtures).view_as(experts)
        torch.ops.aten.threshold_backward.grad_input(of_experts, experts, 0, grad_input=of_experts)
        of_x = None
        if ctx.needs_input_grad[0]:
            by_gates = of_logits.mT @ gate_weight.flatten(0, 1)
            of_x = torch.addmm(by_gates, of_experts, weight.flatten(0, 1))
        of_weight, of_gate_weight = _weight_gradients(x, of_experts, of_logits)
        return (
            of_x,
            of_weight.view_as(weight),
            of_experts.sum(0).view_as(bias),
            of_gate_weight.view_as(gate_weight),
        )


def _read(
    x: Tensor | SparseRows, weight: Tensor, bias: Tensor, gate_weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Return what experts and gates make of rows, the latter with the rows on the last axis."""
    if not isinstance(x, SparseRows):
        return F.linear(x, weight, bias), gate_weight @ x.mT
    # A row is looked up once for both.
    sums = sparse_product(x, torch.cat([weight, gate_weight]))
    experts, logits = sums.split([len(weight), len(gate_weight)], dim=1)
    return experts + bias, logits.mT.contiguous()


def _weight_gradients(
    x: Tensor | SparseRows, of_experts: Tensor, of_logits: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the gradients of the weights of experts and gates."""
    if not isinstance(x, SparseRows):
        return of_experts.mT @ x, of_logits @ x
    gradients = sparse_weight_gradient(x, torch.cat([of_experts, of_logits.mT], dim=1))
    of_weight, of_gate_weight = gradients.split([of_experts.shape[1], len(of_logits)])
    return of_weight, of_gate_weight


def _by_autograd(
    x: Tensor | SparseRows, weight: Tensor, bias: Tensor, gate_weight: Tensor
) -> Tensor:
    """Return the mixtures by operations that autograd knows."""
    experts, logits = (
        linear(x, part.flatten(0, 1)).unflatten(-1, part.shape[:2])
        for part in (weight, gate_weight)
    )
    return mix(logits.softmax(-1).movedim(1, 0), (experts + bias).relu().movedim(1, 0))
