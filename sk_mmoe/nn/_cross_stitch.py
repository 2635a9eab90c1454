"""Cross-stitch networks: one network per task, mixed after every hidden layer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from sk_mmoe.nn._heads import TaskHeads
from sk_mmoe.nn._stacked import StackedLinear, check_sizes, make_activation


class CrossStitchUnit(nn.Module):
    r"""A learned linear mixture, over tasks, of activations of one shape.

    Task :math:`k` gets :math:`\sum_j S_{kj} h_j` of the activations :math:`h_j` of all tasks.

    Parameters
    ----------
    n_tasks : int
        Number of tasks.
    own_weight_init : float, default=0.9
        Weight of a task's own activations at the start; the other tasks share the rest evenly. A
        single task starts with 1.
    n_channels : int, default=None
        Number of features of the activations, where each is to have a matrix of its own. `None`:
        all share one matrix.

    Attributes
    ----------
    weight : torch.nn.Parameter of shape (n_tasks, n_tasks) or (n_channels, n_tasks, n_tasks)
        The matrix S, or one for each channel.

    References
    ----------
    .. [1] Misra et al. "Cross-stitch Networks for Multi-task Learning", CVPR 2016, equation 1.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import CrossStitchUnit
    >>> CrossStitchUnit(2)(torch.tensor([[[1.0]], [[0.0]]])).flatten()
    tensor([0.9000, 0.1000], grad_fn=...)
    """

    def __init__(
        self, n_tasks: int, *, own_weight_init: float = 0.9, n_channels: int | None = None
    ) -> None:
        super().__init__()
        (n_tasks,) = check_sizes(n_tasks, name="n_tasks")
        channels = () if n_channels is None else check_sizes(n_channels, name="n_channels")
        self.own_weight_init = own_weight_init
        self.weight = nn.Parameter(torch.empty(*channels, n_tasks, n_tasks))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Give own activations their weight and split the rest, in all channels alike."""
        n_tasks = self.weight.shape[-1]
        own = 1.0 if n_tasks == 1 else self.own_weight_init
        nn.init.constant_(self.weight, (1 - own) / max(n_tasks - 1, 1))
        with torch.no_grad():
            self.weight.diagonal(dim1=-2, dim2=-1).fill_(own)

    def forward(self, x: Tensor) -> Tensor:
        """Return the mixture of each task.

        Parameters
        ----------
        x : Tensor of shape (..., n_tasks, n_samples, n_channels)
            The activations of each task.

        Returns
        -------
        Tensor of shape (..., n_tasks, n_samples, n_channels)
            The mixtures.
        """
        if self.weight.dim() == 3:
            return torch.einsum("ckj,...jnc->...knc", self.weight, x)
        # One matrix product, in half the time of an einsum.
        return (self.weight @ x.flatten(-2)).unflatten(-1, x.shape[-2:])

    def extra_repr(self) -> str:
        """Describe the number of tasks and of channels."""
        *channels, n_tasks, _ = self.weight.shape
        return f"{n_tasks}, n_channels={channels[0] if channels else None}"


class CrossStitch(nn.Module):
    """One network per task, with a cross-stitch unit after every hidden layer.

    Parameters
    ----------
    n_features : int
        Number of input features.
    n_outputs : sequence of int
        Number of raw scores of each task.
    hidden_layer_sizes : int or sequence of int, default=(64, 32)
        Units of each hidden layer of a task's network. Empty: each task is linear in the input.
    own_weight_init : float, default=0.9
        Weight of a task's own activations in a stitch at the start.
    per_channel : bool, default=False
        Whether each unit of a hidden layer has a stitch of its own.
    activation : str, default="relu"
        Activation of the hidden layers.
    dropout : float, default=0.0
        Probability of dropping a unit after every hidden layer, before the stitch.

    Attributes
    ----------
    stitches : torch.nn.ModuleList of CrossStitchUnit
        The stitches, one for each hidden layer.

    References
    ----------
    .. [1] Misra et al. "Cross-stitch Networks for Multi-task Learning", CVPR 2016.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import CrossStitch
    >>> network = CrossStitch(5, [1, 3])
    >>> [tuple(scores.shape) for scores in network(torch.zeros(7, 5))]
    [(7, 1), (7, 3)]
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: Sequence[int],
        *,
        hidden_layer_sizes: int | Sequence[int] = (64, 32),
        own_weight_init: float = 0.9,
        per_channel: bool = False,
        activation: str = "relu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        n_tasks = len(n_outputs)
        hidden = check_sizes(hidden_layer_sizes, name="hidden_layer_sizes")
        sizes = (n_features, *hidden)
        self.layers = nn.ModuleList(StackedLinear(n_tasks, *pair) for pair in pairwise(sizes))
        self.stitches = nn.ModuleList(
            CrossStitchUnit(
                n_tasks,
                own_weight_init=own_weight_init,
                n_channels=size if per_channel else None,
            )
            for size in hidden
        )
        self.activation = make_activation(activation)
        self.dropout = nn.Dropout(dropout)
        self.heads = TaskHeads(sizes[-1], n_outputs)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the raw scores of each task.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            The input.

        Returns
        -------
        list of Tensor of shape (n_samples, n_outputs[k])
            The raw scores.
        """
        for layer, stitch in zip(self.layers, self.stitches, strict=True):
            x = stitch(self.dropout(self.activation(layer(x))))
        return self.heads(x)
