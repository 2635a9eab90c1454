"""MMoE: gates, trunk and levels, and the networks that it becomes in the limit."""

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from sk_mmoe.nn import MMoE, MultiTaskLoss, OMoE, SharedBottom, count_parameters


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def mlp(stack, i, x):
    """Return what network `i` of a stack makes of x, one layer at a time."""
    for layer in stack.layers:
        x = torch.relu(F.linear(x, layer.weight[i], layer.bias[i]))
    return x


def squared_error(scores, targets):
    return (scores[:, 0] - targets) ** 2


SIZES = {
    "n_experts": 3,
    "expert_hidden_layer_sizes": (6, 4),
    "tower_hidden_layer_sizes": (3,),
}


def mix(gate_weight, gate_input, experts, x):
    """Return what a gate makes of the experts of a layer, one expert at a time."""
    gate = torch.softmax(gate_input @ gate_weight.T, dim=1)
    return sum(gate[:, [i]] * mlp(experts, i, x) for i in range(gate.shape[1]))


def test_one_expert_equals_a_shared_bottom():
    network = MMoE(
        5, [1, 3], n_experts=1, expert_hidden_layer_sizes=(8, 6), tower_hidden_layer_sizes=(4,)
    ).double()
    x = draw(7, 5)
    bottom = mlp(network.levels[0].experts, 0, x)
    weights, biases = network.heads.weight.split([1, 3]), network.heads.bias.split([1, 3])
    for k, scores in enumerate(network(x)):
        expected = F.linear(mlp(network.heads.towers, k, bottom), weights[k], biases[k])
        assert_close(scores, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n_experts", [1, 4])
def test_without_hidden_layers_scores_are_linear_in_the_input(n_experts):
    network = MMoE(
        5,
        [1, 3],
        n_experts=n_experts,
        expert_hidden_layer_sizes=(),
        tower_hidden_layer_sizes=(),
    ).double()
    x = draw(7, 5)
    expected = F.linear(x, network.heads.weight, network.heads.bias)
    assert_close(torch.cat(network(x), dim=1), expected, rtol=1e-12, atol=1e-14)


def test_network_of_the_paper_has_its_number_of_weights():
    network = MMoE(
        100, [1, 1], n_experts=8, expert_hidden_layer_sizes=(16,), tower_hidden_layer_sizes=(8,)
    )
    counted = [
        parameter.numel()
        for name, parameter in network.named_parameters()
        if name.endswith("weight") and (".experts." in name or ".towers." in name)
    ]
    # Section 5 leaves biases, gates and heads out.
    assert sum(counted) == 100 * 16 * 8 + 16 * 8 * 2 == 13056


def test_state_dict_makes_an_equal_network():
    options = {"n_experts": 3, "expert_hidden_layer_sizes": (6, 4), "activation": "silu"}
    network = MMoE(5, [1, 3], **options)
    other = MMoE(5, [1, 3], **options)
    x = torch.randn(7, 5)
    assert not torch.equal(other(x)[0], network(x)[0])
    other.load_state_dict(network.state_dict())
    for got, expected in zip(other(x), network(x), strict=True):
        assert torch.equal(got, expected)


def test_gradients_of_the_network_and_its_loss_equal_finite_differences():
    network = MMoE(
        3, [1, 1], n_experts=2, expert_hidden_layer_sizes=(4,), tower_hidden_layer_sizes=(3,)
    ).double()
    loss = MultiTaskLoss([squared_error, squared_error], [1.0, 2.0]).double()
    names, values = zip(*network.named_parameters(), strict=True)
    targets = draw(4, 2)
    weights = torch.tensor([[1, 0], [2, 1], [0, 0], [1, 3]]).double()

    def total(x, *values):
        parameters = dict(zip(names, values, strict=True))
        scores = torch.func.functional_call(network, parameters, (x,))
        return loss.total(loss(scores, targets, weights))

    assert torch.autograd.gradcheck(total, (draw(4, 3).requires_grad_(), *values))


def test_a_task_without_labels_sends_no_gradient_to_its_gate_tower_and_head():
    network = MMoE(5, [1, 1], expert_hidden_layer_sizes=(6,), tower_hidden_layer_sizes=(4,))
    loss = MultiTaskLoss([squared_error, squared_error])
    weights = torch.tensor([[1.0, 0.0]]).expand(20, 2)
    loss.total(loss(network(torch.randn(20, 5)), torch.randn(20, 2), weights)).backward()
    tower = network.heads.towers.layers[0]
    own = [network.levels[0].gates.weight, network.heads.weight, tower.weight, tower.bias]
    for parameter in own:
        assert parameter.grad[0].any()
        assert not parameter.grad[1].any()
    assert all(layer.weight.grad.any() for layer in network.levels[0].experts.layers)


def test_a_plain_torch_loop_trains_the_network():
    network = MMoE(5, [1, 1], n_experts=4)
    loss = MultiTaskLoss([squared_error, squared_error])
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    x = torch.randn(200, 5)
    y = torch.stack([x[:, 0] * x[:, 1], x[:, 2].sin()], dim=1)
    history = []
    for _ in range(200):
        optimizer.zero_grad()
        total = loss.total(loss(network(x), y))
        total.backward()
        optimizer.step()
        history.append(total.item())
    assert history[-1] < history[0] / 5


def test_a_mixture_needs_an_expert():
    with pytest.raises(ValueError, match="positive integers"):
        MMoE(5, [1, 1], n_experts=0)


@pytest.mark.parametrize("n_levels", [2, 3])
def test_levels_of_mmoe_equal_a_loop_over_levels_gates_and_experts(n_levels):
    network = MMoE(5, [1, 2], n_levels=n_levels, **SIZES).double()
    x = draw(7, 5)
    # The streams of both tasks and, last, of what they share.
    streams = [x, x, x]
    for number, level in enumerate(network.levels):
        assert level.n_gates == (2 if number == n_levels - 1 else 3)
        gates = torch.stack(
            [(streams[k] @ level.gates.weight[k].T).softmax(dim=1) for k in range(2)]
        )
        for counted in (number, number - n_levels):
            assert_close(network.gate_weights(x, level=counted), gates, rtol=1e-12, atol=1e-14)
        streams = [
            mix(level.gates.weight[k], streams[k], level.experts, streams[-1])
            for k in range(level.n_gates)
        ]
    for found, expected in zip(network(x), network.heads(torch.stack(streams)), strict=True):
        assert_close(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("cls", [MMoE, OMoE])
@pytest.mark.parametrize("n_levels", [1, 2])
def test_with_a_trunk_the_network_reads_what_the_trunk_makes_of_the_input(cls, n_levels):
    options = SIZES | {"n_levels": n_levels}
    network = cls(5, [1, 2], trunk_hidden_layer_sizes=(7, 4), **options).double()
    above = cls(4, [1, 2], **options).double()
    above.load_state_dict(
        {k: v for k, v in network.state_dict().items() if not k.startswith("trunk.")}
    )
    x = draw(6, 5)
    hidden = x
    for layer in network.trunk.layers:
        hidden = torch.relu(F.linear(hidden, layer.weight, layer.bias))
    assert hidden.shape == (6, 4)
    for found, expected in zip(network(x), above(hidden), strict=True):
        assert_close(found, expected, rtol=1e-12, atol=1e-14)
    assert_close(network.gate_weights(x), above.gate_weights(hidden), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n_levels", [1, 2])
def test_one_expert_above_a_trunk_equals_a_deeper_shared_bottom(n_levels):
    network = MMoE(
        5,
        [1, 3],
        n_experts=1,
        n_levels=n_levels,
        expert_hidden_layer_sizes=(8,),
        tower_hidden_layer_sizes=(3,),
        trunk_hidden_layer_sizes=(7, 6),
    ).double()
    bottom = SharedBottom(
        5, [1, 3], hidden_layer_sizes=(7, 6, *n_levels * [8]), tower_hidden_layer_sizes=(3,)
    ).double()
    layers = [*network.trunk.layers, *(level.experts.layers[0] for level in network.levels)]
    for mine, theirs in zip(bottom.bottom.layers, layers, strict=True):
        mine.weight.data = theirs.weight.data.view_as(mine.weight)
        mine.bias.data = theirs.bias.data.view_as(mine.bias)
    bottom.heads.load_state_dict(network.heads.state_dict())
    x = draw(7, 5)
    for found, expected in zip(network(x), bottom(x), strict=True):
        assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_permuting_the_experts_of_any_level_changes_nothing():
    network = MMoE(5, [1, 2], n_levels=2, **SIZES).double()
    x = draw(7, 5)
    before = network(x)
    for level, order in zip(network.levels, ([2, 0, 1], [1, 0, 2]), strict=True):
        for layer in level.experts.layers:
            layer.weight.data, layer.bias.data = layer.weight.data[order], layer.bias.data[order]
        level.gates.weight.data = level.gates.weight.data[:, order]
    for found, expected in zip(network(x), before, strict=True):
        assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_weights_of_trunk_and_all_levels_count_as_hidden():
    network = MMoE(10, [1, 1], trunk_hidden_layer_sizes=(7, 5), n_levels=2, **SIZES)
    trunk = 10 * 7 + 7 * 5
    experts = 3 * (5 * 6 + 6 * 4) + 3 * (4 * 6 + 6 * 4)
    towers = 2 * 4 * 3
    assert count_parameters(network, hidden_weights_only=True) == trunk + experts + towers


def test_gradients_of_trunk_and_levels_equal_finite_differences():
    network = MMoE(
        3,
        [1, 2],
        n_experts=2,
        n_levels=2,
        activation="tanh",
        expert_hidden_layer_sizes=(3,),
        tower_hidden_layer_sizes=(),
        trunk_hidden_layer_sizes=(3,),
    ).double()
    names, values = zip(*network.named_parameters(), strict=True)

    def scores(x, *values):
        parameters = dict(zip(names, values, strict=True))
        return torch.cat(torch.func.functional_call(network, parameters, (x,)), dim=1)

    assert torch.autograd.gradcheck(scores, (draw(3, 3).requires_grad_(), *values))


@pytest.mark.parametrize("cls", [MMoE, OMoE])
@pytest.mark.parametrize("gate", ["softmax", "top_k"])
def test_every_task_can_reach_every_expert_whatever_the_gate_selects(cls, gate):
    network = cls(5, [1, 2, 1], n_experts=4, gate=gate, n_levels=2)
    reachable = network.reachable_experts()
    assert reachable.dtype == torch.bool
    assert reachable.shape == (3, 4)
    assert reachable.all()


@pytest.mark.parametrize("cls", [MMoE, OMoE])
@pytest.mark.parametrize(("n_levels", "level"), [(1, 1), (1, -2), (2, 2), (2, -3)])
def test_a_level_that_does_not_exist_is_an_error(cls, n_levels, level):
    network = cls(5, [1, 2], n_levels=n_levels, **SIZES)
    with pytest.raises(IndexError, match=rf"for {n_levels} level\(s\) of mixture, got {level}"):
        network.gate_weights(torch.zeros(1, 5), level=level)


def test_there_must_be_a_level():
    with pytest.raises(ValueError, match="n_levels must be 1 or more, got 0"):
        MMoE(5, [1, 1], n_levels=0)
