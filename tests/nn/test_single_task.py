"""Independent networks: what they compute and learn, they would compute and learn alone."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mmoe.nn import MultiTaskLoss, SingleTask

N_OUTPUTS = [1, 4, 2]
MODULES = {"relu": nn.ReLU, "tanh": nn.Tanh, "identity": nn.Identity}


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def squared_error(scores, targets):
    return ((scores - targets[:, None]) ** 2).mean(dim=1)


def own_parameters(network, task):
    """Return the parameters of a task, from the first layer to its head."""
    n_outputs = network.heads.n_outputs
    parameters = [
        parameter[task]
        for layer in network.heads.towers.layers
        for parameter in (layer.weight, layer.bias)
    ]
    first = sum(n_outputs[:task])
    rows = slice(first, first + n_outputs[task])
    return [*parameters, network.heads.weight[rows], network.heads.bias[rows]]


def alone(network, task, activation="relu"):
    """Return the network of one task as a plain MLP of torch's own layers."""
    *hidden, head = list(zip(*[iter(own_parameters(network, task))] * 2, strict=True))
    modules = []
    for weight, _ in hidden:
        modules += [nn.Linear(*weight.T.shape), MODULES[activation]()]
    mlp = nn.Sequential(*modules, nn.Linear(*head[0].T.shape)).double()
    with torch.no_grad():
        for parameter, value in zip(mlp.parameters(), own_parameters(network, task), strict=True):
            parameter.copy_(value)
    return mlp


def test_scores_of_fixed_weights_equal_those_computed_by_hand():
    network = SingleTask(2, [1, 2], hidden_layer_sizes=(2,)).double()
    values = {
        "heads.towers.layers.0.weight": [[[1, -1], [0, 2]], [[3, 0], [1, 1]]],
        "heads.towers.layers.0.bias": [[0, 1], [-1, 0]],
        "heads.weight": [[2, -1], [1, 1], [0, -3]],
        "heads.bias": [0.5, 0, 1],
    }
    network.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    first, second = network(torch.tensor([[2.0, 1.0], [-1.0, 2.0]]).double())
    # Hidden units of the first task: (1, 3) and (0, 5); of the second: (5, 3) and (0, 1).
    assert first.tolist() == [[-0.5], [-4.5]]
    assert second.tolist() == [[8.0, -8.0], [1.0, -2.0]]


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("hidden", [(), (8,), (6, 3)])
@pytest.mark.parametrize("n_outputs", [[1], [3], N_OUTPUTS])
def test_scores_equal_those_of_separate_networks(n_outputs, hidden, activation):
    network = SingleTask(5, n_outputs, hidden_layer_sizes=hidden, activation=activation).double()
    x = draw(7, 5)
    scores = network(x)
    assert [tuple(s.shape) for s in scores] == [(7, n) for n in n_outputs]
    for k, got in enumerate(scores):
        assert_close(got, alone(network, k, activation)(x), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("hidden", [(), (8,), (6, 3)])
@pytest.mark.parametrize("task", range(3))
def test_the_loss_of_a_task_never_reaches_another_tasks_network(task, hidden):
    network = SingleTask(5, N_OUTPUTS, hidden_layer_sizes=hidden, activation="tanh").double()
    squared_error(network(draw(20, 5))[task], draw(20)).sum().backward()
    gradients = SingleTask(5, N_OUTPUTS, hidden_layer_sizes=hidden).double()
    for into, parameter in zip(gradients.parameters(), network.parameters(), strict=True):
        into.data = parameter.grad
    for k in range(3):
        for gradient in own_parameters(gradients, k):
            assert (gradient != 0).all() if k == task else (gradient == 0).all()


@pytest.mark.parametrize("hidden", [(), (6, 3)])
def test_training_together_equals_training_each_task_alone(hidden):
    network = SingleTask(5, N_OUTPUTS, hidden_layer_sizes=hidden).double()
    loss = MultiTaskLoss([squared_error] * 3, [3.0, 1.0, 2.0]).double()
    separate = [alone(network, k) for k in range(3)]
    x, y = draw(50, 5), draw(50, 3)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(30):
        optimizer.zero_grad()
        loss.total(loss(network(x), y)).backward()
        optimizer.step()
    for k, mlp in enumerate(separate):
        before = [parameter.detach().clone() for parameter in mlp.parameters()]
        # A task's weight in the mean of the losses is its step.
        optimizer = torch.optim.SGD(
            mlp.parameters(), lr=0.1 * loss.balancing.task_weights[k].item()
        )
        for _ in range(30):
            optimizer.zero_grad()
            squared_error(mlp(x), y[:, k]).mean().backward()
            optimizer.step()
        for got, expected, start in zip(
            own_parameters(network, k), mlp.parameters(), before, strict=True
        ):
            assert_close(got, expected, rtol=1e-9, atol=1e-12)
            assert not torch.allclose(expected, start, atol=1e-4)


def test_units_of_different_tasks_are_dropped_independently():
    network = SingleTask(5, [1, 1], hidden_layer_sizes=(1,), activation="identity", dropout=0.5)
    scores = torch.cat(network(torch.randn(2000, 5)), dim=1)
    # With its only unit dropped, a task returns its bias.
    dropped = scores == network.heads.bias
    both = (dropped[:, 0] & dropped[:, 1]).double().mean().item()
    assert both == pytest.approx(0.25, abs=0.05)


def test_each_network_is_drawn_as_nn_linear_draws_its_own():
    network = SingleTask(100, [300, 300], hidden_layer_sizes=(400, 200))
    for k in range(2):
        parameters = own_parameters(network, k)
        for i, fan_in in enumerate([100, 400, 200]):
            for parameter in parameters[2 * i : 2 * i + 2]:
                bound = 1 / math.sqrt(fan_in)
                assert parameter.abs().max() <= bound
                assert parameter.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.15)


def test_gradients_equal_finite_differences():
    network = SingleTask(3, [1, 2], hidden_layer_sizes=(4, 2), activation="tanh").double()
    names, values = zip(*network.named_parameters(), strict=True)

    def outputs(x, *values):
        parameters = dict(zip(names, values, strict=True))
        return tuple(torch.func.functional_call(network, parameters, (x,)))

    assert torch.autograd.gradcheck(outputs, (draw(4, 3).requires_grad_(), *values))
