"""First weights: how the matrices of a network are drawn."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from sk_mmoe.nn._dselect_k_gate import DSelectKGate
from sk_mmoe.nn._heads import TaskHeads
from sk_mmoe.nn._random import current_generator
from sk_mmoe.nn._stacked import StackedLinear
from sk_mmoe.nn._tucker import TuckerLinear

# The half-width of the uniform distribution of a weight, from its layer's inputs and outputs.
WEIGHT_BOUNDS: dict[str, Callable[[int, int], float]] = {
    "torch": lambda n_inputs, n_outputs: 1 / math.sqrt(n_inputs),
    "glorot_uniform": lambda n_inputs, n_outputs: math.sqrt(6 / (n_inputs + n_outputs)),
    "he_uniform": lambda n_inputs, n_outputs: math.sqrt(6 / n_inputs),
}


@torch.no_grad()
def initialize_weights(network: nn.Module, weight_init: str = "glorot_uniform") -> nn.Module:
    r"""Draw new initial weights for a network, in place.

    Each expert, gate, tower and head is drawn as a separate layer. Its weights are uniform
    in :math:`[-b, b]`, where the bound :math:`b` depends on the number of inputs
    :math:`n_\text{in}` and the number of outputs :math:`n_\text{out}` of that one layer.

    Parameters
    ----------
    network : torch.nn.Module
        A network of this package, or a module that contains some of its layers.
    weight_init : {"torch", "glorot_uniform", "he_uniform"}, default="glorot_uniform"
        The distribution. "torch" is that of :class:`torch.nn.Linear`:
        :math:`b = 1 / \sqrt{n_\text{in}}`, for biases too, and is what a new network has already.
        "glorot_uniform", the default of Keras and TensorFlow [1]_:
        :math:`b = \sqrt{6 / (n_\text{in} + n_\text{out})}`, and biases are zero. "he_uniform", for
        deep networks of ReLUs [2]_: :math:`b = \sqrt{6 / n_\text{in}}`, and biases are zero.

    Returns
    -------
    torch.nn.Module
        The network itself.

    Raises
    ------
    ValueError
        If `weight_init` is not one of these.

    Notes
    -----
    Some parameters keep the initial values of their layer, because its method depends on them:
    embeddings of columns, cross-stitch units, layer normalisation, and the gates of DSelect-k. The
    core of a :class:`TuckerLinear` is scaled such that the weights have the variance of the
    distribution.

    References
    ----------
    .. [1] Glorot and Bengio. "Understanding the difficulty of training deep feedforward neural
       networks", AISTATS 2010, equation 16.
    .. [2] He et al. "Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet
       Classification", ICCV 2015, section 2.2.

    Examples
    --------
    >>> from sk_mmoe.nn import MMoE, initialize_weights
    >>> network = initialize_weights(MMoE(100, [1, 1], n_experts=8), "glorot_uniform")
    >>> bool((network.heads.bias == 0).all())
    True
    """
    if weight_init not in WEIGHT_BOUNDS:
        raise ValueError(f"weight_init must be one of {list(WEIGHT_BOUNDS)}, got {weight_init!r}.")
    _draw(network, weight_init)
    return network


def _draw(module: nn.Module, weight_init: str) -> None:
    """Draw the weights of a module and of those inside it."""
    if isinstance(module, DSelectKGate):  # starts near the middle of its smooth step
        return
    if isinstance(module, StackedLinear):
        bound = _draw_matrices(module.weight, weight_init)
        _draw_bias(module.bias, weight_init, bound)
    elif isinstance(module, TaskHeads):
        # Rows of one matrix, but a layer for each task.
        weights = module.weight.split(module.n_outputs)
        biases = module.bias.split(module.n_outputs)
        for weight, bias in zip(weights, biases, strict=True):
            _draw_bias(bias, weight_init, _draw_matrices(weight, weight_init))
    elif isinstance(module, TuckerLinear):
        module.reset_parameters()  # with the variance of "torch"
        n_inputs, n_outputs = len(module.input_factor), len(module.output_factor)
        bound = WEIGHT_BOUNDS[weight_init](n_inputs, n_outputs)
        module.core.mul_(bound / WEIGHT_BOUNDS["torch"](n_inputs, n_outputs))
        _draw_bias(module.bias, weight_init, bound)
    for child in module.children():
        _draw(child, weight_init)


def _draw_matrices(weight: Tensor, weight_init: str) -> float:
    """Draw matrices, of which there may be a stack, and return the bound of their entries."""
    # nn.init would read a stack of matrices as a convolution and get both numbers wrong.
    n_outputs, n_inputs = weight.shape[-2:]
    bound = WEIGHT_BOUNDS[weight_init](max(n_inputs, 1), n_outputs)
    nn.init.uniform_(weight, -bound, bound, generator=current_generator())
    return bound


def _draw_bias(bias: Tensor | None, weight_init: str, bound: float) -> None:
    """Draw the biases of a layer whose weights have a bound."""
    if bias is None:
        return
    if weight_init == "torch":
        nn.init.uniform_(bias, -bound, bound, generator=current_generator())
    else:
        nn.init.zeros_(bias)
