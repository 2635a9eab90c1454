"""Rows of a sparse matrix, which all networks accept."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

with warnings.catch_warnings():
    # In each process torch warns once that the layout is in beta. Users need not see it.
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor([0], [], [], size=(0, 0), check_invariants=False)


class SparseRows:
    """Rows of a sparse matrix, which all networks accept in place of a dense tensor.

    The first linear layer adds up one row of its weights per stored value. For one-hot columns this
    looks up weights and multiplies nothing by zero.

    Parameters
    ----------
    matrix : Tensor of shape (n_samples, n_features)
        The rows, in the layout ``torch.sparse_csr``.
    transpose : callable, default=None
        Function that returns the transpose of `matrix` in the same layout. It is called when
        gradients need it. `None`: torch computes the transpose. Pass a function if another library
        does so faster.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import SharedBottom, SparseRows
    >>> rows = SparseRows(torch.eye(5).to_sparse_csr())
    >>> [tuple(scores.shape) for scores in SharedBottom(5, [1, 3])(rows)]
    [(5, 1), (5, 3)]
    """

    def __init__(self, matrix: Tensor, transpose: Callable[[], Tensor] | None = None) -> None:
        self.matrix = matrix
        self.shape = matrix.shape
        self._make_transpose = transpose or matrix.t().to_sparse_csr

    @cached_property
    def transpose(self) -> Tensor:
        """The transpose, of shape (n_features, n_samples)."""
        return self._make_transpose().to(self.matrix)

    @property
    def device(self) -> torch.device:
        """The device of the rows."""
        return self.matrix.device

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.shape[0])

    def dim(self) -> int:
        """Return the number of dimensions, as a tensor does.

        Returns
        -------
        int
            Always 2.
        """
        return 2

    def to(self, device: Any) -> SparseRows:
        """Move the rows to a device, or convert them to a dtype, as ``torch.Tensor.to`` does.

        Parameters
        ----------
        device : str, torch.device or torch.dtype
            The device or dtype.

        Returns
        -------
        SparseRows
            The converted rows.
        """
        return SparseRows(self.matrix.to(device), self._make_transpose)

    def pad(self, n_rows: int) -> SparseRows:
        """Append empty rows.

        Parameters
        ----------
        n_rows : int
            The number of rows to append.

        Returns
        -------
        SparseRows
            The longer rows.
        """
        starts = self.matrix.crow_indices()
        return SparseRows(
            torch.sparse_csr_tensor(
                torch.cat([starts, starts[-1:].expand(n_rows)]),
                self.matrix.col_indices(),
                self.matrix.values(),
                size=(len(self) + n_rows, self.shape[1]),
                check_invariants=False,
            )
        )

    def to_dense(self) -> Tensor:
        """Convert the rows to a dense tensor.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            The rows.
        """
        return self.matrix.to_dense()
