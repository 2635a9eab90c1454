"""The categories of a table that is too large for memory, counted part by part."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from sk_mmoe.columns._cells import is_missing
from sk_mmoe.columns._frame import Frame, Labels
from sk_mmoe.columns._frames import open_table
from sk_mmoe.columns._learning import read_values
from sk_mmoe.columns._narwhals_frame import NarwhalsFrame
from sk_mmoe.columns._roles import find_categorical
from sk_mmoe.columns.kinds._categories import Categories


class CategoryCounts:
    """How often each category of each column occurs in the parts of a table.

    What a network reads of a number changes little with one row more or less, so a sample of the
    rows is enough. A category that the sample lacks would have no vector.

    Parameters
    ----------
    categorical_features : "from_dtype", array-like of bool, int or str, or None
        Which columns are categorical, as the estimators' parameter.

    Attributes
    ----------
    counts : dict from int to Counter
        How often each category of a column occurs, `None` for missing ones. Empty before a part.
    """

    def __init__(self, categorical_features: Any) -> None:
        self.categorical_features = categorical_features
        self.counts: dict[int, Counter[Any]] = {}
        self._is_empty = True

    def add(self, part: Any) -> None:
        """Count the categories of a part of the table.

        Parameters
        ----------
        part : DataFrame of shape (n_rows, n_features)
            The part.
        """
        frame: Frame = open_table(part)
        if self._is_empty:
            mask = find_categorical(frame, self.categorical_features)
            found = [] if mask is None else np.flatnonzero(mask).tolist()
            self.counts = {column: Counter() for column in found}
            self._is_empty = False
        for column, counter in self.counts.items():
            labels: Labels = read_values(frame, column, Categories)
            keys = [None if is_missing(label) else label for label in labels.values]
            for key, n in zip([*keys, None], labels.tally().tolist(), strict=True):
                if n:
                    counter[key] += n

    def attach(self, sample: Any) -> Frame:
        """Return a sample of the rows as a table that knows the counts of all rows.

        Parameters
        ----------
        sample : DataFrame of shape (n_rows, n_features)
            The sample.

        Returns
        -------
        Frame
            The table.
        """
        return _CountedFrame(sample, self.counts)


class _CountedFrame(NarwhalsFrame):
    """A sample of a table, with the categories of the whole table.

    Parameters
    ----------
    native : DataFrame of shape (n_samples, n_features)
        The sample.
    counts : dict from int to Counter
        How often each category of a column occurs in the whole table, `None` for missing ones.
    """

    def __init__(self, native: Any, counts: dict[int, Counter[Any]]) -> None:
        super().__init__(native)
        self._counts = counts

    def _find_labels(self, column: int) -> Labels:
        """Return a column as labels, among them those that the sample lacks."""
        labels = super()._find_labels(column)
        if column not in self._counts:
            return labels
        counter = Counter(self._counts[column])
        n_missing = counter.pop(None, 0)
        place = {label: k for k, label in enumerate(counter)}
        codes = np.array([*(place.get(label, -1) for label in labels.values), -1])
        return labels._replace(
            codes=codes[labels.codes],
            values=list(counter),
            counts=np.array([*counter.values(), n_missing]),
        )
