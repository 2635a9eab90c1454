"""Random numbers from a chosen generator: those of torch, whatever other threads do."""

from threading import Thread

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mmoe.nn import (
    PLE,
    CrossStitch,
    EmbeddedNetwork,
    L2Constrained,
    MemberStack,
    MMoE,
    OMoE,
    PCGrad,
    SharedBottom,
    SingleTask,
    TensorFactorization,
    initialize_weights,
)
from sk_mmoe.nn._random import Dropout, current_generator, drawing_from, uniform_like

NETWORKS = {
    "CrossStitch": lambda: CrossStitch(5, [1, 2], dropout=0.3),
    "EmbeddedNetwork": lambda: EmbeddedNetwork(MMoE, 5, [1, 2], n_vectors=[3, 4], dropout=0.3),
    "L2Constrained": lambda: L2Constrained(5, [1, 2], dropout=0.3),
    "MMoE": lambda: MMoE(5, [1, 2], dropout=0.3, gate_dropout=0.3),
    "MMoE, DSelect-k": lambda: MMoE(5, [1, 2], gate="dselect_k", gate_dropout=0.3),
    "MMoE, top-k": lambda: MMoE(5, [1, 2], gate="top_k", gate_dropout=0.3),
    "OMoE": lambda: OMoE(5, [1, 2], dropout=0.3, gate_dropout=0.3),
    "PLE": lambda: PLE(5, [1, 2], dropout=0.3, gate_dropout=0.3),
    "SharedBottom": lambda: SharedBottom(5, [1, 2], dropout=0.3),
    "SingleTask": lambda: SingleTask(5, [1, 2], dropout=0.3),
    "TensorFactorization": lambda: TensorFactorization(5, [1, 2], dropout=0.3),
    "He": lambda: initialize_weights(MMoE(5, [1, 2]), "he_uniform"),
    "Glorot": lambda: initialize_weights(TensorFactorization(5, [1, 2]), "glorot_uniform"),
    # With dropout, members draw other numbers than torch.vmap would.
    "members": lambda: MemberStack([MMoE(5, [1, 2]) for _ in range(2)]),
}


def seeded(seed=3):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_networks_draw_the_numbers_that_the_global_generator_would_give(make):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        expected = make()
        outputs = None if isinstance(expected, EmbeddedNetwork) else expected(torch.ones(4, 5))
    before = torch.random.get_rng_state()
    with drawing_from(seeded()):
        found = make()
        if outputs is not None:
            for ours, theirs in zip(found(torch.ones(4, 5)), outputs, strict=True):
                assert torch.equal(ours, theirs)
    assert found.state_dict().keys() == expected.state_dict().keys()
    for name, value in found.state_dict().items():
        assert torch.equal(value, expected.state_dict()[name]), name
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("training", [False, True])
def test_dropout_is_that_of_torch(p, training):
    x = torch.randn(50, 7)
    ours, theirs = Dropout(p).train(training), nn.Dropout(p).train(training)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        expected = theirs(x)
    with drawing_from(seeded()):
        assert torch.equal(ours(x), expected)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        assert torch.equal(ours(x), expected)  # without a generator, from the global one


def test_dropout_sends_gradient_where_it_keeps_values():
    x = torch.ones(100, requires_grad=True)
    with drawing_from(seeded()):
        out = Dropout(0.25)(x)
    out.sum().backward()
    assert_close(x.grad, out.detach())
    assert set(out.tolist()) == {0.0, float(torch.tensor(1.0) / 0.75)}


def test_members_drop_different_values():
    with drawing_from(seeded()):
        out = torch.vmap(Dropout(0.5), randomness="different")(torch.ones(2, 50))
    assert not torch.equal(out[0], out[1])


def test_pcgrad_draws_its_order_from_the_generator():
    rows = torch.randn(5, 4)
    results = []
    for _ in range(2):
        with drawing_from(seeded()):
            results.append(PCGrad()(rows))
        torch.rand(3)  # moves the global generator on
    assert torch.equal(*results)


def test_a_generator_is_that_of_its_thread_and_block():
    seen = []
    with drawing_from(seeded()):
        assert current_generator() is not None
        thread = Thread(target=lambda: seen.append(current_generator()))
        thread.start()
        thread.join()
        with drawing_from(other := seeded()):
            assert current_generator() is other
        assert current_generator() is not other
    assert seen == [None]
    assert current_generator() is None


def test_a_block_that_fails_gives_the_generator_back():
    with pytest.raises(RuntimeError, match="broken"), drawing_from(seeded()):
        raise RuntimeError("broken")
    assert current_generator() is None


def test_uniform_numbers_are_those_of_torch():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        expected = torch.rand(4, 5)
    with drawing_from(seeded()):
        assert torch.equal(uniform_like(torch.empty(4, 5)), expected)
