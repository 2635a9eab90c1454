"""Features that give a target away."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
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
    columns = [
        _Target(labels, known, ranked=not (task.has_classes or task.is_nominal))
        for task, labels, known in zip(
            encoder.tasks, _encoded(encoder, targets), targets.known.T, strict=True
        )
    ]
    found = []
    for feature, values in _features(X, rows):
        for task, target in zip(encoder.tasks, columns, strict=True):
            nominal = task.is_nominal or (values.dtype.kind == "O" and task.has_classes)
            gives_away = target.corresponds(values) if nominal else target.correlates(values)
            if gives_away:
                found.append(f"{feature!r} (task {task.name!r})")
    if found:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        warnings.warn(
            "some features nearly determine a task by themselves: "
            f"{', '.join(found[:_SHOWN])}{more}. Drop a feature that is computed from the target, "
            "or that is not yet known when predictions are needed.",
            stacklevel=3,
        )


def _encoded(encoder: TaskEncoder, targets: Targets) -> list[np.ndarray]:
    """Return the encoded known labels of each task."""
    return [task.encode(labels) for task, labels in zip(encoder.tasks, targets.labels, strict=True)]


def _features(X: Any, rows: np.ndarray) -> Iterator[tuple[Any, np.ndarray]]:
    """Yield the name or number of each feature, and its values as floats or as objects."""
    X = take_rows(X, rows)
    table = named_columns(X)
    columns: Any = np.asarray(X).T if table is None else table.columns
    names = range(len(columns)) if table is None else table.names
    for name, column in zip(names, columns, strict=True):
        values = np.asarray(column)
        is_number = values.dtype.kind in "biuf" and not isinstance(
            getattr(column, "dtype", None), pd.CategoricalDtype
        )
        yield name, values.astype(np.float64) if is_number else values.astype(object)


class _Target:
    """One target, to be compared with features.

    Parameters
    ----------
    labels : ndarray of shape (n_known,)
        The encoded labels.
    known : ndarray of shape (n_rows,), bool
        Where a label is known.
    ranked : bool
        Whether to compare ranks, too.
    """

    def __init__(self, labels: np.ndarray, known: np.ndarray, *, ranked: bool) -> None:
        self.labels, self.known, self.ranked = labels, known, ranked

    def correlates(self, values: np.ndarray) -> bool:
        """Return whether numbers correlate with the target almost perfectly."""
        if values.dtype.kind == "O":
            return False
        values = values[self.known]
        both = np.isfinite(values)
        if both.sum() < _FEW_ROWS:
            return False
        a, b = values[both], self.labels[both].astype(np.float64)
        return _correlation(a, b) > _NEARLY or (
            self.ranked and _correlation(rankdata(a), rankdata(b)) > _NEARLY
        )

    def corresponds(self, values: np.ndarray) -> bool:
        """Return whether each value stands for one class, and each class for one value."""
        codes, found = pd.factorize(values[self.known])
        both = codes >= 0
        if both.sum() < _FEW_ROWS or len(found) < 2:
            return False
        counts = np.zeros((len(found), int(self.labels.max()) + 1))
        np.add.at(counts, (codes[both], self.labels[both]), 1)
        counts = counts[:, counts.any(axis=0)]
        if counts.shape[0] != counts.shape[1] or counts.shape[1] < 2:
            return False
        best = counts.argmax(axis=1)
        errors = counts.sum() - counts.max(axis=1).sum()
        # Of what would be wrong if the most frequent class were always predicted.
        guessed = counts.sum() - counts.sum(axis=0).max()
        return len(set(best)) == len(best) and bool(errors <= (1 - _NEARLY) * guessed)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return the size of Pearson's correlation, 0 where one does not vary."""
    a, b = a - a.mean(), b - b.mean()
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return abs(float(a @ b)) / norm if norm > 0 else 0.0
