"""Gates that use the experts with the highest logits."""

import pytest
import torch
from torch.testing import assert_close

from sk_mmoe.nn import MixtureOfExperts
from sk_mmoe.nn._softmax_gate import SoftmaxGate
from sk_mmoe.nn._top_k_gate import TopKGate


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def assert_near(found, expected):
    assert_close(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("n_active", [1, 2, 4])
def test_top_k_is_the_softmax_over_the_highest_logits(n_active):
    gates = TopKGate(5, 3, 4, n_active=n_active).double()
    x = draw(7, 5)
    weights = gates(x)
    for k in range(3):
        for sample in range(7):
            logits = gates.weight[k] @ x[sample]
            best = sorted(range(4), key=lambda i: -logits[i].item())[:n_active]
            expected = torch.zeros(4).double()
            expected[best] = logits[best].exp() / logits[best].exp().sum()
            assert_near(weights[k, sample], expected)


def test_top_k_of_all_experts_is_softmax():
    top, soft = TopKGate(5, 3, 4, n_active=4), SoftmaxGate(5, 3, 4)
    top.load_state_dict(soft.state_dict())
    x = torch.randn(7, 5)
    assert torch.equal(top(x), soft(x))


@pytest.mark.parametrize("n_active", [1, 2, 3])
def test_exactly_k_experts_are_heard_even_where_logits_tie(n_active):
    gates = TopKGate(5, 3, 4, n_active=n_active).double()
    for x in (draw(50, 5), torch.zeros(50, 5).double()):
        assert ((gates(x) > 0).sum(dim=-1) == n_active).all()


def test_dropout_of_ranked_experts_lets_the_next_ones_in():
    gates = TopKGate(5, 3, 6, n_active=2, dropout=0.3).double()
    x = draw(500, 5)
    torch.manual_seed(1)
    kept = gates(x)
    torch.manual_seed(1)
    logits = gates._logits(x)
    n_left = logits.isfinite().sum(dim=-1)
    assert torch.equal((kept > 0).sum(dim=-1), n_left.clamp(max=2))
    assert (kept[logits.isinf()] == 0).all()


def test_experts_that_are_not_selected_get_no_gradient():
    mixture = MixtureOfExperts(5, 1, n_experts=4, gate="top_k", n_active_experts=1)
    x = torch.randn(1, 5)
    mixture(x).sum().backward()
    chosen = mixture.gate_weights(x)[0, 0] > 0
    for layer in mixture.experts.layers:
        assert torch.equal(layer.bias.grad.any(dim=-1), chosen)
