"""Weights from the gradients of two halves of a batch: explicit loops for MoDo and SDMGrad."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mmoe.nn import FixedWeights, MultiTaskLoss, SharedBottom, SingleTask, TwoSampleWeighting

GIVEN = torch.tensor([0.75, 0.25], dtype=torch.float64)


def flat(gradients):
    """Return the gradients of shared parameters as one vector."""
    return torch.cat([g.flatten() for name, g in gradients.items() if not name.startswith("heads")])


def products(network, x, of_task):
    """Return the products of the tasks' gradients in two halves of a batch."""
    first, second = (
        [2 * w * flat(of_task(network, half, task)) for task, w in enumerate(GIVEN)]
        for half in (x[:10], x[10:])
    )
    return torch.tensor([[(g @ h).item() for h in second] for g in first])


def project(point):
    """Return the nearest point with two positive coordinates of sum one, by a fine search."""
    first = torch.linspace(0, 1, 1_000_001)
    candidates = torch.stack([first, 1 - first], dim=1)
    return candidates[(candidates - point).square().sum(dim=1).argmin()]


def assert_step(found, network, x, weights, of_task):
    """Assert that a step follows weighted gradients, and the heads those by the task weights."""
    rows = [of_task(network, x, task) for task in (0, 1)]
    expected = sum(2 * w * u * flat(row) for w, u, row in zip(weights, GIVEN, rows, strict=True))
    assert_close(flat(found), expected, rtol=1e-4, atol=1e-6)
    for name in found:
        if name.startswith("heads"):
            assert_close(found[name], sum(u * row[name] for u, row in zip(GIVEN, rows)))  # noqa: B905


def test_modo_equals_the_loop_of_its_paper(x, balanced, of_task):
    aggregation = pytest.importorskip("torchjd.aggregation")
    network = SharedBottom(3, [1, 1])
    modo = aggregation.MoDoWeighting(gamma=0.5, rho=0.1)
    balancing = MultiTaskLoss([None, None], [3.0, 1.0], balancing=modo).balancing
    weights = torch.tensor([0.5, 0.5])
    for _ in range(3):
        found = balanced(balancing, network, x)
        step = products(network, x, of_task) @ weights + 0.1 * weights
        weights = project(weights - 0.5 * step)
        assert_step(found, network, x, weights, of_task)
        assert_close(balancing.weights(), 2 * GIVEN * weights, rtol=1e-4, atol=1e-6)
    assert 0 < weights.min() < 0.45  # there was something to weigh


def test_sdmgrad_weighs_by_the_products_of_two_halves(x, balanced, of_task):
    aggregation = pytest.importorskip("torchjd.aggregation")
    network = SharedBottom(3, [1, 1])
    weighting = aggregation.SDMGradWeighting(lr=0.1)
    balancing = MultiTaskLoss([None, None], [3.0, 1.0], balancing=weighting).balancing
    for _ in range(2):  # the second one goes on from the weights of the first
        found = balanced(balancing, network, x)
        weights = weighting(products(network, x, of_task))
        assert_step(found, network, x, weights, of_task)


class Even(nn.Module):
    def forward(self, matrix):
        return matrix.new_full((len(matrix),), 1 / len(matrix))


@pytest.mark.parametrize("network", [SharedBottom, SingleTask])
def test_even_weights_are_fixed_weights(network, x, balanced):
    network = network(3, [1, 1])
    expected = balanced(FixedWeights().start(GIVEN), network, x)
    assert_close(balanced(TwoSampleWeighting(Even()).start(GIVEN), network, x), expected)


def test_a_batch_of_one_row_is_learned_with_fixed_weights(x, task_losses):
    network, twin = SharedBottom(3, [1, 1]), SharedBottom(3, [1, 1])
    twin.load_state_dict(network.state_dict())
    TwoSampleWeighting(Even()).start(GIVEN).backward(task_losses(network, x[:1]), network)
    FixedWeights().start(GIVEN).backward(task_losses(twin, x[:1]), twin)
    for ours, theirs in zip(network.parameters(), twin.parameters(), strict=True):
        assert_close(ours.grad, theirs.grad)


def test_a_penalty_adds_its_gradient_as_it_is(x, balanced):
    network = SharedBottom(3, [1, 1])
    balancing = TwoSampleWeighting(Even()).start(GIVEN)
    without = balanced(balancing, network, x)
    found = balanced(balancing, network, x, sum(p.square().sum() for p in network.parameters()))
    assert_close(found, {key: without[key] + 2 * p for key, p in network.named_parameters()})


def test_weights_go_on_from_a_saved_state(x, balanced):
    aggregation = pytest.importorskip("torchjd.aggregation")
    network = SharedBottom(3, [1, 1])
    first, second = (
        MultiTaskLoss([None, None], balancing=aggregation.MoDoWeighting(gamma=0.02))
        for _ in range(2)
    )
    balanced(first.balancing, network, x)
    second.load_state_dict(first.state_dict())
    expected = balanced(first.balancing, network, x)
    assert_close(balanced(second.balancing, network, x), expected)


def test_a_map_to_something_else_than_weights_is_refused():
    with pytest.raises(ValueError, match=r"Identity cannot balance 2 tasks.*products of grad"):
        TwoSampleWeighting(nn.Identity()).start(GIVEN)
