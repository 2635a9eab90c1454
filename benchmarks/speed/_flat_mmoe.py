"""MMoE for two binary tasks in as few operations of torch as we know, for one shape of network."""

import torch
from torch import nn
from torch.nn import functional as F

N_TASKS = 2


class FlatMMoE(nn.Module):
    """One matrix for all experts and gates, and one batched product for each layer behind.

    Parameters
    ----------
    n_features, n_experts, n_units, n_tower_units : int
        The sizes. Experts and towers have one hidden layer.
    """

    def __init__(self, n_features, n_experts, n_units, n_tower_units):
        super().__init__()
        self.n_experts, self.n_units = n_experts, n_units
        n_outputs = n_experts * n_units
        self.weight = _draw(n_outputs + N_TASKS * n_experts, n_features, fan_in=n_features)
        self.bias = _draw(n_outputs, fan_in=n_features)
        self.tower_weight = _draw(N_TASKS, n_units, n_tower_units, fan_in=n_units)
        self.tower_bias = _draw(N_TASKS, 1, n_tower_units, fan_in=n_units)
        self.head_weight = _draw(N_TASKS, n_tower_units, 1, fan_in=n_tower_units)
        self.head_bias = _draw(N_TASKS, 1, 1, fan_in=n_tower_units)

    def forward(self, x):
        """Return the scores of both tasks, of shape (2, n_rows)."""
        both = F.linear(x, self.weight)
        experts, gates = both.split([len(self.bias), N_TASKS * self.n_experts], dim=1)
        experts = F.relu(experts + self.bias).view(-1, self.n_experts, self.n_units)
        gates = gates.reshape(-1, N_TASKS, self.n_experts).softmax(dim=-1)
        mixtures = torch.bmm(gates, experts).transpose(0, 1)
        towers = F.relu(torch.baddbmm(self.tower_bias, mixtures, self.tower_weight))
        return torch.baddbmm(self.head_bias, towers, self.head_weight)[..., 0]


def _draw(*shape, fan_in):
    """Return weights as torch.nn.Linear draws them."""
    return nn.Parameter(torch.empty(shape).uniform_(-(fan_in**-0.5), fan_in**-0.5))
