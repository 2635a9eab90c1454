"""The tower and the linear head of each task."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sk_mmoe.nn._fused import can_be_fused
from sk_mmoe.nn._fused_heads import relu_tower_scores
from sk_mmoe.nn._linear import linear
from sk_mmoe.nn._random import current_generator
from sk_mmoe.nn._stacked import StackedMLP, check_sizes


class TaskHeads(nn.Module):
    """A tower (a small MLP) and a linear head for each task.

    Parameters
    ----------
    in_features : int
        Number of features that each tower reads.
    n_outputs : sequence of int
        Number of raw scores of each task.
    hidden_layer_sizes : sequence of int, default=()
        Units of each hidden layer of a tower. Empty: the heads read the input directly.
    activation : str, default="relu"
        Activation of the towers.
    dropout : float, default=0.0
        Probability of dropping a unit after every hidden layer of a tower.

    Attributes
    ----------
    weight : torch.nn.Parameter of shape (sum(n_outputs), n_units)
        The weights of all linear heads: one row per raw score, in the order of the tasks.
    bias : torch.nn.Parameter of shape (sum(n_outputs),)
        The biases of all linear heads.

    Raises
    ------
    ValueError
        If there is no task, or a parameter is out of its range.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import TaskHeads
    >>> heads = TaskHeads(4, [1, 3], (8,))
    >>> [tuple(scores.shape) for scores in heads(torch.zeros(2, 7, 4))]
    [(7, 1), (7, 3)]
    """

    def __init__(
        self,
        in_features: int,
        n_outputs: Sequence[int],
        hidden_layer_sizes: Sequence[int] = (),
        *,
        activation: str = "relu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.n_outputs = list(check_sizes(n_outputs, name="n_outputs"))
        if not self.n_outputs:
            raise ValueError("n_outputs must have one entry for each task, got none.")
        self.towers = StackedMLP(
            len(self.n_outputs),
            in_features,
            hidden_layer_sizes,
            activation=activation,
            dropout=dropout,
        )
        n_rows, n_units = sum(self.n_outputs), self.towers.out_features
        # One row per raw score, because tasks may have different numbers of scores.
        self.weight = nn.Parameter(torch.empty(n_rows, n_units))
        self.bias = nn.Parameter(torch.empty(n_rows))
        bound = 1 / math.sqrt(n_units)
        nn.init.uniform_(self.weight, -bound, bound, generator=current_generator())
        nn.init.uniform_(self.bias, -bound, bound, generator=current_generator())

    @torch.no_grad()
    def shift(self, scores: Tensor) -> None:
        """Add scores to the biases.

        Call it before training with the scores of a constant prediction, such as the log odds of a
        rare class. Otherwise the first steps push all scores of the task down. Units of its tower
        may then become inactive for all samples, and the task is learned late or poorly.

        Parameters
        ----------
        scores : Tensor of shape (sum(n_outputs),)
            The scores of one task after the other. The heads of a :class:`MemberStack` take one row
            for each member.
        """
        self.bias.add_(scores)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the raw scores of each task.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_features) or (n_tasks, n_samples, in_features)
            One input shared by all tasks, or one input per task.

        Returns
        -------
        list of Tensor of shape (n_samples, n_outputs[k])
            The raw scores.
        """
        is_alike = len(set(self.n_outputs)) == 1
        layer = self.towers.relu_layer()
        if (
            layer is not None
            and is_alike
            and x.dim() == 3
            and can_be_fused(x, layer, self.towers, self.towers.activation, self.towers.dropout)
        ):
            return list(relu_tower_scores(x, layer, self.weight, self.bias).unbind())
        hidden: Tensor = self.towers(x)
        if is_alike:
            # Heads of equal size are one product.
            shape = (len(self.n_outputs), self.n_outputs[0])
            weight, bias = self.weight.unflatten(0, shape), self.bias.view(shape)
            return list(linear(hidden, weight, bias).unbind(-3))
        weights, biases = self.weight.split(self.n_outputs), self.bias.split(self.n_outputs)
        return [
            linear(of_task, weight, bias)
            for of_task, weight, bias in zip(hidden, weights, biases, strict=True)
        ]
