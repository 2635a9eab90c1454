"""A stack of networks: what each computes alone."""

import pickle
from functools import partial

import pytest
import torch
from torch.testing import assert_close

import sk_mmoe
from sk_mmoe import nn
from sk_mmoe.nn import MemberStack

ARCHITECTURES = [name for name in nn.__all__ if f"{name}Classifier" in sk_mmoe.__all__]
NETWORKS = {name: partial(getattr(nn, name), 5, [1, 3]) for name in ARCHITECTURES} | {
    "MMoE of two levels": lambda: nn.MMoE(5, [1, 3], n_levels=2),
    "MMoE with sparse gates": lambda: nn.MMoE(5, [1, 3], gate="dselect_k", gate_entropy=0.1),
    "OMoE with top-k gates": lambda: nn.OMoE(5, [1, 1], gate="top_k"),
    "PLE of two levels": lambda: nn.PLE(5, [1, 3], n_levels=2),
    "CrossStitch of channels": lambda: nn.CrossStitch(5, [1, 3], per_channel=True),
}


def make_stack(make_network, n_members=3):
    """Return networks, and their stack."""
    networks = [make_network().double() for _ in range(n_members)]
    return networks, MemberStack(networks)


@pytest.mark.parametrize("own_rows", [False, True])
@pytest.mark.parametrize("make_network", NETWORKS.values(), ids=NETWORKS)
def test_scores_penalties_and_gradients_are_those_of_the_networks(make_network, own_rows):
    networks, stack = make_stack(make_network)
    x = torch.randn(3, 7, 5, dtype=torch.float64) if own_rows else torch.randn(7, 5).double()
    scores = stack(x)
    losses = [part.square().sum(dim=(1, 2)) for part in scores]
    penalty = stack.penalty()
    (sum(losses).sum() + (0 if penalty is None else penalty.sum())).backward()
    parameters = dict(stack.network.named_parameters())
    for k, network in enumerate(networks):
        own = network(x[k] if own_rows else x)
        for ours, theirs in zip(scores, own, strict=True):
            assert_close(ours[k], theirs)
        loss = sum(part.square().sum() for part in own)
        own_penalty = getattr(network, "penalty", lambda: None)()
        if own_penalty is not None:
            assert_close(penalty[k], own_penalty)
            loss = loss + own_penalty
        loss.backward()
        for name, parameter in network.named_parameters():
            assert_close(parameters[name].grad[k], parameter.grad)


def test_a_member_is_the_network_it_was_made_of():
    networks, stack = make_stack(NETWORKS["PLE"])
    for k, network in enumerate(networks):
        member = stack.member(k)
        assert member is not network
        for (name, ours), (_, theirs) in zip(
            member.named_parameters(), network.named_parameters(), strict=True
        ):
            assert torch.equal(ours, theirs), name


def test_names_of_parameters_are_those_of_a_network():
    networks, stack = make_stack(NETWORKS["MMoE"])
    names = [name for name, _ in networks[0].named_parameters()]
    assert [name for name, _ in stack.network.named_parameters()] == names


def test_a_member_follows_the_stack_into_training_and_back():
    _, stack = make_stack(NETWORKS["MMoE"])
    assert not stack.eval().member(0).training
    assert stack.train().member(0).training


def test_a_stack_is_pickled_with_its_weights_but_without_a_graph():
    _, stack = make_stack(NETWORKS["L2Constrained"])
    x = torch.randn(4, 5).double()
    scores = stack(x)
    again = pickle.loads(pickle.dumps(stack))
    assert again.penalty() is None
    assert torch.equal(again(x)[0], scores[0])


def test_embedded_networks_look_up_each_in_its_own_table():
    networks, stack = make_stack(lambda: nn.EmbeddedNetwork(nn.MMoE, 3, [1], n_vectors=[4]))
    shared = nn.ColumnRows(torch.randn(6, 2).double(), torch.randint(0, 5, (6, 1)).int())
    own = nn.ColumnRows(torch.randn(3, 6, 2).double(), torch.randint(0, 5, (3, 6, 1)).int())
    for k, network in enumerate(networks):
        assert_close(stack(shared)[0][k], network(shared)[0])
        rows = nn.ColumnRows(own.numbers[k], own.levels[k])
        assert_close(stack(own)[0][k], network(rows)[0])


class LooksAround(torch.nn.Module):
    """A network that calls a function in the middle of its pass."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(3, 1)
        self.heads = self.linear
        self.register_buffer("shift", torch.zeros(1))
        self.look = lambda: None

    def forward(self, x):
        self.look()
        return [self.linear(x) + self.shift]


def test_a_pass_leaves_the_stack_as_it_is_at_any_moment():
    # Else threads that predict would compute with the tensors of each other.
    stack = MemberStack([LooksAround() for _ in range(2)])
    before = dict(stack.named_parameters()) | dict(stack.named_buffers())
    seen = []

    def look():
        now = dict(stack.named_parameters()) | dict(stack.named_buffers())
        seen.append(all(now[name] is tensor for name, tensor in before.items()))

    stack.network.look = look
    stack(torch.ones(4, 3))
    assert seen == [True]


def test_hooks_on_the_network_are_called():
    stack = MemberStack([nn.MMoE(3, [1, 1]) for _ in range(2)])
    calls = []
    stack.network.heads.register_forward_hook(lambda *_: calls.append(1))
    stack(torch.ones(4, 3))
    assert calls == [1]


def test_passes_in_turn_share_one_twin_and_copies_have_none():
    _, stack = make_stack(NETWORKS["MMoE"])
    x = torch.randn(4, 5).double()
    first = [part.detach() for part in stack(x)]
    stack.eval()
    assert all(map(torch.equal, first, stack(x)))
    assert len(stack._twins) == 1
    assert not pickle.loads(pickle.dumps(stack))._twins
