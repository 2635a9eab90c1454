"""Networks whose tasks share a weight tensor, and what they become at full rank."""

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from sk_mmoe.nn import TaskHeads, TensorFactorization


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def decompose(layer, weight):
    """Give a layer of full rank the weights (n_tasks, out, in), by a higher-order SVD."""
    core = tensor = weight.permute(2, 1, 0)
    for axis, factor in enumerate((layer.input_factor, layer.output_factor, layer.task_factor)):
        unfolded = tensor.movedim(axis, 0).flatten(1)
        factor.data = torch.linalg.svd(unfolded, full_matrices=False).U
        core = torch.tensordot(core, factor.data, dims=([0], [0]))  # the new axis goes last
    layer.core.data = core


@pytest.mark.parametrize("hidden", [(), 6, (6,), (6, 4, 3)])
@pytest.mark.parametrize("n_outputs", [[1], [1, 3], [2, 1, 1]])
def test_network_equals_a_loop_over_tasks(hidden, n_outputs):
    network = TensorFactorization(5, n_outputs, hidden_layer_sizes=hidden, ranks=0.6).double()
    x = draw(7, 5)
    scores = network(x)
    weights, biases = network.heads.weight.split(n_outputs), network.heads.bias.split(n_outputs)
    assert len(scores) == len(n_outputs)
    for k in range(len(n_outputs)):
        inner = x
        for layer in network.layers:
            inner = torch.relu(F.linear(inner, layer.weight[k], layer.bias[k]))
        assert_close(scores[k], F.linear(inner, weights[k], biases[k]), rtol=1e-12, atol=1e-13)


def test_network_of_full_rank_equals_separate_networks():
    network = TensorFactorization(5, [1, 3], hidden_layer_sizes=(6, 4), ranks=1.0).double()
    separate = TaskHeads(5, [1, 3], (6, 4)).double()
    for layer, other in zip(network.layers, separate.towers.layers, strict=True):
        decompose(layer, other.weight.data)
        layer.bias.data = other.bias.data
    network.heads.load_state_dict({"weight": separate.weight, "bias": separate.bias})
    x = draw(7, 5)
    for got, expected in zip(network(x), separate(x), strict=True):
        assert_close(got, expected, rtol=1e-11, atol=1e-13)


def test_one_task_of_full_rank_is_a_plain_mlp():
    network = TensorFactorization(5, [2], hidden_layer_sizes=(6,), ranks=1.0).double()
    mlp = torch.nn.Sequential(torch.nn.Linear(5, 6), torch.nn.ReLU(), torch.nn.Linear(6, 2))
    mlp = mlp.double()
    decompose(network.layers[0], mlp[0].weight.data[None])
    network.layers[0].bias.data = mlp[0].bias.data[None]
    network.heads.load_state_dict(mlp[2].state_dict())
    x = draw(7, 5)
    assert_close(network(x), [mlp(x)], rtol=1e-11, atol=1e-13)


def test_dropout_acts_on_hidden_layers_in_training_only():
    network = TensorFactorization(5, [1, 1], hidden_layer_sizes=(50,), dropout=0.5)
    x = torch.randn(7, 5)
    assert not torch.equal(network(x)[0], network(x)[0])
    network.eval()
    assert torch.equal(network(x)[0], network(x)[0])


def test_activation_is_the_one_asked_for():
    linear = TensorFactorization(5, [1], hidden_layer_sizes=(6, 4), activation="identity").double()
    x, z = draw(7, 5), draw(7, 5)
    both = linear(x)[0] + linear(z)[0]
    assert_close(linear(x + z)[0] + linear(torch.zeros(7, 5).double())[0], both)


def test_a_loss_of_one_task_moves_what_is_shared_and_no_bias_of_another():
    network = TensorFactorization(5, [1, 1], hidden_layer_sizes=(6,), ranks=(3, 3, 1))
    network(torch.randn(20, 5))[0].square().mean().backward()
    layer = network.layers[0]
    for shared in (layer.core, layer.input_factor, layer.output_factor):
        assert shared.grad.any()
    for own in (layer.task_factor, layer.bias, network.heads.weight, network.heads.bias):
        assert own.grad[0].any()
        assert not own.grad[1].any()


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_gradients_equal_finite_differences(activation):
    network = TensorFactorization(
        4, [1, 2], hidden_layer_sizes=(4, 3), ranks=(2, 2, 2), activation=activation
    ).double()
    names, values = zip(*network.named_parameters(), strict=True)

    def scores(x, *values):
        parameters = dict(zip(names, values, strict=True))
        return tuple(torch.func.functional_call(network, parameters, (x,)))

    assert torch.autograd.gradcheck(scores, (draw(5, 4).requires_grad_(), *values))


def test_state_dict_makes_an_equal_network():
    options = {"hidden_layer_sizes": (6, 4), "ranks": 0.5}
    network, other = (TensorFactorization(5, [1, 3], **options) for _ in range(2))
    x = torch.randn(7, 5)
    assert not torch.equal(other(x)[0], network(x)[0])
    other.load_state_dict(network.state_dict())
    for got, expected in zip(other(x), network(x), strict=True):
        assert torch.equal(got, expected)
