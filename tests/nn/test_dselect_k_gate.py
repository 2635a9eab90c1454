"""DSelect-k: which experts it selects, and how it learns to."""

import copy
import pickle

import pytest
import torch
from torch.testing import assert_close

from sk_mmoe.nn import MMoE
from sk_mmoe.nn._dselect_k_gate import DSelectKGate, smooth_step


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def assert_near(found, expected):
    assert_close(found, expected, rtol=1e-12, atol=1e-14)


def make(n_experts, *, n_gates=3, n_active=2, entropy=0.0, dropout=0.0):
    """Return gates that read five features, in double precision."""
    gates = DSelectKGate(5, n_gates, n_experts, n_active=n_active, entropy=entropy, dropout=dropout)
    return gates.double()


def scale(gates, factor):
    """Make a gate surer."""
    for parameter in gates.parameters():
        parameter.data *= factor


@pytest.mark.parametrize("dropout", [0.3, 0.9])
def test_dropout_of_selected_experts_keeps_the_ratios_of_those_left(dropout):
    gates = make(6, dropout=dropout)
    scale(gates, 30)
    x = draw(500, 5)
    whole = gates.eval()(x)
    kept = gates.train()(x)
    left = whole * (kept > 0)
    assert_near(kept, left / left.sum(dim=-1, keepdim=True))
    # What is left was never next to nothing: its weights, and their gradients, stay of their size.
    assert (left.sum(dim=-1) > 0.01).all()


def test_smooth_step_has_the_values_of_the_paper():
    # -2 t^3 / gamma^3 + 3 t / (2 gamma) + 1/2 with gamma = 1.
    x = torch.tensor([-9, -0.5, -0.25, 0, 0.1, 0.25, 0.5, 9], dtype=torch.float64)
    expected = torch.tensor([0, 0, 0.15625, 0.5, 0.648, 0.84375, 1, 1], dtype=torch.float64)
    assert_near(smooth_step(x), expected)


def test_smooth_step_has_the_gradients_of_finite_differences():
    x = torch.tensor([-0.7, -0.499, -0.2, 0, 0.1, 0.499, 0.7]).double().requires_grad_()
    assert torch.autograd.gradcheck(smooth_step, (x,))


def test_smooth_step_never_leaves_its_range():
    near = torch.linspace(-0.5, -0.499, 100_001)
    for x in (near, -near):
        assert ((smooth_step(x) >= 0) & (smooth_step(x) <= 1)).all()


def set_digits(gates, digits, shares):
    """Let the selectors of a single gate have logits that do not depend on the input."""
    for parameter in gates.parameters():
        parameter.data.zero_()
    gates.digits.bias.data[0] = torch.tensor(digits).double()
    gates.selectors.bias.data[0] = torch.tensor(shares).double().log()


def test_dselect_k_by_hand():
    # Two selectors of two digits each, the lowest first; the second selector has 3 of 4 shares.
    gates = make(4, n_gates=1)
    set_digits(gates, [[0.25, 0.9], [-0.6, 0.0]], [1.0, 3.0])
    # The smooth step of 0.25 is 27/32.
    first = [0, 0, 5 / 32, 27 / 32]
    second = [0.5, 0, 0.5, 0]
    expected = [a / 4 + 3 * b / 4 for a, b in zip(first, second, strict=True)]
    assert_near(gates(draw(1, 5))[0, 0], torch.tensor(expected).double())


def test_dselect_k_gives_surplus_numbers_to_the_first_experts():
    gates = make(3, n_gates=1, n_active=1)
    # Numbers 0 to 3 with 1/4 each: 0 and 3 are the first expert.
    set_digits(gates, [[0.0, 0.0]], [1.0])
    assert_near(gates(draw(1, 5))[0, 0], torch.tensor([0.5, 0.25, 0.25]).double())
    for number, expert in enumerate([0, 1, 2, 0]):
        set_digits(gates, [[number % 2 - 0.5, number // 2 - 0.5]], [1.0])
        assert gates(draw(1, 5))[0, 0].tolist() == [float(i == expert) for i in range(3)]


@pytest.mark.parametrize("n_experts", range(2, 10))
def test_dselect_k_equals_a_loop_over_selectors_and_numbers(n_experts):
    gates = make(n_experts, n_gates=2)
    scale(gates, 30)
    x = draw(6, 5)
    found = gates(x)
    n_digits = gates.digits.weight.shape[-2]
    assert 2 ** (n_digits - 1) < n_experts <= 2**n_digits
    for k in range(2):
        for sample in range(6):
            shares = (gates.selectors.weight[k] @ x[sample] + gates.selectors.bias[k]).softmax(0)
            expected = torch.zeros(n_experts).double()
            for share, weight, bias in zip(
                shares, gates.digits.weight[k], gates.digits.bias[k], strict=True
            ):
                step = smooth_step(weight @ x[sample] + bias)
                for number in range(2**n_digits):
                    bits = [step[j] if number >> j & 1 else 1 - step[j] for j in range(n_digits)]
                    expected[number % n_experts] += share * torch.stack(bits).prod()
            assert_near(found[k, sample], expected)


@pytest.mark.parametrize("n_experts", [2, 5, 8])
@pytest.mark.parametrize("n_active", [1, 2])
def test_dselect_k_hears_k_experts_at_most_once_its_digits_are_decided(n_experts, n_active):
    gates = make(n_experts, n_active=n_active)
    scale(gates.digits, 1e6)
    heard = (gates(draw(200, 5)) > 0).sum(dim=-1)
    assert heard.max() == n_active
    # The input decides: not all samples hear the same.
    assert len(gates(draw(200, 5)).argmax(dim=-1)[0].unique()) > 1


def test_dselect_k_begins_near_equal_weights():
    gates = DSelectKGate(100, 3, 8, n_active=2)
    bounds = {"digits": 0.01, "selectors": 0.05}
    for name, parameter in gates.named_parameters():
        bound = bounds[name.split(".")[0]]
        assert parameter.abs().max() <= bound
        if parameter.numel() > 100:
            assert_close(parameter.std().item(), bound / 3**0.5, rtol=0.1, atol=0)
    assert_close(
        gates(torch.randn(50, 100)).mean(dim=1), torch.full((3, 8), 1 / 8), atol=0.03, rtol=0
    )


def test_penalty_is_the_mean_entropy_of_the_selectors():
    gates = make(4, n_gates=1, entropy=0.3)
    set_digits(gates, [[0.25, 0.9], [-0.6, 0.0]], [1.0, 3.0])
    gates(draw(7, 5))
    p = torch.tensor([5 / 32, 27 / 32]).double()
    entropies = [-(p * p.log()).sum(), torch.tensor(2.0).double().log()]
    assert_near(gates.penalty(), 0.3 * sum(entropies) / 2)


def test_penalty_of_a_network_is_the_sum_over_its_levels():
    network = MMoE(5, [1, 1], n_experts=4, gate="dselect_k", gate_entropy=0.1, n_levels=2).double()
    network(draw(7, 5))
    penalties = [level.penalty() for level in network.levels]
    assert all(penalty > 0 for penalty in penalties)
    assert_near(network.penalty(), sum(penalties))


def test_penalty_has_finite_gradients_where_digits_are_decided():
    gates = DSelectKGate(5, 3, 8, n_active=2, entropy=1.0)
    for factor in (1, 30, 1e6):
        scale(gates, factor)
        gates.zero_grad()
        (gates(torch.randn(2000, 5)).square().sum() + gates.penalty()).backward()
        assert all(parameter.grad.isfinite().all() for parameter in gates.parameters())


def test_gradients_of_the_penalty_equal_finite_differences():
    gates = make(5, n_gates=2, entropy=1.0)
    scale(gates, 20)

    def penalty(x):
        gates(x)
        return gates.penalty()

    assert torch.autograd.gradcheck(penalty, (draw(4, 5).requires_grad_(),))


def test_descending_along_the_penalty_makes_each_selector_choose_one_expert():
    gates = DSelectKGate(5, 2, 5, n_active=2, entropy=1.0)
    optimizer = torch.optim.Adam(gates.parameters(), lr=0.03)
    x = torch.randn(100, 5)
    before = (gates(x) > 0).sum(dim=-1)
    for _ in range(300):
        optimizer.zero_grad()
        gates(x)
        gates.penalty().backward()
        optimizer.step()
    heard = (gates(x) > 0).sum(dim=-1).double()
    assert (before == 5).all()
    assert heard.mean() < 2.2


def test_without_a_weight_there_is_no_penalty():
    network = MMoE(5, [1, 1], n_experts=4, gate="dselect_k", gate_entropy=0.0)
    network(torch.randn(7, 5))
    assert network.penalty() is None


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_of_a_network_in_training_leave_the_penalty_behind(copied):
    network = MMoE(5, [1, 1], n_experts=4, gate="dselect_k", gate_entropy=0.1)
    x = torch.randn(7, 5)
    expected = network(x)
    penalty = network.penalty()
    again = copied(network)
    assert again.penalty() is None
    assert torch.equal(network.penalty(), penalty)
    for found, scores in zip(again(x), expected, strict=True):
        assert torch.equal(found, scores)
    assert torch.equal(again.penalty(), penalty)
