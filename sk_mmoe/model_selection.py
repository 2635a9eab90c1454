"""Splits of data that are alike in the targets of all tasks at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold, ShuffleSplit
from sklearn.utils import check_random_state

__all__ = ["MultiOutputStratifiedKFold", "MultiOutputStratifiedShuffleSplit"]

_N_BINS = 10


class MultiOutputStratifiedKFold(KFold):
    """K folds that are alike in the targets of all tasks."""

    def __init__(
        self, n_splits: int = 5, *, shuffle: bool = False, random_state: Any = None
    ) -> None:
        super().__init__(n_splits=n_splits, shuffle=shuffle, random_state=random_state)

    def _iter_test_indices(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[np.ndarray]:
        codes = _encode(y)
        rng = check_random_state(self.random_state) if self.shuffle else None
        order = _sorted_rows(codes, rng)
        for fold in range(self.n_splits):
            yield order[fold :: self.n_splits]


class MultiOutputStratifiedShuffleSplit(ShuffleSplit):
    """Random splits that are alike in the targets of all tasks."""

    def _iter_indices(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        codes = _encode(y)
        rng = check_random_state(self.random_state)
        train, test = next(
            ShuffleSplit(1, test_size=self.test_size, train_size=self.train_size).split(codes)
        )
        n_train, n_test = len(train), len(test)
        for _ in range(self.n_splits):
            order = _sorted_rows(codes, rng)
            used = order[_systematic_sample(len(order), n_train + n_test, rng)]
            tested = np.zeros(len(used), dtype=bool)
            tested[_systematic_sample(len(used), n_test, rng)] = True
            yield rng.permutation(used[~tested]), rng.permutation(used[tested])


def _encode(y: Any) -> np.ndarray:
    """Return a level for each target: classes, bins of numbers, or missing."""
    table = pd.DataFrame(y)
    codes = np.empty(table.shape, dtype=np.int64)
    for k in range(table.shape[1]):
        column = table.iloc[:, k].infer_objects()
        if column.dtype.kind == "f" and column.nunique() > 2 * _N_BINS:
            if (column % 1).fillna(0).any():
                column = pd.qcut(column, _N_BINS, duplicates="drop")
        codes[:, k] = pd.factorize(column, sort=True)[0]
    return codes


def _sorted_rows(codes: np.ndarray, rng: Any) -> np.ndarray:
    """Return rows ordered by their levels, ties at random."""
    n_samples = len(codes)
    tie = np.arange(n_samples) if rng is None else rng.permutation(n_samples)
    return np.lexsort([tie, *codes.T[::-1]])


def _systematic_sample(n: int, size: int, rng: Any) -> np.ndarray:
    """Return `size` positions of `n`, evenly spaced from a random start."""
    return ((np.arange(size) + rng.uniform()) * n / size).astype(np.int64)
