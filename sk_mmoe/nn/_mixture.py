"""The mixture-of-experts layer."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from sk_mmoe.nn._gates import make_gate
from sk_mmoe.nn._mixing import mix
from sk_mmoe.nn._stacked import StackedMLP


class MixtureOfExperts(nn.Module):
    r"""A mixture-of-experts layer with any number of gates.

    Gate ``k`` mixes the experts with weights that depend on the input,

    .. math:: f^k(x) = \sum_i g^k(x)_i f_i(x), \qquad g^k(x) = \mathrm{softmax}(W_{gk} x).

    The gates may also listen to a few experts only. All experts are computed in any case, which for
    small ones is quicker than to gather the few: such gates select, they do not save time.

    Parameters
    ----------
    in_features : int
        Number of input features.
    n_gates : int
        Number of gates: one for each task, or one for all of them.
    n_experts : int, default=8
        Number of experts.
    hidden_layer_sizes : sequence of int, default=(64,)
        Units of each hidden layer of an expert. Empty: the experts pass the input on.
    activation : str, default="relu"
        Activation of the experts.
    dropout : float, default=0.0
        Probability of dropping a unit after every hidden layer of an expert.
    gate : {"softmax", "top_k", "dselect_k"}, default="softmax"
        Which experts a gate listens to. "softmax": all of them. "top_k": those with the
        `n_active_experts` highest logits, by a softmax over these [3]_. "dselect_k": all at first,
        and mostly `n_active_experts` when it has learned, differentiably, which to select [4]_.
    n_active_experts : int, default=2
        Number of experts that a sparse gate listens to, `n_experts` at most.
    gate_entropy : float, default=0.0
        Weight in the loss of the mean entropy (in nats) of a selection of "dselect_k", which makes
        it sparser. Add :meth:`penalty` to the loss.
    gate_dropout : float, default=0.0
        Probability, for each sample and gate, of dropping an expert in training. The weights of
        the experts that are left are renormalised to a sum of one [2]_.
    normalize_experts : bool, default=False
        Whether what an expert puts out is layer-normalised, as in :class:`StackedMLP`.
    gate_in_features : int, default=None
        Number of input features of the gates. `None`: as many as the experts have.

    Attributes
    ----------
    n_gates : int
        Number of gates.
    n_experts : int
        Number of experts.
    out_features : int
        Number of output features.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 4.2, equations 5 to 7.
    .. [2] Zhao et al. "Recommending What Video to Watch Next: A Multitask Ranking System",
       RecSys 2019.
    .. [3] Shazeer et al. "Outrageously Large Neural Networks: The Sparsely-Gated
       Mixture-of-Experts Layer", ICLR 2017, section 2.1.
    .. [4] Hazimeh et al. "DSelect-k: Differentiable Selection in the Mixture of Experts with
       Applications to Multi-Task Learning", NeurIPS 2021, section 3.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import MixtureOfExperts
    >>> mixtures = MixtureOfExperts(5, n_gates=2)(torch.zeros(7, 5))
    >>> mixtures.shape
    torch.Size([2, 7, 64])

    A second layer, whose experts read one mixture and whose gates each their own:

    >>> MixtureOfExperts(64, n_gates=2)(mixtures[0], mixtures).shape
    torch.Size([2, 7, 64])
    """

    def __init__(
        self,
        in_features: int,
        n_gates: int,
        *,
        n_experts: int = 8,
        hidden_layer_sizes: Sequence[int] = (64,),
        activation: str = "relu",
        dropout: float = 0.0,
        gate: str = "softmax",
        n_active_experts: int = 2,
        gate_entropy: float = 0.0,
        gate_dropout: float = 0.0,
        normalize_experts: bool = False,
        gate_in_features: int | None = None,
    ) -> None:
        super().__init__()
        self.experts = StackedMLP(
            n_experts,
            in_features,
            hidden_layer_sizes,
            activation=activation,
            dropout=dropout,
            normalize=normalize_experts,
        )
        self.gates = make_gate(
            gate,
            in_features if gate_in_features is None else gate_in_features,
            n_gates,
            n_experts,
            n_active=n_active_experts,
            entropy=gate_entropy,
            dropout=gate_dropout,
        )
        self.n_gates = n_gates
        self.n_experts = n_experts
        self.out_features = self.experts.out_features

    def gate_weights(self, gate_input: Tensor) -> Tensor:
        """Return the weight that each gate gives to each expert.

        Parameters
        ----------
        gate_input : Tensor of shape (n_samples, gate_in_features) or \
                (n_gates, n_samples, gate_in_features)
            One input that the gates share, or one for each.

        Returns
        -------
        Tensor of shape (n_gates, n_samples, n_experts)
            The weights; they sum to one over the experts.
        """
        return self.gates(gate_input)

    def forward(self, x: Tensor, gate_input: Tensor | None = None) -> Tensor:
        """Return the mixture of each gate.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_features)
            The input of the experts.
        gate_input : Tensor of shape (n_samples, gate_in_features) or \
                (n_gates, n_samples, gate_in_features), default=None
            What the gates read. `None`: `x`.

        Returns
        -------
        Tensor of shape (n_gates, n_samples, out_features)
            The mixtures.
        """
        gates = self.gate_weights(x if gate_input is None else gate_input)
        return mix(gates, self.experts(x))

    def penalty(self) -> Tensor | None:
        """Return what the gates add to the loss of the last forward pass in training.

        Returns
        -------
        Tensor of shape () or None
            `gate_entropy` times the mean entropy of a selection of "dselect_k"; `None` if
            there is nothing to add, as after a pass in evaluation mode or without gradients.
        """
        return self.gates.penalty()
