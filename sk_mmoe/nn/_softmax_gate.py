"""Gates that use all experts, weighted by a softmax."""

from __future__ import annotations

from typing import TypeGuard

import torch
from torch import Tensor, nn

from sk_mmoe.nn._random import uniform_like
from sk_mmoe.nn._sparse import SparseRows
from sk_mmoe.nn._stacked import StackedLinear

# Along an axis of at least this length, torch vectorises a softmax.
_LONG_AXIS = 16


class SoftmaxGate(StackedLinear):
    r"""Gates that use all experts, with the weights :math:`g^k(x) = \mathrm{softmax}(W_{gk} x)`.

    Parameters
    ----------
    in_features : int
        Number of input features.
    n_gates : int
        Number of gates.
    n_experts : int
        Number of experts.
    dropout : float, default=0.0
        Probability of dropping an expert in training, for each sample and gate.
    """

    def __init__(
        self, in_features: int, n_gates: int, n_experts: int, *, dropout: float = 0.0
    ) -> None:
        super().__init__(n_gates, in_features, n_experts, bias=False)
        self.dropout = dropout

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
        return softmax(self._select(self._logits(x)))

    def _logits(self, x: Tensor | SparseRows) -> Tensor:
        """Return the logits, with minus infinity for dropped experts."""
        logits = super().forward(x)
        if self.training and self.dropout > 0:
            logits = logits.masked_fill(draw_dropped(logits, self.dropout), -torch.inf)
        return logits

    def _select(self, logits: Tensor) -> Tensor:
        """Return the logits of the selected experts, and minus infinity for the others."""
        return logits

    def penalty(self) -> Tensor | None:
        """Return None: the gates add no penalty to the loss."""
        return None


def is_plain(gates: nn.Module) -> TypeGuard[SoftmaxGate]:
    """Return whether the weights of gates are now a softmax over all experts, and no more."""
    return type(gates) is SoftmaxGate and not (gates.training and gates.dropout > 0)


def softmax(logits: Tensor) -> Tensor:
    """Return the softmax over the last axis.

    Parameters
    ----------
    logits : Tensor of shape (..., n_samples, n_experts)
        The logits.

    Returns
    -------
    Tensor of shape (..., n_samples, n_experts)
        The weights, which sum to one.
    """
    if logits.shape[-1] >= _LONG_AXIS or logits.device.type != "cpu":
        return logits.softmax(dim=-1)
    # Along a short last axis torch goes value by value, which is several times slower.
    return logits.mT.contiguous().softmax(dim=-2).mT.contiguous()


def draw_dropped(x: Tensor, probability: float) -> Tensor:
    """Draw which experts to drop."""
    dropped = uniform_like(x) < probability
    # If all experts of a gate were dropped, none is.
    return dropped & ~dropped.all(dim=-1, keepdim=True)
