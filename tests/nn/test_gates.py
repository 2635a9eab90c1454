"""What gates of all kinds have in common."""

import pytest
import torch
from torch.testing import assert_close

from sk_mmoe.nn import MMoE, OMoE
from sk_mmoe.nn._gates import GATES, make_gate

SPARSE = [gate for gate in GATES if gate != "softmax"]


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def assert_near(found, expected):
    assert_close(found, expected, rtol=1e-12, atol=1e-14)


def make(gate, n_experts, *, in_features=5, n_gates=3, n_active=2, entropy=0.0, dropout=0.0):
    gates = make_gate(
        gate,
        in_features,
        n_gates,
        n_experts,
        n_active=min(n_active, n_experts),
        entropy=entropy,
        dropout=dropout,
    )
    return gates.double()


def scale(gates, factor):
    """Make a gate surer."""
    for parameter in gates.parameters():
        parameter.data *= factor


@pytest.mark.parametrize("n_experts", range(1, 10))
@pytest.mark.parametrize("gate", GATES)
def test_weights_sum_to_one(gate, n_experts):
    x = draw(200, 5)
    for factor in (1, 100):
        gates = make(gate, n_experts, dropout=0.5)
        scale(gates, factor)
        for training in (True, False):
            weights = gates.train(training)(x)
            assert weights.shape == (3, 200, n_experts)
            assert (weights >= 0).all()
            assert_near(weights.sum(dim=-1), torch.ones(3, 200).double())


@pytest.mark.parametrize("gate", GATES)
def test_gates_may_each_read_an_input_of_their_own(gate):
    gates = make(gate, 5)
    scale(gates, 10)
    x = draw(3, 7, 5)
    expected = torch.stack([gates(x[k])[k] for k in range(3)])
    assert_near(gates(x), expected)
    assert_near(gates(x[0].expand(3, -1, -1)), gates(x[0]))


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("n_experts", [1, 3, 8])
def test_dropout_keeps_some_experts_and_is_off_in_evaluation(gate, n_experts):
    gates = make(gate, n_experts, dropout=0.6)
    scale(gates, 3)
    x = draw(500, 5)
    whole = gates.eval()(x)
    kept = gates.train()(x)
    assert torch.equal(gates.eval()(x), whole)
    assert (kept.max(dim=-1).values > 0).all()
    if n_experts == 1:
        assert_near(kept, whole)
    else:
        assert ((kept == 0) & (whole > 0)).any()


@pytest.mark.parametrize("gate", GATES)
def test_gradients_equal_finite_differences(gate):
    # Wide enough for the digits to lie on the steps, inside and outside.
    gates = make(gate, 5, in_features=3, n_gates=2)
    scale(gates, 1 if gate == "top_k" else 30)
    names, values = zip(*gates.named_parameters(), strict=True)

    def weights(x, *values):
        return torch.func.functional_call(gates, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(weights, (draw(4, 3).requires_grad_(), *values))


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("cls", [MMoE, OMoE])
def test_networks_mix_by_the_gates_of_any_kind(gate, cls):
    network = cls(5, [1, 2], n_experts=3, n_levels=2, gate=gate).double()
    x = draw(7, 5)
    for level in (0, 1):
        weights = network.gate_weights(x, level=level)
        assert weights.shape == (2, 7, 3)
        assert_near(weights.sum(dim=-1), torch.ones(2, 7).double())
    first = network.levels[0]
    experts = first.experts(x)
    weights = first.gates(x)
    for k, mixture in enumerate(first(x)):
        assert_near(mixture, sum(weights[k][:, [i]] * experts[i] for i in range(3)))


@pytest.mark.parametrize("gate", GATES)
def test_only_passes_in_training_have_a_penalty(gate):
    network = MMoE(5, [1, 1], n_experts=4, gate=gate, gate_entropy=0.1)
    x = torch.randn(7, 5)
    assert network.penalty() is None
    network(x)
    assert (network.penalty() is not None) == (gate == "dselect_k")
    network.eval()(x)
    assert network.penalty() is None
    network.train()(x)
    with torch.no_grad():
        network(x)
    assert network.penalty() is None


def test_an_unknown_gate_is_an_error():
    with pytest.raises(ValueError, match=r"gate must be one of .*'dselect_k'.*got 'topk'"):
        MMoE(5, [1, 1], gate="topk")


@pytest.mark.parametrize("gate", SPARSE)
@pytest.mark.parametrize("n_active", [0, 4])
def test_a_sparse_gate_hears_between_one_and_all_experts(gate, n_active):
    with pytest.raises(ValueError, match=rf"from 1 to n_experts=3 .*got {n_active}"):
        MMoE(5, [1, 1], n_experts=3, gate=gate, n_active_experts=n_active)


def test_the_weight_of_the_entropy_is_not_negative():
    with pytest.raises(ValueError, match="gate_entropy must be a finite number"):
        MMoE(5, [1, 1], gate="dselect_k", gate_entropy=-1.0)


def test_softmax_gates_ignore_what_concerns_sparse_ones():
    torch.manual_seed(1)
    plain = MMoE(5, [1, 1])
    torch.manual_seed(1)
    other = MMoE(5, [1, 1], n_active_experts=99, gate_entropy=-1.0)
    x = torch.randn(7, 5)
    assert all(torch.equal(a, b) for a, b in zip(plain(x), other(x), strict=True))
