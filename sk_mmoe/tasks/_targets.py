"""Checks of what users pass: the one gate for y and for weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
import torch
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
    """

    names: list[str]
    labels: list[np.ndarray]
    known: np.ndarray
    ndim: int

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.known)

    def take(self, rows: np.ndarray) -> Targets:
        """Return the targets of some rows."""
        labels = []
        for k, values in enumerate(self.labels):
            place = np.cumsum(self.known[:, k]) - 1
            labels.append(values[place[rows][self.known[rows, k]]])
        return Targets(self.names, labels, self.known[rows], self.ndim)


def check_targets(y: Any, *, estimator_name: str, complete: bool = True) -> Targets:
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
    return Targets(names, labels, ~np.column_stack(missing), ndim)


def default_names(n_tasks: int) -> list[str]:
    """Return the names of tasks that have none of their own."""
    return [f"task{k}" for k in range(n_tasks)]


def _as_array(y: Any) -> np.ndarray:
    """Return y as an array that keeps the kinds of its labels and its gaps."""
    if np.ma.isMaskedArray(y):
        return np.where(np.ma.getmaskarray(y), None, y.data.astype(object))
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


def check_sample_weight(
    sample_weight: Any, targets: Targets, *, complete: bool = True
) -> np.ndarray | None:
    """Check weights of samples, or of single labels.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks) or None
        The weights.
    targets : Targets
        The targets they belong to.
    complete : bool, default=True
        Whether every task must have a label with weight.

    Returns
    -------
    ndarray of shape (n_samples, n_tasks) or None
        The weights, zero where a label is missing.

    Raises
    ------
    ValueError
        If the shape is wrong, a weight is negative or not finite, or a task is left without
        weight.
    """
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, dtype=np.float64)
    n_samples, n_tasks = targets.known.shape
    if weights.ndim == 0:
        weights = np.full(n_samples, weights)
    if weights.shape not in {(n_samples,), (n_samples, n_tasks)}:
        raise ValueError(
            f"sample_weight must have shape ({n_samples},) or ({n_samples}, {n_tasks}), "
            f"one weight for each sample or for each label; got {weights.shape}."
        )
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(
            "sample_weight must be finite and not negative. Drop or repair those rows."
        )
    weights = weights.reshape(n_samples, -1) * targets.known
    zero = weights.sum(axis=0) == 0
    if complete and zero.any():
        names = [name for name, is_zero in zip(targets.names, zero, strict=True) if is_zero]
        raise ValueError(
            f"sample_weight is zero for every known label of the tasks {names}. "
            "Give at least one label of each task a positive weight."
        )
    return weights


def per_task(value: Any, names: Sequence[str], *, parameter: str, default: Any) -> list[Any]:
    """Spread a parameter given by task name, or in the order of the tasks, over all tasks.

    Parameters
    ----------
    value : dict, sequence or None
        A dict from task name to value (others get `default`), or one value for each task.
    names : sequence of str
        The names of the tasks.
    parameter : str
        The parameter's name, for error messages.
    default : object
        The value for tasks that are not named.

    Returns
    -------
    list
        One value for each task.

    Raises
    ------
    ValueError
        If a name is unknown or the length is wrong.
    """
    if value is None:
        return [default] * len(names)
    if isinstance(value, Mapping):
        value = {str(name): entry for name, entry in value.items()}
        if unknown := sorted(set(value) - set(names)):
            raise ValueError(
                f"{parameter} names unknown tasks {unknown}; the tasks are {list(names)}."
            )
        return [value.get(name, default) for name in names]
    values = list(value)
    if len(values) != len(names):
        raise ValueError(
            f"{parameter} must have one value for each of the {len(names)} tasks {list(names)}, "
            f"got {len(values)} values."
        )
    return values


def check_task_weights(task_weights: Any, names: Sequence[str]) -> list[float]:
    """Check the weights of the tasks in the loss.

    Parameters
    ----------
    task_weights : dict, array-like of shape (n_tasks,) or None
        The weights.
    names : sequence of str
        The names of the tasks.

    Returns
    -------
    list of float
        One weight for each task.

    Raises
    ------
    ValueError
        If a weight is not a positive finite number.
    """
    weights = per_task(task_weights, names, parameter="task_weights", default=1.0)
    if not all(isinstance(weight, Real) and 0 < weight < np.inf for weight in weights):
        raise ValueError(
            f"task_weights must be positive and finite, got {weights}. To leave a task out, drop "
            "its column of y."
        )
    return [float(weight) for weight in weights]


def check_task(task: str | int, names: Sequence[str], *, parameter: str) -> int:
    """Return the index of a task given by its name or index.

    Parameters
    ----------
    task : str or int
        The task.
    names : sequence of str
        The names of the tasks.
    parameter : str
        The parameter's name, for error messages.

    Returns
    -------
    int
        The index.

    Raises
    ------
    ValueError
        If there is no such task.
    """
    if str(task) in names:
        return list(names).index(str(task))
    if isinstance(task, Integral) and not isinstance(task, bool) and 0 <= task < len(names):
        return int(task)
    raise ValueError(
        f"{parameter} must be one of the tasks {list(names)} or an index below {len(names)}, "
        f"got {task!r}."
    )


def check_device(device: str | torch.device) -> str:
    """Return the name of a torch device that can be used here.

    Parameters
    ----------
    device : str or torch.device
        "auto" takes CUDA where it is available, else the CPU.

    Returns
    -------
    str
        The name of the device.

    Raises
    ------
    ValueError
        If torch does not know the device, or cannot use it here.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"device {str(device)!r} cannot be used here: {str(error).splitlines()[0]}. "
            "Use device='cpu' or device='auto'."
        ) from error
    return str(torch.device(device))


def check_same_length(X: Any, targets: Targets) -> None:
    """Raise a ValueError unless X and y have the same number of samples."""
    check_consistent_length(X, targets.known)
