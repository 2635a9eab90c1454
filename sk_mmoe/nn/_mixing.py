"""From gate weights and the outputs of experts to mixtures."""

from __future__ import annotations

import torch
from torch import Tensor

# With at least this many multiplications per matrix, torch leaves batched products to MKL.
_SMALL_PRODUCT = 400


def mix(weights: Tensor, experts: Tensor) -> Tensor:
    """Return the mixture of each gate.

    Parameters
    ----------
    weights : Tensor of shape (n_gates, n_samples, n_experts)
        The weights of the experts.
    experts : Tensor of shape (n_experts, n_samples, n_units)
        The outputs of the experts.

    Returns
    -------
    Tensor of shape (n_gates, n_samples, n_units)
        The mixtures.
    """
    n_gates, _, n_experts = weights.shape
    # For smaller matrices, here one per sample, torch uses a loop. It takes twice as long as MKL
    # for matrices of twice the size. The gates are therefore repeated until torch leaves them to
    # MKL.
    n_times = 1 + (_SMALL_PRODUCT - 1) // (n_gates * n_experts * experts.shape[-1])
    repeat = n_times > 1 and weights.device.type == "cpu"
    repeated = torch.cat([weights] * n_times) if repeat else weights
    mixtures = repeated.transpose(-3, -2) @ experts.transpose(-3, -2)
    return mixtures.transpose(-3, -2)[:n_gates]
