"""Mixtures of experts: the layer, and the networks with one gate per task or one for all."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sk_mmoe.nn._heads import TaskHeads
from sk_mmoe.nn._stacked import StackedLinear, StackedMLP


class MixtureOfExperts(nn.Module):
    r"""A mixture-of-experts layer with any number of gates.

    Gate ``k`` mixes the experts with weights that depend on the input,

    .. math:: f^k(x) = \sum_i g^k(x)_i f_i(x), \qquad g^k(x) = \mathrm{softmax}(W_{gk} x).

    Parameters
    ----------
    in_features : int
        Number of input features.
    n_gates : int
        Number of gates: one for each task, or one for all of them.
    n_experts : int, default=8
        Number of experts.
    hidden_layer_sizes : sequence of int, default=(16,)
        Units of each hidden layer of an expert. Empty: the experts pass the input on.
    activation : str, default="relu"
        Activation of the experts.
    dropout : float, default=0.0
        Probability of dropping a unit after every hidden layer of an expert.
    gate_dropout : float, default=0.0
        Probability, for each sample and gate, of dropping an expert in training. The weights of
        the experts that are left are renormalised to a sum of one [2]_.

    Attributes
    ----------
    out_features : int
        Number of output features.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 4.2, equations 5 to 7.
    .. [2] Zhao et al. "Recommending What Video to Watch Next: A Multitask Ranking System",
       RecSys 2019.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import MixtureOfExperts
    >>> MixtureOfExperts(5, n_gates=2)(torch.zeros(7, 5)).shape
    torch.Size([2, 7, 16])
    """

    def __init__(
        self,
        in_features: int,
        n_gates: int,
        *,
        n_experts: int = 8,
        hidden_layer_sizes: Sequence[int] = (16,),
        activation: str = "relu",
        dropout: float = 0.0,
        gate_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= gate_dropout < 1:
            raise ValueError(f"gate_dropout must be in [0, 1), got {gate_dropout}.")
        self.experts = StackedMLP(
            n_experts, in_features, hidden_layer_sizes, activation=activation, dropout=dropout
        )
        self.gates = StackedLinear(n_gates, in_features, n_experts, bias=False)
        self.gate_dropout = gate_dropout
        self.out_features = self.experts.out_features

    def gate_weights(self, x: Tensor) -> Tensor:
        """Return the weight that each gate gives to each expert.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_features)
            The input.

        Returns
        -------
        Tensor of shape (n_gates, n_samples, n_experts)
            The weights; they sum to one over the experts.
        """
        logits = self.gates(x)
        if self.training and self.gate_dropout > 0:
            dropped = torch.rand_like(logits) < self.gate_dropout
            # Where chance would drop every expert, none is dropped.
            dropped = dropped & ~dropped.all(dim=-1, keepdim=True)
            logits = logits.masked_fill(dropped, -torch.inf)
        return logits.softmax(dim=-1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the mixture of each gate.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_features)
            The input, which experts and gates share.

        Returns
        -------
        Tensor of shape (n_gates, n_samples, out_features)
            The mixtures.
        """
        gates = self.gate_weights(x).transpose(-3, -2)
        experts = self.experts(x).transpose(-3, -2)
        return (gates @ experts).transpose(-3, -2)


class MMoE(nn.Module):
    """Multi-gate Mixture-of-Experts: shared experts, one gate and one tower per task.

    Parameters
    ----------
    n_features : int
        Number of input features.
    n_outputs : sequence of int
        Number of raw scores of each task.
    n_experts : int, default=8
        Number of experts.
    expert_hidden_layer_sizes : sequence of int, default=(16,)
        Units of each hidden layer of an expert.
    tower_hidden_layer_sizes : sequence of int, default=(8,)
        Units of each hidden layer of a tower.
    activation : str, default="relu"
        Activation of experts and towers.
    dropout : float, default=0.0
        Probability of dropping a unit after every hidden layer.
    gate_dropout : float, default=0.0
        Probability of dropping an expert from a gate in training.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 4.2.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import MMoE
    >>> network = MMoE(100, [1, 1])
    >>> [tuple(scores.shape) for scores in network(torch.zeros(7, 100))]
    [(7, 1), (7, 1)]
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: Sequence[int],
        *,
        n_experts: int = 8,
        expert_hidden_layer_sizes: Sequence[int] = (16,),
        tower_hidden_layer_sizes: Sequence[int] = (8,),
        activation: str = "relu",
        dropout: float = 0.0,
        gate_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.mixture = MixtureOfExperts(
            n_features,
            self._n_gates(len(n_outputs)),
            n_experts=n_experts,
            hidden_layer_sizes=expert_hidden_layer_sizes,
            activation=activation,
            dropout=dropout,
            gate_dropout=gate_dropout,
        )
        self.heads = TaskHeads(
            self.mixture.out_features,
            n_outputs,
            tower_hidden_layer_sizes,
            activation=activation,
            dropout=dropout,
        )

    @staticmethod
    def _n_gates(n_tasks: int) -> int:
        """Return the number of gates."""
        return n_tasks

    def gate_weights(self, x: Tensor) -> Tensor:
        """Return the weight that each task's gate gives to each expert.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            The input.

        Returns
        -------
        Tensor of shape (n_tasks, n_samples, n_experts)
            The weights; they sum to one over the experts.
        """
        return self.mixture.gate_weights(x)

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
        return self.heads(self.mixture(x))


class OMoE(MMoE):
    """One-gate Mixture-of-Experts: shared experts, one gate for all tasks, a tower per task.

    The parameters are those of :class:`MMoE`.

    Parameters
    ----------
    n_features : int
        Number of input features.
    n_outputs : sequence of int
        Number of raw scores of each task.
    n_experts : int, default=8
        Number of experts.
    expert_hidden_layer_sizes : sequence of int, default=(16,)
        Units of each hidden layer of an expert.
    tower_hidden_layer_sizes : sequence of int, default=(8,)
        Units of each hidden layer of a tower.
    activation : str, default="relu"
        Activation of experts and towers.
    dropout : float, default=0.0
        Probability of dropping a unit after every hidden layer.
    gate_dropout : float, default=0.0
        Probability of dropping an expert from the gate in training.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 4.1, equation 4.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import OMoE
    >>> network = OMoE(100, [1, 1])
    >>> [tuple(scores.shape) for scores in network(torch.zeros(7, 100))]
    [(7, 1), (7, 1)]
    """

    @staticmethod
    def _n_gates(n_tasks: int) -> int:
        """Return the number of gates."""
        return 1

    def gate_weights(self, x: Tensor) -> Tensor:
        """Return the weight that the gate gives to each expert, repeated for each task.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            The input.

        Returns
        -------
        Tensor of shape (n_tasks, n_samples, n_experts)
            The weights; they sum to one over the experts.
        """
        return super().gate_weights(x).expand(len(self.heads.n_outputs), -1, -1)

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
        return self.heads(self.mixture(x)[0])
