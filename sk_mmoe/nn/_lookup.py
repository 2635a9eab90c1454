"""Lookup of rows of a matrix, with a fast backward pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

# Given the gradients of vectors that were looked up, their sums for each row of the matrix.
AddUp = Callable[[Tensor], Tensor]


def look_up(weight: Tensor, rows: Tensor, add_up: AddUp | None = None) -> Tensor:
    """Return rows of a matrix.

    Parameters
    ----------
    weight : Tensor of shape (n_rows, n_columns)
        The matrix.
    rows : Tensor of any shape, int
        The numbers of the rows.
    add_up : callable, default=None
        Function that adds up the gradients of each row, as in :class:`ColumnRows`. `None`: torch
        does.

    Returns
    -------
    Tensor of shape (*rows.shape, n_columns)
        The rows.
    """
    if not torch.is_grad_enabled():
        return _rows_of(weight, rows)
    vectors: Tensor = _Lookup.apply(weight, rows, add_up)  # type: ignore[no-untyped-call]
    return vectors


class _Lookup(torch.autograd.Function):
    """Lookup of rows. The backward pass of torch adds them one by one, in ten times the time."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, rows: Tensor, add_up: AddUp | None) -> Tensor:
        """Return the rows with the given numbers."""
        ctx.rows, ctx.add_up, ctx.n_rows = rows, add_up, len(weight)
        return _rows_of(weight, rows)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient of the matrix."""
        gradient = gradient.flatten(0, -2)
        if ctx.add_up is not None and not gradient.requires_grad:
            return ctx.add_up(gradient), None, None
        return _find_places(ctx.rows, ctx.n_rows).to(gradient) @ gradient, None, None


def _rows_of(weight: Tensor, rows: Tensor) -> Tensor:
    """Return the rows with the given numbers."""
    return weight.index_select(0, rows.flatten()).unflatten(0, rows.shape)


def _find_places(rows: Tensor, n_rows: int) -> Tensor:
    """Return where each row occurs, as a sparse matrix of zeros and ones."""
    rows = rows.flatten()
    starts = torch.bincount(rows, minlength=n_rows).cumsum(0)
    return torch.sparse_csr_tensor(
        torch.cat([starts.new_zeros(1), starts]),
        rows.argsort(),
        rows.new_ones(len(rows), dtype=torch.get_default_dtype()),
        size=(n_rows, len(rows)),
        check_invariants=False,
    )
