"""Gates that learn which experts to use: DSelect-k."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sk_mmoe.nn._random import current_generator
from sk_mmoe.nn._softmax_gate import draw_dropped, softmax
from sk_mmoe.nn._sparse import SparseRows
from sk_mmoe.nn._stacked import StackedLinear

# Dropout may leave only experts of nearly no weight. If they weigh less, none is dropped.
_HARDLY_ANYTHING = 0.01


class DSelectKGate(nn.Module):
    r"""Gates that learn which k experts to use, by a differentiable selection: DSelect-k.

    Each gate has k selectors. A selector has a logit :math:`z_j` for every binary digit of an
    expert's number. A smooth step :math:`S` turns the logit into the probability that the digit is
    1, which is exactly 0 or 1 if :math:`|z_j| \ge 1/2`. The products over the digits are the
    selector's weights of the experts, and a softmax mixes the selectors [1]_. All logits are linear
    in the input, as in the paper's per-example gate. They have biases, as in the authors' code, so
    that a gate can select the same experts for all inputs.

    If the number n of experts is not a power of two, expert ``i`` has the numbers ``i`` and
    ``i + n``. The paper instead leaves surplus numbers without an expert and penalises their
    weight. Here the weights of the experts always sum to one.

    Parameters
    ----------
    in_features : int
        Number of input features.
    n_gates : int
        Number of gates.
    n_experts : int
        Number of experts.
    n_active : int
        Number of selectors, k. A gate that has made its selection uses at most k experts.
    entropy : float, default=0.0
        Weight of the mean entropy of a selector in the loss. It drives each selector to one expert.
    dropout : float, default=0.0
        Probability of dropping an expert in training, for each sample and gate.

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
        # Logits start near the middle of the smooth step, where all experts have equal weights.
        for parameters, bound in ((self.digits, 0.01), (self.selectors, 0.05)):
            for parameter in parameters.parameters():
                nn.init.uniform_(parameter, -bound, bound, generator=current_generator())
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
            One input shared by all gates, or one input per gate.

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
        for digit in digits.unsqueeze(-1).unbind(dim=-2):  # from the lowest digit
            weights = torch.cat([weights * (1 - digit), weights * digit], dim=-1)
        first, surplus = weights.tensor_split([self.n_experts], dim=-1)
        return first + nn.functional.pad(surplus, (0, self.n_experts - surplus.shape[-1]))

    def penalty(self) -> Tensor | None:
        """Return the penalty of the last forward pass, or None if it was not in training."""
        return self._penalty

    def __getstate__(self) -> dict[str, Any]:
        """Leave the penalty of the last batch, and its graph, out of copies and pickles."""
        return self.__dict__ | {"_penalty": None}


def smooth_step(x: Tensor) -> Tensor:
    """Return a smooth step from 0 to 1: cubic between -1/2 and 1/2, and constant outside.

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
    # Rounding errors must not leave the range of probabilities.
    return (x * (1.5 - 2 * x.square()) + 0.5).clamp(0, 1)


def _binary_entropy(p: Tensor) -> Tensor:
    """Return the entropy, in nats, of events with probabilities p."""
    # The smallest positive number keeps the gradient finite if p is 0 or 1, and changes no value.
    tiny = torch.finfo(p.dtype).tiny
    return -(p * (p + tiny).log() + (1 - p) * (1 - p + tiny).log())
