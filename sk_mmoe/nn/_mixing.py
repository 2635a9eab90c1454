"""From gate weights and the outputs of experts to mixtures."""

from __future__ import annotations

import torch
from torch import Tensor

# Number of multiplications from which torch leaves a product of matrices in a batch to MKL.
_SMALL_PRODUCT = 400


def mix(weights: Tensor, experts: Tensor) -> Tensor:
    """Return what each gate mixes of the experts.

    Parameters
    ----------
    weights : Tensor of shape (n_gates, n_samples, n_experts)
        The weights of the experts.
    experts : Tensor of shape (n_experts, n_samples, n_units)
        What the experts put out.

    Returns
    -------
    Tensor of shape (n_gates, n_samples, n_units)
        The mixtures.
    """
    n_gates, _, n_experts = weights.shape
    # torch multiplies small matrices, here one for each sample, by a loop that takes twice as long
    # as MKL for matrices of twice the size: the gates are computed as often as needed.
    n_times = 1 + (_SMALL_PRODUCT - 1) // (n_gates * n_experts * experts.shape[-1])
    repeat = n_times > 1 and weights.device.type == "cpu"
    repeated = torch.cat([weights] * n_times) if repeat else weights
    mixtures = repeated.transpose(-3, -2) @ experts.transpose(-3, -2)
    return mixtures.transpose(-3, -2)[:n_gates]
