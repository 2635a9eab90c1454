"""A categorical column's categories."""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

# With so many rows, unseen categories alone are no chance.
_MANY = 20


class Categories:
    """Which category the values of a column are.

    Parameters
    ----------
    labels : array-like
        The categories.
    has_missing : bool
        Whether there is a further category for missing values.
    counts : ndarray of int of shape (n_vectors,) or None
        The number of training rows of each. `None`: not all training rows are known.
    """

    def __init__(self, labels: Any, has_missing: bool, counts: np.ndarray | None) -> None:
        self.labels = pd.Index(labels)
        self.has_missing = has_missing
        self.counts = counts
        self._last_lookup: tuple[pd.Index | None, np.ndarray] = None, np.empty(0, dtype=np.int32)

    @classmethod
    def from_column(cls, column: pd.Series, *, of_stream: bool) -> Categories:
        """Return the categories of a training column, sorted where they can be.

        Parameters
        ----------
        column : Series of shape (n_samples,)
            The column.
        of_stream : bool
            Whether the column is only the first part of a longer one. Then categories that a
            categorical dtype declares count where they do not occur.

        Returns
        -------
        Categories
            The categories.
        """
        values = column.array
        if isinstance(values, pd.Categorical):
            occurs = np.isin(np.arange(len(values.categories)), values.codes)
            labels = values.categories if of_stream else values.categories[occurs]
        else:
            labels = pd.Index(pd.unique(column.dropna()))
        with suppress(TypeError):  # labels of several kinds
            labels = labels.sort_values()
        categories = cls(labels, bool(column.isna().any()), None)
        if not of_stream:
            codes = categories._find(column)
            categories.counts = np.bincount(codes, minlength=categories.n_vectors)
        return categories

    @property
    def n_vectors(self) -> int:
        """The number of categories; a missing value is one of them."""
        return len(self.labels) + self.has_missing

    def shares(self, smooth: float) -> np.ndarray:
        """Return what share of its vector each category has: less, the fewer rows taught it.

        Parameters
        ----------
        smooth : float
            The number of rows with which a category has half of its vector.

        Returns
        -------
        ndarray of float of shape (n_vectors,)
            The shares.
        """
        if self.counts is None:
            return np.ones(self.n_vectors)
        return self.counts / (self.counts + smooth)

    def locate(self, column: pd.Series) -> np.ndarray:
        """Return the numbers of a column's categories, -1 for an unseen one.

        Parameters
        ----------
        column : Series of shape (n_samples,)
            The column.

        Returns
        -------
        ndarray of int of shape (n_samples,)
            The numbers.
        """
        codes = self._find(column)
        if len(column) >= _MANY and (codes < 0).all() and not column.isna().all():
            warnings.warn(
                f"no value of the categorical column {column.name!r} was seen by fit: values such "
                f"as {column.dropna().iloc[0]!r} count as no category. The categories are of the "
                f"type {type(self.labels[0]).__name__}; convert the column if they are meant.",
                stacklevel=6,
            )
        return codes

    def _find(self, column: pd.Series) -> np.ndarray:
        """Return the numbers of a column's categories."""
        missing = len(self.labels) if self.has_missing else -1
        values = column.array
        if not isinstance(values, pd.Categorical):
            codes = self.labels.get_indexer(pd.Index(column))
            return np.where(column.isna(), missing, codes)
        # Of many strings only the categories are looked up, once for tables of one dtype. The last
        # place is that of code -1, a missing value.
        known, lookup = self._last_lookup
        if known is not values.categories:
            known = values.categories
            lookup = np.append(self.labels.get_indexer(known), missing).astype(np.int32)
            self._last_lookup = known, lookup
        return lookup[values.codes]

    def __getstate__(self) -> dict[str, Any]:
        """Leave what was looked up last out of copies and pickles."""
        return self.__dict__ | {"_last_lookup": (None, np.empty(0, dtype=np.int32))}
