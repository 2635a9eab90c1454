"""Multi-gate Mixture-of-Experts: one gate and one tower per task."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from sk_mmoe.nn._heads import TaskHeads
from sk_mmoe.nn._levels import check_level, check_n_levels
from sk_mmoe.nn._mixture import MixtureOfExperts
from sk_mmoe.nn._stacked import StackedMLP


class MMoE(nn.Module):
    """Multi-gate Mixture-of-Experts: shared experts, one gate and one tower per task.

    The gate of a task mixes the outputs of the experts with weights that depend on the input. The
    tower of the task turns the mixture into scores [1]_.

    With several levels, each level except the last has one more gate, the shared gate. The experts
    of the next level read the mixture of the shared gate, and the gate of a task reads the mixture
    that the same gate made in the level before. (Gates that all read the input train worse [2]_.)
    The network then equals :class:`PLE` without task-specific experts.

    Parameters
    ----------
    n_features : int
        Number of input features.
    n_outputs : sequence of int
        Number of raw scores of each task.
    n_experts : int, default=8
        Number of experts in each level.
    expert_hidden_layer_sizes : sequence of int, default=(64,)
        Units of each hidden layer of an expert. Empty: the experts return their input.
    tower_hidden_layer_sizes : sequence of int, default=(32,)
        Units of each hidden layer of a tower. Empty: the scores are linear in the mixture.
    trunk_hidden_layer_sizes : sequence of int, default=()
        Units of each hidden layer of a network that all tasks share, before experts and gates.
        Empty: experts and gates read the input directly.
    n_levels : int, default=1
        Number of levels of experts and gates. One is enough for most tables.
    activation : str, default="relu"
        Activation of all hidden layers.
    dropout : float, default=0.0
        Probability of dropping a unit after every hidden layer. Raise it if the network overfits.
    gate : {"softmax", "top_k", "dselect_k"}, default="softmax"
        Which experts a gate uses, as in :class:`MixtureOfExperts`.
    n_active_experts : int, default=2
        Number of experts that a "top_k" or "dselect_k" gate uses, at most `n_experts`.
    gate_entropy : float, default=0.0
        Weight in the loss of the entropy of a selection of "dselect_k". Raise it, for example to
        0.01, if gates use more than `n_active_experts` experts.
    gate_dropout : float, default=0.0
        Probability of dropping an expert from a gate in training. Raise it, for example to 0.1, if
        gates put all weight on one expert.
    normalize_experts : bool, default=False
        Whether to apply layer normalisation to the output of each expert, so that no expert
        dominates by its scale.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 4.2. The trunk is that of section 6.4.
    .. [2] Ma et al. "SNR: Sub-Network Routing for Flexible Parameter Sharing in Multi-task
       Learning", AAAI 2019.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import MMoE
    >>> network = MMoE(100, [1, 1])
    >>> [tuple(scores.shape) for scores in network(torch.zeros(7, 100))]
    [(7, 1), (7, 1)]
    """

    # False: all tasks share one gate.
    _gate_per_task: ClassVar[bool] = True

    def __init__(
        self,
        n_features: int,
        n_outputs: Sequence[int],
        *,
        n_experts: int = 8,
        expert_hidden_layer_sizes: Sequence[int] = (64,),
        tower_hidden_layer_sizes: Sequence[int] = (32,),
        trunk_hidden_layer_sizes: Sequence[int] = (),
        n_levels: int = 1,
        activation: str = "relu",
        dropout: float = 0.0,
        gate: str = "softmax",
        n_active_experts: int = 2,
        gate_entropy: float = 0.0,
        gate_dropout: float = 0.0,
        normalize_experts: bool = False,
    ) -> None:
        super().__init__()
        check_n_levels(n_levels)
        # The trunk is a single network, as a stack without axes.
        self.trunk = StackedMLP(
            (), n_features, trunk_hidden_layer_sizes, activation=activation, dropout=dropout
        )
        n_features = self.trunk.out_features
        self.levels = nn.ModuleList()
        for level in range(n_levels):
            shared_gate = level < n_levels - 1
            layer = MixtureOfExperts(
                n_features,
                len(n_outputs) + shared_gate if self._gate_per_task else 1,
                n_experts=n_experts,
                hidden_layer_sizes=expert_hidden_layer_sizes,
                activation=activation,
                dropout=dropout,
                gate=gate,
                n_active_experts=n_active_experts,
                gate_entropy=gate_entropy,
                gate_dropout=gate_dropout,
                normalize_experts=normalize_experts,
            )
            self.levels.append(layer)
            n_features = layer.out_features
        self.heads = TaskHeads(
            n_features,
            n_outputs,
            tower_hidden_layer_sizes,
            activation=activation,
            dropout=dropout,
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
            The weights, which sum to one over the experts. If all tasks share a gate, they are the
            same for all tasks.

        Raises
        ------
        IndexError
            If there is no such level.
        """
        n_tasks = len(self.heads.n_outputs)
        level = check_level(level, len(self.levels), of="mixture")
        layers = cast("list[MixtureOfExperts]", self.levels[: level + 1])
        _, gate_input = self._inputs(layers, x)
        return layers[-1].gate_weights(gate_input)[:n_tasks].expand(n_tasks, -1, -1)

    def reachable_experts(self) -> Tensor:
        """Return which experts each task can use.

        Returns
        -------
        Tensor of bool of shape (n_tasks, n_experts)
            True everywhere: each task can use all experts of a level.
        """
        n_experts = cast(MixtureOfExperts, self.levels[-1]).n_experts
        return torch.ones(len(self.heads.n_outputs), n_experts, dtype=torch.bool)

    def _inputs(self, layers: Sequence[MixtureOfExperts], x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the inputs of the experts and of the gates in the last of the given levels."""
        x = gate_input = self.trunk(x)
        for below, layer in pairwise(layers):
            mixtures = below(x, gate_input)
            x, gate_input = mixtures[-1], mixtures[: layer.n_gates]
        return x, gate_input

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
        layers = cast("list[MixtureOfExperts]", list(self.levels))
        mixtures = layers[-1](*self._inputs(layers, x))
        return self.heads(mixtures if self._gate_per_task else mixtures[0])

    def penalty(self) -> Tensor | None:
        """Return the penalty of the gates in the last forward pass, to be added to the loss.

        Returns
        -------
        Tensor of shape () or None
            The sum over the levels. `None` if there is no penalty.
        """
        layers = cast("list[MixtureOfExperts]", self.levels)
        penalties = [p for layer in layers if (p := layer.penalty()) is not None]
        return torch.stack(penalties).sum() if penalties else None
