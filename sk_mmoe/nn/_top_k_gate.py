"""Gates that use the experts with the highest logits."""

from __future__ import annotations

import torch
from torch import Tensor

from sk_mmoe.nn._softmax_gate import SoftmaxGate


class TopKGate(SoftmaxGate):
    """Gates that use the k experts with the highest logits, weighted by a softmax over these.

    The logits have no noise. Experts that are not selected get no gradient.

    Parameters
    ----------
    in_features : int
        Number of input features.
    n_gates : int
        Number of gates.
    n_experts : int
        Number of experts.
    n_active : int
        Number of experts that a gate uses, k.
    dropout : float, default=0.0
        Probability of dropping an expert in training, for each sample and gate. The gate then
        selects k of the remaining experts.

    References
    ----------
    .. [1] Shazeer et al. "Outrageously Large Neural Networks: The Sparsely-Gated
       Mixture-of-Experts Layer", ICLR 2017, section 2.1.
    """

    def __init__(
        self,
        in_features: int,
        n_gates: int,
        n_experts: int,
        *,
        n_active: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(in_features, n_gates, n_experts, dropout=dropout)
        self.n_active = n_active

    def _select(self, logits: Tensor) -> Tensor:
        """Return the highest logits, and minus infinity for the others."""
        # Selecting by rank, not by value, keeps exactly k experts if logits are equal.
        values, experts = logits.topk(self.n_active, dim=-1)
        return torch.full_like(logits, -torch.inf).scatter(-1, experts, values)
