"""Splits of a table into parts that are alike in the targets of all tasks at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold, ShuffleSplit
from sklearn.utils import check_random_state

from sk_mmoe.model_selection._tables import as_frame

_N_BINS = 20
_FEW_ROWS = 5  # of a whole number, on average: fewer, and it is a quantity, not a class
_MAX_PARTS = 10


class MultiOutputStratifiedKFold(KFold):
    """K folds that are stratified over the targets of all tasks.

    It does for several targets what :class:`~sklearn.model_selection.StratifiedKFold` does for one.
    Targets may be classes, numbers or both, and labels may be missing. Every fold gets its share of
    each class of each task, and of their combinations as far as the rows allow.

    Read more in the :doc:`User Guide </user_guide/evaluation>`.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    shuffle : bool, default=False
        Whether to choose at random among rows that serve equally well. Set it to get other folds
        with another `random_state`.
    random_state : int, RandomState instance or None, default=None
        Determines the choice if `shuffle` is set. Pass an int for the same folds at every call.

    See Also
    --------
    MultiOutputStratifiedShuffleSplit : Parts of any size, with new random draws for each split.
    sklearn.model_selection.StratifiedKFold : For one task with classes.

    Notes
    -----
    `split` takes a y of shape (n_samples,) or (n_samples, n_tasks), as an array or a DataFrame,
    with labels of any type. In each column

    - a missing label (NaN, None or `pd.NA`) is a separate class;
    - more than twenty distinct numbers are put into twenty bins with equally many rows, if they are
      non-integers or occur fewer than five times on average;
    - everything else is a class, however rare. There is no minimum number of rows.

    Rows are sorted by one column after the other, in serpentine order, so that neighbours have
    nearly the same labels. A fold is a systematic sample of the rows that earlier folds left. It
    takes one of every few neighbours: the one that brings the fold closest to its share of all
    classes in the sense of chi-squared. The first column is divided exactly: the numbers of each of
    its classes in two folds differ by at most one, and so do the sizes of folds.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mmoe.model_selection import MultiOutputStratifiedKFold
    >>> rng = np.random.default_rng(0)
    >>> y = (rng.random((1000, 3)) < [0.5, 0.2, 0.02]).astype(int)
    >>> y.sum(axis=0)
    array([515, 197,  22])
    >>> for _, test in MultiOutputStratifiedKFold(n_splits=3).split(y, y):
    ...     print(y[test].sum(axis=0))
    [172  66   7]
    [171  65   7]
    [172  66   8]
    """

    def _iter_test_indices(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[np.ndarray]:
        """Yield the rows of each fold."""
        rng = check_random_state(self.random_state) if self.shuffle else None
        levels = _levels(y)
        yield from _parts(levels, _serpentine(levels, rng), self.n_splits, rng)


class MultiOutputStratifiedShuffleSplit(ShuffleSplit):
    """Random splits into two parts, stratified over the targets of all tasks.

    It does for several targets what :class:`~sklearn.model_selection.StratifiedShuffleSplit` does
    for one. Targets may be classes, numbers or both, and labels may be missing. The method, and the
    forms of y that `split` takes, are those of :class:`MultiOutputStratifiedKFold`. Every row has
    the same chance of being in the test set.

    Read more in the :doc:`User Guide </user_guide/evaluation>`.

    Parameters
    ----------
    n_splits : int, default=10
        Number of splits.
    test_size : float or int, default=None
        Fraction of the rows in the test set, in (0, 1), or their number. `None` is what
        `train_size` leaves, or 0.1 if that is `None` too.
    train_size : float or int, default=None
        Fraction of the rows in the train set, or their number. `None` is what `test_size` leaves.
    random_state : int, RandomState instance or None, default=None
        Determines the splits. Pass an int for the same splits at every call.

    See Also
    --------
    MultiOutputStratifiedKFold : Folds, so that each row is a test row once.
    sklearn.model_selection.StratifiedShuffleSplit : For one task with classes.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sk_mmoe.model_selection import MultiOutputStratifiedShuffleSplit
    >>> rng = np.random.default_rng(0)
    >>> y = pd.DataFrame({"click": rng.random(1000) < 0.3, "minutes": rng.exponential(size=1000)})
    >>> splitter = MultiOutputStratifiedShuffleSplit(n_splits=1, test_size=0.1, random_state=0)
    >>> train, test = next(splitter.split(y, y))
    >>> y.iloc[train].mean().round(2).to_dict()
    {'click': 0.28, 'minutes': 1.0}
    >>> y.iloc[test].mean().round(2).to_dict()
    {'click': 0.28, 'minutes': 0.99}
    """

    def _iter_indices(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows of the train and test set of each split."""
        rng = check_random_state(self.random_state)
        levels = _levels(y)
        sizes = ShuffleSplit(
            1, test_size=self.test_size, train_size=self.train_size, random_state=0
        )
        n_train, n_test = map(len, next(sizes.split(levels)))
        for _ in range(self.n_splits):
            rows = _serpentine(levels, rng)
            test, rest = _draw(levels, rows, n_test, rng)
            train, _ = _draw(levels, rest, n_train, rng)
            yield rng.permutation(train), rng.permutation(test)


def _levels(y: Any) -> np.ndarray:
    """Return the level of each target, numbered from 0 in every column; missing ones are 0."""
    if y is None:
        raise ValueError("y must be passed: the parts are to be alike in it. Got None.")
    table = as_frame(y)
    return np.column_stack([_column_levels(table.iloc[:, k]) for k in range(table.shape[1])])


def _column_levels(column: pd.Series) -> np.ndarray:
    """Return the classes or bins of one column, numbered from 1, and 0 where it is missing."""
    column = column.infer_objects()
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    codes, classes = pd.factorize(column, sort=is_number)
    if is_number and len(classes) > _N_BINS:
        known = codes >= 0
        numbers = np.asarray(classes, dtype=np.float64)
        if (numbers != np.floor(numbers)).any() or len(classes) * _FEW_ROWS > known.sum():
            ranks: pd.Series = pd.Series(codes).where(known).rank(pct=True)
            return np.ceil((ranks * _N_BINS).fillna(0).to_numpy()).astype(np.int64)
    return codes.astype(np.int64) + 1


def _serpentine(levels: np.ndarray, rng: np.random.RandomState | None) -> np.ndarray:
    """Return the rows sorted by column, every other run of a column the other way round.

    So the last row of a run and the first of the next have the same levels in later columns. At
    random are the order of later columns, the direction of each, and the order of equal rows.
    """
    if rng is not None:
        levels = levels[:, np.append(0, 1 + rng.permutation(levels.shape[1] - 1))]
        levels = np.where(
            rng.uniform(size=levels.shape[1]) < 0.5, levels, levels.max(axis=0) - levels
        )
    rank = np.zeros(len(levels), dtype=np.int64)
    for column in levels.T:
        n_levels = column.max() + 1
        turned = np.where(rank % 2, n_levels - 1 - column, column)
        rank = np.unique(rank * n_levels + turned, return_inverse=True)[1]
    rows = np.arange(len(levels)) if rng is None else rng.permutation(len(levels))
    return rows[np.argsort(rank[rows], kind="stable")]


def _draw(
    levels: np.ndarray, rows: np.ndarray, size: int, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Draw `size` of some sorted rows, each with the same probability; return them and the rest.

    A part is chosen by the labels of its rows, so rows are not equally likely to be in it. But
    every row is in one of several equal parts, and of these one is taken at random.
    """
    if size > len(rows) / 2:
        rest, drawn = _draw(levels, rows, len(rows) - size, rng)
        return drawn, rest
    if size == 0:
        return rows[:0], rows
    n_parts = min(len(rows) // size, _MAX_PARTS)
    spread = np.arange(n_parts * size) * len(rows) + rng.randint(len(rows))
    parts = _parts(levels, rows[spread // (n_parts * size)], n_parts, rng)
    drawn = next(islice(parts, rng.randint(n_parts), None))
    return drawn, rows[~np.isin(rows, drawn)]


def _parts(
    levels: np.ndarray, rows: np.ndarray, n_parts: int, rng: np.random.RandomState | None
) -> Iterator[np.ndarray]:
    """Yield equal parts of sorted rows, each from what the ones before have left."""
    for n_left in range(n_parts, 0, -1):
        start = 0 if rng is None else rng.randint(n_left)
        drawn = _sample(levels[rows], np.arange(start, len(rows), n_left), rng)
        yield rows[drawn]
        rows = np.delete(rows, drawn)


def _sample(
    levels: np.ndarray, starts: np.ndarray, rng: np.random.RandomState | None
) -> np.ndarray:
    """Draw one row from each run of sorted rows so that all levels get their share.

    A draw of the first row of every run is a systematic sample, exact in the first column. Any
    other row of the run with the same level there is as good for the first column; taken is the
    one that makes the sum of (drawn - expected)² / expected over all levels the smallest.

    Parameters
    ----------
    levels : ndarray of shape (n_rows, n_columns)
        The levels of sorted rows.
    starts : ndarray of shape (n_drawn,)
        The first row of each run.
    rng : RandomState instance or None
        Decides between rows as good as each other; without it the first is taken.

    Returns
    -------
    ndarray of shape (n_drawn,)
        The rows drawn.
    """
    n_rows, n_columns = levels.shape
    stops = np.append(starts[1:], n_rows)
    ends = np.append(np.flatnonzero(np.diff(levels[:, 0])) + 1, n_rows)
    ends = np.minimum(stops, ends[np.searchsorted(ends, starts, side="right")])
    # Where all eligible rows are equal there is no choice; other runs are decided in turn.
    kind = np.append(0, (levels[1:] != levels[:-1]).any(axis=1)).cumsum()
    undecided = np.flatnonzero(kind[starts] != kind[ends - 1])

    slots = levels + np.append(0, levels.max(axis=0) + 1)[:-1].cumsum()
    n_slots = slots.max() + 1
    scarcity = n_rows / np.maximum(np.bincount(slots.ravel(), minlength=n_slots), 1)
    drawn = starts.copy()
    # What passing a row adds to drawn - expected, for each of its levels.
    gain = np.full(n_rows, -len(starts) / n_rows)
    gain[starts] += 1
    gain[starts[undecided]] -= 1
    # A small surplus at the start decides between rows that serve equally well.
    excess = np.zeros(n_slots) if rng is None else rng.uniform(-0.1, 0.1, n_slots)
    seen = 0
    for run in undecided:
        passed = slice(seen, stops[run])
        excess += np.bincount(
            slots[passed].ravel(), np.repeat(gain[passed], n_columns), minlength=n_slots
        )
        seen = stops[run]
        price = (2 * excess + 1) * scarcity
        drawn[run] += price[slots[starts[run] : ends[run]]].sum(axis=1).argmin()
        excess[slots[drawn[run]]] += 1
    return drawn
