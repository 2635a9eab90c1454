"""Stacks of linear maps and of MLPs: one product equals a loop over slices."""

import pytest
import torch
from scipy.stats import kstest, uniform
from torch.nn import functional as F
from torch.testing import assert_close

from sk_mmoe.nn import SparseRows, StackedLinear, StackedMLP

ACTIVATIONS = {
    "identity": lambda z: z,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "gelu": F.gelu,
    "silu": F.silu,
}
STACKS = [4, (4,), (2, 3), (2, 1, 3)]


def shape_of(stack):
    return (stack,) if isinstance(stack, int) else stack


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def inputs(stack, n_features, own):
    """Return one input for all slices, or one for each."""
    return draw(*(shape_of(stack) if own else ()), 7, n_features)


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("own", [True, False])
def test_linear_stack_equals_a_loop_over_slices(stack, bias, own):
    layer = StackedLinear(stack, 5, 3, bias=bias).double()
    x = inputs(stack, 5, own)
    out = layer(x)
    assert out.shape == (*shape_of(stack), 7, 3)
    for index in torch.cartesian_prod(*map(torch.arange, shape_of(stack))).reshape(
        -1, len(shape_of(stack))
    ):
        at = tuple(index.tolist())
        expected = F.linear(x[at] if own else x, layer.weight[at], layer.bias[at] if bias else None)
        assert_close(out[at], expected, rtol=1e-12, atol=1e-14)


def test_leading_axes_of_an_input_broadcast():
    layer = StackedLinear((2, 3), 5, 4).double()
    x = draw(3, 7, 5)
    assert_close(layer(x), layer(x.expand(2, 3, 7, 5)), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("bias", [True, False])
def test_stack_of_one_is_drawn_as_nn_linear_from_the_same_seed(bias):
    torch.manual_seed(3)
    reference = torch.nn.Linear(6, 4, bias=bias)
    torch.manual_seed(3)
    layer = StackedLinear(1, 6, 4, bias=bias)
    assert_close(layer.weight[0], reference.weight)
    if bias:
        assert_close(layer.bias[0], reference.bias)


@pytest.mark.parametrize("parameter", ["weight", "bias"])
def test_every_slice_has_the_distribution_of_nn_linear(parameter):
    # Fan-in 25: uniform on (-1/5, 1/5), however many slices and outputs there are.
    layer = StackedLinear((2, 3), 25, 400)
    for values in getattr(layer, parameter).detach().flatten(0, 1):
        assert values.abs().max() <= 0.2
        assert kstest(values.flatten().numpy(), uniform(-0.2, 0.4).cdf).pvalue > 1e-3


def test_slices_are_drawn_apart():
    first, second = StackedLinear(2, 5, 4).weight
    assert not torch.isclose(first, second).any()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_mlp_stack_equals_a_loop_over_networks(activation):
    mlp = StackedMLP(3, 5, (8, 4), activation=activation).double()
    x = draw(7, 5)
    out = mlp(x)
    assert out.shape == (3, 7, 4)
    for i in range(3):
        hidden = x
        for layer in mlp.layers:
            hidden = ACTIVATIONS[activation](F.linear(hidden, layer.weight[i], layer.bias[i]))
        assert_close(out[i], hidden, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("own", [True, False])
def test_mlp_stack_of_several_axes_equals_the_flat_stack(stack, own):
    shape = shape_of(stack)
    mlp = StackedMLP(stack, 5, (6, 4), activation="tanh").double()
    flat = StackedMLP(torch.Size(shape).numel(), 5, (6, 4), activation="tanh").double()
    for layer, source in zip(flat.layers, mlp.layers, strict=True):
        layer.weight.data = source.weight.data.flatten(0, len(shape) - 1)
        layer.bias.data = source.bias.data.flatten(0, len(shape) - 1)
    x = inputs(stack, 5, own)
    expected = flat(x.flatten(0, -3) if own else x).unflatten(0, shape)
    assert_close(mlp(x), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("own", [True, False])
def test_mlp_without_layers_passes_the_input_on(stack, own):
    mlp = StackedMLP(stack, 5, ())
    x = inputs(stack, 5, own)
    out = mlp(x)
    assert out.shape == (*shape_of(stack), 7, 5)
    assert torch.equal(out, x.expand_as(out))
    assert mlp.out_features == 5
    assert list(mlp.parameters()) == []


@pytest.mark.parametrize("hidden", [(), (8, 3)])
@pytest.mark.parametrize("sparse", [False, True])
def test_a_normalised_stack_equals_the_plain_one_with_each_output_normalised(hidden, sparse):
    plain = StackedMLP(4, 5, hidden).double()
    stack = StackedMLP(4, 5, hidden, normalize=True).double()
    stack.load_state_dict(plain.state_dict(), strict=False)
    with torch.no_grad():
        for parameter in stack.norm.parameters():
            parameter.copy_(draw(stack.out_features))
    x = draw(7, 5)
    out = stack(SparseRows(x.to_sparse_csr()) if sparse else x)
    z = plain(x)
    spread = (z.var(dim=-1, keepdim=True, correction=0) + 1e-5).sqrt()
    expected = (z - z.mean(dim=-1, keepdim=True)) / spread * stack.norm.weight + stack.norm.bias
    assert out.shape == (4, 7, stack.out_features)
    assert_close(out, expected, rtol=1e-12, atol=1e-14)


def test_one_number_is_one_layer():
    mlp = StackedMLP(4, 5, 3)
    assert [tuple(layer.weight.shape) for layer in mlp.layers] == [(4, 3, 5)]
    assert mlp.out_features == 3


def test_dropout_zeroes_units_in_training_only():
    mlp = StackedMLP(3, 5, 400, activation="logistic", dropout=0.25).double()
    x = draw(50, 5)
    whole = mlp.eval()(x)
    dropped = mlp.train()(x)
    kept = dropped != 0
    assert_close(dropped[kept], whole[kept] / 0.75)
    # 60,000 draws: four standard errors are 0.007.
    assert (~kept).double().mean().item() == pytest.approx(0.25, abs=0.007)


@pytest.mark.parametrize("sizes", [0, (0,), (4, -1), (1.5,), ("wide",), (None,)])
def test_layers_of_no_whole_number_of_units_are_refused(sizes):
    with pytest.raises(ValueError, match="hidden_layer_sizes must be positive integers, got"):
        StackedMLP(3, 5, sizes)


def test_unknown_activation_is_refused_by_name():
    with pytest.raises(ValueError, match=r"activation must be one of \['gelu'.*got 'swish'"):
        StackedMLP(3, 5, (4,), activation="swish")


def test_gradients_equal_finite_differences():
    mlp = StackedMLP((2, 2), 3, (4, 2), activation="gelu").double()
    names, values = zip(*mlp.named_parameters(), strict=True)

    def outputs(x, *values):
        parameters = dict(zip(names, values, strict=True))
        return torch.func.functional_call(mlp, parameters, (x,))

    assert torch.autograd.gradcheck(outputs, (draw(3, 3).requires_grad_(), *values))


def test_repr_shows_the_shape_of_the_stack():
    assert repr(StackedLinear((2, 3), 5, 4, bias=False)) == (
        "StackedLinear(stack=(2, 3), 5 -> 4, bias=False)"
    )


def test_an_input_of_one_dimension_is_refused():
    with pytest.raises(ValueError, match="two dimensions or more"):
        StackedLinear(4, 5, 2)(torch.zeros(5))
