"""FusedAdamW: torch's AdamW to the last bit, in every situation of training."""

import pickle
from copy import deepcopy

import pytest
import torch
from torch import nn

from sk_mmoe.nn import FusedAdamW

SETTINGS = {"lr": 0.05, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.1}


def make_pair(groups=False):
    """Return two equal networks, one with torch's optimizer and one with ours."""
    torch.manual_seed(0)
    first = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    second = deepcopy(first)
    pair = []
    for network, make in ((first, torch.optim.AdamW), (second, FusedAdamW)):
        params = network.parameters()
        if groups:
            weights = [p for p in network.parameters() if p.dim() > 1]
            biases = [p for p in network.parameters() if p.dim() == 1]
            params = [{"params": weights}, {"params": biases, "lr": 0.2, "weight_decay": 0.0}]
        fused = {"fused": True} if make is torch.optim.AdamW else {}
        pair.append((network, make(params, **SETTINGS, **fused)))
    return pair


def train(network, optimizer, n_steps, seed=0):
    """Take some steps on fresh batches."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(n_steps):
        optimizer.zero_grad()
        network(torch.randn(8, 3, generator=generator)).square().mean().backward()
        optimizer.step()


def assert_equal(pair):
    """Assert that parameters and states agree to the last bit."""
    (network, optimizer), (ours, our_optimizer) = pair
    for theirs, parameter in zip(network.parameters(), ours.parameters(), strict=True):
        assert torch.equal(theirs, parameter)
        for name, value in optimizer.state[theirs].items():
            assert torch.equal(value, our_optimizer.state[parameter][name])


@pytest.mark.parametrize("amsgrad", [False, True])
def test_frozen_parameters_and_amsgrad_are_torchs_too(amsgrad):
    pair = []
    for network, optimizer in make_pair():
        network[0].bias.requires_grad_(False)
        settings = SETTINGS | {"amsgrad": amsgrad}
        settings |= {} if isinstance(optimizer, FusedAdamW) else {"fused": True}
        pair.append((network, type(optimizer)(network.parameters(), **settings)))
        train(*pair[-1], 5)
    assert_equal(pair)


@pytest.mark.parametrize("groups", [False, True])
def test_steps_are_those_of_torch(groups):
    pair = make_pair(groups)
    for network, optimizer in pair:
        train(network, optimizer, 7)
    assert_equal(pair)


def test_a_changed_learning_rate_counts_at_once():
    pair = make_pair()
    for network, optimizer in pair:
        train(network, optimizer, 3)
        optimizer.param_groups[0]["lr"] = 0.001
        train(network, optimizer, 3)
    assert_equal(pair)


def test_a_schedule_of_the_learning_rate_is_followed():
    pair = make_pair()
    for network, optimizer in pair:
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
        for seed in range(4):
            train(network, optimizer, 2, seed)
            schedule.step()
    assert_equal(pair)


def test_parameters_without_gradient_are_left_alone_for_that_step():
    pair = make_pair(groups=True)
    for network, optimizer in pair:
        train(network, optimizer, 2)
        optimizer.zero_grad()
        network(torch.ones(8, 3)).square().mean().backward()
        network[2].bias.grad = None
        optimizer.step()
        train(network, optimizer, 2)
    assert_equal(pair)


def test_a_loaded_state_goes_on():
    pair = make_pair()
    for network, optimizer in pair:
        train(network, optimizer, 3)
        state = deepcopy(optimizer.state_dict())
        train(network, optimizer, 3)
        optimizer.load_state_dict(state)
        train(network, optimizer, 3)
    assert_equal(pair)


def test_a_pickle_goes_on():
    pair = [pickle.loads(pickle.dumps(side)) for side in make_pair()]
    for network, optimizer in pair:
        train(network, optimizer, 3)
    pair = [pickle.loads(pickle.dumps(side)) for side in pair]
    for network, optimizer in pair:
        train(network, optimizer, 3)
    assert_equal(pair)


def test_a_new_group_joins_in():
    pair = make_pair()
    for network, optimizer in pair:
        train(network, optimizer, 2)
        network.append(nn.Linear(2, 2))
        with torch.no_grad():
            network[-1].weight.fill_(0.5)
            network[-1].bias.fill_(0.1)
        optimizer.add_param_group({"params": list(network[-1].parameters())})
        train(network, optimizer, 3)
    assert_equal(pair)


def test_gradients_can_be_set_to_zeros():
    network, optimizer = make_pair()[1]
    train(network, optimizer, 2)
    optimizer.zero_grad(set_to_none=False)
    assert all(not p.grad.any() for p in network.parameters())
    optimizer.zero_grad()
    assert all(p.grad is None for p in network.parameters())


def test_a_closure_is_evaluated():
    network, optimizer = make_pair()[1]

    def closure():
        loss = network(torch.ones(1, 3)).square().mean()
        loss.backward()
        return loss

    assert optimizer.step(closure) > 0
