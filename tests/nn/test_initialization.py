"""First weights: every layer of a network is drawn as if it were alone."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

import sk_mmoe
from sk_mmoe import MMoERegressor, fit_runs
from sk_mmoe.datasets import make_multitask_sinusoid
from sk_mmoe.nn import (
    CrossStitch,
    EmbeddedNetwork,
    MixtureOfExperts,
    MMoE,
    StackedLinear,
    TaskHeads,
    TuckerLinear,
    initialize_weights,
)

X, Y = make_multitask_sinusoid(150, 10, random_state=0)


def torch_bound(weight, bias):
    """Return the bound of a layer of torch, as documented there."""
    return 1 / math.sqrt(weight.shape[1])


def glorot_bound(weight, bias):
    """Return the bound that torch.nn.init has for a single layer."""
    drawn = nn.init.xavier_uniform_(torch.empty(weight.shape))
    bound = math.sqrt(6 / sum(weight.shape))
    assert drawn.abs().max() <= bound
    return bound


def he_bound(weight, bias):
    """Return the bound that torch.nn.init has for a single layer."""
    drawn = nn.init.kaiming_uniform_(torch.empty(weight.shape), nonlinearity="relu")
    bound = math.sqrt(6 / weight.shape[1])
    assert drawn.abs().max() <= bound
    return bound


BOUNDS = {"torch": torch_bound, "glorot_uniform": glorot_bound, "he_uniform": he_bound}


def assert_uniform(values, bound):
    """Assert that numbers are uniform between minus and plus a bound."""
    values = values.detach().flatten()
    assert values.abs().max() <= bound
    assert values.abs().max() > 0.95 * bound
    assert_allclose(values.var(correction=0), bound**2 / 3, rtol=0.15)
    assert_allclose(values.mean(), 0, atol=4 * bound / math.sqrt(3 * len(values)))


@pytest.mark.parametrize("weight_init", BOUNDS)
@pytest.mark.parametrize("stack", [(), 3, (2, 3)])
def test_each_matrix_of_a_stack_is_drawn_as_a_layer_alone(weight_init, stack):
    torch.manual_seed(0)
    layer = initialize_weights(StackedLinear(stack, 30, 20), weight_init)
    for weight, bias in zip(
        layer.weight.reshape(-1, 20, 30), layer.bias.reshape(-1, 20), strict=True
    ):
        bound = BOUNDS[weight_init](weight, bias)
        assert_uniform(weight, bound)
        if weight_init == "torch":
            assert 0 < bias.abs().max() <= bound
        else:
            assert_array_equal(bias.detach(), 0)


@pytest.mark.parametrize("weight_init", BOUNDS)
def test_the_head_of_each_task_is_a_layer_alone(weight_init):
    torch.manual_seed(0)
    heads = initialize_weights(TaskHeads(400, [1, 5]), weight_init)
    for weight, bias in zip(heads.weight.split([1, 5]), heads.bias.split([1, 5]), strict=True):
        assert_uniform(weight, BOUNDS[weight_init](weight, bias))
        assert (weight_init == "torch") == bool(bias.any())


@pytest.mark.parametrize("weight_init", BOUNDS)
def test_weights_in_tucker_form_have_the_variance_of_the_distribution(weight_init):
    torch.manual_seed(0)
    variances = []
    for _ in range(20):
        layer = initialize_weights(TuckerLinear(2, 60, 40, ranks=(20, 10, 2)), weight_init)
        variances.append(layer.weight.detach().var(correction=0).item())
        assert (weight_init == "torch") == bool(layer.bias.any())
    assert_allclose(
        np.mean(variances), BOUNDS[weight_init](layer.weight[0], None) ** 2 / 3, rtol=0.1
    )


def test_gates_are_drawn_too():
    torch.manual_seed(0)
    layer = initialize_weights(MixtureOfExperts(50, 2, n_experts=12), "he_uniform")
    for gate in layer.gates.weight:
        assert_uniform(gate, math.sqrt(6 / 50))


@pytest.mark.parametrize(
    ("network", "kept"),
    [
        (CrossStitch(10, [1, 1]), "stitch"),
        (MMoE(10, [1, 1], gate="dselect_k"), "gates"),
        (EmbeddedNetwork(MMoE, 3, [1], n_vectors=[4, 4, 4]), "column_embedding"),
        (MMoE(10, [1], normalize_experts=True), "norm"),
    ],
    ids=["cross-stitch units", "DSelect-k", "embeddings", "layer normalisation"],
)
def test_what_a_layer_depends_on_keeps_its_values(network, kept):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    initialize_weights(network, "glorot_uniform")
    assert any(kept in name for name in before)
    for name, value in network.state_dict().items():
        assert (kept in name) == torch.equal(value, before[name]), name


@pytest.mark.parametrize(
    "architecture", [name for name in sk_mmoe.nn.__all__ if f"{name}Classifier" in sk_mmoe.__all__]
)
def test_all_biases_of_all_networks_are_zero_with_glorot(architecture):
    network = initialize_weights(getattr(sk_mmoe.nn, architecture)(10, [1, 3]), "glorot_uniform")
    biases = [value for name, value in network.named_parameters() if name.endswith("bias")]
    assert biases
    assert not any(bias.any() for bias in biases)


def test_an_unknown_distribution_is_refused():
    with pytest.raises(ValueError, match=r"weight_init must be one of \['torch', .*got 'zeros'"):
        initialize_weights(MMoE(5, [1]), "zeros")
    with pytest.raises(ValueError, match="'weight_init' parameter"):
        MMoERegressor(weight_init="zeros").fit(X, Y)


def test_estimators_begin_with_the_weights_of_their_parameter():
    # Steps of almost nothing: the weights are the first ones.
    parameters = {"max_iter": 1, "learning_rate_init": 1e-12, "average": False, "random_state": 0}
    model = MMoERegressor(weight_init="glorot_uniform", **parameters).fit(X, Y)
    experts = model.net_.network.levels[0].experts.layers[0]
    assert_allclose(experts.bias.detach(), 0, atol=1e-8)
    bound = math.sqrt(6 / sum(experts.weight.shape[1:]))
    assert_uniform(experts.weight, bound)
    default = MMoERegressor(**parameters).fit(X, Y).net_.network.state_dict()
    same = MMoERegressor(weight_init="torch", **parameters).fit(X, Y).net_.network.state_dict()
    for name, value in default.items():
        assert torch.equal(value, same[name])


def test_each_run_and_member_draws_weights_of_its_own():
    parameters = {"max_iter": 2, "dtype": "float64", "weight_init": "glorot_uniform"}
    parameters["n_members"] = 1
    runs = fit_runs(MMoERegressor(**parameters, random_state=0), [(X, Y)] * 2)
    alone = [MMoERegressor(**parameters, random_state=seed).fit(X, Y) for seed in range(2)]
    for run, one in zip(runs, alone, strict=True):
        assert_allclose(run.predict(X), one.predict(X))
    assert not np.allclose(runs[0].predict(X), runs[1].predict(X))
