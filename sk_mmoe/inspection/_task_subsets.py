"""A table of targets and an estimator, cut down to some of the tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils.validation import check_consistent_length

from sk_mmoe.metrics._tables import named_columns, weights_by_name
from sk_mmoe.model_selection._tables import as_frame
from sk_mmoe.tasks._targets import read_targets
from sk_mmoe.tasks._weights import check_task, per_task

# The parameters of an estimator that speak of single tasks.
_BY_TASK = ("tasks", "task_weights", "class_weight")


class TaskTable:
    """The targets of several tasks and their weights, of which some tasks can be taken.

    Parameters
    ----------
    y : array-like of shape (n_samples, n_tasks)
        The targets, as an array or a table of any library.
    sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks) or None
        Weights of samples, or of single labels.
    estimator_name : str
        For error messages.

    Attributes
    ----------
    names : list of str
        The names of the tasks.
    frame : DataFrame of shape (n_samples, n_tasks)
        The targets.
    known : ndarray of bool of shape (n_samples, n_tasks)
        Where a label is known.
    """

    def __init__(self, y: Any, sample_weight: Any, *, estimator_name: str) -> None:
        targets = read_targets(y, estimator_name=estimator_name)
        self.names, self.known = targets.names, targets.known
        table = named_columns(y)
        frame = as_frame(y)
        columns = [frame.iloc[:, k] for k in range(frame.shape[1])]
        columns = columns if table is None else table.columns
        self.frame = pd.DataFrame(
            {
                name: column.reset_index(drop=True)
                for name, column in zip(self.names, columns, strict=True)
            }
        )
        self._weights = None
        if sample_weight is not None:
            by_place = weights_by_name(sample_weight, self.names, parameter="sample_weight")
            self._weights = np.asarray(by_place)
            check_consistent_length(self.frame, self._weights)

    def targets(self, tasks: Sequence[str], rows: np.ndarray) -> pd.DataFrame | pd.Series:
        """Return the targets of some tasks on some rows, a Series of a single task."""
        part = self.frame.iloc[rows]
        return part[list(tasks)] if len(tasks) > 1 else part[tasks[0]]

    def weights(self, tasks: Sequence[str], rows: np.ndarray) -> np.ndarray | None:
        """Return the weights of some tasks on some rows, `None` if there are none."""
        if self._weights is None or self._weights.ndim == 1:
            return None if self._weights is None else self._weights[rows]
        weights = self._weights[rows][:, [self.names.index(task) for task in tasks]]
        return weights if len(tasks) > 1 else weights[:, 0]


def for_tasks(estimator: Any, names: Sequence[str], kept: Sequence[str]) -> Any:
    """Return a clone of an estimator that can be fitted to some of its tasks.

    Parameters that speak of single tasks are cut down to these tasks, also those of an estimator
    within a pipeline or a search.

    Parameters
    ----------
    estimator : estimator
        The estimator, not necessarily fitted.
    names : sequence of str
        The names of all tasks.
    kept : sequence of str
        The names of some of them.

    Returns
    -------
    estimator
        The clone.
    """
    parameters = estimator.get_params()
    changes: dict[str, Any] = {}
    for key, value in parameters.items():
        owner, _, parameter = key.rpartition("__")
        if value is None or not hasattr(parameters.get(owner, estimator), "accepted_tasks"):
            continue
        if parameter == "main_task":
            main = names[check_task(value, names, parameter=parameter)]
            changes[key] = main if main in kept else None
        elif parameter in _BY_TASK and not isinstance(value, str):
            entries = per_task(value, names, parameter=parameter, default=None)
            changes[key] = {
                name: entry
                for name, entry in zip(names, entries, strict=True)
                if name in kept and entry is not None
            } or None
    return clone(estimator).set_params(**changes)
