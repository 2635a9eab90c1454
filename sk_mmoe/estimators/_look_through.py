"""One pass over a lazy table: a sample of its rows, and what only all rows can tell.

Several processes pass over some groups each, and exchange what they find. All of them, and a single
process, then have the same sample in the same order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from sk_mmoe.columns._cells import is_missing
from sk_mmoe.columns._counts import CategoryCounts
from sk_mmoe.columns._frames import open_table
from sk_mmoe.estimators._lazy_labels import labels_of
from sk_mmoe.streaming import LazyTable
from sk_mmoe.streaming._blocks import deal
from sk_mmoe.streaming._memory import give_back
from sk_mmoe.streaming._sources import concatenate
from sk_mmoe.training._processes import Processes

# Of more rows the means, the quantiles and the loss of a held-out part are hardly other ones.
_SAMPLE_ROWS, _SAMPLE_VALUES = 200_000, 2**24
# A target with more labels is one of numbers, for which none needs to be in the sample.
_MANY_LABELS = 1000


@dataclass(frozen=True)
class LazySample:
    """A random sample of the rows of a lazy table, of a small table all of them.

    Every label of every task is among them.

    Parameters
    ----------
    places : ndarray of int of shape (n_samples,)
        The numbers of the rows in the whole table, in ascending order.
    X : Frame or pyarrow.Table of shape (n_samples, n_features)
        The features.
    y : DataFrame or Series of shape (n_samples, n_tasks) or (n_samples,)
        The targets.
    sample_weight : ndarray of shape (n_samples,) or None
        The weights of the rows.
    """

    places: np.ndarray
    X: Any
    y: Any
    sample_weight: np.ndarray | None


class _Found(NamedTuple):
    """What a process finds in the groups that it passes over.

    Parameters
    ----------
    counts : dict from int to Counter
        How often each category of a column occurs.
    first_rows : dict from str to dict
        For each task, the row in which a label occurs for the first time.
    taken : list of tuple
        The numbers of some rows, in ascending order, and these rows.
    """

    counts: dict[int, Counter[Any]]
    first_rows: dict[str, dict[Any, int]]
    taken: list[tuple[np.ndarray, Any]]


def look_through(
    table: LazyTable,
    categorical_features: Any,
    *,
    count: bool,
    processes: Processes | None = None,
) -> LazySample:
    """Pass once over a table, and return a sample of it from which the rest can be learned.

    Parameters
    ----------
    table : LazyTable
        The table.
    categorical_features : "from_dtype", array-like of bool, int or str, or None
        Which columns are categorical, as the estimators' parameter.
    count : bool
        Whether to count the categories of all rows, which a first fit learns.
    processes : Processes, default=None
        The processes that share the pass. `None`: this one reads all rows.

    Returns
    -------
    LazySample
        The sample. It depends on the table alone, so that a training can be resumed.
    """
    n_columns = len(table.feature_names) + len(table.label_names)
    n_rows = min(len(table), _SAMPLE_ROWS, max(1, _SAMPLE_VALUES // n_columns))
    places = np.sort(np.random.default_rng(0).choice(len(table), n_rows, replace=False))
    counts = CategoryCounts(categorical_features)

    def look(groups: Sequence[int] | None) -> _Found:
        """Pass over some groups."""
        first_rows, taken = _FirstRows(table.target_names), []
        for start, rows in table.parts([*table.feature_names, *table.label_names], groups):
            if count:
                counts.add(rows.select(table.feature_names))
            first, last = np.searchsorted(places, [start, start + len(rows)])
            chosen = places[first:last]
            if n_rows < len(table):
                chosen = np.union1d(chosen, first_rows.find(start, rows))
            taken.append((chosen, rows.take(chosen - start)))
        return _Found(counts.counts, first_rows.found, taken)

    if processes is None:
        everyone = [look(None)]
    else:
        own = deal(table.group_sizes, processes.n_processes)[processes.rank]
        everyone = processes.gather(processes.together(lambda: look(own)))
    first_rows = _merge_first_rows([found.first_rows for found in everyone])
    places = np.union1d(places, first_rows)
    # Other processes may have had a label before.
    taken = [
        (numbers[kept], rows if kept.all() else rows.filter(kept))
        for found in everyone
        for numbers, rows in found.taken
        if (kept := np.isin(numbers, places)).any()
    ]
    counts.counts = _merge_counts([found.counts for found in everyone])
    del everyone
    sample = concatenate([rows for _, rows in sorted(taken, key=lambda part: part[0][0])])
    del taken
    give_back()
    X = sample.select(table.feature_names)
    return LazySample(places, counts.attach(X) if count else X, *labels_of(table, sample))


class _FirstRows:
    """In which rows labels occur for the first time.

    Parameters
    ----------
    names : list of str
        The columns of the targets.

    Attributes
    ----------
    found : dict from str to dict
        The first row of each label, of at most `_MANY_LABELS`, in the order of the rows.
    """

    def __init__(self, names: list[str]) -> None:
        self.found: dict[str, dict[Any, int]] = {name: {} for name in names}

    def find(self, start: int, rows: Any) -> np.ndarray:
        """Return the rows of a part, of which `start` is the first, with labels that are new."""
        new = []
        for name, known in self.found.items():
            if len(known) >= _MANY_LABELS:
                continue
            labels = open_table(rows.select([name])).labels(0)
            codes, firsts = np.unique(labels.codes, return_index=True)
            for k in np.argsort(firsts):
                label = None if codes[k] < 0 else labels.values[codes[k]]
                if is_missing(label) or label in known:
                    continue
                if len(known) == _MANY_LABELS:
                    break
                known[label] = start + int(firsts[k])
                new.append(known[label])
        return np.array(new, dtype=np.int64)


def _merge_first_rows(found: list[dict[str, dict[Any, int]]]) -> np.ndarray:
    """Return the rows in which labels occur for the first time in the whole table."""
    rows: list[int] = []
    for name in found[0]:
        merged: dict[Any, int] = {}
        for each in found:
            for label, row in each[name].items():
                merged[label] = min(row, merged.get(label, row))
        # Each process has its first labels. Together they have the first ones of the table.
        rows.extend(islice(sorted(merged.values()), _MANY_LABELS))
    return np.array(rows, dtype=np.int64)


def _merge_counts(found: list[dict[int, Counter[Any]]]) -> dict[int, Counter[Any]]:
    """Return how often each category occurs in the whole table."""
    merged: dict[int, Counter[Any]] = {}
    for counts in found:
        for column, counter in counts.items():
            merged.setdefault(column, Counter()).update(counter)
    return merged
