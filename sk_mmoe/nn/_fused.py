"""Layers whose gradients are written out, so that a training step has fewer operations.

Small networks spend much of a step not on arithmetic but between operations. A fused layer is one
operation for autograd. Its outputs and gradients are those of the layer's modules, up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sk_mmoe.nn._sparse import SparseRows


def can_be_fused(x: Tensor | SparseRows, *modules: nn.Module) -> bool:
    """Return whether a fused layer may stand for modules in this call.

    Parameters
    ----------
    x : Tensor or SparseRows
        The input.
    *modules : torch.nn.Module
        The modules that would not be called.

    Returns
    -------
    bool
        Whether gradients are wanted on a CPU, and nobody else follows the operations: no hook of a
        module, no compiler, and no transform of torch.func.
    """
    return (
        torch.is_grad_enabled()
        and x.device.type == "cpu"
        and not torch._C._are_functorch_transforms_active()
        and not torch.compiler.is_compiling()
        and not torch.is_autocast_enabled("cpu")
        and not any(_has_hooks(module) for module in modules)
    )


def _has_hooks(module: nn.Module) -> bool:
    """Return whether someone wants to know when a module is called."""
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    )


def differentiable_gradients(
    layer: Callable[..., Tensor], inputs: Sequence[Any], gradient: Tensor
) -> tuple[Tensor | None, ...]:
    """Return gradients that can be differentiated again, which written-out ones cannot.

    Parameters
    ----------
    layer : callable
        What computes the layer by operations that autograd knows.
    inputs : sequence of Tensor or SparseRows
        Its inputs.
    gradient : Tensor
        The gradient of its output.

    Returns
    -------
    tuple of Tensor or None
        The gradients of the inputs, `None` for those that need none.
    """
    needs = [isinstance(part, Tensor) and part.requires_grad for part in inputs]
    wanted = [part for part, needed in zip(inputs, needs, strict=True) if needed]
    found = iter(torch.autograd.grad(layer(*inputs), wanted, gradient, create_graph=True))
    return tuple(next(found) if needed else None for needed in needs)
