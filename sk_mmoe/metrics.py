"""Scores of single tasks: scikit-learn's scorers for targets of several columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from functools import cache
from inspect import signature
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.metrics import check_scoring
from sklearn.utils import ClassifierTags, RegressorTags, Tags, TargetTags
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.metaestimators import available_if

__all__ = ["make_mean_scorer", "make_task_scorer", "multitask_scoring"]


def make_task_scorer(scoring: Any, task: str | int) -> Callable[..., float]:
    """Make a scorer of one task out of a scorer of one target.

    Rows whose label of the task is missing are left out. The metric is scikit-learn's: it gets
    the labels and the predictions of this task alone, so labels may be strings, and tasks may
    have different numbers of classes or be of different kinds.

    Parameters
    ----------
    scoring : str or callable
        A name of :func:`sklearn.metrics.get_scorer_names`, such as "roc_auc", "neg_log_loss",
        "f1_macro" or "r2", or a scorer of :func:`sklearn.metrics.make_scorer`.
    task : str or int
        The task: a column of y by its name or index. If y is an array, names are those of the
        estimator's `task_names_`.

    Returns
    -------
    callable
        A scorer ``scorer(estimator, X, y, sample_weight=None)`` that returns a float: NaN if no
        label is known. `sample_weight` has shape (n_samples,) or (n_samples, n_tasks). It can be
        used wherever scikit-learn takes `scoring`.

    Raises
    ------
    ValueError
        If scikit-learn has no scorer of this name, or `scoring` is a metric and no scorer.

    See Also
    --------
    make_mean_scorer : The mean over tasks.
    multitask_scoring : Several metrics of all tasks at once.

    Notes
    -----
    The estimator may be any multi-output estimator: of this package or of scikit-learn, alone, at
    the end of a pipeline or in a search.

    Two things that scikit-learn would guess from the labels come from the estimator: the classes,
    where one of them does not occur among the labels, and the positive class, which is the last of
    two unless the metric's own default is one of them.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.model_selection import cross_val_score
    >>> from sk_mmoe.metrics import make_task_scorer
    >>> X, click = make_classification(300, random_state=0)
    >>> y = pd.DataFrame({"click": click, "like": click * (X[:, 0] > 0)})
    >>> model = RandomForestClassifier(random_state=0)
    >>> cross_val_score(model, X, y, scoring=make_task_scorer("roc_auc", "like")).shape
    (5,)
    """
    check_scoring(scoring=scoring)
    return _TaskScorer(scoring=scoring, task=task)


def make_mean_scorer(
    scoring: Any, tasks: Iterable[str | int] | None = None, weights: Any = None
) -> Callable[..., float]:
    """Make a scorer that returns the mean of the scores of tasks.

    Parameters
    ----------
    scoring : str, callable or dict
        What :func:`make_task_scorer` takes, or a dict from task to that for tasks of several
        kinds.
    tasks : iterable of str or int, default=None
        The tasks. `None` takes those of the dict, or all columns of y.
    weights : dict or array-like of shape (n_tasks,), default=None
        Weights of the tasks in the mean, by task (others weigh 1) or in their order.

    Returns
    -------
    callable
        A scorer ``scorer(estimator, X, y, sample_weight=None)`` that returns a float. A task
        whose score is NaN, as it is where no label is known, is left out; NaN if all are.

    Raises
    ------
    ValueError
        If scikit-learn has no scorer of this name, or `scoring` is a metric and no scorer.

    See Also
    --------
    make_task_scorer : One task.
    multitask_scoring : Several metrics of all tasks at once.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from sklearn.linear_model import LinearRegression
    >>> from sk_mmoe.metrics import make_mean_scorer
    >>> X, y = make_regression(100, n_targets=2, random_state=0)
    >>> model = LinearRegression().fit(X, y)
    >>> make_mean_scorer("r2")(model, X, y)
    1.0
    >>> make_mean_scorer({0: "r2", 1: "neg_mean_squared_error"}, weights=[1, 3])
    _MeanScorer(scoring={0: 'r2', 1: 'neg_mean_squared_error'}, weights=[1, 3])
    """
    for one in scoring.values() if isinstance(scoring, Mapping) else [scoring]:
        check_scoring(scoring=one)
    return _MeanScorer(
        scoring=scoring, tasks=None if tasks is None else list(tasks), weights=weights
    )


def multitask_scoring(
    scoring: Any, tasks: Iterable[str | int] | None = None, *, mean: bool = True
) -> Callable[..., dict[str, float]]:
    """Make the `scoring` of a cross-validation or search that looks at every task.

    Parameters
    ----------
    scoring : str, list of str or dict
        One or more names of :func:`sklearn.metrics.get_scorer_names`, or a dict from task to them
        for tasks of several kinds.
    tasks : iterable of str or int, default=None
        The tasks. `None` takes those of the dict, or all columns of y.
    mean : bool, default=True
        Whether to add the mean over tasks of each metric.

    Returns
    -------
    callable
        A scorer ``scorer(estimator, X, y, sample_weight=None)`` that returns a dict with a float
        for each ``"{task}_{metric}"`` and ``"mean_{metric}"``: what
        :func:`~sklearn.model_selection.cross_validate`,
        :class:`~sklearn.model_selection.GridSearchCV` and
        :func:`~sklearn.inspection.permutation_importance` take as `scoring`. All scores share one
        call of `predict` and one of `predict_proba`. Means leave out NaN, as
        :func:`make_mean_scorer` does.

    Raises
    ------
    ValueError
        If scikit-learn has no scorer of a name.

    See Also
    --------
    make_task_scorer : One task, with any scorer. A dict of such scorers is a `scoring` too.
    make_mean_scorer : The mean over tasks.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sk_mmoe.metrics import multitask_scoring
    >>> X, click = make_classification(300, random_state=0)
    >>> y = pd.DataFrame({"click": click, "like": click * (X[:, 0] > 0)})
    >>> search = GridSearchCV(
    ...     DecisionTreeClassifier(random_state=0),
    ...     {"max_depth": [2, 4]},
    ...     scoring=multitask_scoring(["roc_auc", "accuracy"]),
    ...     refit="like_roc_auc",
    ... ).fit(X, y)
    >>> [key for key in search.cv_results_ if key.startswith("mean_test")]
    ['mean_test_click_roc_auc', 'mean_test_click_accuracy', 'mean_test_like_roc_auc',
    'mean_test_like_accuracy', 'mean_test_mean_roc_auc', 'mean_test_mean_accuracy']
    """
    for names in scoring.values() if isinstance(scoring, Mapping) else [scoring]:
        for name in _as_list(names):
            if not isinstance(name, str):
                raise ValueError(
                    f"scoring must hold names of scorers, got {name!r}. For a scorer of your own "
                    "pass a dict of make_task_scorer(scorer, task) as scoring."
                )
            check_scoring(scoring=name)
    return _MultiTaskScorer(
        scoring=scoring, tasks=None if tasks is None else list(tasks), mean=mean
    )


class _BaseTaskScorer(BaseEstimator):
    """Base of our scorers.

    A scorer is an object with parameters, so scikit-learn's base class has all it needs: clone,
    repr, and requests of metadata for its method `score`.
    """

    __metadata_request__score: ClassVar[dict[str, Any]] = {"estimator": UNUSED}

    def score(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Score a fitted estimator."""
        raise NotImplementedError

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Score a fitted estimator."""
        return self.score(estimator, X, y, sample_weight=sample_weight)

    def _accept_sample_weight(self) -> bool:
        """Return whether weights may be passed, which scikit-learn asks of scorers in a dict."""
        return True


class _TaskScorer(_BaseTaskScorer):
    """Scorer of one task."""

    def __init__(self, scoring: Any, task: str | int) -> None:
        self.scoring = scoring
        self.task = task

    def score(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the score of the task."""
        tasks = _Tasks(estimator, X, y, sample_weight)
        return tasks.score(self.task, self.scoring)


class _MeanScorer(_BaseTaskScorer):
    """Scorer of the mean over tasks."""

    def __init__(self, scoring: Any, tasks: Any = None, weights: Any = None) -> None:
        self.scoring = scoring
        self.tasks = tasks
        self.weights = weights

    def score(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the mean of the scores of the tasks."""
        tasks = _Tasks(estimator, X, y, sample_weight)
        plan = tasks.plan(self.scoring, self.tasks)
        scores = [tasks.score(task, scoring) for task, scoring in plan.items()]
        if isinstance(self.weights, Mapping):
            by_name = {tasks.name(task): weight for task, weight in self.weights.items()}
            weights = [by_name.get(tasks.name(task), 1.0) for task in plan]
        else:
            weights = [1.0] * len(plan) if self.weights is None else list(self.weights)
        if len(weights) != len(plan):
            raise ValueError(
                f"weights must have one value for each of the {len(plan)} tasks {list(plan)}, "
                f"got {len(weights)}."
            )
        return _mean(scores, weights)


class _MultiTaskScorer(_BaseTaskScorer):
    """Scorer that returns a dict of the scores of all tasks."""

    def __init__(self, scoring: Any, tasks: Any = None, mean: bool = True) -> None:
        self.scoring = scoring
        self.tasks = tasks
        self.mean = mean

    def score(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """Return the score of each task and metric."""
        tasks = _Tasks(estimator, X, y, sample_weight)
        scores: dict[str, float] = {}
        by_metric: dict[str, list[float]] = {}
        for task, metrics in tasks.plan(self.scoring, self.tasks).items():
            for metric in _as_list(metrics):
                score = tasks.score(task, metric)
                scores[f"{tasks.name(task)}_{metric}"] = score
                by_metric.setdefault(metric, []).append(score)
        if self.mean:
            for metric, values in by_metric.items():
                scores[f"mean_{metric}"] = _mean(values, [1.0] * len(values))
        return scores


def _as_list(value: Any) -> list[Any]:
    """Return one value, or several, as a list."""
    return list(value) if isinstance(value, list | tuple | set) else [value]


def _mean(scores: list[float], weights: list[float]) -> float:
    """Return the weighted mean of the scores that are numbers."""
    values = np.array(scores, dtype=np.float64)
    defined = ~np.isnan(values)
    if not defined.any():
        return float("nan")
    return float(np.average(values[defined], weights=np.array(weights)[defined]))
