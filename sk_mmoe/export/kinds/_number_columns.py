"""The base of all columns that are read from numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor, nn


class Knotted(NamedTuple):
    """Between which knots of their columns numbers lie.

    Parameters
    ----------
    lower, upper : Tensor of int64 of shape (n_samples, n_columns)
        The codes of the knots on both sides, -1 for what has no vector.
    fractions : Tensor of float64 of shape (n_samples, n_columns)
        The weight of the upper one.
    """

    lower: Tensor
    upper: Tensor
    fractions: Tensor


class NumberColumns(nn.Module, ABC):
    """How a program reads all columns of one kind that is read from numbers.

    It computes what :meth:`~sk_mmoe.columns._column.Column.read_numbers` and
    :meth:`~sk_mmoe.columns._column.Column.read` compute, for all columns at once.

    Parameters
    ----------
    columns : sequence of Column
        The columns, all of that kind.
    """

    @abstractmethod
    def __init__(self, columns: Sequence[Any]) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, values: Tensor) -> tuple[Tensor | None, Knotted | None]:
        """Return the plain numbers of all columns that have some, and the knots of the others.

        Parameters
        ----------
        values : Tensor of float64 of shape (n_samples, n_columns)
            The columns; a missing number is NaN.

        Returns
        -------
        numbers : Tensor of float64 of shape (n_samples, n_numbers) or None
            The plain numbers.
        knotted : Knotted or None
            Where the values of columns with two slots lie.
        """
