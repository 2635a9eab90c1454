"""The base of tables that are read column by column."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sk_mmoe.columns._cells import Role, are_dates


class Labels(NamedTuple):
    """A column of labels: the distinct ones, and which of them each row has.

    Parameters
    ----------
    codes : ndarray of int of shape (n_samples,)
        The place of each row's label in `values`, -1 for a missing one.
    values : sequence or Index
        The labels. A missing one may be among them as `None`.
    is_declared : bool, default=False
        Whether a dtype declares the labels, so that some may not occur. Columns of one dtype then
        often have the same object as values.
    n_bits : {64, 32, 16}, default=64
        The precision of numbers with fractions.
    counts : ndarray of int of shape (n_values + 1,), default=None
        How often each label occurs, and last how many are missing, if the rows are only a sample
        of a larger table. `None`: as often as in `codes`.
    """

    codes: np.ndarray
    values: Any
    is_declared: bool = False
    n_bits: int = 64
    counts: np.ndarray | None = None

    def tally(self) -> np.ndarray:
        """Return how often each label occurs, and last how many are missing."""
        if self.counts is not None:
            return self.counts
        n_values = len(self.values)
        return np.bincount(np.where(self.codes < 0, n_values, self.codes), minlength=n_values + 1)


class Frame(ABC):
    """A table whose columns may differ in type.

    Parameters
    ----------
    native : object
        The table in a form that scikit-learn knows.
    names : list
        The names of the columns, or their numbers where they have no names.
    shape : tuple of int
        The number of rows, and of columns.

    Attributes
    ----------
    has_dtypes : bool
        Whether the dtype of a column says whether it is categorical.
    has_order : bool
        Whether the order of the columns is the user's.
    is_sparse : bool
        Whether scikit-learn makes a sparse matrix of the table.
    """

    has_dtypes: bool = True
    has_order: bool = True
    is_sparse: bool = False

    def __init__(self, native: Any, names: list[Any], shape: tuple[int, int]) -> None:
        self.native = native
        self.names = names
        self.shape = shape
        self._known_labels: dict[int, Labels] = {}

    @abstractmethod
    def dtype(self, column: int) -> Any:
        """Return the dtype of a column."""

    def role(self, column: int) -> Role:
        """Return what a column can be read as."""
        role = self._find_role(column)
        if role is Role.LABEL:
            labels = self.labels(column)
            if not labels.is_declared and are_dates(v for v in labels.values if v is not None):
                return Role.DATE_STRING
        return role

    @abstractmethod
    def _find_role(self, column: int) -> Role:
        """Return what a column can be read as, whatever its strings say."""

    def check_columns(self) -> None:
        """Raise an error if the table is empty, or two of its columns have one name."""
        self.check_not_empty()
        if len(set(self.names)) < len(self.names):
            repeated = sorted({str(name) for name in self.names if self.names.count(name) > 1})
            raise ValueError(
                f"X must have unique column names, but the columns {repeated} occur more than "
                "once. Rename or drop some of them."
            )

    def check_not_empty(self) -> None:
        """Raise scikit-learn's error if the table has no rows or no columns."""
        for n, what in zip(self.shape, ("sample(s)", "feature(s)"), strict=True):
            if n == 0:
                raise ValueError(
                    f"Found array with 0 {what} (shape={self.shape}) while a minimum of 1 is "
                    "required."
                )

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    def labels(self, column: int) -> Labels:
        """Return a column as labels, which are sought once."""
        if column not in self._known_labels:
            self._known_labels[column] = self._find_labels(column)
        return self._known_labels[column]

    @abstractmethod
    def _find_labels(self, column: int) -> Labels:
        """Return a column as labels."""

    @abstractmethod
    def cells(self, column: int) -> list[Any]:
        """Return the cells of a column."""

    @abstractmethod
    def numbers(self, columns: Sequence[int], dtype: np.dtype) -> np.ndarray:
        """Return columns as an array of numbers, NaN where one is missing.

        Raises a TypeError or ValueError if a column cannot be read so.
        """

    @abstractmethod
    def suspects(self, columns: Sequence[int]) -> list[int]:
        """Return those of some columns whose dtype alone does not make them numbers."""

    def row(self) -> Sequence[Any] | None:
        """Return the only row of a table, if that is quick and changes no value."""
        return None


def factorize(cells: Any) -> tuple[np.ndarray, list[Any]]:
    """Return the place of each cell among the distinct ones, -1 for a missing one, and these."""
    codes, values = pd.factorize(cells)
    return codes, values.tolist()
