"""Experts with one hidden layer, their gates and the mixtures, fused into one operation."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from sk_mmoe.nn._fused import differentiable_gradients
from sk_mmoe.nn._mixing import mix, repeats
from sk_mmoe.nn._softmax_gate import SoftmaxGate
from sk_mmoe.nn._stacked import StackedLinear


def mix_relu_experts(x: Tensor, experts: StackedLinear, gates: SoftmaxGate) -> Tensor:
    r"""Return the mixtures of :math:`\mathrm{relu}(W_i x + b_i)` under softmax gates.

    Parameters
    ----------
    x : Tensor of shape (n_samples, in_features)
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
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, gate_weight: Tensor) -> Tensor:
        """Return the mixtures."""
        n_experts, n_units, _ = weight.shape
        n_gates, n_samples = len(gate_weight), len(x)
        experts = F.linear(x, weight.flatten(0, 1), bias.flatten()).relu_()
        # With the samples on the last axis, torch vectorises the softmax.
        gates = (gate_weight.flatten(0, 1) @ x.mT).view(n_gates, n_experts, n_samples).softmax(1)
        # Gates without weight are added until torch leaves the products to MKL.
        n_rows = n_gates * repeats(n_gates * n_experts * n_units)
        padded = gates.new_zeros(n_samples, n_rows, n_experts)
        padded[:, :n_gates] = gates.permute(2, 0, 1)
        mixtures = torch.bmm(padded, experts.view(n_samples, n_experts, n_units))
        ctx.save_for_backward(x, weight, bias, gate_weight, experts, gates, padded)
        return mixtures[:, :n_gates].transpose(0, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of all inputs."""
        x, weight, bias, gate_weight, experts, gates, padded = ctx.saved_tensors
        if torch.is_grad_enabled():
            return differentiable_gradients(_by_autograd, (x, weight, bias, gate_weight), gradient)
        n_experts, n_units, _ = weight.shape
        n_gates, n_samples = len(gate_weight), len(x)
        # What the gates without weight get is multiplied by zeros.
        of_mixtures = gradient.transpose(0, 1).repeat(1, padded.shape[1] // n_gates, 1)
        outputs = experts.view(n_samples, n_experts, n_units)
        of_gates = torch.bmm(of_mixtures, outputs.mT)[:, :n_gates].permute(1, 2, 0)
        of_logits = torch.ops.aten._softmax_backward_data(of_gates, gates, 1, gates.dtype)
        of_logits = of_logits.view(n_gates * n_experts, n_samples)
        of_experts = torch.bmm(padded.mT, of_mixtures).view_as(experts)
        torch.ops.aten.threshold_backward.grad_input(of_experts, experts, 0, grad_input=of_experts)
        of_x = None
        if ctx.needs_input_grad[0]:
            by_gates = of_logits.mT @ gate_weight.flatten(0, 1)
            of_x = torch.addmm(by_gates, of_experts, weight.flatten(0, 1))
        return (
            of_x,
            (of_experts.mT @ x).view_as(weight),
            of_experts.sum(0).view_as(bias),
            (of_logits @ x).view_as(gate_weight),
        )


def _by_autograd(x: Tensor, weight: Tensor, bias: Tensor, gate_weight: Tensor) -> Tensor:
    """Return the mixtures by operations that autograd knows."""
    experts = (x @ weight.mT + bias.unsqueeze(1)).relu()
    return mix((x @ gate_weight.mT).softmax(-1), experts)
