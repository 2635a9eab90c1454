"""Sparse rows: the numbers of dense ones, through every network, forwards and back."""

import pytest
import torch
from torch.testing import assert_close

from sk_mmoe import nn
from sk_mmoe.nn import SparseRows

NETWORKS = {
    "MMoE": lambda: nn.MMoE(12, [1, 3], n_levels=2),
    "MMoE with a trunk": lambda: nn.MMoE(12, [1, 3], trunk_hidden_layer_sizes=(5,)),
    "MMoE whose experts pass the input on": lambda: nn.MMoE(
        12, [1, 3], expert_hidden_layer_sizes=()
    ),
    "MMoE with sparse gates": lambda: nn.MMoE(12, [1, 3], gate="dselect_k"),
    "OMoE": lambda: nn.OMoE(12, [1, 3]),
    "PLE": lambda: nn.PLE(12, [1, 3], n_levels=2),
    "SharedBottom": lambda: nn.SharedBottom(12, [1, 3]),
    "linear": lambda: nn.SharedBottom(
        12, [1, 3], hidden_layer_sizes=(), tower_hidden_layer_sizes=()
    ),
    "SingleTask": lambda: nn.SingleTask(12, [1, 3]),
    "L2Constrained": lambda: nn.L2Constrained(12, [1, 3]),
    "CrossStitch": lambda: nn.CrossStitch(12, [1, 3]),
    "TensorFactorization": lambda: nn.TensorFactorization(12, [1, 3]),
    "TensorFactorization of low rank": lambda: nn.TensorFactorization(12, [1, 3], ranks=2),
}


def random_rows(n_rows=30, n_features=12, dtype=torch.float64):
    """Return a matrix with few values, an empty row and an empty column."""
    x = torch.randn(n_rows, n_features, dtype=dtype)
    x *= torch.rand_like(x) < 0.2
    x[3], x[:, 2] = 0, 0
    return x


# They go through different kernels.
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("make_network", NETWORKS.values(), ids=NETWORKS)
def test_sparse_rows_give_the_scores_and_gradients_of_dense_ones(make_network, dtype):
    network = make_network().to(dtype)
    x = random_rows(dtype=dtype)
    results = []
    for rows in (x, SparseRows(x.to_sparse_csr())):
        network.zero_grad()
        scores = network(rows)
        sum(score.square().sum() for score in scores).backward()
        results.append([*scores, *(p.grad.clone() for p in network.parameters())])
    for dense, ours in zip(*results, strict=True):
        assert_close(ours, dense)


def test_the_product_has_the_gradient_of_finite_differences():
    rows = SparseRows(random_rows(6, 4).to_sparse_csr())
    layer = nn.StackedLinear(3, 4, 2).double()
    weight = layer.weight.detach().requires_grad_()
    product = lambda w: torch.func.functional_call(layer, {"weight": w}, rows)  # noqa: E731
    torch.autograd.gradcheck(product, (weight,))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_without_any_value_have_scores_and_gradients(dtype):
    layer = nn.StackedLinear(3, 4, 2).to(dtype)
    out = layer(SparseRows(torch.zeros(5, 4, dtype=dtype).to_sparse_csr()))
    assert_close(out, layer.bias.unsqueeze(1).expand(3, 5, 2))
    out.sum().backward()
    assert_close(layer.weight.grad, torch.zeros_like(layer.weight))


def test_padded_rows_are_empty():
    x = random_rows()
    padded = SparseRows(x.to_sparse_csr()).pad(4).to_dense()
    assert_close(padded, torch.cat([x, torch.zeros(4, 12, dtype=torch.float64)]))


def test_the_transpose_is_made_once_and_only_when_gradients_need_it():
    x = random_rows()
    calls = []

    def transpose():
        calls.append(1)
        return x.T.contiguous().to_sparse_csr()

    rows = SparseRows(x.to_sparse_csr(), transpose)
    network = nn.MMoE(12, [1]).double()
    with torch.inference_mode():
        network(rows)
    assert not calls
    network(rows)[0].sum().backward()
    assert len(calls) == 1
