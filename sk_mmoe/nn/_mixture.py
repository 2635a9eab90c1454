"""The mixture-of-experts layer."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from sk_mmoe.nn._fused import can_be_fused
from sk_mmoe.nn._fused_mixture import mix_relu_experts
from sk_mmoe.nn._gates import make_gate
from sk_mmoe.nn._mixing import mix
from sk_mmoe.nn._softmax_gate import is_plain
from sk_mmoe.nn._stacked import StackedMLP


class MixtureOfExperts(nn.Module):
    r"""A mixture-of-experts layer with any number of gates.

    Gate ``k`` mixes the outputs of the experts with weights that depend on the input [1]_,

    .. math:: f^k(x) = \sum_i g^k(x)_i f_i(x), \qquad g^k(x) = \mathrm{softmax}(W_{gk} x).

    Sparse gates use only a few experts per sample. All experts are computed in any case, because
    for small experts this is faster than gathering the selected ones. Sparse gates therefore do not
    save time.

    Parameters
    ----------
    in_features : int
        Number of input features.
    n_gates : int
        Number of gates: one per task, or one for all tasks.
    n_experts : int, default=8
        Number of experts.
    hidden_layer_sizes : sequence of int, default=(64,)
        Units of each hidden layer of an expert. Empty: the experts return their input.
    activation : str, default="relu"
        Activation of the experts.
    dropout : float, default=0.0
        Probability of dropping a unit after every hidden layer of an expert.
    gate : {"softmax", "top_k", "dselect_k"}, default="softmax"
        Which experts a gate uses. "softmax": all of them. "top_k": the `n_active_experts` experts
        with the highest logits, weighted by a softmax over these [3]_. "dselect_k": all experts at
        first; the gate learns by a differentiable selection to use about `n_active_experts` [4]_.
        Try a sparse gate to keep tasks apart.
    n_active_experts : int, default=2
        Number of experts that a "top_k" or "dselect_k" gate uses, at most `n_experts`.
    gate_entropy : float, default=0.0
        Weight in the loss of the mean entropy (in nats) of a selection of "dselect_k". Raise it,
        for example to 0.01, if gates use more than `n_active_experts` experts. The loss must
        include :meth:`penalty`.
    gate_dropout : float, default=0.0
        Probability of dropping an expert in training, for each sample and gate. The weights of the
        remaining experts are rescaled to a sum of one [2]_. Raise it, for example to 0.1, if gates
        put all weight on one expert.
    normalize_experts : bool, default=False
        Whether to apply layer normalisation to the output of each expert, so that no expert
        dominates by its scale.
    gate_in_features : int, default=None
        Number of input features of the gates. `None`: `in_features`.

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

    In a second layer, the experts read one of the mixtures, and each gate reads its own:

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
        """Return the weights that each gate gives to the experts.

        Parameters
        ----------
        gate_input : Tensor of shape (n_samples, gate_in_features) or \
                (n_gates, n_samples, gate_in_features)
            One input shared by all gates, or one input per gate.

        Returns
        -------
        Tensor of shape (n_gates, n_samples, n_experts)
            The weights, which sum to one over the experts.
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
            The input of the gates. `None`: `x`.

        Returns
        -------
        Tensor of shape (n_gates, n_samples, out_features)
            The mixtures.
        """
        gate_input = x if gate_input is None else gate_input
        layer = self.experts.relu_layer()
        if (
            layer is not None
            and gate_input is x
            and is_plain(self.gates)
            and can_be_fused(
                x, layer, self.experts, self.experts.activation, self.experts.dropout, self.gates
            )
        ):
            return mix_relu_experts(x, layer, self.gates)
        gates = self.gate_weights(gate_input)
        return mix(gates, self.experts(x))

    def penalty(self) -> Tensor | None:
        """Return the penalty of the gates in the last forward pass, to be added to the loss.

        Returns
        -------
        Tensor of shape () or None
            `gate_entropy` times the mean entropy of a selection of "dselect_k". `None` if there is
            no penalty, as after a pass in evaluation mode or without gradients.
        """
        return self.gates.penalty()
