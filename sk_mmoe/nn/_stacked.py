"""Stacks of linear maps and of multilayer perceptrons, computed as one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from itertools import pairwise
from numbers import Integral
from typing import Any, cast

import torch
from torch import Tensor, nn

from sk_mmoe.nn._linear import linear
from sk_mmoe.nn._random import Dropout, current_generator
from sk_mmoe.nn._sparse import SparseRows

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
}


def make_activation(name: str) -> nn.Module:
    """Return a new activation module by its name."""
    if name not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {sorted(ACTIVATIONS)}, got {name!r}.")
    return ACTIVATIONS[name]()


def check_sizes(sizes: Any, *, name: str) -> tuple[int, ...]:
    """Return one size or several as a tuple of positive integers."""
    if isinstance(sizes, Set | Mapping):
        raise ValueError(f"{name} must be positive integers in an order, got {sizes}.")
    sizes = (sizes,) if isinstance(sizes, Integral) else tuple(sizes)
    for size in sizes:
        if not isinstance(size, Integral) or isinstance(size, bool) or int(size) < 1:
            raise ValueError(f"{name} must be positive integers, got {sizes}.")
    return tuple(map(int, sizes))


class StackedLinear(nn.Module):
    """A stack of affine maps of equal shape, computed in one matrix product.

    Map ``i`` computes ``x @ weight[i].T + bias[i]``. It is initialised as ``torch.nn.Linear`` is.

    Parameters
    ----------
    stack : int or sequence of int
        Shape of the stack, e.g. ``n_experts`` or ``(n_members, n_experts)``. Empty: a single map.
    in_features : int
        Number of input features of each map.
    out_features : int
        Number of output features of each map.
    bias : bool, default=True
        Whether the maps have an additive bias.

    Attributes
    ----------
    weight : torch.nn.Parameter of shape (..., out_features, in_features)
        The weights of all maps.
    bias : torch.nn.Parameter of shape (..., out_features) or None
        The biases of all maps.

    Raises
    ------
    ValueError
        If the shape of the stack is not made of positive integers.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import StackedLinear
    >>> StackedLinear(4, 5, 2)(torch.zeros(7, 5)).shape
    torch.Size([4, 7, 2])
    """

    def __init__(
        self, stack: int | Sequence[int], in_features: int, out_features: int, *, bias: bool = True
    ) -> None:
        super().__init__()
        shape = check_sizes(stack, name="stack")
        self.weight = nn.Parameter(torch.empty(*shape, out_features, in_features))
        self.bias = nn.Parameter(torch.empty(*shape, out_features)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every slice as ``torch.nn.Linear`` draws its own parameters."""
        # nn.init would read a 3-d weight as a convolution and get the fan-in wrong.
        bound = 1 / math.sqrt(max(self.weight.shape[-1], 1))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound, generator=current_generator())

    def forward(self, x: Tensor | SparseRows) -> Tensor:
        """Apply every map of the stack.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_features) or (..., n_samples, in_features), or SparseRows
            One input shared by all maps, or one input per map (leading axes broadcast).

        Returns
        -------
        Tensor of shape (..., n_samples, out_features)
            The outputs.

        Raises
        ------
        ValueError
            If `x` has fewer than two dimensions.
        """
        if isinstance(x, SparseRows) or x.dim() == 2:
            # One product for the whole stack is a fifth faster than a broadcast matmul.
            bias = None if self.bias is None else self.bias.flatten()
            out = linear(x, self.weight.flatten(0, -2), bias)
            return out.unflatten(-1, self.weight.shape[:-1]).movedim(0, -2)
        if x.dim() < 2:
            raise ValueError(f"x must have two dimensions or more, got shape {tuple(x.shape)}.")
        return linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Describe the shape of the stack."""
        *stack, out_features, in_features = self.weight.shape
        return (
            f"stack={tuple(stack)}, {in_features} -> {out_features}, bias={self.bias is not None}"
        )


class StackedMLP(nn.Module):
    """A stack of multilayer perceptrons of equal shape.

    Each layer is a linear map, an activation and dropout. The outputs may be layer-normalised [1]_.

    Parameters
    ----------
    stack : int or sequence of int
        Shape of the stack, e.g. ``n_experts`` or ``(n_members, n_experts)``. Empty: a single
        network.
    in_features : int
        Number of input features.
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer. Empty: the input is returned unchanged.
    activation : str, default="relu"
        Activation after every layer: "identity", "logistic", "tanh", "relu", "gelu" or "silu".
    dropout : float, default=0.0
        Probability of dropping a unit after every layer.
    normalize : bool, default=False
        Whether to apply layer normalisation to the outputs of each network. The networks share its
        learned scales and shifts.

    Attributes
    ----------
    out_features : int
        Number of output features.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    References
    ----------
    .. [1] Ba, Kiros and Hinton. "Layer Normalization", arXiv:1607.06450, 2016, section 3.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import StackedMLP
    >>> StackedMLP(4, 5, (8, 3))(torch.zeros(7, 5)).shape
    torch.Size([4, 7, 3])
    """

    def __init__(
        self,
        stack: int | Sequence[int],
        in_features: int,
        hidden_layer_sizes: int | Sequence[int],
        *,
        activation: str = "relu",
        dropout: float = 0.0,
        normalize: bool = False,
    ) -> None:
        super().__init__()
        self.stack = check_sizes(stack, name="stack")
        sizes = (in_features, *check_sizes(hidden_layer_sizes, name="hidden_layer_sizes"))
        self.out_features = sizes[-1]
        self.layers = nn.ModuleList(StackedLinear(self.stack, *pair) for pair in pairwise(sizes))
        self.activation = make_activation(activation)
        self.dropout = Dropout(dropout)
        self.norm = nn.LayerNorm(self.out_features) if normalize else None

    def forward(self, x: Tensor | SparseRows) -> Tensor | SparseRows:
        """Apply every network of the stack.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_features) or (..., n_samples, in_features), or SparseRows
            One input shared by all networks, or one input per network.

        Returns
        -------
        Tensor of shape (..., n_samples, out_features)
            The activations of the last hidden layer, layer-normalised if `normalize` is set.
        """
        for layer in self.layers:
            x = self.dropout(self.activation(layer(x)))
        if not self.stack and self.norm is None:
            return x
        if isinstance(x, SparseRows):  # without layers
            x = x.to_dense()
        out: Tensor = x if self.norm is None else self.norm(x)
        return out.expand(*self.stack, *out.shape[-2:])

    def relu_layer(self) -> StackedLinear | None:
        """Return the only layer of networks that are one layer with ReLU, and no more.

        Returns
        -------
        StackedLinear or None
            The layer. `None` if there are others, or if dropout or normalisation follow it.
        """
        drops = self.training and self.dropout.p > 0
        if len(self.layers) != 1 or drops or self.norm is not None:
            return None
        layer = cast(StackedLinear, self.layers[0])
        return layer if isinstance(self.activation, nn.ReLU) else None
