"""Layers with written-out gradients compute what their modules compute."""

from unittest import mock

import pytest
import torch
from torch.autograd import grad, gradcheck, gradgradcheck
from torch.testing import assert_close

from sk_mmoe.nn import MixtureOfExperts, MMoE, OMoE, SparseRows, StackedMLP, TaskHeads

# Experts, units and gates. The products of all but the last are too small for MKL.
SIZES = {"small": (5, 3, 2), "one unit": (1, 1, 1), "large": (4, 20, 6)}


def mixture_of(n_experts=5, n_units=3, n_gates=2):
    return MixtureOfExperts(7, n_gates, n_experts=n_experts, hidden_layer_sizes=(n_units,)).double()


def heads_of(n_outputs=2):
    return TaskHeads(6, [n_outputs] * 3, (5,)).double()


def scores_of(heads, x):
    return torch.stack(heads(x))


LAYERS = {
    **{f"mixture, {name}": (mixture_of(*sizes), (9, 7)) for name, sizes in SIZES.items()},
    "heads": (heads_of(), (3, 9, 6)),
    "heads with one score": (heads_of(1), (3, 9, 6)),
}


def output_of(layer, x):
    return scores_of(layer, x) if isinstance(layer, TaskHeads) else layer(x)


def is_fused(output):
    """Return whether a written-out gradient is on the way from an output to the input."""
    found, nodes = False, [output.grad_fn]
    while nodes:
        node = nodes.pop()
        found |= "_Fused" in type(node).__name__
        nodes += [follower for follower, _ in node.next_functions if follower is not None]
    return found


@pytest.mark.parametrize("name", LAYERS)
def test_outputs_and_gradients_are_those_of_the_modules(name):
    layer, shape = LAYERS[name]
    x = torch.randn(*shape, dtype=torch.float64, requires_grad=True)
    inputs = [x, *layer.parameters()]
    fused = output_of(layer, x)
    assert is_fused(fused)
    with mock.patch.object(StackedMLP, "relu_layer", return_value=None):
        plain = output_of(layer, x)
    assert not is_fused(plain)
    assert_close(fused, plain, rtol=1e-12, atol=1e-14)
    towards = torch.randn_like(plain)
    for own, expected in zip(
        grad(fused, inputs, towards), grad(plain, inputs, towards), strict=True
    ):
        assert_close(own, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["mixture, small", "heads"])
def test_gradients_are_those_of_finite_differences_twice(name):
    layer, shape = LAYERS[name]
    x = torch.randn(*shape, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in layer.named_parameters()]

    def compute(x, *parameters):
        own = dict(zip(names, parameters, strict=True))
        out = torch.func.functional_call(layer, own, (x,))
        return torch.stack(out) if isinstance(out, list) else out

    inputs = (x, *layer.parameters())
    assert is_fused(compute(*inputs))
    assert gradcheck(compute, inputs)
    assert gradgradcheck(compute, inputs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sparse_rows_have_the_gradients_of_dense_ones(dtype):
    mixture = mixture_of().to(dtype)
    x = torch.randn(9, 7, dtype=dtype).relu()
    rows = SparseRows(x.to_sparse_csr())
    assert is_fused(mixture(rows))
    towards = torch.randn(2, 9, 3, dtype=dtype)
    parameters = list(mixture.parameters())
    found, expected = (grad(mixture(part), parameters, towards) for part in (rows, x))
    for own, dense in zip(found, expected, strict=True):
        assert_close(own, dense)


def test_an_input_without_gradient_gets_none():
    layer = mixture_of()
    x = torch.randn(9, 7, dtype=torch.float64)
    layer(x).sum().backward()
    assert x.grad is None
    assert all(part.grad is not None for part in layer.parameters())


@pytest.mark.parametrize("make", [MMoE, OMoE])
def test_networks_are_fused_in_training_only(make):
    network, x = make(7, [1, 1]), torch.randn(9, 7)
    assert all(map(is_fused, network(x)))
    with torch.no_grad(), mock.patch("sk_mmoe.nn._mixture.mix_relu_experts") as fused:
        network(x)
    fused.assert_not_called()


@pytest.mark.parametrize(
    "options",
    [
        {"dropout": 0.5},
        {"gate_dropout": 0.5},
        {"gate": "top_k"},
        {"gate": "dselect_k"},
        {"normalize_experts": True},
        {"activation": "tanh"},
        {"hidden_layer_sizes": (4, 4)},
        {"hidden_layer_sizes": ()},
    ],
    ids=str,
)
def test_what_more_a_mixture_does_is_not_left_out(options):
    assert not is_fused(MixtureOfExperts(7, 2, **options)(torch.randn(9, 7)))


def test_dropout_is_left_out_in_evaluation():
    mixture = MixtureOfExperts(7, 2, dropout=0.5, gate_dropout=0.5).eval()
    assert is_fused(mixture(torch.randn(9, 7)))


@pytest.mark.parametrize(
    "part", ["experts", "experts.layers.0", "experts.activation", "experts.dropout", "gates"]
)
def test_hooks_of_parts_are_called(part):
    mixture, called = MixtureOfExperts(7, 2), []
    handle = mixture.get_submodule(part).register_forward_hook(lambda *_: called.append(part))
    mixture(torch.randn(9, 7))
    assert called
    handle.remove()
    assert is_fused(mixture(torch.randn(9, 7)))


def test_transforms_of_torch_follow_the_modules():
    network, x = MMoE(7, [1, 1]).double(), torch.randn(4, 7, dtype=torch.float64)
    jacobian = torch.func.jacrev(lambda x: network(x)[0])(x)
    x.requires_grad_()
    rows = [grad(score, x, retain_graph=True)[0] for score in network(x)[0][:, 0]]
    assert_close(jacobian[:, 0], torch.stack(rows))


def test_autocast_decides_on_the_types_of_products():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not any(map(is_fused, MMoE(7, [1, 1])(torch.randn(9, 7))))
