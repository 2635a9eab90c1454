"""The one gate for y: from any supported form to targets by task."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import check_consistent_length

from sk_mmoe.metrics._labels import masked_as_none
from sk_mmoe.metrics._tables import named_columns
from sk_mmoe.tasks._labels import check_labels


@dataclass(frozen=True)
class Targets:
    """A table of targets, column by column, with the labels that are known.

    Parameters
    ----------
    names : list of str
        The name of each task.
    labels : list of ndarray
        The known labels of each task, in their own dtype.
    known : ndarray of shape (n_samples, n_tasks), bool
        Where a label is known.
    ndim : int
        1 when the user passed a one-dimensional y, else 2.
    orders : list of ndarray or None
        The ordered categories of each task, from the lowest to the highest, where y has some.
    """

    names: list[str]
    labels: list[np.ndarray]
    known: np.ndarray
    ndim: int
    orders: list[np.ndarray | None]

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.known)

    def take(self, rows: np.ndarray) -> Targets:
        """Return the targets of some rows."""
        labels = []
        for k, values in enumerate(self.labels):
            place = np.cumsum(self.known[:, k]) - 1
            labels.append(values[place[rows][self.known[rows, k]]])
        return replace(self, labels=labels, known=self.known[rows])


def read_targets(y: Any, *, estimator_name: str, complete: bool = True) -> Targets:
    """Read y of any supported form; a missing label is NaN, None or pd.NA.

    Parameters
    ----------
    y : array-like, Series or DataFrame of shape (n_samples,) or (n_samples, n_tasks)
        The targets, also as a table of polars or pyarrow. Masked entries are missing.
    estimator_name : str
        For error messages.
    complete : bool, default=True
        Whether every task must have a known label.

    Returns
    -------
    Targets
        The targets by task.

    Raises
    ------
    ValueError
        If y is missing, empty, sparse, of more than two dimensions, or if a task has no known
        label or two tasks have one name.
    """
    if y is None:
        raise ValueError(
            f"This {estimator_name} estimator requires y to be passed, but the target y is None."
        )
    if sparse.issparse(y):
        raise ValueError("y must be dense, got a sparse matrix. Pass y.toarray().")
    table = named_columns(y)
    if table is not None:
        columns, ndim = table.columns, table.ndim
        names = default_names(1) if table.names == [None] else [str(name) for name in table.names]
    else:
        array = _as_array(y)
        ndim = array.ndim
        if ndim not in (1, 2):
            raise ValueError(
                f"y must have one or two dimensions, got an array of shape {array.shape}."
            )
        columns = list(array.reshape(len(array), -1).T) if array.size else []
        names = default_names(len(columns))
    if not columns or len(columns[0]) == 0:
        raise ValueError(f"y must hold at least one sample and one task, got shape {np.shape(y)}.")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"the columns of y must have different names, got {repeated} repeated.")

    known, labels = zip(
        *(_split(column, name=name) for column, name in zip(columns, names, strict=True)),
        strict=True,
    )
    empty = [name for name, mask in zip(names, known, strict=True) if not mask.any()]
    if complete and empty:
        raise ValueError(
            f"y has no known label in the tasks {empty}: every value is missing (NaN, None or NA). "
            "Drop these tasks."
        )
    orders = [_ordered_categories(column) for column in columns]
    return Targets(names, list(labels), np.column_stack(known), ndim, orders)


def default_names(n_tasks: int) -> list[str]:
    """Return the names of tasks that the user has not named."""
    return [f"task{k}" for k in range(n_tasks)]


def _ordered_categories(column: Any) -> np.ndarray | None:
    """Return the categories of an ordered categorical, all of them, whether they occur or not."""
    categorical = getattr(column, "dtype", None)
    if not isinstance(categorical, pd.CategoricalDtype) or not categorical.ordered:
        return None
    return check_labels(categorical.categories.to_series())


def _as_array(y: Any) -> np.ndarray:
    """Return y as an array that keeps the kinds of its labels and its gaps."""
    if np.ma.isMaskedArray(y):
        return masked_as_none(y)
    array = np.asarray(y)
    if array.dtype.kind in "US" and not isinstance(y, np.ndarray):
        # Beside a string NumPy makes strings of numbers, of None and of NaN.
        return np.asarray(y, dtype=object)
    return array


def _split(column: Any, *, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return where a column has a label, and these labels."""
    if isinstance(column, np.ndarray) and column.dtype.kind == "V":
        check_labels(column, name=name)  # refuses records, in which pandas may look for no gaps
    known = ~np.asarray(pd.isna(column))
    labels = check_labels(column[known], name=name)
    if labels.dtype.kind == "f" and (nan := np.isnan(labels)).any():
        # Columns of pyarrow can hold NaN, which is not their missing value.
        known[known], labels = ~nan, labels[~nan]
    return known, labels


def check_same_length(X: Any, targets: Targets) -> None:
    """Raise a ValueError unless X and y have the same number of samples."""
    check_consistent_length(X, targets.known)
