"""Number of parameters of a network, and the width that gives a certain number."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


def count_parameters(network: nn.Module, *, hidden_weights_only: bool = False) -> int:
    """Count the parameters of a network.

    Parameters
    ----------
    network : torch.nn.Module
        The network.
    hidden_weights_only : bool, default=False
        Whether to count only the weights of hidden layers, as the MMoE paper does: those of
        experts, shared layers and towers, without biases, gates and linear heads [1]_. Set it to
        compare networks with those of the paper.

    Returns
    -------
    int
        The number of parameters.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 5.

    Examples
    --------
    >>> from sk_mmoe.nn import MMoE, count_parameters
    >>> network = MMoE(
    ...     100, [1, 1], expert_hidden_layer_sizes=(16,), tower_hidden_layer_sizes=(8,)
    ... )
    >>> count_parameters(network)
    14818
    >>> count_parameters(network, hidden_weights_only=True)
    13056
    """
    if not hidden_weights_only:
        return sum(parameter.numel() for parameter in network.parameters())
    return sum(
        parameter.numel()
        for module in network.modules()
        if isinstance(layers := getattr(module, "layers", None), nn.ModuleList)
        for name, parameter in layers.named_parameters()
        if not name.endswith("bias")
    )


def fit_width(
    make_network: Callable[[int], nn.Module], budget: int, *, hidden_weights_only: bool = True
) -> int:
    """Find the width at which a network is closest to a given number of parameters.

    Use it to compare architectures of equal size.

    Parameters
    ----------
    make_network : callable
        Function that returns a network of a given width, a positive int. The number of parameters
        must grow with the width.
    budget : int
        The number of parameters to reach.
    hidden_weights_only : bool, default=True
        Which parameters to count, as in :func:`count_parameters`.

    Returns
    -------
    int
        The width, at least 1. If two widths are equally close, the smaller one.

    Raises
    ------
    ValueError
        If the number of parameters does not grow with the width.

    Examples
    --------
    A Shared-Bottom network as large as the MMoE network of the paper:

    >>> from sk_mmoe.nn import SharedBottom, fit_width
    >>> def make_network(units):
    ...     return SharedBottom(
    ...         100, [1, 1], hidden_layer_sizes=(units,), tower_hidden_layer_sizes=(8,)
    ...     )
    >>> fit_width(make_network, 13056)
    113
    """

    def count(width: int) -> int:
        with torch.device("meta"):  # shapes without memory
            network = make_network(width)
        return count_parameters(network, hidden_weights_only=hidden_weights_only)

    low, high = 1, 2
    while count(high) < budget:
        if count(2 * high) <= count(high):
            raise ValueError(
                f"the network has {count(high)} parameters at the widths {high} and {2 * high}: "
                "make_network must use the width it is given."
            )
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < budget else (low, middle)
    return min((low, high), key=lambda width: abs(count(width) - budget))
