"""Balancing of losses: values by hand, explicit loops over gradients, what is shared."""

import math
import pickle
from functools import partial

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mmoe.nn import (
    CrossStitch,
    DynamicWeightAverage,
    FixedWeights,
    GradientSurgery,
    GradNorm,
    MMoE,
    MultiTaskLoss,
    PCGrad,
    SharedBottom,
    SingleTask,
    UncertaintyWeighting,
)
from sk_mmoe.nn._loss import BALANCING

EVEN = torch.tensor([0.5, 0.5], dtype=torch.float64)


@pytest.fixture(autouse=True)
def _double():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def x():
    return torch.randn(20, 3)


def task_losses(network, x):
    """Return squared errors against targets that pull the tasks apart."""
    targets = (x[:, 0], -5 * x[:, 0])
    return torch.stack(
        [(s[:, 0] - t).square().mean() for s, t in zip(network(x), targets, strict=False)]
    )


def gradients(network):
    return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


def balanced(balancing, network, x, penalty=None):
    """Return the gradients of a balanced step."""
    network.zero_grad()
    balancing.backward(task_losses(network, x), network, penalty)
    return gradients(network)


def of_task(network, x, task):
    """Return the gradients of the loss of one task."""
    network.zero_grad()
    task_losses(network, x)[task].backward()
    found = gradients(network)
    return {name: found.get(name, torch.zeros_like(p)) for name, p in network.named_parameters()}


@pytest.mark.parametrize("network", [SharedBottom, MMoE, CrossStitch, SingleTask])
def test_fixed_weights_give_the_gradient_of_the_weighted_mean(network, x):
    network = network(3, [1, 1])
    found = balanced(FixedWeights().start(torch.tensor([0.75, 0.25])), network, x)
    first, second = of_task(network, x, 0), of_task(network, x, 1)
    assert_close(found, {name: 0.75 * first[name] + 0.25 * second[name] for name in first})


def test_uncertainty_weighting_is_the_loss_computed_by_hand():
    balancing = UncertaintyWeighting().start(torch.tensor([0.75, 0.25]))
    with torch.no_grad():
        balancing.log_variances.copy_(torch.tensor([math.log(2), math.log(0.5)]))
    loss = balancing.loss(torch.tensor([4.0, 3.0]))
    by_hand = 0.75 * (4 / 2 + math.log(2)) + 0.25 * (3 / 0.5 + math.log(0.5))
    assert loss.item() == pytest.approx(by_hand)


def test_uncertainty_weights_are_the_inverse_losses_at_the_optimum():
    balancing = UncertaintyWeighting().start(EVEN)
    optimizer = torch.optim.SGD(balancing.parameters(), lr=0.5)
    for _ in range(300):
        optimizer.zero_grad()
        balancing.loss(torch.tensor([4.0, 0.1])).backward()
        optimizer.step()
    assert_close(balancing.weights().detach(), 0.5 / torch.tensor([4.0, 0.1]))


def test_dynamic_weight_average_is_the_formula_computed_by_hand():
    balancing = DynamicWeightAverage(temperature=0.5).start(torch.tensor([0.75, 0.25]))
    balancing.begin_epoch([[9.0, 9.0], [2.0, 1.0], [1.0, 0.9]])
    first, second = math.exp(0.5 / 0.5), math.exp(0.9 / 0.5)
    expected = [0.75 * 2 * first / (first + second), 0.25 * 2 * second / (first + second)]
    assert balancing.weights().tolist() == pytest.approx(expected)


@pytest.mark.parametrize("history", [[], [[1.0, 2.0]], [[0.0, 0.0], [0.0, 0.0]]])
def test_dynamic_weight_average_begins_with_the_weights_given(history):
    balancing = DynamicWeightAverage().start(EVEN)
    balancing.begin_epoch(history)
    assert_close(balancing.weights(), EVEN)


def pcgrad_by_loops(rows, orders):
    """Return the sum of projected gradients as the algorithm of the paper has it."""
    total = torch.zeros_like(rows[0])
    for i, order in enumerate(orders):
        projected = rows[i].clone()
        for j in order:
            if j != i and projected @ rows[j] < 0:
                projected -= projected @ rows[j] / (rows[j] @ rows[j]) * rows[j]
        total += projected
    return total


@pytest.mark.parametrize("n_tasks", [1, 2, 3, 5])
def test_pcgrad_equals_the_loops_of_its_paper(n_tasks):
    rows = torch.randn(n_tasks, 4)
    torch.manual_seed(1)
    found = PCGrad()(rows)
    torch.manual_seed(1)
    orders = [torch.randperm(n_tasks).tolist() for _ in range(n_tasks)]
    assert_close(found, pcgrad_by_loops(rows, orders))


def test_pcgrad_equals_that_of_torchjd():
    aggregation = pytest.importorskip("torchjd.aggregation")
    for rows in torch.randn(5, 2, 7):  # two tasks have one order only
        assert_close(PCGrad()(rows), aggregation.PCGrad()(rows))


def test_pcgrad_keeps_gradients_without_conflict_and_a_task_without_gradient():
    rows = torch.tensor([[1.0, 2.0], [0.0, 0.0], [2.0, -1.0]])
    assert_close(PCGrad()(rows), torch.tensor([3.0, 1.0]))


@pytest.mark.parametrize("network", [SharedBottom, MMoE, partial(CrossStitch, own_weight_init=0.5)])
def test_surgery_changes_what_is_shared_only(network, x):
    network = network(3, [1, 1])
    with torch.no_grad():
        for parameter in network.heads.parameters():  # the tasks pull apart from the start
            parameter[:] = parameter[:1]
    found = balanced(GradientSurgery(PCGrad()).start(EVEN), network, x)
    rows = [of_task(network, x, task) for task in (0, 1)]
    shared = [name for name in found if not name.startswith("heads")]
    flat = [torch.cat([0.5 * row[name].flatten() for name in shared]) for row in rows]
    assert flat[0] @ flat[1] < 0  # there is something to mend
    expected = pcgrad_by_loops(flat, [[0, 1], [0, 1]])
    assert_close(torch.cat([found[name].flatten() for name in shared]), expected)
    for name in found.keys() - set(shared):
        assert_close(found[name], 0.5 * (rows[0][name] + rows[1][name]))


class Sum(nn.Module):
    def forward(self, matrix):
        return matrix.sum(dim=0)


@pytest.mark.parametrize("balancing", [GradientSurgery(Sum()), GradNorm()])
@pytest.mark.parametrize("network", [SharedBottom, MMoE, CrossStitch, SingleTask])
def test_the_sum_of_the_gradients_is_that_of_fixed_weights(network, balancing, x):
    network = network(3, [1, 1])
    expected = balanced(FixedWeights().start(EVEN), network, x)
    assert_close(balanced(balancing.start(EVEN), network, x), expected)


@pytest.mark.parametrize("name", BALANCING)
def test_a_penalty_adds_its_gradient_as_it_is(name, x):
    network = SharedBottom(3, [1, 1])

    def step(penalty):
        torch.manual_seed(3)
        return balanced(MultiTaskLoss([None, None], balancing=name).balancing, network, x, penalty)

    without = step(None)
    found = step(sum(p.square().sum() for p in network.parameters()))
    assert_close(found, {key: without[key] + 2 * p for key, p in network.named_parameters()})


@pytest.mark.parametrize("name", BALANCING)
def test_a_network_without_anything_shared_learns_as_with_fixed_weights(name, x):
    network = SingleTask(3, [1, 1])
    expected = balanced(FixedWeights().start(EVEN), network, x)
    assert_close(
        balanced(MultiTaskLoss([None, None], balancing=name).balancing, network, x), expected
    )


@pytest.mark.parametrize("name", BALANCING)
def test_a_network_without_heads_is_shared_as_a_whole(name, x):
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 2)

        def forward(self, x):
            return self.linear(x).split(1, dim=1)

    assert balanced(MultiTaskLoss([None, None], balancing=name).balancing, Plain(), x).keys() == {
        "linear.weight",
        "linear.bias",
    }


def norms_of(network, x, weights):
    """Return the norms of the weighted gradients on the shared parameters."""
    rows = [of_task(network, x, task) for task in (0, 1)]
    return [
        weight * torch.cat([row[k].flatten() for k in row if not k.startswith("heads")]).norm()
        for row, weight in zip(rows, weights, strict=True)
    ]


@pytest.mark.parametrize("restoring_force", [0.0, 1.5])
def test_gradnorm_sends_its_weights_the_gradient_computed_by_hand(restoring_force, x):
    network = SharedBottom(3, [1, 1])
    balancing = GradNorm(restoring_force).start(torch.tensor([0.75, 0.25]))
    with torch.no_grad():
        balancing.log_weights.copy_(torch.tensor([0.3, -0.2]))
        balancing.first_losses.copy_(torch.tensor([2.0, 40.0]))
    balanced(balancing, network, x)

    logits = torch.tensor([0.3, -0.2], requires_grad=True)
    weights = torch.tensor([0.75, 0.25]) * 2 * logits.softmax(dim=0)
    plain = norms_of(network, x, [1.0, 1.0])
    weighted = [w.detach() * n for w, n in zip(weights, plain, strict=True)]
    left = task_losses(network, x).detach() / torch.tensor([2.0, 40.0])
    targets = torch.stack(weighted).mean() * (left / left.mean()) ** restoring_force
    sum((w * n - t).abs() for w, n, t in zip(weights, plain, targets, strict=True)).backward()
    assert_close(balancing.log_weights.grad, logits.grad)


def test_gradnorm_without_restoring_force_makes_the_gradients_alike_in_size(x):
    network = SharedBottom(3, [1, 1])
    balancing = GradNorm(restoring_force=0).start(EVEN)
    before = norms_of(network, x, balancing.weights().tolist())
    optimizer = torch.optim.Adam(balancing.parameters(), lr=0.01)
    for _ in range(600):  # the network stands still
        optimizer.zero_grad()
        balanced(balancing, network, x)
        optimizer.step()
    after = norms_of(network, x, balancing.weights().tolist())
    assert max(before) / min(before) > 2
    assert max(after) / min(after) < 1.05
    assert balancing.weights().sum().item() == pytest.approx(1)


def test_gradnorm_remembers_the_first_loss_of_each_task(x):
    network = SharedBottom(3, [1, 1])
    balancing = GradNorm().start(EVEN)
    for scales in ([1.0, 0.0], [2.0, 3.0], [5.0, 5.0]):  # no label of the second task at first
        network.zero_grad()
        balancing.backward(task_losses(network, x) * torch.tensor(scales), network)
        assert balancing.log_weights.grad.isfinite().all()
    assert_close(balancing.first_losses, task_losses(network, x).detach() * torch.tensor([1, 3]))


@pytest.mark.parametrize("name", BALANCING)
def test_a_loss_does_not_depend_on_its_balancing(name):
    loss = MultiTaskLoss([None, None], [3.0, 1.0], balancing=name)
    assert loss.total(torch.tensor([1.0, 10.0])).item() == pytest.approx(3.25)


@pytest.mark.parametrize("name", BALANCING)
def test_what_is_learned_is_saved_and_settings_are_not(name, x):
    loss = MultiTaskLoss([None, None], balancing=name)
    assert "balancing.task_weights" not in loss.state_dict()
    again = pickle.loads(pickle.dumps(loss))
    assert again.state_dict().keys() == loss.state_dict().keys()


def test_a_loss_copies_the_balancing_that_it_is_given():
    balancing = GradNorm(0.5)
    first, second = (MultiTaskLoss([None] * n, balancing=balancing) for n in (2, 3))
    assert [len(loss.balancing.log_weights) for loss in (first, second)] == [2, 3]
    assert not list(balancing.parameters())
    assert first.balancing.restoring_force == 0.5


def test_any_other_module_is_taken_for_an_aggregator():
    assert isinstance(MultiTaskLoss([None], balancing=Sum()).balancing, GradientSurgery)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DynamicWeightAverage(0), "temperature must be positive, got 0"),
        (lambda: GradNorm(-1), "restoring_force must be at least 0, got -1"),
        (lambda: MultiTaskLoss([None], balancing="even"), "balancing must be one of .* got 'even'"),
    ],
)
def test_bad_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
