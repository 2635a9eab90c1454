"""Scores of single tasks: scikit-learn's scorers for targets of several columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.metrics import check_scoring
from sklearn.utils.metadata_routing import UNUSED

from sk_mmoe.metrics._names import find_scorer
from sk_mmoe.metrics._views import TasksView


def make_task_scorer(scoring: Any, task: str | int) -> Callable[..., float]:
    """Make a scorer of one task of several.

    The metric gets the labels and predictions of this task alone, on the rows whose label is known.
    Labels may therefore be strings, and tasks may differ in kind or in the number of classes.

    Read more in the :doc:`User Guide </user_guide/evaluation>`.

    Parameters
    ----------
    scoring : str or callable
        A name of :func:`sklearn.metrics.get_scorer_names`, such as "roc_auc", "neg_log_loss",
        "f1_macro" or "r2", or a scorer of :func:`sklearn.metrics.make_scorer`. The names of this
        package's metrics are also accepted: "d2_poisson_score" for counts, "quadratic_kappa_score"
        and "neg_ranked_probability_score" for ordinal classes.
    task : str or int
        The task: a column of y by its name or index. If y is an array, names are those of the
        estimator's `task_names_`.

    Returns
    -------
    callable
        A scorer ``scorer(estimator, X, y, sample_weight=None)`` that returns a float, or NaN if no
        label is known. `sample_weight` has shape (n_samples,) or (n_samples, n_tasks). Metrics
        without a parameter `sample_weight` ignore it.

    Raises
    ------
    ValueError
        If scikit-learn has no scorer of this name, or `scoring` is a metric and no scorer.

    Notes
    -----
    The estimator may be any multi-output estimator of this package or of scikit-learn, also at the
    end of a pipeline or in a search. Two things that scikit-learn would infer from the labels come
    from the estimator:

    - the classes, if one of them does not occur among the labels;
    - the positive class, which is the last of two classes unless the metric's default is one of
      them.

    scikit-learn's metrics expect sorted classes. If the classes of an ordinal task have another
    order, the columns of probabilities are sorted for the metric.

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
    return _TaskScorer(scoring=scoring, tasks=_check(scoring, [task]))


def make_mean_scorer(
    scoring: Any, tasks: Iterable[str | int] | None = None, weights: Any = None
) -> Callable[..., float]:
    """Make a scorer that returns the mean score over tasks, for a search that needs one number.

    Read more in the :doc:`User Guide </user_guide/evaluation>`.

    Parameters
    ----------
    scoring : str, callable or dict
        A metric or scorer as for :func:`make_task_scorer`, or a dict from tasks to them. Pass a
        dict if the tasks need different metrics.
    tasks : iterable of str or int, default=None
        The tasks. `None` takes those of the dict, or all columns of y.
    weights : dict, Series or array-like of shape (n_tasks,), default=None
        Weights of the tasks in the mean, by task (tasks without an entry have weight 1) or in
        order.

    Returns
    -------
    callable
        A scorer ``scorer(estimator, X, y, sample_weight=None)`` that returns a float. Tasks without
        a known label are left out, and so are other tasks whose score is NaN. If no task is left,
        the score is NaN.

    Raises
    ------
    ValueError
        If scikit-learn has no scorer of this name, or `scoring` is a metric and no scorer.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from sklearn.linear_model import LinearRegression
    >>> from sk_mmoe.metrics import make_mean_scorer
    >>> X, y = make_regression(100, n_targets=2, random_state=0)
    >>> make_mean_scorer("r2")(LinearRegression().fit(X, y), X, y)
    1.0
    """
    return _TaskScorer(scoring=scoring, tasks=_check(scoring, tasks), weights=weights)


def multitask_scoring(
    scoring: Any, tasks: Iterable[str | int] | None = None, *, mean: bool = True
) -> Callable[..., dict[str, float]]:
    """Make a `scoring` that scores every task, for cross-validation and searches.

    Read more in the :doc:`User Guide </user_guide/evaluation>`.

    Parameters
    ----------
    scoring : str, list of str or dict
        One or more names that :func:`make_task_scorer` takes, or a dict from tasks to them. Pass a
        dict if the tasks need different metrics.
    tasks : iterable of str or int, default=None
        The tasks. `None` takes those of the dict, or all columns of y.
    mean : bool, default=True
        Whether to add the mean over tasks of each metric.

    Returns
    -------
    callable
        A scorer ``scorer(estimator, X, y, sample_weight=None)`` that returns a dict with a float
        for each ``"{task}_{metric}"`` and ``"mean_{metric}"``, for tools with several metrics such
        as :func:`~sklearn.model_selection.cross_validate` and
        :class:`~sklearn.model_selection.GridSearchCV`. All scores share one call of `predict` and
        one of `predict_proba`. Means leave out NaN, as in :func:`make_mean_scorer`.

    Raises
    ------
    ValueError
        If scikit-learn has no scorer of a name.

    See Also
    --------
    make_task_scorer : One task, with any scorer. A dict of such scorers is a `scoring` too.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sk_mmoe.metrics import multitask_scoring
    >>> X, click = make_classification(300, random_state=0)
    >>> y = pd.DataFrame({"click": click, "like": click * (X[:, 0] > 0)})
    >>> scoring = multitask_scoring(["roc_auc", "accuracy"])
    >>> model = DecisionTreeClassifier(random_state=0)
    >>> grid = {"max_depth": [2, 4]}
    >>> search = GridSearchCV(model, grid, scoring=scoring, refit="like_roc_auc").fit(X, y)
    >>> list(search.scorer_(search, X, y))
    ['click_roc_auc', 'click_accuracy', 'like_roc_auc', 'like_accuracy', 'mean_roc_auc',
    'mean_accuracy']
    """
    return _MultiTaskScorer(scoring=scoring, tasks=_check(scoring, tasks, several=True), mean=mean)


def _check(scoring: Any, tasks: Any, *, several: bool = False) -> list[str | int] | None:
    """Raise a ValueError unless there is a scorer for every task; return the tasks as a list."""
    by_task = isinstance(scoring, Mapping)
    for metrics in scoring.values() if by_task else [scoring]:
        for metric in _as_list(metrics) if several else [metrics]:
            if not isinstance(metric, str) and not callable(metric):
                raise ValueError(f"scoring must be a scorer or the name of one, got {metric!r}.")
            find_scorer(metric) if isinstance(metric, str) else check_scoring(scoring=metric)
    tasks = None if tasks is None else list(tasks)
    if by_task and (without := [task for task in tasks or () if task not in scoring]):
        raise ValueError(f"scoring must have an entry for every task, got none for {without}.")
    return tasks


def _as_list(value: Any) -> list[Any]:
    """Return one value, or several, as a list."""
    return list(value) if isinstance(value, list | tuple) else [value]


def _mean(scores: list[float], weights: Any = None) -> float:
    """Return the weighted mean of the scores that are not NaN."""
    known = ~np.isnan(scores)
    weights = np.ones(len(scores)) if weights is None else np.asarray(weights)
    return (
        float(np.average(np.array(scores)[known], weights=weights[known]))
        if known.any()
        else np.nan
    )


class _BaseTaskScorer(BaseEstimator):
    """Base of our scorers: parameters, repr and metadata requests are those of an estimator."""

    __metadata_request__score: ClassVar[dict[str, Any]] = {"estimator": UNUSED}

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Score a fitted estimator."""
        return self.score(estimator, X, y, sample_weight)

    def _accept_sample_weight(self) -> bool:
        """Return whether weights may be passed, which scikit-learn asks of scorers in a dict."""
        return True


class _TaskScorer(_BaseTaskScorer):
    """Scorer of one task, or of the mean over several."""

    def __init__(self, scoring: Any, tasks: Any = None, weights: Any = None) -> None:
        self.scoring, self.tasks, self.weights = scoring, tasks, weights

    def score(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the mean of the scores of the tasks."""
        tasks = TasksView(estimator, X, y, sample_weight)
        plan = tasks.plan(self.scoring, self.tasks)
        scores = [tasks.score(task, scoring) for task, scoring in plan.items()]
        weights = self.weights
        if isinstance(weights, pd.Series) and not weights.index.equals(pd.RangeIndex(len(weights))):
            weights = weights.to_dict()
        if isinstance(weights, Mapping):
            by_index = {tasks.index(task): weight for task, weight in weights.items()}
            weights = [by_index.get(tasks.index(task), 1.0) for task in plan]
        if weights is not None and len(weights) != len(plan):
            raise ValueError(f"weights must have a value for each of {list(plan)}, got {weights}.")
        return _mean(scores, weights)


class _MultiTaskScorer(_BaseTaskScorer):
    """Scorer that returns a dict of the scores of all tasks."""

    def __init__(self, scoring: Any, tasks: Any = None, mean: bool = True) -> None:
        self.scoring, self.tasks, self.mean = scoring, tasks, mean

    def score(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """Return the score of each task and metric."""
        tasks = TasksView(estimator, X, y, sample_weight)
        scores: dict[str, float] = {}
        by_metric: dict[str, list[float]] = {}
        for task, metrics in tasks.plan(self.scoring, self.tasks).items():
            for metric in _as_list(metrics):
                score = tasks.score(task, metric)
                scores[f"{tasks.names[tasks.index(task)]}_{metric}"] = score
                by_metric.setdefault(metric, []).append(score)
        if self.mean:
            scores |= {f"mean_{metric}": _mean(values) for metric, values in by_metric.items()}
        return scores
