"""Whether tasks should be learned together: one model for all against one model for each."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import Bunch, indexable
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions, validate_params
from sklearn.utils.parallel import Parallel, delayed

from sk_mmoe.inspection._sharing_fits import Fit, fit_and_score
from sk_mmoe.inspection._sharing_tables import (
    cost_table,
    fold_table,
    pair_table,
    summarise,
    task_table,
)
from sk_mmoe.inspection._task_subsets import TaskTable, for_tasks
from sk_mmoe.metrics import make_task_scorer
from sk_mmoe.model_selection import MultiOutputStratifiedKFold

# Ten pairs.
_FEW_TASKS = 5


@validate_params(  # type: ignore[untyped-decorator]
    {
        "estimator": [HasMethods("fit")],
        "groups": ["array-like", None],
        "cv": ["cv_object"],
        "scoring": [str, dict, callable, None],
        "pairs": ["boolean", StrOptions({"auto"}), "array-like"],
        "confidence_level": [Interval(Real, 0, 1, closed="neither")],
        "n_jobs": [Integral, None],
    },
    prefer_skip_nested_validation=False,
)
def compare_task_sharing(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    groups: Any = None,
    cv: Any = None,
    scoring: Any = None,
    pairs: Any = "auto",
    sample_weight: Any = None,
    confidence_level: float = 0.95,
    n_jobs: int | None = None,
) -> Bunch:
    """Compare one model for all tasks with one model for each task, by cross-validation.

    Use it to decide whether tasks should be learned together. In every split, the estimator is
    fitted to all tasks at once (joint) and to each task alone (separate), and optionally to each
    pair of tasks. All of them see the same rows. The differences between joint and separate scores
    are paired by split and get an interval. The verdict is "together" if the interval lies above
    zero, "apart" if it lies below, and "cannot be told" otherwise.

    Read more in the :doc:`User Guide </user_guide/learning_together>`.

    Parameters
    ----------
    estimator : estimator
        An estimator of this package, or a pipeline or search that ends in one. It is cloned for
        each fit. The separate models have the same settings, and therefore more parameters in
        total. Parameters of single tasks (`tasks`, `task_weights`, `class_weight`, `main_task`) are
        cut down to the tasks of a fit. Other multi-output estimators are also accepted.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The inputs.
    y : array-like of shape (n_samples, n_tasks)
        The targets of at least two tasks. Labels may be missing.
    groups : array-like of shape (n_samples,), default=None
        Groups of rows for splitters such as :class:`~sklearn.model_selection.GroupKFold`. Early
        stopping within `fit` does not know them.
    cv : int, splitter or iterable, default=None
        The splits. An int is the number of folds of
        :class:`~sk_mmoe.model_selection.MultiOutputStratifiedKFold`, and `None` is 5. Pass a
        splitter with more splits, such as
        :class:`~sk_mmoe.model_selection.MultiOutputStratifiedShuffleSplit`, for narrower intervals.
    scoring : str, callable or dict, default=None
        The score of all tasks, or a dict with the score of each task: a name or scorer that
        :func:`~sk_mmoe.metrics.make_task_scorer` takes. `None` takes the explained part of the loss
        that a task is fitted with: "r2" for numbers, "d2_poisson_score" for counts and
        "d2_log_loss_score" for classes. These have the same unit, so their mean over tasks of
        different kinds is meaningful. Set it if another score decides.
    pairs : "auto", bool or list of pairs of str, default="auto"
        Which pairs of tasks are also learned together. "auto" takes all pairs of three to five
        tasks. Set it to False to save time, to True for all pairs of more tasks, or to a list of
        some pairs of task names.
    sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
        Weights of the samples, or of single labels, both in training and in the scores.
    confidence_level : float, default=0.95
        The confidence level of each interval.
    n_jobs : int, default=None
        Number of models fitted at the same time. `None` is 1, and -1 all cores. With several, the
        times to fit are longer.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        Has the following attributes.

        summary : str
            The verdict in sentences.
        verdict : {"together", "apart", "cannot be told"}
            The verdict on the mean score over all tasks.
        overall : Series
            The separate and the joint mean score over all tasks, their difference with "lower" and
            "upper" end of its interval, and the verdict.
        tasks : DataFrame
            The same for each task, and the name of its score.
        pairs : DataFrame or None
            The same for each task and partner. "joint" is the score of the task in the model of the
            two. `None` if no pairs were compared.
        cost : DataFrame
            Number of models, seconds to fit them on one split, and number of parameters, in total
            for "joint", "separate" and "pairs", each the median over the splits. The number of
            parameters is NaN if the estimator is no network.
        folds : DataFrame
            All scores: one row for each split, set of tasks learned together, and task.

    Raises
    ------
    ValueError
        If there are fewer than two tasks or two splits, a split has no label of a task, or a pair
        or a score is unknown. All of this is checked before the first fit.

    Warns
    -----
    RuntimeWarning
        If a score could not be computed in some splits, which are left out for this task.

    See Also
    --------
    TaskSharingDisplay : Draws the result.
    TaskRelatednessDisplay : How similar labels and gates of the tasks are.

    Notes
    -----
    *Interval.* Training sets of different splits overlap, so the usual t-interval is too narrow.
    The variance of the mean difference over J splits is taken as ``(1 / J + n_test / n_train) *
    s**2`` [1]_, where s is the standard deviation of the differences, with J - 1 degrees of
    freedom. The numbers of rows are those with a known label of the task.

    *Many tasks.* Each interval has the confidence level by itself. At 95 %, about one of twenty
    tasks without a true difference gets a wrong verdict. The overall verdict has no such problem:
    it rests on a single interval.

    *Pairs.* Which tasks should be learned together need not follow from which pairs help each other
    [2]_, but pairs tell which task disturbs which.

    References
    ----------
    .. [1] Nadeau and Bengio. "Inference for the Generalization Error", Machine Learning, 2003.
    .. [2] Standley et al. "Which Tasks Should Be Learned Together in Multi-task Learning?", ICML
       2020.

    Examples
    --------
    >>> from sk_mmoe import MMoERegressor
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> from sk_mmoe.inspection import compare_task_sharing
    >>> X, y = make_multitask_sinusoid(300, n_features=5, random_state=0)
    >>> model = MMoERegressor(max_iter=2, random_state=0)
    >>> comparison = compare_task_sharing(model, X, y, cv=3)
    >>> comparison.tasks[["separate", "joint", "lower", "upper"]].shape
    (2, 4)
    >>> comparison.cost["n_models"].to_dict()
    {'joint': 1, 'separate': 2}
    """
    table = TaskTable(y, sample_weight, estimator_name=type(estimator).__name__)
    names = tuple(table.names)
    if len(names) < 2:
        raise ValueError(f"y must have at least two tasks to compare, got {list(names)}.")
    X, _, groups = indexable(X, table.frame, groups)
    by_task = _scoring_of(scoring, names)
    chosen = _choose_pairs(pairs, names)
    if cv is None or isinstance(cv, Integral):
        cv = MultiOutputStratifiedKFold(5 if cv is None else cv)
    cv = check_cv(cv, table.frame, classifier=is_classifier(estimator))
    splits = [(np.asarray(a), np.asarray(b)) for a, b in cv.split(X, table.frame, groups)]
    ratios = _test_over_train(table, splits)
    models = {
        tasks: for_tasks(estimator, names, tasks)
        for tasks in [names, *((name,) for name in names), *chosen]
    }
    fits: list[Fit] = Parallel(n_jobs=n_jobs)(
        delayed(fit_and_score)(clone(model), X, table, tasks, fold, split, by_task)
        for fold, split in enumerate(splits)
        for tasks, model in models.items()
    )
    _warn_of_errors(fits)
    folds, cost = fold_table(fits), cost_table(fold_table(fits), names)
    tasks, overall = task_table(folds, fits[0].scoring, ratios, confidence_level)
    paired = pair_table(folds, chosen, ratios, confidence_level)
    return Bunch(
        summary=summarise(tasks, overall, paired, cost, confidence_level),
        verdict=overall["verdict"],
        overall=overall,
        tasks=tasks,
        pairs=paired,
        cost=cost,
        folds=folds,
    )


def _scoring_of(scoring: Any, names: Sequence[str]) -> dict[str, Any]:
    """Return the scoring of each task, or raise a ValueError before anything is fitted."""
    if isinstance(scoring, Mapping):
        if unknown := [str(task) for task in scoring if str(task) not in names]:
            raise ValueError(f"scoring names unknown tasks {unknown}; the tasks are {list(names)}.")
        by_task = dict.fromkeys(names) | {str(k): v for k, v in scoring.items()}
    else:
        by_task = dict.fromkeys(names, scoring)
    for name, metric in by_task.items():
        if metric is not None:
            make_task_scorer(metric, name)
    return by_task


def _choose_pairs(pairs: Any, names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the pairs to compare, each in the order of the tasks."""
    every = list(combinations(names, 2))
    if isinstance(pairs, str):
        pairs = len(names) <= _FEW_TASKS
    if isinstance(pairs, bool | np.bool_):
        # Two tasks are a pair already.
        return every if pairs and len(names) > 2 else []
    wanted = [frozenset(map(str, _as_pair(pair))) for pair in pairs]
    known = [frozenset(pair) for pair in every]
    if unknown := [sorted(pair) for pair in wanted if pair not in known]:
        raise ValueError(
            f"pairs must be pairs of two different tasks among {list(names)}, got {unknown}."
        )
    return [pair for pair in every if frozenset(pair) in wanted] if len(names) > 2 else []


def _as_pair(pair: Any) -> Iterable[Any]:
    """Return the entries of a pair; a string is no pair of its letters."""
    return [pair] if isinstance(pair, str) else pair


def _test_over_train(
    table: TaskTable, splits: Sequence[tuple[np.ndarray, np.ndarray]]
) -> dict[str, float]:
    """Return the mean ratio of test to training labels of each task; every split must have both."""
    if len(splits) < 2:
        raise ValueError(f"cv must have at least two splits for an interval, got {len(splits)}.")
    ratios = []
    for fold, parts in enumerate(splits):
        n_train, n_test = (table.known[rows].sum(axis=0) for rows in parts)
        for part, numbers in {"training": n_train, "test": n_test}.items():
            if without := [n for n, k in zip(table.names, numbers, strict=True) if k == 0]:
                raise ValueError(
                    f"the {part} rows of split {fold} have no known label of the tasks {without}. "
                    "Use fewer splits, or MultiOutputStratifiedKFold, which shares out the labels "
                    "of all tasks."
                )
        ratios.append(n_test / n_train)
    return dict(zip(table.names, np.mean(ratios, axis=0).tolist(), strict=True))


def _warn_of_errors(fits: Sequence[Fit]) -> None:
    """Warn where scores could not be computed, once for each task."""
    errors: dict[str, list[str]] = {}
    for fit in fits:
        for task, error in fit.errors.items():
            errors.setdefault(task, []).append(error)
    for task, messages in errors.items():
        warnings.warn(
            f"{len(messages)} scores of the task {task!r} could not be computed and are left out. "
            f"The first one failed with: {messages[0]}",
            RuntimeWarning,
            stacklevel=3,
        )
