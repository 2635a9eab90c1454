"""What all balancing methods have in common: gradients, penalties, state, and the registry."""

import pickle

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mmoe.nn import (
    FAMO,
    CrossStitch,
    DynamicWeightAverage,
    FixedWeights,
    GradientSurgery,
    GradNorm,
    MMoE,
    MultiTaskLoss,
    SharedBottom,
    SingleTask,
)
from sk_mmoe.nn.balancing import BALANCING


class Sum(nn.Module):
    def forward(self, matrix):
        return matrix.sum(dim=0)


def make(name):
    """Return a balancing of two tasks."""
    return MultiTaskLoss([None, None], balancing=name).balancing


@pytest.mark.parametrize("network", [SharedBottom, MMoE, CrossStitch, SingleTask])
def test_fixed_weights_give_the_gradient_of_the_weighted_mean(network, x, balanced, of_task):
    network = network(3, [1, 1])
    found = balanced(FixedWeights().start(torch.tensor([0.75, 0.25])), network, x)
    first, second = of_task(network, x, 0), of_task(network, x, 1)
    assert_close(found, {name: 0.75 * first[name] + 0.25 * second[name] for name in first})


@pytest.mark.parametrize("balancing", [GradientSurgery(Sum()), GradNorm()])
@pytest.mark.parametrize("network", [SharedBottom, MMoE, CrossStitch, SingleTask])
def test_the_sum_of_the_gradients_is_that_of_fixed_weights(network, balancing, x, even, balanced):
    network = network(3, [1, 1])
    expected = balanced(FixedWeights().start(even), network, x)
    assert_close(balanced(balancing.start(even), network, x), expected)


@pytest.mark.parametrize("name", BALANCING)
def test_a_penalty_adds_its_gradient_as_it_is(name, x, balanced):
    network = SharedBottom(3, [1, 1])

    def step(penalty):
        torch.manual_seed(3)
        return balanced(make(name), network, x, penalty)

    without = step(None)
    found = step(sum(p.square().sum() for p in network.parameters()))
    assert_close(found, {key: without[key] + 2 * p for key, p in network.named_parameters()})


@pytest.mark.parametrize("name", sorted(BALANCING.keys() - {"famo"}))
def test_a_network_without_anything_shared_begins_as_with_fixed_weights(name, x, even, balanced):
    network = SingleTask(3, [1, 1])
    expected = balanced(FixedWeights().start(even), network, x)
    assert_close(balanced(make(name), network, x), expected)


@pytest.mark.parametrize("name", BALANCING)
def test_a_network_without_heads_is_shared_as_a_whole(name, x, balanced):
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 2)

        def forward(self, x):
            return self.linear(x).split(1, dim=1)

    assert balanced(make(name), Plain(), x).keys() == {"linear.weight", "linear.bias"}


@pytest.mark.parametrize("name", BALANCING)
def test_a_loss_does_not_depend_on_its_balancing(name):
    loss = MultiTaskLoss([None, None], [3.0, 1.0], balancing=name)
    assert loss.total(torch.tensor([1.0, 10.0])).item() == pytest.approx(3.25)


@pytest.mark.parametrize("name", BALANCING)
def test_what_is_learned_is_saved_and_settings_are_not(name):
    loss = MultiTaskLoss([None, None], balancing=name)
    assert "balancing.task_weights" not in loss.state_dict()
    again = pickle.loads(pickle.dumps(loss))
    assert again.state_dict().keys() == loss.state_dict().keys()


@pytest.mark.parametrize("name", BALANCING)
def test_learned_weights_are_a_group_of_ten_times_the_rate_without_decay(name):
    balancing = make(name)
    groups = balancing.parameter_groups(0.01)
    learned = [parameter for group in groups for parameter in group["params"]]
    assert len(learned) == len(list(balancing.parameters())) == len(groups)
    for group in groups:
        assert group["lr"] == pytest.approx(0.1)
        assert group["weight_decay"] == 0.0


def test_a_loss_copies_the_balancing_that_it_is_given():
    balancing = GradNorm(0.5)
    first, second = (MultiTaskLoss([None] * n, balancing=balancing) for n in (2, 3))
    assert [len(loss.balancing.log_weights) for loss in (first, second)] == [2, 3]
    assert not list(balancing.parameters())
    assert first.balancing.restoring_force == 0.5


def test_any_other_module_is_taken_for_an_aggregator():
    assert isinstance(MultiTaskLoss([None], balancing=Sum()).balancing, GradientSurgery)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Linear(3, 2), "Linear cannot balance 2 tasks.* from shape .2, 4. to shape .4,."),
        (nn.Identity(), "Identity cannot balance 2 tasks.* it returned torch.Size"),
        (nn.Module(), "Module cannot balance 2 tasks.* it raised NotImplementedError"),
    ],
)
def test_a_module_that_is_no_balancing_is_refused_before_training(module, message):
    with pytest.raises(ValueError, match=message):
        MultiTaskLoss([None, None], balancing=module)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DynamicWeightAverage(0), "temperature must be positive, got 0"),
        (lambda: GradNorm(-1), "restoring_force must be at least 0, got -1"),
        (lambda: FAMO(learning_rate=0), "learning_rate must be positive, got 0"),
        (lambda: FAMO(decay=-1), "decay must be at least 0, got -1"),
        (lambda: MultiTaskLoss([None], balancing="even"), "balancing must be one of .* got 'even'"),
    ],
)
def test_bad_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
