"""A categorical column's categories."""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from sk_mmoe.columns._column import Column, ColumnSettings, Slots

# With so many rows, unseen categories alone are no chance.
_MANY = 20


class Categories(Column):
    """A column of labels with one slot: the category of a value.

    Parameters
    ----------
    labels : array-like
        The categories.
    has_missing : bool
        Whether missing values have a code, after those of the categories.
    weights : array-like of float of shape (n_codes,)
        The weight of each category's vector: less, the fewer rows taught it.
    """

    kind: ClassVar[str] = "categories"
    n_slots: ClassVar[int] = 1
    reads_numbers: ClassVar[bool] = False

    def __init__(self, labels: Any, has_missing: bool, weights: Any) -> None:
        self.labels = pd.Index(labels)
        self.has_missing = has_missing
        self.weights = np.asarray(weights, dtype=np.float64)
        self._last_lookup: tuple[pd.Index | None, np.ndarray] = None, np.empty(0, dtype=np.int32)

    @classmethod
    def takes(cls, is_categorical: bool, settings: ColumnSettings) -> bool:
        """Return whether a column is categorical."""
        return is_categorical

    @classmethod
    def learn(cls, values: pd.Series, settings: ColumnSettings) -> Categories:
        """Return the categories of a training column, sorted where they can be.

        In a stream, categories that a categorical dtype declares count where they do not occur, and
        no category is known to be rare. A one-hot column is read whole, too.
        """
        array = values.array
        if isinstance(array, pd.Categorical):
            occurs = np.isin(np.arange(len(array.categories)), array.codes)
            labels = array.categories if settings.of_stream else array.categories[occurs]
        else:
            labels = pd.Index(pd.unique(values.dropna()))
        with suppress(TypeError):  # labels of several kinds
            labels = labels.sort_values()
        has_missing = bool(values.isna().any())
        column = cls(labels, has_missing, np.ones(len(labels) + has_missing))
        if not (settings.of_stream or settings.one_hot):
            counts = np.bincount(column._find(values), minlength=column.n_codes)
            column.weights = counts / (counts + settings.smooth)
        return column

    @property
    def n_codes(self) -> int:
        """The number of categories, and one more for missing values."""
        return len(self.labels) + self.has_missing

    def code_weights(self) -> np.ndarray:
        """Return the weight of each category's vector."""
        return self.weights

    def describe(self) -> dict[str, Any]:
        """Return the categories and their weights."""
        return {
            "labels": self.labels.to_numpy(),
            "has_missing": self.has_missing,
            "weights": self.weights,
        }

    def read(self, values: pd.Series) -> Slots:
        """Return the code of each value, -1 for an unseen one."""
        codes = self._find(values)
        if len(values) >= _MANY and (codes < 0).all() and not values.isna().all():
            warnings.warn(
                f"no value of the categorical column {values.name!r} was seen by fit: values such "
                f"as {values.dropna().iloc[0]!r} count as no category. The categories are of the "
                f"type {type(self.labels[0]).__name__}; convert the column if they are meant.",
                stacklevel=6,
            )
        return Slots(codes[None])

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
