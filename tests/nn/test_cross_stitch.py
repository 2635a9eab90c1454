"""Cross-stitch networks, and the networks that they become in the limit."""

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from sk_mmoe.nn import CrossStitch


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def assert_near(got, expected):
    assert_close(got, expected, rtol=1e-12, atol=1e-14)


def make_network(hidden=(6, 4), n_outputs=(1, 3, 2), **options):
    """Return a network of random stitches in double precision."""
    network = CrossStitch(5, n_outputs, hidden_layer_sizes=hidden, **options).double()
    for stitch in network.stitches:
        stitch.weight.data.normal_()
    return network


def loop(network, x):
    """Return the scores of each task, from loops over layers, tasks and units."""
    n_tasks = len(network.heads.n_outputs)
    tasks = [x] * n_tasks
    for layer, stitch in zip(network.layers, network.stitches, strict=True):
        hidden = [
            torch.relu(F.linear(tasks[k], layer.weight[k], layer.bias[k])) for k in range(n_tasks)
        ]
        tasks = [torch.zeros_like(hidden[0]) for _ in range(n_tasks)]
        for k in range(n_tasks):
            for j in range(n_tasks):
                for c in range(hidden[j].shape[1]):
                    matrix = stitch.weight if stitch.weight.dim() == 2 else stitch.weight[c]
                    tasks[k][:, c] += matrix[k, j] * hidden[j][:, c]
    return heads(network, tasks)


def heads(network, tasks):
    """Return the scores that the linear heads make of each task's features."""
    weights = network.heads.weight.split(network.heads.n_outputs)
    biases = network.heads.bias.split(network.heads.n_outputs)
    return [F.linear(*parts) for parts in zip(tasks, weights, biases, strict=True)]


@pytest.mark.parametrize("hidden", [(), 6, (6, 4), (3, 6, 4)])
@pytest.mark.parametrize("n_outputs", [(1,), (1, 1), (1, 3, 2)])
@pytest.mark.parametrize("per_channel", [False, True])
def test_network_equals_a_loop_over_layers_tasks_and_units(hidden, n_outputs, per_channel):
    network = make_network(hidden, n_outputs, per_channel=per_channel)
    x = draw(7, 5)
    scores = network(x)
    assert [tuple(part.shape) for part in scores] == [(7, size) for size in n_outputs]
    for got, expected in zip(scores, loop(network, x), strict=True):
        assert_near(got, expected)


@pytest.mark.parametrize("per_channel", [False, True])
def test_identity_stitches_equal_separate_networks(per_channel):
    network = CrossStitch(
        5, [1, 3], hidden_layer_sizes=(6, 4), own_weight_init=1.0, per_channel=per_channel
    )
    x = torch.randn(7, 5)
    tasks = [x, x]
    for layer in network.layers:
        tasks = [
            torch.relu(F.linear(task, layer.weight[k], layer.bias[k]))
            for k, task in enumerate(tasks)
        ]
    for got, expected in zip(network(x), heads(network, tasks), strict=True):
        assert_close(got, expected)
    # Nothing of the second task's network reaches the first one's scores.
    network(x)[0].sum().backward()
    for layer in network.layers:
        assert layer.weight.grad[0].any()
        assert not layer.weight.grad[1].any()


def test_equal_channels_equal_one_stitch_for_all():
    network = make_network()
    other = make_network(per_channel=True)
    state = network.state_dict()
    for i, size in enumerate((6, 4)):
        name = f"stitches.{i}.weight"
        state[name] = state[name].expand(size, 3, 3)
    other.load_state_dict(state)
    x = draw(7, 5)
    for got, expected in zip(other(x), network(x), strict=True):
        assert_near(got, expected)


@pytest.mark.parametrize("per_channel", [False, True])
def test_one_task_starts_as_a_plain_network(per_channel):
    network = CrossStitch(5, [3], hidden_layer_sizes=(6, 4), per_channel=per_channel).double()
    plain = torch.nn.Sequential(
        torch.nn.Linear(5, 6),
        torch.nn.ReLU(),
        torch.nn.Linear(6, 4),
        torch.nn.ReLU(),
        torch.nn.Linear(4, 3),
    ).double()
    for layer, linear in zip(network.layers, plain[:4:2], strict=True):
        linear.weight.data, linear.bias.data = layer.weight.data[0], layer.bias.data[0]
    plain[4].weight.data, plain[4].bias.data = network.heads.weight.data, network.heads.bias.data
    x = draw(7, 5)
    assert_near(network(x)[0], plain(x))


def test_each_task_starts_as_a_linear_layer_does():
    network = CrossStitch(50, [1, 1, 1], hidden_layer_sizes=(200, 100))
    for layer, n_inputs in zip(network.layers, (50, 200), strict=True):
        bound = n_inputs**-0.5
        for weight in layer.weight:
            assert weight.abs().max() <= bound
            # The standard deviation of a uniform distribution.
            assert_close(weight.std().item(), bound / 3**0.5, rtol=0.05, atol=0)
    first, second, third = network.layers[0].weight
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)


def test_permuting_tasks_permutes_their_scores():
    network = make_network(n_outputs=(2, 2, 2))
    x = draw(7, 5)
    before = network(x)
    order = torch.tensor([2, 0, 1])
    for layer, stitch in zip(network.layers, network.stitches, strict=True):
        layer.weight.data, layer.bias.data = layer.weight.data[order], layer.bias.data[order]
        stitch.weight.data = stitch.weight.data[order][:, order]
    head = network.heads
    head.weight.data = head.weight.data.view(3, 2, -1)[order].flatten(0, 1)
    head.bias.data = head.bias.data.view(3, 2)[order].flatten()
    for got, k in zip(network(x), order, strict=True):
        assert_near(got, before[k])


def test_dropout_acts_in_training_only():
    network = CrossStitch(5, [1, 1], hidden_layer_sizes=(50,), dropout=0.5)
    x = torch.randn(7, 5)
    assert not torch.equal(network(x)[0], network(x)[0])
    network.eval()
    assert torch.equal(network(x)[0], network(x)[0])


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_gradients_equal_finite_differences(activation, per_channel):
    network = make_network((4, 3), (1, 2), activation=activation, per_channel=per_channel)
    names, values = zip(*network.named_parameters(), strict=True)

    def outputs(x, *values):
        parameters = dict(zip(names, values, strict=True))
        return tuple(torch.func.functional_call(network, parameters, (x,)))

    assert torch.autograd.gradcheck(outputs, (draw(4, 5).requires_grad_(), *values))


def test_sizes_are_positive_integers():
    with pytest.raises(ValueError, match="hidden_layer_sizes must be positive integers"):
        CrossStitch(5, [1, 1], hidden_layer_sizes=(6, 0))
