"""Gates that learn which experts to use: DSelect-k."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sk_mmoe.nn._softmax_gate import draw_dropped, softmax
from sk_mmoe.nn._sparse import SparseRows
from sk_mmoe.nn._stacked import StackedLinear

# Of a gate that has selected experts, chance may drop all but a trace.
_HARDLY_ANYTHING = 0.01


class DSelectKGate(nn.Module):
    r"""Gates that learn which k experts to listen to, differentiably: DSelect-k.

    Each of k selectors has a logit :math:`z_j` for every binary digit of an expert's number. The
    smooth step :math:`S` takes it to the probability that the digit is 1, exactly 0 or 1 from
    :math:`|z_j| = 1/2` on, and the products over the digits are the weights of the experts. A
    softmax mixes the selectors. Logits are linear in the input (the paper's per-example gate), with
    biases as in the authors' code, so that a gate can settle on experts for all inputs.

    Where the number n of experts is no power of two, expert ``i`` answers to the numbers ``i`` and
    ``i + n``. The paper instead leaves the surplus numbers without an expert and penalises their
    weight; here all weights sum to one at any time.

    Parameters
    ----------
    in_features : int
        Number of input features.
    n_gates : int
        Number of gates.
    n_experts : int
        Number of experts.
    n_active : int
        Number of selectors, and of experts that a gate listens to at most, k.
    entropy : float, default=0.0
        Weight in the loss of the mean entropy of a selector, which drives each to one expert.
    dropout : float, default=0.0
        Probability, for each sample and gate, of dropping an expert in training.

    References
    ----------
    .. [1] Hazimeh et al. "DSelect-k: Differentiable Selection in the Mixture of Experts with
       Applications to Multi-Task Learning", NeurIPS 2021, section 3.
    """

    def __init__(
        self,
        in_features: int,
        n_gates: int,
        n_experts: int,
        *,
        n_active: int,
        entropy: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        n_digits = (n_experts - 1).bit_length()
        self.digits = StackedLinear((n_gates, n_active), in_features, n_digits)
        self.selectors = StackedLinear(n_gates, in_features, n_active)
        # Near the middle of the smooth step, where all experts weigh alike.
        for parameters, bound in ((self.digits, 0.01), (self.selectors, 0.05)):
            for parameter in parameters.parameters():
                nn.init.uniform_(parameter, -bound, bound)
        self.n_experts = n_experts
        self.entropy = entropy
        self.dropout = dropout
        self._penalty: Tensor | None = None

    def forward(self, x: Tensor | SparseRows) -> Tensor:
        """Return the weights of the experts, which sum to one.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_features) or (n_gates, n_samples, in_features), or \
                SparseRows
            One input shared by all gates, or one for each.

        Returns
        -------
        Tensor of shape (n_gates, n_samples, n_experts)
            The weights.
        """
        one_for_each = x.unsqueeze(-3) if isinstance(x, Tensor) and x.dim() > 2 else x
        digits = smooth_step(self.digits(one_for_each))
        self._penalty = None
        if self.training and self.entropy > 0 and torch.is_grad_enabled():
            self._penalty = self.entropy * _binary_entropy(digits).sum(dim=-1).mean()
        shares = softmax(self.selectors(x)).mT.unsqueeze(-1)
        weights = (shares * self._expert_weights(digits)).sum(dim=-3)
        if self.training and self.dropout > 0:
            left = weights.masked_fill(draw_dropped(weights, self.dropout), 0)
            total = left.sum(dim=-1, keepdim=True)
            kept = total > _HARDLY_ANYTHING
            weights = torch.where(kept, left / total.where(kept, 1), weights)
        return weights

    def _expert_weights(self, digits: Tensor) -> Tensor:
        """Return the weights of the experts from the probabilities of their binary digits."""
        weights = digits.new_ones(*digits.shape[:-1], 1)
        for digit in digits.unsqueeze(-1).unbind(dim=-2):  # from the lowest
            weights = torch.cat([weights * (1 - digit), weights * digit], dim=-1)
        first, surplus = weights.tensor_split([self.n_experts], dim=-1)
        return first + nn.functional.pad(surplus, (0, self.n_experts - surplus.shape[-1]))

    def penalty(self) -> Tensor | None:
        """Return what the last pass adds to the loss; nothing if it was not in training."""
        return self._penalty

    def __getstate__(self) -> dict[str, Any]:
        """Leave the penalty of the last batch, and its graph, out of copies and pickles."""
        return self.__dict__ | {"_penalty": None}


def smooth_step(x: Tensor) -> Tensor:
    """Return a smooth step from 0 to 1: cubic between -1/2 and 1/2, constant beyond.

    Parameters
    ----------
    x : Tensor
        The input, of any shape.

    Returns
    -------
    Tensor
        The step of every entry (Hazimeh et al. 2021, equation 3, with gamma = 1).
    """
    x = x.clamp(-0.5, 0.5)
    # Rounding alone could leave the range of probabilities.
    return (x * (1.5 - 2 * x.square()) + 0.5).clamp(0, 1)


def _binary_entropy(p: Tensor) -> Tensor:
    """Return the entropy, in nats, of events with probabilities p."""
    # The smallest number keeps the gradient finite where p is 0 or 1, and changes no value.
    tiny = torch.finfo(p.dtype).tiny
    return -(p * (p + tiny).log() + (1 - p) * (1 - p + tiny).log())
