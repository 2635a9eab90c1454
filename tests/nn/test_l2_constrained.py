"""Networks held near one another: the penalty, and the two models it leads to."""

from itertools import combinations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch.testing import assert_close

from sk_mmoe import L2ConstrainedRegressor, SingleTaskRegressor
from sk_mmoe.datasets import make_multitask_sinusoid
from sk_mmoe.nn import L2Constrained, MultiTaskLoss, SingleTask


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def squared_error(scores, targets):
    return (scores[:, 0] - targets) ** 2


def task_parameters(network, *, heads=True):
    """Return all parameters of each task as one vector."""
    parts = [
        [layer.weight[k] for layer in network.heads.towers.layers]
        + [layer.bias[k] for layer in network.heads.towers.layers]
        for k in range(len(network.heads.n_outputs))
    ]
    if heads:
        weights = network.heads.weight.split(network.heads.n_outputs)
        biases = network.heads.bias.split(network.heads.n_outputs)
        parts = [[*p, w, b] for p, w, b in zip(parts, weights, biases, strict=True)]
    return [torch.cat([parameter.flatten() for parameter in part]) for part in parts]


def over_pairs(vectors):
    """Return the sum of the squared distances of all pairs, one pair at a time."""
    return sum(((a - b) ** 2).sum() for a, b in combinations(vectors, 2))


def train(network, x, y, *, steps, lr):
    """Train in a plain loop of torch, the penalty included."""
    loss = MultiTaskLoss([squared_error] * y.shape[1]).to(y.dtype)
    optimizer = torch.optim.Adam(network.parameters(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        penalty = network.penalty() if isinstance(network, L2Constrained) else 0
        (loss.total(loss(network(x), y)) + penalty).backward()
        optimizer.step()
    return network


@pytest.mark.parametrize("coupling", [0.0, 0.7])
@pytest.mark.parametrize("hidden", [(), (6,), (6, 4)])
@pytest.mark.parametrize("n_tasks", [2, 3, 5])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_penalty_equals_a_loop_over_pairs(n_outputs, n_tasks, hidden, coupling):
    network = L2Constrained(
        5, [n_outputs] * n_tasks, coupling=coupling, hidden_layer_sizes=hidden
    ).double()
    expected = coupling * over_pairs(task_parameters(network))
    assert_close(network.penalty(), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("hidden", [(6,), (6, 4)])
def test_heads_of_different_sizes_are_left_out_of_the_penalty(hidden):
    network = L2Constrained(5, [1, 3, 1], coupling=0.7, hidden_layer_sizes=hidden).double()
    expected = 0.7 * over_pairs(task_parameters(network, heads=False))
    assert_close(network.penalty(), expected, rtol=1e-12, atol=0)


def test_penalty_of_fixed_weights_equals_the_one_computed_by_hand():
    network = L2Constrained(1, [1, 1, 1], coupling=0.5, hidden_layer_sizes=())
    network.load_state_dict(
        {
            "heads.weight": torch.tensor([[1.0], [2.0], [4.0]]),
            "heads.bias": torch.tensor([0.0, 0.0, 3.0]),
        }
    )
    # Weights: 1 + 9 + 4. Biases: 0 + 9 + 9.
    assert network.penalty().item() == 0.5 * (14 + 18)


@pytest.mark.parametrize(("n_outputs", "hidden"), [([1], (6, 4)), ([3], ()), ([1, 3], ())], ids=str)
def test_without_a_corresponding_parameter_the_penalty_is_zero(n_outputs, hidden):
    network = L2Constrained(5, n_outputs, coupling=0.7, hidden_layer_sizes=hidden)
    penalty = network.penalty()
    assert penalty.shape == ()
    assert penalty.item() == 0


def test_equal_networks_cost_nothing_and_are_pulled_nowhere():
    network = L2Constrained(5, [2, 2], coupling=0.7, hidden_layer_sizes=(6,))
    for layer in network.heads.towers.layers:
        layer.weight.data[1], layer.bias.data[1] = layer.weight[0], layer.bias[0]
    network.heads.weight.data[2:] = network.heads.weight[:2]
    network.heads.bias.data[2:] = network.heads.bias[:2]
    penalty = network.penalty()
    penalty.backward()
    assert penalty.item() == 0
    assert not any(parameter.grad.any() for parameter in network.parameters())


def test_penalty_keeps_its_digits_where_the_parameters_are_large_and_close():
    network = L2Constrained(2, [1, 1, 1], coupling=1.0, hidden_layer_sizes=())
    network.heads.bias.data.zero_()
    network.heads.weight.data = 1000 + torch.tensor([[0, 0], [0.25, 0], [0, 0.5]])
    # A difference of sums of squares in float32 has no digit of these left.
    assert network.penalty().item() == pytest.approx(2 * (0.0625 + 0.25), rel=1e-5)


class Penalty(L2Constrained):
    """The penalty as what a module computes."""

    forward = L2Constrained.penalty


def test_gradients_of_the_penalty_equal_finite_differences():
    network = Penalty(3, [2, 2, 2], coupling=0.7, hidden_layer_sizes=(4, 2)).double()
    names, values = zip(*network.named_parameters(), strict=True)

    def penalty(*values):
        return torch.func.functional_call(network, dict(zip(names, values, strict=True)), ())

    assert torch.autograd.gradcheck(penalty, values)
    assert torch.autograd.gradgradcheck(penalty, values)


def test_gradients_of_the_loss_with_its_penalty_equal_finite_differences():
    network = L2Constrained(3, [1, 1], coupling=0.7, hidden_layer_sizes=(4,), activation="tanh")
    network, loss = network.double(), MultiTaskLoss([squared_error] * 2).double()
    x, y = draw(6, 3), draw(6, 2)

    def total():
        return loss.total(loss(network(x), y)) + network.penalty()

    total().backward()
    for parameter in network.parameters():
        values = parameter.data.view(-1)
        for i, gradient in enumerate(parameter.grad.flatten().tolist()):
            ends = []
            for step in (1e-5, -2e-5):
                values[i] += step
                ends.append(total().item())
            values[i] += 1e-5
            assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(gradient, rel=1e-6, abs=1e-8)


def test_without_coupling_it_is_a_single_task_network_of_the_same_seed():
    networks = []
    for cls, options in [(SingleTask, {}), (L2Constrained, {"coupling": 0.0})]:
        torch.manual_seed(3)
        networks.append(cls(5, [1, 1, 1], hidden_layer_sizes=(6, 4), **options))
    x, y = torch.randn(40, 5), torch.randn(40, 3)
    free, coupled = (train(network, x, y, steps=30, lr=0.01) for network in networks)
    for (name, value), (other, expected) in zip(
        coupled.state_dict().items(), free.state_dict().items(), strict=True
    ):
        assert name == other
        assert torch.equal(value, expected)


def test_estimator_without_coupling_predicts_as_the_single_task_estimator():
    X, y = make_multitask_sinusoid(300, n_features=6, random_state=0)
    options = {"hidden_layer_sizes": (8,), "dropout": 0.2, "max_iter": 5, "random_state": 0}
    expected = SingleTaskRegressor(**options).fit(X, y).predict(X)
    free = L2ConstrainedRegressor(coupling=0, **options).fit(X, y).predict(X)
    coupled = L2ConstrainedRegressor(coupling=0.1, **options).fit(X, y).predict(X)
    assert_array_equal(free, expected)
    assert not np.allclose(coupled, expected)


def test_a_stronger_coupling_brings_the_tasks_nearer_until_they_are_one():
    x = draw(100, 5)
    y = torch.stack([x[:, 0].sin(), -x[:, 0].sin() + x[:, 1]], dim=1)
    distances = []
    for coupling in (0.0, 1e-3, 1e-1, 1e5):
        torch.manual_seed(0)
        network = L2Constrained(5, [1, 1], coupling=coupling, hidden_layer_sizes=(8,)).double()
        first, second = task_parameters(train(network, x, y, steps=300, lr=0.01))
        distances.append(((first - second).norm() / (first + second).norm()).item())
    assert distances == sorted(distances, reverse=True)
    assert distances[0] > 0.3
    assert distances[-1] < 1e-2


@pytest.mark.parametrize("coupling", [0.0, 0.05, 1.0, 1e4])
def test_linear_networks_learn_the_solution_of_the_normal_equations(coupling):
    x, y = draw(30, 2), draw(30, 3)
    network = L2Constrained(2, [1, 1, 1], coupling=coupling, hidden_layer_sizes=()).double()
    loss = MultiTaskLoss([squared_error] * 3).double()
    optimizer = torch.optim.LBFGS(
        network.parameters(),
        max_iter=1000,
        tolerance_grad=1e-12,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )

    def closure():
        optimizer.zero_grad()
        total = loss.total(loss(network(x), y)) + network.penalty()
        total.backward()
        return total

    optimizer.step(closure)
    learned = torch.cat([network.heads.weight, network.heads.bias[:, None]], dim=1)
    # The mean over three tasks of mean squared errors, and the distances of all pairs.
    A = np.column_stack([x.numpy(), np.ones(30)])
    laplacian = 3 * np.eye(3) - np.ones((3, 3))
    system = np.kron(np.eye(3), A.T @ A / 90) + coupling * np.kron(laplacian, np.eye(3))
    solution = np.linalg.solve(system, (A.T @ y.numpy() / 90).T.ravel())
    assert_allclose(learned.detach().numpy(), solution.reshape(3, 3), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("coupling", [-1e-3, float("nan"), float("inf")])
def test_coupling_is_a_finite_number_of_at_least_zero(coupling):
    with pytest.raises(ValueError, match="coupling must be a finite number of at least 0"):
        L2Constrained(5, [1, 1], coupling=coupling)
