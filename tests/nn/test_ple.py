"""Progressive layered extraction: levels, gates, and the networks that it becomes in the limit."""

import math

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from sk_mmoe.nn import PLE, MMoE

SIZES = {"expert_hidden_layer_sizes": (6, 4), "tower_hidden_layer_sizes": (3,)}


EXPERTS = [(2, 3), (1, 1), (0, 3), (0, 1), (4, 0), (1, 0)]  # shared, and own of each task


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def assert_near(got, expected):
    assert_close(got, expected, rtol=1e-12, atol=1e-14)


def make_network(n_shared=2, n_own=3, n_outputs=(1, 3, 2), **options):
    """Return a network of small sizes in double precision."""
    return PLE(
        5, n_outputs, n_shared_experts=n_shared, n_task_experts=n_own, **SIZES | options
    ).double()


def mlp(stack, i, x):
    """Return what network `i` of a stack makes of x, one layer at a time."""
    for layer in stack.layers:
        x = torch.relu(F.linear(x, layer.weight[i], layer.bias[i]))
    return x


def mix(logits, outputs):
    """Return the mixture of the outputs of experts."""
    gate = logits.softmax(dim=1)
    return sum((gate[:, [i]] * outputs[i] for i in range(len(outputs))), torch.zeros(()))


def loop(network, x):
    """Return the scores of each task, from loops over levels, tasks and experts."""
    n_tasks = len(network.heads.n_outputs)
    tasks, shared = [x] * n_tasks, x
    for level in network.levels:
        n_own, n_shared = level.n_task_experts, level.n_shared_experts
        own = [
            [mlp(level.experts, k * n_own + i, tasks[k]) for i in range(n_own)]
            for k in range(n_tasks)
        ]
        common = [mlp(level.experts, n_tasks * n_own + i, shared) for i in range(n_shared)]
        mixed = [mix(tasks[k] @ level.gates.weight[k].T, own[k] + common) for k in range(n_tasks)]
        if level.shared_gate is not None:
            shared = mix(
                shared @ level.shared_gate.weight[0].T,
                [f for experts in own for f in experts] + common,
            )
        tasks = mixed
    weights = network.heads.weight.split(network.heads.n_outputs)
    biases = network.heads.bias.split(network.heads.n_outputs)
    towers = [mlp(network.heads.towers, k, task) for k, task in enumerate(tasks)]
    return [F.linear(*parts) for parts in zip(towers, weights, biases, strict=True)]


@pytest.mark.parametrize("n_levels", [1, 2, 3])
@pytest.mark.parametrize(("n_shared", "n_own"), EXPERTS)
@pytest.mark.parametrize("n_outputs", [(1,), (2, 1), (1, 3, 2)])
def test_network_equals_a_loop_over_levels_tasks_and_experts(n_levels, n_shared, n_own, n_outputs):
    network = make_network(n_shared, n_own, n_outputs, n_levels=n_levels)
    x = draw(7, 5)
    scores = network(x)
    assert [tuple(score.shape) for score in scores] == [(7, size) for size in n_outputs]
    for got, expected in zip(scores, loop(network, x), strict=True):
        assert_near(got, expected)


@pytest.mark.parametrize("n_levels", [1, 2, 3])
def test_with_all_experts_shared_it_is_mmoe_with_as_many_levels(n_levels):
    network = make_network(4, 0, n_levels=n_levels)
    mmoe = MMoE(5, [1, 3, 2], n_experts=4, n_levels=n_levels, **SIZES).double()
    mmoe.heads.load_state_dict(network.heads.state_dict())
    for theirs, mine in zip(mmoe.levels, network.levels, strict=True):
        theirs.experts.load_state_dict(mine.experts.state_dict())
        gates = [gate.weight for gate in (mine.gates, mine.shared_gate) if gate is not None]
        theirs.gates.weight.data = torch.cat(gates).data
    x = draw(7, 5)
    for level in range(n_levels):
        assert_near(network.gate_weights(x, level=level), mmoe.gate_weights(x, level=level))
    for mine, theirs in zip(network(x), mmoe(x), strict=True):
        assert_near(mine, theirs)


def test_without_shared_experts_a_task_is_a_mixture_of_experts_alone():
    network = make_network(0, 3)
    x = draw(7, 5)
    weights, biases = network.heads.weight.split([1, 3, 2]), network.heads.bias.split([1, 3, 2])
    for k, scores in enumerate(network(x)):
        alone = MMoE(5, [scores.shape[1]], n_experts=3, **SIZES).double()
        experts = network.levels[0].experts.layers
        for mine, theirs in zip(alone.levels[0].experts.layers, experts, strict=True):
            mine.weight.data = theirs.weight.data[3 * k : 3 * k + 3]
            mine.bias.data = theirs.bias.data[3 * k : 3 * k + 3]
        alone.levels[0].gates.weight.data = network.levels[0].gates.weight.data[k : k + 1]
        for mine, theirs in zip(
            alone.heads.towers.layers, network.heads.towers.layers, strict=True
        ):
            mine.weight.data = theirs.weight.data[k : k + 1]
            mine.bias.data = theirs.bias.data[k : k + 1]
        alone.heads.weight.data, alone.heads.bias.data = weights[k].data, biases[k].data
        assert_near(scores, alone(x)[0])


def rows_of_task(network, name, k):
    """Return which rows of a parameter belong to task k, in a network without shared experts."""
    if name in ("heads.weight", "heads.bias"):
        return torch.repeat_interleave(torch.tensor(network.heads.n_outputs)) == k
    n_each = network.levels[0].n_task_experts if ".experts." in name else 1
    n_tasks = len(network.heads.n_outputs)
    return torch.arange(n_tasks).repeat_interleave(n_each) == k


@pytest.mark.parametrize("n_levels", [1, 2])
def test_without_shared_experts_a_task_teaches_its_own_part_only(n_levels):
    network = make_network(0, 3, n_levels=n_levels, activation="tanh")
    for k, scores in enumerate(network(draw(7, 5))):
        network.zero_grad()
        scores.square().sum().backward(retain_graph=True)
        for name, parameter in network.named_parameters():
            own = rows_of_task(network, name, k)
            assert parameter.grad[own].reshape(int(own.sum()), -1).any(dim=1).all()
            assert not parameter.grad[~own].any()


@pytest.mark.parametrize("n_levels", [1, 2])
def test_with_shared_experts_a_task_teaches_the_experts_of_others_through_the_shared_gate_only(
    n_levels,
):
    network = make_network(2, 3, n_levels=n_levels, activation="tanh")
    network(draw(7, 5))[0].square().sum().backward()
    for level, layer in enumerate(network.levels):
        grad = layer.experts.layers[0].weight.grad.flatten(1).any(dim=1)
        hears_all = level < n_levels - 1
        assert grad.tolist() == [True] * 3 + [hears_all] * 6 + [True] * 2
        assert layer.gates.weight.grad.flatten(1).any(dim=1).tolist() == [True, False, False]


@pytest.mark.parametrize("gate_dropout", [0.0, 0.5])
@pytest.mark.parametrize("n_levels", [1, 2])
@pytest.mark.parametrize(("n_shared", "n_own"), EXPERTS)
def test_gates_sum_to_one_and_are_zero_for_experts_of_other_tasks(
    n_shared, n_own, n_levels, gate_dropout
):
    network = make_network(n_shared, n_own, n_levels=n_levels, gate_dropout=gate_dropout)
    heard = torch.zeros(3, 3 * n_own + n_shared, dtype=torch.bool)
    for k in range(3):
        heard[k, k * n_own : (k + 1) * n_own] = True
        heard[k, 3 * n_own :] = True
    for training in (True, False):
        network.train(training)
        for level in range(-n_levels, n_levels):
            gates = network.gate_weights(10 * draw(50, 5), level=level)
            assert gates.shape == (3, 50, 3 * n_own + n_shared)
            assert (gates >= 0).all()
            assert_near(gates.sum(dim=-1), torch.ones(3, 50).double())
            assert torch.equal((gates > 0).any(dim=1), heard)


def test_gate_weights_count_levels_from_both_ends():
    network = make_network(n_levels=3)
    x = draw(7, 5)
    by_level = [network.gate_weights(x, level=level) for level in range(3)]
    for level in range(3):
        assert torch.equal(network.gate_weights(x, level=level - 3), by_level[level])
    assert torch.equal(network.gate_weights(x), by_level[2])
    assert not torch.allclose(by_level[0], by_level[1])
    upper = network.levels[1](network.levels[0](x))[:3]
    gate = (upper @ network.levels[2].gates.weight.mT).softmax(dim=-1)
    for k in range(3):
        assert_near(by_level[2][k][:, 3 * k : 3 * k + 3], gate[k][:, :3])
        assert_near(by_level[2][k][:, 9:], gate[k][:, 3:])


@pytest.mark.parametrize("n_levels", [1, 2])
@pytest.mark.parametrize(("n_shared", "n_own"), EXPERTS)
def test_a_task_can_reach_the_experts_to_which_its_gate_gives_weight(n_shared, n_own, n_levels):
    network = make_network(n_shared, n_own, n_levels=n_levels)
    reachable = network.reachable_experts()
    assert reachable.dtype == torch.bool
    for level in range(n_levels):
        weights = network.gate_weights(draw(20, 5), level=level)
        assert torch.equal(reachable, (weights > 0).all(dim=1))


def test_an_abandoned_expert_is_still_in_reach():
    network = make_network(1, 1, (1, 1))
    # Weights of the shared expert that round to zero.
    network.levels[0].gates.weight.data[:, 0] = 1e4
    network.levels[0].gates.weight.data[:, 1] = -1e4
    assert not network.gate_weights(draw(20, 5).abs())[:, :, 2].any()
    expected = torch.tensor([[True, False, True], [False, True, True]])
    assert torch.equal(network.reachable_experts(), expected)


@pytest.mark.parametrize("level", [-3, 2, 5])
def test_gate_weights_of_a_level_that_is_not_there_are_refused(level):
    network = make_network(n_levels=2)
    with pytest.raises(IndexError, match=rf"from -2 to 1 for 2 level\(s\).*got {level}"):
        network.gate_weights(draw(7, 5), level=level)


def test_permuting_shared_experts_changes_nothing():
    network = make_network(3, 2, n_levels=2)
    x = draw(7, 5)
    before = network(x)
    experts = torch.tensor([0, 1, 2, 3, 4, 5, 8, 6, 7])
    for level in network.levels:
        for layer in level.experts.layers:
            layer.weight.data = layer.weight.data[experts]
            layer.bias.data = layer.bias.data[experts]
    unmatched = network(x)
    for level in network.levels:
        level.gates.weight.data = level.gates.weight.data[:, [0, 1, 4, 2, 3]]
    lower = network.levels[0].shared_gate
    lower.weight.data = lower.weight.data[:, experts]
    for got, expected, other in zip(network(x), before, unmatched, strict=True):
        assert_near(got, expected)
        assert not torch.allclose(other, expected)


@pytest.mark.parametrize(("n_shared", "n_own"), [(2, 1), (0, 2), (2, 0)])
def test_gradients_equal_finite_differences(n_shared, n_own):
    network = PLE(
        3,
        [1, 2],
        n_levels=2,
        n_shared_experts=n_shared,
        n_task_experts=n_own,
        expert_hidden_layer_sizes=(3,),
        tower_hidden_layer_sizes=(2,),
        activation="tanh",
    ).double()
    names, values = zip(*network.named_parameters(), strict=True)

    def outputs(x, *values):
        parameters = dict(zip(names, values, strict=True))
        return tuple(torch.func.functional_call(network, parameters, (x,)))

    assert torch.autograd.gradcheck(outputs, (draw(4, 3).requires_grad_(), *values))


def test_every_slice_starts_as_a_linear_layer_of_its_own_would():
    network = PLE(100, [1, 1], n_levels=2, expert_hidden_layer_sizes=(200,))
    for level, fan_in in zip(network.levels, (100, 200), strict=True):
        bound = 1 / math.sqrt(fan_in)
        layer = level.experts.layers[0]
        for weight in (*layer.weight, *layer.bias, *level.gates.weight):
            assert weight.abs().max() <= bound
            assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.15)
    gate = network.levels[0].shared_gate.weight
    assert gate.abs().max() <= 0.1
    assert gate.std().item() == pytest.approx(0.1 / math.sqrt(3), rel=0.15)


def test_only_levels_below_the_last_have_a_shared_gate():
    assert [level.shared_gate is None for level in make_network(n_levels=3).levels] == [
        False,
        False,
        True,
    ]
    assert all(level.shared_gate is None for level in make_network(0, 2, n_levels=3).levels)
    assert all(parameter.numel() for parameter in make_network(0, 2, n_levels=3).parameters())


@pytest.mark.parametrize("n_levels", [1, 2])
def test_without_hidden_layers_scores_are_linear_in_the_input(n_levels):
    network = make_network(
        n_levels=n_levels, expert_hidden_layer_sizes=(), tower_hidden_layer_sizes=()
    )
    x = draw(7, 5)
    expected = F.linear(x, network.heads.weight, network.heads.bias)
    assert_near(torch.cat(network(x), dim=1), expected)


def test_dropout_is_in_experts_and_towers():
    network = make_network(n_levels=2, dropout=0.5)
    x = draw(50, 5)
    assert not torch.equal(network(x)[0], network(x)[0])
    assert torch.equal(network.eval()(x)[0], network(x)[0])
    dropouts = [m.p for m in network.modules() if isinstance(m, torch.nn.Dropout)]
    assert dropouts == [0.5] * 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_shared": 0, "n_own": 0}, "nor both 0.*Got 0 and 0"),
        ({"n_shared": -1, "n_own": 2}, "must not be negative.*Got -1 and 2"),
        ({"n_levels": 0}, "n_levels must be 1 or more, got 0"),
        ({"gate_dropout": 1.0}, r"gate_dropout must be in \[0, 1\), got 1.0"),
    ],
)
def test_what_makes_no_network_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make_network(**options)
