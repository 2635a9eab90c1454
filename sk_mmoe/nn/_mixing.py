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
    n_times = repeats(n_gates * n_experts * experts.shape[-1])
    repeat = n_times > 1 and weights.device.type == "cpu"
    repeated = torch.cat([weights] * n_times) if repeat else weights
    mixtures = repeated.transpose(-3, -2) @ experts.transpose(-3, -2)
    return mixtures.transpose(-3, -2)[:n_gates]


def repeats(n_multiplications: int) -> int:
    """Return how often to repeat the rows of small matrices, so that a CPU multiplies them quickly.

    For small matrices, here one per sample, torch uses a loop. It takes twice as long as MKL for
    matrices of twice the size. Rows are therefore repeated until torch leaves the product to MKL.

    Parameters
    ----------
    n_multiplications : int
        The number of multiplications for one sample.

    Returns
    -------
    int
        The number of repeats, 1 for matrices that are large enough.
    """
    return 1 + (_SMALL_PRODUCT - 1) // n_multiplications
