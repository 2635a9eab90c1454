"""Progressive layered extraction: experts for single tasks and experts for all tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from sk_mmoe.nn._extraction import ExtractionLayer
from sk_mmoe.nn._heads import TaskHeads
from sk_mmoe.nn._levels import check_level, check_n_levels


class PLE(nn.Module):
    """Progressive layered extraction: task-specific and shared experts, and one tower per task.

    In each level, the gate of a task mixes the task's own experts and the shared ones [1]_. One
    level is Customized Gate Control (CGC). With ``n_task_experts=0`` the network equals
    :class:`MMoE` with as many levels. With ``n_shared_experts=0`` the tasks share nothing.

    Parameters
    ----------
    n_features : int
        Number of input features.
    n_outputs : sequence of int
        Number of raw scores of each task.
    n_levels : int, default=1
        Number of levels of experts. Each level except the first reads the mixtures of the level
        before.
    n_shared_experts : int, default=4
        Number of experts in a level that all tasks use. Raise it if the tasks are closely related.
    n_task_experts : int, default=2
        Number of experts in a level and per task that no other task uses. Raise it if the tasks
        disturb each other.
    expert_hidden_layer_sizes : sequence of int, default=(64,)
        Units of each hidden layer of an expert. Empty: the experts return their input.
    tower_hidden_layer_sizes : sequence of int, default=(32,)
        Units of each hidden layer of a tower. Empty: the scores are linear in the mixture.
    activation : str, default="relu"
        Activation of experts and towers.
    dropout : float, default=0.0
        Probability of dropping a unit after every hidden layer. Raise it if the network overfits.
    gate_dropout : float, default=0.0
        Probability of dropping an expert from a gate in training. Raise it, for example to 0.1, if
        gates put all weight on one expert.
    normalize_experts : bool, default=False
        Whether to apply layer normalisation to the output of each expert, so that no expert
        dominates by its scale.

    Raises
    ------
    ValueError
        If there are no levels or no experts, or a parameter is out of its range.

    References
    ----------
    .. [1] Tang et al. "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL)
       Model for Personalized Recommendations", RecSys 2020, section 4.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import PLE
    >>> network = PLE(100, [1, 3], n_levels=2)
    >>> [tuple(scores.shape) for scores in network(torch.zeros(7, 100))]
    [(7, 1), (7, 3)]
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: Sequence[int],
        *,
        n_levels: int = 1,
        n_shared_experts: int = 4,
        n_task_experts: int = 2,
        expert_hidden_layer_sizes: Sequence[int] = (64,),
        tower_hidden_layer_sizes: Sequence[int] = (32,),
        activation: str = "relu",
        dropout: float = 0.0,
        gate_dropout: float = 0.0,
        normalize_experts: bool = False,
    ) -> None:
        super().__init__()
        check_n_levels(n_levels)
        self.levels = nn.ModuleList()
        for level in range(n_levels):
            layer = ExtractionLayer(
                n_features,
                len(n_outputs),
                n_shared_experts=n_shared_experts,
                n_task_experts=n_task_experts,
                shared_gate=level < n_levels - 1,
                hidden_layer_sizes=expert_hidden_layer_sizes,
                activation=activation,
                dropout=dropout,
                gate_dropout=gate_dropout,
                normalize_experts=normalize_experts,
            )
            self.levels.append(layer)
            n_features = layer.out_features
        self.heads = TaskHeads(
            n_features, n_outputs, tower_hidden_layer_sizes, activation=activation, dropout=dropout
        )

    def gate_weights(self, x: Tensor, *, level: int = -1) -> Tensor:
        """Return the weights that the gate of each task gives to the experts of a level.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            The input.
        level : int, default=-1
            The level. 0 is the first and -1 the last, whose mixtures the towers read.

        Returns
        -------
        Tensor of shape (n_tasks, n_samples, n_experts)
            The weights. The experts are those of the first task, of the second and so on, and then
            the shared ones. The weights sum to one over the experts, and are zero for experts of
            another task.

        Raises
        ------
        IndexError
            If there is no such level.
        """
        level = check_level(level, len(self.levels), of="experts")
        *before, layer = cast("list[ExtractionLayer]", self.levels[: level + 1])
        for lower in before:
            x = lower(x)
        return layer.gate_weights(x)[: len(self.heads.n_outputs)]

    def reachable_experts(self) -> Tensor:
        """Return which experts each task can use.

        Returns
        -------
        Tensor of bool of shape (n_tasks, n_experts)
            True for the task's own experts and the shared ones, in the order of
            :meth:`gate_weights`. It is the same for all levels.
        """
        layer = cast(ExtractionLayer, self.levels[-1])
        own = torch.eye(layer.n_tasks, dtype=torch.bool).repeat_interleave(layer.n_task_experts, 1)
        shared = torch.ones(layer.n_tasks, layer.n_shared_experts, dtype=torch.bool)
        return torch.cat([own, shared], dim=1)

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
        for level in self.levels:
            x = level(x)
        return self.heads(x)
