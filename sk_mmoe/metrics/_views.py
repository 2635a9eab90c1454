"""A fitted multi-output estimator, and its targets, seen task by task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from functools import cache
from inspect import signature
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils import Tags, TargetTags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_consistent_length

from sk_mmoe.metrics._labels import find_codes, known_to_scikit_learn, masked_as_none, natural
from sk_mmoe.metrics._names import find_scorer, reads_the_order
from sk_mmoe.metrics._tables import named_columns, take_rows, weights_by_name


class TasksView:
    """The targets of a table and what an estimator predicts for them, task by task."""

    def __init__(self, estimator: Any, X: Any, y: Any, sample_weight: Any) -> None:
        if y is None:
            raise ValueError(
                "y must have the true targets, got None. Those of a LazyTable are passed as a "
                "table in memory: y=pandas.read_parquet(path, columns=[...])."
            )
        self.estimator, self.X = estimator, X
        self.respond = cache(lambda method: getattr(estimator, method)(X))
        fitted_names = fitted_task_names(estimator)
        table = named_columns(y)
        if table is None:
            self.columns = list(np.atleast_2d(np.asarray(masked_as_none(y)).T))
        else:
            self.columns = table.columns
        if table is None or table.names == [None]:
            default = [f"task{k}" for k in range(len(self.columns))]
            self.names = fitted_names if len(fitted_names) == len(default) else default
        else:
            self.names = [str(name) for name in table.names]
        check_consistent_length(X, self.columns[0])
        self.weights = sample_weight
        if sample_weight is not None:
            by_place = weights_by_name(sample_weight, self.names, parameter="sample_weight")
            self.weights = np.asarray(by_place)
            check_consistent_length(self.columns[0], self.weights)
        self.fitted_names = fitted_names or self.names

    def plan(self, scoring: Any, tasks: list[str | int] | None) -> dict[str | int, Any]:
        """Return the scoring of each task."""
        if isinstance(scoring, Mapping):
            return {task: scoring[task] for task in (scoring if tasks is None else tasks)}
        return dict.fromkeys(self.names if tasks is None else tasks, scoring)

    def index(self, task: str | int) -> int:
        """Return the column of y of a task."""
        if task in self.names:
            return self.names.index(str(task))
        if isinstance(task, int | np.integer) and 0 <= task < len(self.names):
            return int(task)
        raise ValueError(
            f"task must be one of {self.names} or an index below {len(self.names)}, got {task!r}. "
            "Names are the columns of a DataFrame, or else the estimator's task_names_."
        )

    def look_at(
        self, task: str | int, rows: np.ndarray | None = None, *, sort: bool = True
    ) -> TaskPart:
        """Return one task on the rows, of those given by index or of all, whose label is known."""
        k = self.index(task)
        known = ~np.asarray(pd.isna(self.columns[k]))
        rows = np.flatnonzero(known) if rows is None else rows[known[rows]]
        name = self.names[k]
        # A DataFrame may hold the tasks in another order, or some of them only.
        place = self.fitted_names.index(name) if name in self.fitted_names else k
        view = TaskView(self, place, rows, sort=sort)
        labels = view.as_known(natural(take_rows(self.columns[k], rows)))
        weight = None
        if self.weights is not None:
            weight = (self.weights if self.weights.ndim == 1 else self.weights[:, k])[rows]
        return TaskPart(view, labels, weight)

    def score(self, task: str | int, scoring: Any, rows: np.ndarray | None = None) -> float:
        """Return the score of a task on the rows whose label is known, NaN if there are none."""
        scorer = find_scorer(scoring)
        view, labels, weight = self.look_at(task, rows, sort=not reads_the_order(scorer))
        if len(labels) == 0:
            return float("nan")
        scorer = _complete(scorer, getattr(view, "classes_", None))
        weights = {}
        if weight is not None and _parameter(scorer, "sample_weight"):
            weights["sample_weight"] = weight
        try:
            return float(scorer(view, self.X, labels, **weights))
        except Exception as error:
            name = self.names[self.index(task)]
            error.add_note(f"This happened when the task {name!r} was scored by {scorer!r}.")
            raise


def _can(method: str) -> Callable[[TaskView], bool]:
    """Return a check whether a task has classes and the estimator a method."""
    return lambda view: hasattr(view, "classes_") and hasattr(view._tasks.estimator, method)


class TaskPart(NamedTuple):
    """A task on some rows: the estimator seen as one of it alone, its labels and weights."""

    view: TaskView
    labels: np.ndarray
    weight: np.ndarray | None


class TaskView:
    """A fitted estimator seen as one of a single task, on the rows whose label is known."""

    def __init__(self, tasks: TasksView, place: int, rows: np.ndarray, *, sort: bool) -> None:
        self._tasks, self._place, self._rows = tasks, place, rows
        self._n_tasks = len(tasks.fitted_names)
        classes = getattr(tasks.estimator, "classes_", None)
        if isinstance(classes, list):
            classes = self._pick(classes)
        elif classes is not None and self._n_tasks > 1:
            classes = [0, 1]  # scikit-learn's multi-label classifiers number the tasks there
        if classes is not None:
            self.classes_ = np.asarray(classes)
            self._order = _sorting(self.classes_) if sort else slice(None)
            self.classes_ = self.labels = self.classes_[self._order]
            if not known_to_scikit_learn(self.labels):
                self.classes_ = np.arange(len(self.labels))

    def as_known(self, labels: np.ndarray) -> np.ndarray:
        """Return labels, or the numbers of their classes if scikit-learn has no metric for them."""
        if not hasattr(self, "classes_") or self.classes_ is self.labels:
            return labels
        return find_codes(self.labels, labels)

    def _pick(self, response: Any) -> Any:
        """Return this task's part of a list over tasks, or of an array with a column for each."""
        if not isinstance(response, list):
            response = np.asarray(response)
            if response.ndim == 1:
                raise ValueError(
                    f"the estimator was fitted to one task, got y with {self._n_tasks}. Pass the "
                    "column of y that it was fitted to, as a DataFrame or an array."
                )
            response = response.T
        if len(response) != self._n_tasks:
            raise ValueError(
                f"y must have the {len(response)} tasks that the estimator was fitted to, got "
                f"{self._n_tasks}: {self._tasks.fitted_names}."
            )
        return response[self._place]

    def _respond(self, method: str) -> np.ndarray:
        """Return the estimator's response for this task."""
        response = self._tasks.respond(method)
        if isinstance(response, list) or self._n_tasks > 1:
            response = self._pick(response)
        return np.asarray(response)[self._rows]

    def predict(self, X: Any) -> np.ndarray:
        """Return the labels or numbers predicted."""
        return self.as_known(natural(self._respond("predict").ravel()))

    @available_if(_can("predict_proba"))
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the classes."""
        proba = self._respond("predict_proba")
        proba = proba if proba.ndim == 2 else np.column_stack([1 - proba, proba])
        return proba[:, self._order]

    @available_if(_can("decision_function"))
    def decision_function(self, X: Any) -> np.ndarray:
        """Return the scores of the classes."""
        return self._respond("decision_function")

    def __sklearn_tags__(self) -> Tags:
        """Return the tags of a classifier, or of a regressor."""
        kind = "classifier" if hasattr(self, "classes_") else "regressor"
        return Tags(kind, TargetTags(required=True))


def fitted_task_names(estimator: Any) -> list[str]:
    """Return the `task_names_` of an estimator, in a search or at the end of a pipeline too."""
    while not hasattr(estimator, "task_names_"):
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            estimator = estimator.steps[-1][1]
        else:
            return []
    return list(estimator.task_names_)


def _parameter(scorer: Any, name: str) -> Any:
    """Return the parameter of a scorer's metric of this name, or None."""
    return signature(getattr(scorer, "_score_func", scorer)).parameters.get(name)


def _sorting(classes: np.ndarray) -> Any:
    """Return the indices that sort classes, as scikit-learn's metrics take them to be."""
    try:
        return np.argsort(classes, kind="stable")
    except TypeError:  # labels that cannot be compared
        return slice(None)


def _complete(scorer: Any, classes: np.ndarray | None) -> Any:
    """Tell a metric the classes and the positive one where the labels alone do not."""
    if classes is None or not hasattr(scorer, "_score_func"):
        return scorer
    known = {}
    # Of a metric that reads predicted labels, `labels` are the ones to average over.
    averages = scorer._response_method == "predict" and not reads_the_order(scorer)
    if not averages and _parameter(scorer, "labels"):
        known["labels"] = classes
    positive = _parameter(scorer, "pos_label")
    if positive and len(classes) == 2 and positive.default not in classes.tolist():
        known["pos_label"] = classes[1]
    completed = copy(scorer)
    completed._kwargs = known | scorer._kwargs
    return completed
