"""Counts of parameters."""

import pytest

from sk_mmoe.nn import MMoE, OMoE, SharedBottom, count_parameters, fit_width

# Experts and towers of the paper.
PAPER = {"expert_hidden_layer_sizes": (16,), "tower_hidden_layer_sizes": (8,)}


def test_the_papers_networks_have_the_papers_sizes():
    # Section 5: 100 * 16 * 8 weights of experts and 16 * 8 * 2 of towers.
    for network in (MMoE(100, [1, 1], **PAPER), OMoE(100, [1, 1], **PAPER)):
        assert count_parameters(network, hidden_weights_only=True) == 100 * 16 * 8 + 16 * 8 * 2


def test_all_parameters_are_hidden_weights_biases_gates_and_heads():
    experts, towers = 100 * 16 * 8 + 16 * 8, 2 * (16 * 8 + 8)
    gates, heads = 2 * 100 * 8, 2 * (8 + 1)
    assert count_parameters(MMoE(100, [1, 1], **PAPER)) == experts + towers + gates + heads


def make(units):
    return SharedBottom(100, [1, 1], hidden_layer_sizes=(units,), tower_hidden_layer_sizes=(8,))


@pytest.mark.parametrize("budget", [1, 116, 117, 1000, 13_056, 1_000_000])
@pytest.mark.parametrize("hidden_weights_only", [False, True])
def test_the_width_is_the_nearest_one(budget, hidden_weights_only):
    def distance(units):
        options = {"hidden_weights_only": hidden_weights_only}
        return abs(count_parameters(make(units), **options) - budget)

    width = fit_width(make, budget, hidden_weights_only=hidden_weights_only)
    around = range(max(1, width - 3), width + 4)
    assert width == min(around, key=distance)


def test_a_budget_as_large_as_mmoes_gives_113_shared_units():
    assert fit_width(make, 13_056) == 113


def test_a_network_that_ignores_the_width_is_refused():
    with pytest.raises(ValueError, match="make_network must use the width"):
        fit_width(lambda units: make(3), 13_056)
