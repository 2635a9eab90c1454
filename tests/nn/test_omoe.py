"""OMoE: one gate for all tasks."""

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from sk_mmoe.nn import MMoE, OMoE


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def mlp(stack, i, x):
    """Return what network `i` of a stack makes of x, one layer at a time."""
    for layer in stack.layers:
        x = torch.relu(F.linear(x, layer.weight[i], layer.bias[i]))
    return x


SIZES = {
    "n_experts": 3,
    "expert_hidden_layer_sizes": (6, 4),
    "tower_hidden_layer_sizes": (3,),
}


def mix(gate_weight, gate_input, experts, x):
    """Return what a gate makes of the experts of a layer, one expert at a time."""
    gate = torch.softmax(gate_input @ gate_weight.T, dim=1)
    return sum(gate[:, [i]] * mlp(experts, i, x) for i in range(gate.shape[1]))


def test_one_gate_serves_all_tasks():
    network = OMoE(5, [1, 2], n_experts=3).double()
    x = torch.randn(7, 5, dtype=torch.float64)
    gate = (x @ network.levels[0].gates.weight[0].T).softmax(dim=-1)
    experts = network.levels[0].experts(x)
    mixed = sum(gate[:, [i]] * experts[i] for i in range(3))
    for found, expected in zip(network(x), network.heads(mixed), strict=True):
        assert_close(found, expected)
    assert_close(network.gate_weights(x), torch.stack([gate, gate]))


def test_with_one_task_one_gate_is_all_gates():
    multi, single = MMoE(5, [2]).double(), OMoE(5, [2]).double()
    single.load_state_dict(multi.state_dict())
    x = torch.randn(7, 5, dtype=torch.float64)
    assert_close(single(x), multi(x))


@pytest.mark.parametrize("n_levels", [2, 3])
def test_levels_of_omoe_equal_a_loop_over_levels_and_experts(n_levels):
    network = OMoE(5, [1, 2], n_levels=n_levels, **SIZES).double()
    x = stream = draw(7, 5)
    for number, level in enumerate(network.levels):
        assert level.n_gates == 1
        gate = (stream @ level.gates.weight[0].T).softmax(dim=1)
        found = network.gate_weights(x, level=number)
        assert_close(found, torch.stack([gate, gate]), rtol=1e-12, atol=1e-14)
        stream = mix(level.gates.weight[0], stream, level.experts, stream)
    for found, expected in zip(network(x), network.heads(stream), strict=True):
        assert_close(found, expected, rtol=1e-12, atol=1e-14)
