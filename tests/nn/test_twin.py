"""A twin: the network's computation with other tensors."""

import pytest
import torch
from torch.func import functional_call

from sk_mmoe import nn
from sk_mmoe.nn._twin import Twin

NETWORKS = {
    "MMoE": lambda: nn.MMoE(5, [1, 3], dropout=0.5),
    "PLE": lambda: nn.PLE(5, [1, 3], n_levels=2),
    "CrossStitch": lambda: nn.CrossStitch(5, [1, 3]),
}


def compute(network, x):
    """Return all scores of a network."""
    return torch.cat(network(x), dim=1)


@pytest.mark.parametrize("make_network", NETWORKS.values(), ids=NETWORKS)
def test_a_bound_twin_is_a_functional_call(make_network):
    network, other = make_network().eval(), make_network().eval()
    twin = Twin(network)
    before = [part.clone() for part in twin.follow()]
    tensors = dict(other.named_parameters()) | dict(other.named_buffers())
    x = torch.randn(7, 5)
    expected = torch.cat(functional_call(network, tensors, (x,)), dim=1)
    assert torch.equal(compute(twin.bind(Twin(other).follow()), x), expected)
    after = [*network.parameters(), *network.buffers()]
    assert {t.data_ptr() for t in twin.follow()} == {t.data_ptr() for t in after}
    assert all(map(torch.equal, before, twin.follow()))


def test_a_twin_follows_what_the_network_becomes():
    network = NETWORKS["MMoE"]()
    twin = Twin(network)
    x = torch.randn(7, 5)
    torch.manual_seed(0)
    trained = compute(twin.bind(twin.follow()), x)
    torch.manual_seed(0)
    assert torch.equal(trained, compute(network, x))
    network.eval()
    assert torch.equal(compute(twin.bind(twin.follow()), x), compute(network, x))
    network.load_state_dict(NETWORKS["MMoE"]().state_dict())
    network.double()
    assert torch.equal(compute(twin.bind(twin.follow()), x.double()), compute(network, x.double()))


def test_a_bound_twin_keeps_its_tensors_when_another_follows():
    network = NETWORKS["MMoE"]().eval()
    first, second = Twin(network), Twin(network)
    x = torch.randn(7, 5)
    bound = first.bind([torch.zeros_like(part) for part in first.follow()])
    second.bind(second.follow())
    assert not compute(bound, x).any()
    assert compute(network, x).any()
