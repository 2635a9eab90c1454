"""The mixture-of-experts layer."""

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from sk_mmoe.nn import PLE, MixtureOfExperts, MMoE, OMoE


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def mlp(stack, i, x):
    """Return what network `i` of a stack makes of x, one layer at a time."""
    for layer in stack.layers:
        x = torch.relu(F.linear(x, layer.weight[i], layer.bias[i]))
    return x


@pytest.mark.parametrize("hidden", [(), (6,), (6, 4)])
@pytest.mark.parametrize("n_gates", [1, 3])
@pytest.mark.parametrize("n_experts", [1, 4])
def test_mixture_equals_a_loop_over_gates_and_experts(hidden, n_gates, n_experts):
    mixture = MixtureOfExperts(
        5, n_gates, n_experts=n_experts, hidden_layer_sizes=hidden, gate_dropout=0.5
    )
    mixture = mixture.double().eval()
    x = draw(7, 5)
    out = mixture(x)
    assert out.shape == (n_gates, 7, mixture.out_features)
    for k in range(n_gates):
        gate = torch.softmax(x @ mixture.gates.weight[k].T, dim=1)
        assert_close(mixture.gate_weights(x)[k], gate, rtol=1e-12, atol=1e-14)
        expected = sum(gate[:, [i]] * mlp(mixture.experts, i, x) for i in range(n_experts))
        assert_close(out[k], expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("make", [MMoE, OMoE, PLE])
def test_normalised_experts_are_heard_whatever_their_scale(make):
    network = make(5, [1, 3], normalize_experts=True, n_levels=2).double()
    for level in network.levels:
        level.experts.norm.eps = 1e-30
    x = draw(7, 5)
    before = network(x)
    for level in network.levels:
        *_, last = level.experts.layers
        scale = 1e3 * (1 + torch.arange(len(last.weight), dtype=torch.float64))
        last.weight.data *= scale[:, None, None]
        last.bias.data *= scale[:, None]
    assert_close(network(x), before, rtol=1e-9, atol=1e-12)


def test_permuting_experts_changes_nothing():
    mixture = MixtureOfExperts(5, 2, n_experts=4, hidden_layer_sizes=(6, 3)).double()
    x = draw(7, 5)
    before = mixture(x)
    order = torch.tensor([2, 0, 3, 1])
    for layer in mixture.experts.layers:
        layer.weight.data, layer.bias.data = layer.weight.data[order], layer.bias.data[order]
    unmatched = mixture(x)
    mixture.gates.weight.data = mixture.gates.weight.data[:, order]
    assert_close(mixture(x), before, rtol=1e-12, atol=1e-14)
    assert not torch.allclose(unmatched, before)


def test_gates_have_no_bias():
    mixture = MixtureOfExperts(5, 2, n_experts=4)
    assert mixture.gates.bias is None
    assert_close(mixture.gate_weights(torch.zeros(1, 5)), torch.full((2, 1, 4), 0.25))


@pytest.mark.parametrize("gate_dropout", [0.0, 0.3, 0.95])
@pytest.mark.parametrize("n_experts", [1, 2, 8])
def test_gates_sum_to_one(gate_dropout, n_experts):
    mixture = MixtureOfExperts(5, 3, n_experts=n_experts, gate_dropout=gate_dropout).double()
    for training in (True, False):
        gates = mixture.train(training).gate_weights(100 * draw(200, 5))
        assert (gates >= 0).all()
        assert_close(gates.sum(dim=-1), torch.ones(3, 200).double(), rtol=1e-12, atol=1e-14)


def test_gate_dropout_keeps_the_ratios_of_the_experts_that_are_left():
    mixture = MixtureOfExperts(5, 3, n_experts=4, gate_dropout=0.4).double()
    x = draw(500, 5)
    whole = mixture.eval().gate_weights(x)
    kept = mixture.train().gate_weights(x)
    left = whole * (kept > 0)
    assert_close(kept, left / left.sum(dim=-1, keepdim=True), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("gate_dropout", "n_experts"), [(0.1, 8), (0.5, 2), (0.9, 3)])
def test_gate_dropout_drops_each_expert_of_each_gate_with_its_probability(gate_dropout, n_experts):
    mixture = MixtureOfExperts(5, 2, n_experts=n_experts, gate_dropout=gate_dropout)
    dropped = mixture.gate_weights(torch.zeros(20_000, 5)) == 0
    # None is dropped where chance would drop all of them.
    expected = gate_dropout - gate_dropout**n_experts
    frequency = dropped.double().mean(dim=1)
    assert_close(frequency, torch.full_like(frequency, expected), rtol=0, atol=0.015)
    assert not dropped.all(dim=-1).any()
    # Each gate and each sample has draws of its own.
    assert (dropped[0] != dropped[1]).any()
    assert (dropped[:, 1:] != dropped[:, :-1]).any()


def test_gate_dropout_is_off_in_evaluation():
    mixture = MixtureOfExperts(5, 2, gate_dropout=0.5).eval()
    x = torch.randn(50, 5)
    assert (mixture.gate_weights(x) > 0).all()
    assert torch.equal(mixture(x), mixture(x))


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu"])
def test_gradients_of_the_mixture_equal_finite_differences(activation):
    mixture = MixtureOfExperts(
        3, 2, n_experts=3, hidden_layer_sizes=(4,), activation=activation
    ).double()
    names, values = zip(*mixture.named_parameters(), strict=True)

    def outputs(x, *values):
        parameters = dict(zip(names, values, strict=True))
        return torch.func.functional_call(mixture, parameters, (x,))

    assert torch.autograd.gradcheck(outputs, (draw(4, 3).requires_grad_(), *values))


@pytest.mark.parametrize("gate_dropout", [-0.1, 1.0, 1.5])
def test_gate_dropout_is_a_probability_below_one(gate_dropout):
    with pytest.raises(ValueError, match=r"must be in \[0, 1\)"):
        MixtureOfExperts(5, 2, gate_dropout=gate_dropout)


@pytest.mark.parametrize("of_each_gate", [False, True])
@pytest.mark.parametrize("of_each_expert", [False, True])
def test_gates_may_have_an_input_of_their_own(of_each_gate, of_each_expert):
    mixture = MixtureOfExperts(5, 2, n_experts=3, gate_in_features=4).double()
    x = draw(3, 7, 5) if of_each_expert else draw(7, 5)
    gate_input = draw(2, 7, 4) if of_each_gate else draw(7, 4)
    found = mixture(x, gate_input)
    for k, mine in enumerate(gate_input.expand(2, 7, 4)):
        gate = torch.softmax(mine @ mixture.gates.weight[k].T, dim=1)
        heard = x.expand(3, 7, 5)
        expected = sum(gate[:, [i]] * mlp(mixture.experts, i, heard[i]) for i in range(3))
        assert_close(found[k], expected, rtol=1e-12, atol=1e-14)
