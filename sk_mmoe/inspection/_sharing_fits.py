"""One fit of a comparison: an estimator on some of the tasks and one split of the rows."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.metadata_routing import _routing_enabled

from sk_mmoe.metrics._views import TasksView
from sk_mmoe.nn import count_parameters

# Each is the explained part of the loss that the kind of task is fitted with, so that the scores of
# all kinds have one unit: 1 is perfect, and a constant prediction scores 0.
DEFAULT_SCORING = {
    "binary": "d2_log_loss_score",
    "multiclass": "d2_log_loss_score",
    "ordinal": "d2_log_loss_score",
    "regression": "r2",
    "count": "d2_poisson_score",
}


@dataclass(frozen=True)
class Fit:
    """What came of fitting some tasks on one split.

    Parameters
    ----------
    tasks : tuple of str
        The tasks.
    fold : int
        The number of the split.
    seconds : float
        The time to fit.
    n_parameters : int or None
        The number of parameters of the network, `None` if the estimator has none.
    scores : dict of str to float
        The score of each task on the test rows, NaN if it could not be computed.
    scoring : dict of str to object
        How each task was scored.
    errors : dict of str to str
        Why a score could not be computed.
    """

    tasks: tuple[str, ...]
    fold: int
    seconds: float
    n_parameters: int | None
    scores: dict[str, float] = field(default_factory=dict)
    scoring: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def fit_and_score(
    estimator: Any,
    X: Any,
    targets: Any,
    tasks: tuple[str, ...],
    fold: int,
    split: tuple[np.ndarray, np.ndarray],
    scoring: Mapping[str, Any],
) -> Fit:
    """Fit an estimator to some tasks and score each of them.

    Parameters
    ----------
    estimator : estimator
        The estimator, which is fitted in place.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The inputs.
    targets : TaskTable
        The targets and weights of all tasks.
    tasks : tuple of str
        The tasks to learn.
    fold : int
        The number of the split.
    split : tuple of two ndarray
        The training and the test rows.
    scoring : dict of str to str, callable or None
        The scoring of each task. `None` is that of :data:`DEFAULT_SCORING`.

    Returns
    -------
    Fit
        The result.
    """
    train, test = split
    weights = targets.weights(tasks, train)
    named = {} if weights is None else {_weight_parameter(estimator): weights}
    X_train, y_train = _safe_indexing(X, train), targets.targets(tasks, train)
    start = time.perf_counter()
    estimator.fit(X_train, y_train, **named)
    seconds = time.perf_counter() - start

    view = TasksView(
        estimator,
        _safe_indexing(X, test),
        targets.targets(tasks, test),
        targets.weights(tasks, test),
    )
    fit = Fit(tasks, fold, seconds, n_parameters(estimator))
    for task in tasks:
        metric = scoring[task]
        fit.scoring[task] = default_scoring(view, task) if metric is None else metric
        try:
            fit.scores[task] = view.score(task, fit.scoring[task])
        except ValueError as error:  # such as a class that the training rows lack
            fit.scores[task], fit.errors[task] = np.nan, str(error)
    return fit


def default_scoring(view: TasksView, task: str) -> str:
    """Return the name of the score that suits the kind of a task."""
    model = innermost(view.estimator)
    kinds = getattr(model, "task_kinds_", None)
    if kinds is None:
        return DEFAULT_SCORING[
            "binary" if hasattr(view.look_at(task).view, "classes_") else "regression"
        ]
    names: Sequence[str] = view.fitted_names
    return DEFAULT_SCORING[kinds[names.index(task) if task in names else view.index(task)]]


def n_parameters(estimator: Any) -> int | None:
    """Return the number of parameters of a fitted network, `None` if there is no network."""
    model = innermost(estimator)
    return count_parameters(model.net_.module_) if hasattr(model, "net_") else None


def innermost(estimator: Any) -> Any:
    """Return the estimator within a search and at the end of a pipeline."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            estimator = estimator.steps[-1][1]
        else:
            return estimator


def _weight_parameter(estimator: Any) -> str:
    """Return the name under which `fit` takes the weights of samples."""
    if hasattr(estimator, "steps") and not _routing_enabled():
        return f"{estimator.steps[-1][0]}__sample_weight"
    return "sample_weight"
