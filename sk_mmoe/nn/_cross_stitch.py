"""Cross-stitch networks: one network per task, mixed after every hidden layer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from sk_mmoe.nn._cross_stitch_unit import CrossStitchUnit
from sk_mmoe.nn._heads import TaskHeads
from sk_mmoe.nn._random import Dropout
from sk_mmoe.nn._stacked import StackedLinear, check_sizes, make_activation


class CrossStitch(nn.Module):
    """One network per task, with a cross-stitch unit after every hidden layer.

    Each unit mixes the activations of all tasks and passes one mixture to each network [1]_. What
    the tasks share is learned for each layer.

    Parameters
    ----------
    n_features : int
        Number of input features.
    n_outputs : sequence of int
        Number of raw scores of each task.
    hidden_layer_sizes : int or sequence of int, default=(64, 32)
        Units of each hidden layer of a task's network. Empty: the scores are linear in the input.
    own_weight_init : float, default=0.9
        Initial weight of a task's own activations in each cross-stitch unit. Raise it towards 1 if
        the tasks have little in common.
    stitch_learning_rate_factor : float, default=1.0
        Learning rate of the cross-stitch units, as a multiple of the optimizer's, in the groups of
        :func:`parameter_groups`. 0: the units keep their initial weights. Raise it for optimizers
        such as SGD, which take small steps where gradients are small.
    per_channel : bool, default=False
        Whether each feature of a hidden layer has its own matrix. Set it if the tasks should
        share some features of a layer and not others.
    activation : str, default="relu"
        Activation of the hidden layers.
    dropout : float, default=0.0
        Probability of dropping a unit after every hidden layer, before the cross-stitch unit. Raise
        it if the network overfits.

    Attributes
    ----------
    stitches : torch.nn.ModuleList of CrossStitchUnit
        The cross-stitch unit of each hidden layer.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

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
        stitch_learning_rate_factor: float = 1.0,
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
                learning_rate_factor=stitch_learning_rate_factor,
            )
            for size in hidden
        )
        self.activation = make_activation(activation)
        self.dropout = Dropout(dropout)
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
