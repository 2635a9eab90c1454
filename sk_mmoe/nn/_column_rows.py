"""Rows of a table whose categories and knots a network looks up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class ColumnRows:
    """Rows of a table some of whose columns are looked up.

    A column that is looked up has levels, each with a learned vector: its categories, or knots
    between which its values lie.

    Parameters
    ----------
    numbers : Tensor of shape (n_samples, n_numbers)
        The columns that the network reads as they are.
    levels : Tensor of shape (n_samples, n_looked_up + n_interpolated), int
        The levels of the other columns, as :class:`ColumnEmbedding` counts them. A value between
        two levels has the lower one in its column's place, and the upper one after all columns.
    shares : Tensor of shape (n_samples, n_looked_up), default=None
        What share of its vector the level of a value has, in [0, 1]; of a value between two levels
        the share of the upper one, the rest being that of the lower one. `None`: no column has
        values between levels, and all have their vectors whole.
    transpose : callable, default=None
        Returns, when the way back needs it, a matrix of layout ``torch.sparse_csr`` with a row for
        each level and a one in the column of each place in `levels` where it stands. `None`
        leaves that to torch, which takes longer than other libraries.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import ColumnRows
    >>> ColumnRows(torch.zeros(7, 2), torch.ones(7, 3, dtype=torch.int32)).shape
    (7, 5)
    """

    def __init__(
        self,
        numbers: Tensor,
        levels: Tensor,
        shares: Tensor | None = None,
        transpose: Callable[[], Tensor] | None = None,
    ) -> None:
        self.numbers = numbers
        self.levels = levels
        whole = torch.ones((), dtype=numbers.dtype, device=numbers.device)
        self.shares = whole.expand(levels.shape) if shares is None else shares
        self.transpose = transpose

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.levels)

    @property
    def parts(self) -> tuple[Tensor, Tensor, Tensor]:
        """The numbers, levels and shares."""
        return self.numbers, self.levels, self.shares

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the table that the rows are part of."""
        *rows, n_numbers = self.numbers.shape
        return (*rows, n_numbers + self.shares.shape[-1])

    def to(self, device: Any) -> ColumnRows:
        """Return the rows on a device.

        Parameters
        ----------
        device : str or torch.device
            The device.

        Returns
        -------
        ColumnRows
            The rows.
        """
        numbers, levels, shares = (part.to(device) for part in self.parts)
        return ColumnRows(numbers, levels, shares, self.transpose)

    def pad(self, n_rows: int) -> ColumnRows:
        """Return the rows with some at the end that have zeros, and levels never seen.

        Parameters
        ----------
        n_rows : int
            The number of further rows.

        Returns
        -------
        ColumnRows
            The longer rows.
        """
        numbers, levels, shares = (
            torch.cat([part, part.new_zeros(n_rows, part.shape[1])]) for part in self.parts
        )
        return ColumnRows(numbers, levels, shares)
