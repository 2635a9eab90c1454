"""Rows of a table with columns that a network looks up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


class ColumnRows:
    """Rows of a table, some of whose columns are looked up in a :class:`ColumnEmbedding`.

    Such a column has a learned vector for each of its levels. The levels of a categorical column
    are its categories. The levels of a numeric column are its knots, and its values lie between two
    of them.

    Parameters
    ----------
    numbers : Tensor of shape (n_samples, n_numbers)
        The columns that the network reads as numbers.
    levels : Tensor of shape (n_samples, n_looked_up + n_interpolated), int
        The levels of the other columns, as indices of the vectors of :class:`ColumnEmbedding`. The
        first `n_interpolated` columns hold the lower of two knots. The upper knots follow after
        all columns.
    shares : Tensor of shape (n_samples, n_looked_up), default=None
        The factor of each vector, in [0, 1]. Between two knots it is the weight of the upper one,
        and the lower one has the rest. `None`: no value lies between two knots, and all factors are
        1.
    add_up : callable, default=None
        Function that takes a tensor with a row for each entry of `levels`, and returns one with the
        sum of these rows for each level. It is called when gradients need it. `None`: torch adds
        up. Pass a function if another library does so faster.

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
        add_up: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.numbers = numbers
        self.levels = levels
        whole = torch.ones((), dtype=numbers.dtype, device=numbers.device)
        self.shares = whole.expand(levels.shape) if shares is None else shares
        self.add_up = add_up

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.levels)

    @property
    def parts(self) -> tuple[Tensor, Tensor, Tensor]:
        """The numbers, levels and shares."""
        return self.numbers, self.levels, self.shares

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of these rows in the table."""
        *rows, n_numbers = self.numbers.shape
        return (*rows, n_numbers + self.shares.shape[-1])

    def to(self, device: Any) -> ColumnRows:
        """Move the rows to a device.

        Parameters
        ----------
        device : str or torch.device
            The device.

        Returns
        -------
        ColumnRows
            The moved rows.
        """
        numbers, levels, shares = (part.to(device) for part in self.parts)
        return ColumnRows(numbers, levels, shares, self.add_up if levels.is_cpu else None)

    def pad(self, n_rows: int) -> ColumnRows:
        """Append rows of zeros, whose levels are those of unseen values.

        Parameters
        ----------
        n_rows : int
            The number of rows to append.

        Returns
        -------
        ColumnRows
            The longer rows.
        """
        numbers, levels, shares = (F.pad(part, (0, 0, 0, n_rows)) for part in self.parts)
        return ColumnRows(numbers, levels, shares)
