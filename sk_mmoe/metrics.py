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
    return _MeanScorer(scoring=scoring, tasks=_check(scoring, tasks), weights=weights)


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
    return _MultiTaskScorer(scoring=scoring, tasks=_check(scoring, tasks), mean=mean)


def _check(scoring: Any, tasks: Iterable[str | int] | None) -> list[str | int] | None:
    """Raise a ValueError unless scikit-learn has all scorers; return the tasks as a list."""
    by_task = isinstance(scoring, Mapping)
    for metrics in scoring.values() if by_task else [scoring]:
        for metric in _as_list(metrics):
            check_scoring(scoring=metric)
    if tasks is None:
        return None
    tasks = list(tasks)
    if by_task and (without := [task for task in tasks if task not in scoring]):
        raise ValueError(
            f"scoring must have an entry for each of the tasks, got none for {without}."
        )
    return tasks


def _as_list(value: Any) -> list[Any]:
    """Return one value, or several, as a list."""
    return list(value) if isinstance(value, list | tuple) else [value]


def _mean(scores: list[float], weights: list[float]) -> float:
    """Return the weighted mean of the scores that are not NaN."""
    values = np.array(scores, dtype=np.float64)
    defined = ~np.isnan(values)
    if not defined.any():
        return float("nan")
    return float(np.average(values[defined], weights=np.array(weights)[defined]))


class _BaseTaskScorer(BaseEstimator):
    """Base of our scorers.

    A scorer is an object with parameters, so scikit-learn's base class has all it needs: clone,
    repr, and requests of metadata for its method `score`.
    """

    __metadata_request__score: ClassVar[dict[str, Any]] = {"estimator": UNUSED}

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Score a fitted estimator."""
        return self.score(estimator, X, y, sample_weight)

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
        return _Tasks(estimator, X, y, sample_weight).score(self.task, self.scoring)


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
            by_index = {tasks.index(task): weight for task, weight in self.weights.items()}
            weights = [by_index.get(tasks.index(task), 1.0) for task in plan]
        else:
            weights = [1.0] * len(plan) if self.weights is None else list(self.weights)
        if len(weights) != len(plan):
            raise ValueError(
                f"weights must have one value for each of the tasks {list(plan)}, got {weights}."
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
                scores[f"{tasks.names[tasks.index(task)]}_{metric}"] = score
                by_metric.setdefault(metric, []).append(score)
        if self.mean:
            scores |= {f"mean_{m}": _mean(s, [1.0] * len(s)) for m, s in by_metric.items()}
        return scores


class _Tasks:
    """The targets of a table beside what an estimator predicts for them, task by task."""

    def __init__(self, estimator: Any, X: Any, y: Any, sample_weight: Any) -> None:
        self.estimator = estimator
        self.X = X
        self.respond = cache(lambda method: getattr(estimator, method)(X))
        self.weights = None if sample_weight is None else np.asarray(sample_weight)
        fitted_names = _fitted_task_names(estimator)
        if isinstance(y, pd.DataFrame):
            self.columns = [y.iloc[:, k] for k in range(y.shape[1])]
            self.names = [str(name) for name in y.columns]
        else:
            array = y if isinstance(y, pd.Series) else np.asarray(y)
            self.columns = [array] if array.ndim == 1 else list(array.T)
            default = [f"task{k}" for k in range(len(self.columns))]
            self.names = fitted_names if len(fitted_names) == len(default) else default
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
            "Names are the columns of y if it is a DataFrame, else the estimator's task_names_."
        )

    def score(self, task: str | int, scoring: Any) -> float:
        """Return the score of a task on the rows whose label is known, NaN if there are none."""
        k = self.index(task)
        known = ~np.asarray(pd.isna(self.columns[k]))
        if not known.any():
            return float("nan")
        labels = _natural(np.asarray(self.columns[k][known]))
        name = self.names[k]
        place = self.fitted_names.index(name) if name in self.fitted_names else k
        view = _TaskView(self, place, known)
        scorer = _complete(check_scoring(scoring=scoring), getattr(view, "classes_", None), labels)
        weights = {}
        if self.weights is not None and _parameter(scorer, "sample_weight"):
            weight = self.weights if self.weights.ndim == 1 else self.weights[:, k]
            weights["sample_weight"] = weight[known]
        try:
            return float(scorer(view, self.X, labels, **weights))
        except Exception as error:
            error.add_note(f"This happened when the task {name!r} was scored by {scorer!r}.")
            raise


class _TaskView:
    """A fitted estimator seen as one of a single task, on the rows whose label is known.

    It answers with responses to the table that it was made for, whatever X it is asked about.
    """

    def __init__(self, tasks: _Tasks, place: int, rows: np.ndarray) -> None:
        self._tasks = tasks
        self._place = place
        self._rows = rows
        self._n_tasks = len(tasks.fitted_names)
        classes = getattr(tasks.estimator, "classes_", None)
        if isinstance(classes, list | tuple):
            classes = self._pick(classes)
        elif classes is not None and self._n_tasks > 1:
            classes = [0, 1]  # scikit-learn's multi-label classifiers number the tasks there
        if classes is not None:
            self.classes_ = np.asarray(classes)

    def _pick(self, response: Any) -> Any:
        """Return this task's part of a list over tasks, or of an array with a column for each."""
        is_array = isinstance(response, np.ndarray)
        n_found = response.shape[1] if is_array else len(response)
        if n_found != self._n_tasks:
            raise ValueError(
                "y must have the columns that the estimator was fitted to: it predicts "
                f"{n_found} tasks, got {self._n_tasks}, {self._tasks.fitted_names}."
            )
        return response[:, self._place] if is_array else response[self._place]

    def _can(method: str) -> Callable[[_TaskView], bool]:
        """Return a check whether the task has classes and the estimator a method."""
        return lambda view: hasattr(view, "classes_") and hasattr(view._tasks.estimator, method)

    def predict(self, X: Any) -> np.ndarray:
        """Return the labels or numbers predicted."""
        predictions = np.asarray(self._tasks.respond("predict"))
        return _natural(self._pick(predictions.reshape(len(predictions), -1))[self._rows])

    @available_if(_can("predict_proba"))
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the classes."""
        proba = self._tasks.respond("predict_proba")
        if isinstance(proba, list):
            proba = self._pick(proba)
        elif self._n_tasks > 1:
            positive = self._pick(proba)
            proba = np.column_stack([1 - positive, positive])
        return proba[self._rows]

    @available_if(_can("decision_function"))
    def decision_function(self, X: Any) -> np.ndarray:
        """Return the scores of the classes."""
        scores = self._tasks.respond("decision_function")
        if isinstance(scores, list) or self._n_tasks > 1:
            scores = self._pick(scores)
        return scores[self._rows]

    def __sklearn_tags__(self) -> Tags:
        """Return the tags of a classifier, or of a regressor."""
        target_tags = TargetTags(required=True)
        if hasattr(self, "classes_"):
            return Tags("classifier", target_tags, classifier_tags=ClassifierTags())
        return Tags("regressor", target_tags, regressor_tags=RegressorTags())


def _fitted_task_names(estimator: Any) -> list[str]:
    """Return the `task_names_` of an estimator, in a search or at the end of a pipeline too."""
    while not hasattr(estimator, "task_names_"):
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            estimator = estimator.steps[-1][1]
        else:
            return []
    return list(estimator.task_names_)


def _natural(labels: np.ndarray) -> np.ndarray:
    """Return labels in their own type where an array of objects holds them."""
    return pd.Series(labels).infer_objects().to_numpy() if labels.dtype == object else labels


def _parameter(scorer: Any, name: str) -> Any:
    """Return the parameter of a scorer's metric of this name, or None."""
    return signature(getattr(scorer, "_score_func", scorer)).parameters.get(name)


def _complete(scorer: Any, classes: np.ndarray | None, labels: np.ndarray) -> Any:
    """Tell a metric the classes and the positive one where the labels alone do not."""
    if classes is None or not hasattr(scorer, "_score_func"):
        return scorer
    known: dict[str, Any] = {}
    reads_labels = scorer._response_method == "predict"
    # Where predicted labels are read, `labels` are the ones to average over.
    if not reads_labels and _parameter(scorer, "labels") and not np.isin(classes, labels).all():
        known["labels"] = classes
    positive = _parameter(scorer, "pos_label")
    averages = reads_labels and scorer._kwargs.get("average", "binary") != "binary"
    if positive and len(classes) == 2 and positive.default not in classes.tolist() and not averages:
        known["pos_label"] = classes[1]
    scorer = copy(scorer)
    scorer._kwargs = known | scorer._kwargs
    return scorer
