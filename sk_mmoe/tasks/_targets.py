"""The one gate for y: from any supported form to targets by task."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import check_consistent_length


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
        The targets.
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
    if isinstance(y, pd.Series):
        ndim, columns = 1, [y]
        names = ["task0" if y.name is None else str(y.name)]
    elif isinstance(y, pd.DataFrame):
        ndim, columns = 2, [y.iloc[:, k] for k in range(y.shape[1])]
        names = [str(name) for name in y.columns]
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

    missing = [pd.isna(column) for column in columns]
    empty = [name for name, mask in zip(names, missing, strict=True) if mask.all()]
    if complete and empty:
        raise ValueError(
            f"y has no known label in the tasks {empty}: every value is missing (NaN, None or NA). "
            "Drop these tasks."
        )
    labels = [
        check_labels(column[~np.asarray(mask)], name=name)
        for column, mask, name in zip(columns, missing, names, strict=True)
    ]
    orders = [_ordered_categories(column) for column in columns]
    return Targets(names, labels, ~np.column_stack(missing), ndim, orders)


def default_names(n_tasks: int) -> list[str]:
    """Return the names of tasks that have none of their own."""
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
        array = y.data.astype(object)
        array[np.ma.getmaskarray(y)] = None
        return array
    array = np.asarray(y)
    if array.dtype.kind in "US" and not isinstance(y, np.ndarray):
        # Beside a string NumPy makes strings of numbers, of None and of NaN.
        return np.asarray(y, dtype=object)
    return array


def check_labels(labels: Any, *, name: str = "task0") -> np.ndarray:
    """Return labels, none of them missing, as an array of their natural dtype.

    Parameters
    ----------
    labels : array-like or Series of shape (n_known,)
        The labels of one task.
    name : str, default="task0"
        The name of the task, for error messages.

    Returns
    -------
    ndarray of shape (n_known,)
        The labels: those of a categorical in the dtype of its categories, objects as numbers,
        booleans or strings where they all are.

    Raises
    ------
    ValueError
        If a label is complex or infinite.
    """
    if not isinstance(labels, np.ndarray) or labels.dtype.kind == "O":
        labels = pd.Series(labels).infer_objects().to_numpy()
    if labels.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: task {name!r} has dtype {labels.dtype}.")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise ValueError(
            f"y contains infinity in task {name!r}. Replace it by a finite value, or by NaN if the "
            "label is missing."
        )
    return labels


def check_same_length(X: Any, targets: Targets) -> None:
    """Raise a ValueError unless X and y have the same number of samples."""
    check_consistent_length(X, targets.known)
