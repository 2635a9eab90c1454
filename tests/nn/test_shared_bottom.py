"""The Shared-Bottom network."""

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from sk_mmoe.nn import MMoE, OMoE, SharedBottom


@pytest.fixture
def x():
    return torch.randn(7, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_forward_equals_an_explicit_network(x):
    network = SharedBottom(5, [1, 3], hidden_layer_sizes=(4, 6), tower_hidden_layer_sizes=(2,))
    network = network.double()
    h = x
    for layer in network.bottom.layers:
        h = F.linear(h, layer.weight, layer.bias).relu()
    (tower,) = network.heads.towers.layers
    start = 0
    for k, (scores, n_outputs) in enumerate(zip(network(x), [1, 3], strict=True)):
        t = F.linear(h, tower.weight[k], tower.bias[k]).relu()
        rows = slice(start, start + n_outputs)
        assert_close(scores, F.linear(t, network.heads.weight[rows], network.heads.bias[rows]))
        start += n_outputs


def test_golden_values_by_hand():
    network = SharedBottom(2, [1, 1], hidden_layer_sizes=(2,), tower_hidden_layer_sizes=())
    with torch.no_grad():
        network.bottom.layers[0].weight.copy_(torch.tensor([[1.0, 2.0], [-1.0, 1.0]]))
        network.bottom.layers[0].bias.copy_(torch.tensor([0.0, -1.0]))
        network.heads.weight.copy_(torch.tensor([[1.0, 10.0], [2.0, 0.0]]))
        network.heads.bias.copy_(torch.tensor([0.5, 0.0]))
    # relu([1*3 + 2*5, -3 + 5 - 1]) = [13, 1]; heads: 13 + 10 + .5 and 26.
    first, second = network(torch.tensor([[3.0, 5.0]]))
    assert first.item() == 23.5
    assert second.item() == 26.0


@pytest.mark.parametrize("mixture", [MMoE, OMoE])
def test_a_mixture_with_one_expert_is_a_shared_bottom(mixture, x):
    network = mixture(5, [1, 2], n_experts=1, expert_hidden_layer_sizes=(4,)).double()
    shared = SharedBottom(5, [1, 2], hidden_layer_sizes=(4,)).double()
    weights = network.state_dict()
    (bottom,) = shared.bottom.layers
    with torch.no_grad():
        bottom.weight.copy_(weights["levels.0.experts.layers.0.weight"][0])
        bottom.bias.copy_(weights["levels.0.experts.layers.0.bias"][0])
    shared.heads.load_state_dict(network.heads.state_dict())
    for found, expected in zip(network(x), shared(x), strict=True):
        assert_close(found, expected)


def test_gradients_are_right(x):
    network = SharedBottom(5, [1, 2], hidden_layer_sizes=(4,), activation="tanh").double()
    assert torch.autograd.gradcheck(lambda x: tuple(network(x)), x.requires_grad_())


def test_the_papers_budget_gives_113_units():
    # 13056 weights of experts and towers for MMoE, so 13056 / (100 + 8 * 2) units here.
    network = SharedBottom(100, [1, 1], hidden_layer_sizes=(113,), tower_hidden_layer_sizes=(8,))
    weights = [layer.weight for layer in (*network.bottom.layers, *network.heads.towers.layers)]
    assert sum(weight.numel() for weight in weights) == 113 * 100 + 113 * 8 * 2 == 13_108
