"""Features that give a target away."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.stats import rankdata

from sk_mmoe.metrics._tables import named_columns, take_rows
from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.tasks._targets import Targets

_ROWS = 2000
_FEW_ROWS = 30  # fewer may agree by accident
_NEARLY = 0.9995  # 99.9 % of the variance
# At first a glance at few rows, which tells most features to be innocent.
_GLANCE = 64
_ROUGHLY = 0.9
_SHOWN = 5


def warn_of_leaks(X: Any, encoder: TaskEncoder, targets: Targets) -> None:
    """Warn of features that equal a target or nearly determine it.

    Such a feature is often computed from the target, or becomes known together with it, and is
    missing or wrong when predictions are needed. A number is suspicious if its correlation with the
    target, for targets that are numbers also that of their ranks, is almost 1 or -1; a category if
    categories and classes correspond one to one. Both are judged on up to 2,000 rows.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        The inputs as the user passed them. Sparse matrices are not looked at.
    encoder : TaskEncoder
        The tasks.
    targets : Targets
        The targets.
    """
    rows = np.unique(np.linspace(0, len(targets) - 1, _ROWS).astype(np.int64))
    if sparse.issparse(X) or len(rows) < _FEW_ROWS:
        return
    targets = encoder.check(targets).take(rows)
    names, columns = _features(X, rows)
    is_number = [column.dtype.kind != "O" for column in columns]
    numbers = np.column_stack([*itertools.compress(columns, is_number), np.ones(len(rows))])
    others = np.flatnonzero(~np.array(is_number, dtype=bool))
    found = []
    for k, task in enumerate(encoder.tasks):
        known = targets.known[:, k]
        if known.sum() < _FEW_ROWS:
            continue
        labels = task.encode(targets.labels[k])
        leaks = []
        if not task.is_nominal:
            ranked = not task.has_classes
            part = numbers[known]
            leaks = [
                np.flatnonzero(is_number)[j]
                for j in _suspects(part, labels, ranked=ranked)
                if _correlates(part[:, j], labels, ranked=ranked)
            ]
        if task.has_classes:
            rest = range(len(columns)) if task.is_nominal else others
            leaks += [j for j in rest if _corresponds(columns[j][known], labels)]
        found += [f"{names[j]!r} (task {task.name!r})" for j in sorted(leaks)]
    if found:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        warnings.warn(
            "some features nearly determine a task by themselves: "
            f"{', '.join(found[:_SHOWN])}{more}. Drop a feature that is computed from the target, "
            "or that is not yet known when predictions are needed.",
            stacklevel=3,
        )


def _features(X: Any, rows: np.ndarray) -> tuple[list[Any], list[np.ndarray]]:
    """Return the name or number of each feature, and its values as floats or as objects."""
    X = take_rows(X, rows)
    table = named_columns(X)
    columns: Any = np.asarray(X).T if table is None else table.columns
    values = []
    for column in columns:
        if table is None:
            is_number = column.dtype.kind in "biuf"
        else:
            is_number = pd.api.types.is_numeric_dtype(column.dtype)  # of categories it is not
            column = column.to_numpy(np.float64, na_value=np.nan) if is_number else column
        values.append(np.asarray(column).astype(np.float64 if is_number else object))
    return list(range(len(values)) if table is None else table.names), values


def _suspects(numbers: np.ndarray, labels: np.ndarray, *, ranked: bool) -> list[int]:
    """Return the columns that may correlate with labels, by a glance at the first rows.

    The last column is a constant and never among them.
    """
    numbers, labels = numbers[:_GLANCE], labels[:_GLANCE]
    complete = np.isfinite(numbers).all(axis=0)
    values = np.where(complete, numbers, 0.0)
    agree = _correlations(values, labels)
    if ranked:
        agree = np.maximum(agree, _correlations(rankdata(values, axis=0), rankdata(labels)))
    # Nothing is told by columns with gaps, or by labels that are all the same.
    suspicious = ~complete | (agree > _ROUGHLY) | (labels == labels[:1]).all()
    return np.flatnonzero(suspicious[:-1]).tolist()


def _correlates(values: np.ndarray, labels: np.ndarray, *, ranked: bool) -> bool:
    """Return whether numbers, or also their ranks, correlate with labels almost perfectly."""
    finite = np.isfinite(values)
    if finite.sum() < _FEW_ROWS:
        return False
    values, labels = values[finite, None], labels[finite]
    agree = _correlations(values, labels)
    if ranked:
        agree = np.maximum(agree, _correlations(rankdata(values, axis=0), rankdata(labels)))
    return bool(agree[0] > _NEARLY)


def _correlations(numbers: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the size of the correlation of each column with labels, 0 where one is constant."""
    numbers, labels = _scaled(numbers), _scaled(labels.astype(np.float64)[:, None])
    return np.abs(labels.T @ numbers)[0]


def _scaled(numbers: np.ndarray) -> np.ndarray:
    """Return columns with the mean 0 and the length 1, or all 0."""
    largest = np.abs(numbers).max(axis=0, initial=0.0)
    numbers = numbers / np.where(largest > 0, largest, 1)  # their squares are numbers, too
    numbers = numbers - numbers.mean(axis=0)
    lengths = np.linalg.norm(numbers, axis=0)
    return numbers / np.where(lengths > 0, lengths, np.inf)


def _corresponds(values: np.ndarray, labels: np.ndarray) -> bool:
    """Return whether each value stands for one class, and each class for one value."""
    n_classes = len(np.unique(labels))
    if len(pd.unique(values[:_GLANCE])) > n_classes + 1:  # one may be missing
        return False
    codes, found = pd.factorize(values)
    known = codes >= 0
    if known.sum() < _FEW_ROWS or not 2 <= len(found) == n_classes:
        return False
    counts = np.zeros((len(found), int(labels.max()) + 1))
    np.add.at(counts, (codes[known], labels[known]), 1)
    errors = counts.sum() - counts.max(axis=1).sum()
    # Of what would be wrong if the most frequent class were always predicted.
    guessed = counts.sum() - counts.sum(axis=0).max()
    return len(set(counts.argmax(axis=1))) == n_classes and bool(errors <= (1 - _NEARLY) * guessed)
