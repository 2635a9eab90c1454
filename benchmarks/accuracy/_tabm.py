"""Members that share most of their weights, to compare with members of their own (`n_members`).

As in TabM (Gorishniy, Kotelnikov and Babenko, "TabM: Advancing Tabular Deep Learning with
Parameter-Efficient Ensembling", ICLR 2025), each member scales the input and the hidden units of
the common experts in its own way and has heads of its own; all see the same batches, learn by the
mean of their losses, and predict the mean of their probabilities. For tasks of two classes.
"""

import torch
from torch import nn

from sk_mmoe.nn import MMoE, MultiTaskLoss, StackedLinear, StackedMLP


class TabM(MMoE):
    """MMoE of several members with common experts and gates.

    Parameters
    ----------
    n_features, n_outputs, tower_hidden_layer_sizes, dropout, **parameters
        As in MMoE, with experts of one layer.
    n_members : int, default=8
        The number of members.
    """

    def __init__(
        self,
        n_features,
        n_outputs,
        *,
        n_members=8,
        tower_hidden_layer_sizes=(8,),
        dropout=0.0,
        **parameters,
    ):
        # Its own heads stay unused.
        super().__init__(
            n_features, n_outputs, tower_hidden_layer_sizes=(), dropout=dropout, **parameters
        )
        (layer,) = self.levels
        n_experts, width = layer.experts.stack[0], layer.out_features
        stack = len(n_outputs), n_members
        self.scale_of_input = nn.Parameter(torch.randn(n_members, 1, n_features).sign())
        self.scale_of_units = nn.Parameter(torch.ones(n_experts, n_members, 1, width))
        self.bias = nn.Parameter(torch.zeros(n_experts, n_members, 1, width))
        self.member_towers = StackedMLP(stack, width, tower_hidden_layer_sizes, dropout=dropout)
        self.member_heads = StackedLinear(stack, self.member_towers.out_features, 1)

    def forward(self, x):
        """Return the scores of all members in training, and of their mean in evaluation."""
        (layer,) = self.levels
        shape = len(self.scale_of_input), len(x)
        x = (x * self.scale_of_input).flatten(0, 1)
        (first,) = layer.experts.layers
        units = first(x).unflatten(1, shape) * self.scale_of_units + self.bias
        units = layer.experts.dropout(layer.experts.activation(units)).flatten(1, 2)
        mixtures = torch.einsum("kne,enu->knu", layer.gate_weights(x), units)
        scores = self.member_heads(self.member_towers(mixtures.unflatten(1, shape)))
        return list(scores if self.training else scores.sigmoid().mean(dim=1).logit(eps=1e-7))


class MeanLoss(MultiTaskLoss):
    """The mean over members of each task's loss."""

    def forward(self, scores, targets, weights=None):
        """Return a loss for each task."""
        losses = super().forward(scores, targets, weights)
        return losses.mean(dim=0) if losses.dim() > 1 else losses
