"""Linear maps of rows."""

import pytest
import torch
from torch.testing import assert_close

from sk_mmoe.nn import SparseRows
from sk_mmoe.nn._linear import linear

# (rows of maps, inputs of the rows): one map, a stack of maps, and a stack of one input per map.
SHAPES = {"one map": ((), ()), "stack": ((3,), (3,)), "members": ((2, 3), (2, 3))}


def draw(shape, n_rows, n_inputs, n_outputs):
    maps, inputs = SHAPES[shape]
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(*size, generator=generator)
        for size in (
            (*inputs, n_rows, n_inputs),
            (*maps, n_outputs, n_inputs),
            (*maps, n_outputs),
        )
    ]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n_outputs", [1, 2, 15, 16, 20])
@pytest.mark.parametrize("grad", [False, True])
def test_outputs_are_products_plus_biases(shape, n_outputs, grad):
    x, weight, bias = (part.double() for part in draw(shape, 5, 7, n_outputs))
    expected = torch.einsum("...ni,...oi->...no", x, weight)
    with torch.set_grad_enabled(grad):
        assert_close(linear(x, weight), expected)
        assert_close(linear(x, weight, bias), expected + bias.unsqueeze(-2))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n_inputs", [4, 5, 13, 17, 31])
@pytest.mark.parametrize("n_outputs", [1, 2, 4, 8, 10, 16])
@torch.no_grad()
def test_outputs_of_a_row_depend_on_nothing_but_the_row(shape, n_inputs, n_outputs):
    x, weight, bias = draw(shape, 256, n_inputs, n_outputs)
    whole = linear(x, weight, bias)
    for n_rows in (16, 32, 48, 64, 256):
        rows = torch.randperm(256, generator=torch.Generator().manual_seed(n_rows))[:n_rows]
        assert torch.equal(linear(x[..., rows, :], weight, bias), whole[..., rows, :])


def test_sparse_rows_have_the_outputs_and_gradients_of_dense_rows():
    x, weight, bias = draw("one map", 6, 7, 3)
    x = x * (x > 0)
    weight.requires_grad_()
    outputs = linear(SparseRows(x.to_sparse_csr()), weight, bias)
    assert_close(outputs, linear(x, weight, bias))
    (sparse,) = torch.autograd.grad(outputs.square().sum(), weight)
    (dense,) = torch.autograd.grad(linear(x, weight, bias).square().sum(), weight)
    assert_close(sparse, dense)
