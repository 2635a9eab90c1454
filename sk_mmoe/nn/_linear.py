"""Linear maps of rows, dense or sparse."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from sk_mmoe.nn._sparse import SparseRows

# For fewer than 12 outputs, kernels round a row by its place among the others.
_FEWEST_OUTPUTS = 16


def linear(x: Tensor | SparseRows, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``x @ weight.mT + bias`` for one map or for a stack of maps.

    Without gradients, the outputs of a row are the same wherever it stands in a batch of 16 rows or
    more. In training, where batches are random, the time is better saved.

    Parameters
    ----------
    x : Tensor of shape (..., n_samples, in_features), or SparseRows
        The rows. Sparse rows go through one map.
    weight : Tensor of shape (..., out_features, in_features)
        The weights.
    bias : Tensor of shape (..., out_features), default=None
        The biases.

    Returns
    -------
    Tensor of shape (..., n_samples, out_features)
        The outputs.
    """
    if isinstance(x, SparseRows):
        out: Tensor = _SparseProduct.apply(x, weight)  # type: ignore[no-untyped-call]
        return out if bias is None else out + bias
    n_outputs = weight.shape[-2]
    if n_outputs < _FEWEST_OUTPUTS and not torch.is_grad_enabled():
        surplus = _FEWEST_OUTPUTS - n_outputs
        bias = None if bias is None else F.pad(bias, (0, surplus))
        return _linear(x, F.pad(weight, (0, 0, 0, surplus)), bias)[..., :n_outputs]
    return _linear(x, weight, bias)


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return ``x @ weight.mT + bias`` by the quickest kernel."""
    if weight.dim() == 2:
        return F.linear(x, weight, bias)
    if bias is None:
        return x @ weight.mT
    if x.dim() == weight.dim() == 3 and len(x) == len(weight):
        return torch.baddbmm(bias.unsqueeze(-2), x, weight.mT)
    return x @ weight.mT + bias.unsqueeze(-2)


class _SparseProduct(torch.autograd.Function):
    """Product of sparse rows and weights; torch's product transposes the rows in every step."""

    @staticmethod
    def forward(ctx: Any, rows: SparseRows, weight: Tensor) -> Tensor:
        """Return ``rows @ weight.T``."""
        ctx.rows = rows
        return sparse_product(rows, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        """Return the gradient of the weights."""
        return None, sparse_weight_gradient(ctx.rows, gradient)


def sparse_product(rows: SparseRows, weight: Tensor) -> Tensor:
    """Return ``rows @ weight.T``."""
    return _product(rows.matrix, weight.T)


def sparse_weight_gradient(rows: SparseRows, gradient: Tensor) -> Tensor:
    """Return the gradient of the weights in that product, given the gradient of the product."""
    # For a stack of weights, the copy that autograd makes takes five times as long.
    return _product(rows.transpose, gradient).T.contiguous()


def _product(rows: Tensor, matrix: Tensor) -> Tensor:
    """Return the product of a sparse and a dense matrix."""
    if rows.is_cuda or rows.dtype != torch.float32:
        return rows @ matrix
    # A row of the product is a weighted sum of rows of the matrix. This takes a third of the time.
    return F.embedding_bag(
        rows.col_indices(),
        matrix.contiguous(),
        rows.crow_indices(),
        mode="sum",
        per_sample_weights=rows.values(),
        include_last_offset=True,
    )
