"""The kinds of tasks: which there are, what users declare, what labels tell."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from sk_mmoe.tasks._binary import BinaryTask
from sk_mmoe.tasks._count import CountTask
from sk_mmoe.tasks._labels import (
    are_numbers,
    are_strings,
    as_objects,
    check_labels,
    distinct_labels,
)
from sk_mmoe.tasks._multiclass import MulticlassTask
from sk_mmoe.tasks._ordinal import OrdinalTask
from sk_mmoe.tasks._regression import RegressionTask
from sk_mmoe.tasks._task import Task
from sk_mmoe.tasks._weights import per_task

KINDS: dict[str, type[Task]] = {
    "binary": BinaryTask,
    "multiclass": MulticlassTask,
    "ordinal": OrdinalTask,
    "regression": RegressionTask,
    "count": CountTask,
}

# Names that leave a choice: `MulticlassTask.learn` makes a binary task of two classes.
_CLASSIFICATION = "classification"
_INFER = "infer"
_MANY_CLASSES = 50
_MOSTLY = 0.9

Accepts = Literal["with_classes", "without_classes", "all"]
_DEFAULTS: dict[Accepts, str] = {
    "with_classes": _CLASSIFICATION,
    "without_classes": RegressionTask.kind,
    "all": _INFER,
}
Kind = str | Sequence[Any]


def resolve_kinds(tasks: Any, names: Sequence[str], *, accepts: Accepts = "all") -> list[Kind]:
    """Return the kind of each task, as the user declared it.

    Parameters
    ----------
    tasks : dict, array-like of shape (n_tasks,), str or None
        The kinds: by task name, where others have the default; in the order of the tasks; or one
        for all. A kind is a name, or a list of labels: those of an ordinal task from the lowest to
        the highest.
    names : sequence of str
        The names of the tasks.
    accepts : {"with_classes", "without_classes", "all"}, default="all"
        Which kinds the estimator can have. Tasks that are not named are a "classification", a
        "regression", or inferred.

    Returns
    -------
    list of str or list
        For each task the name of its kind, or its classes in order.

    Raises
    ------
    ValueError
        If a task is unknown, or a kind is unknown or none that the estimator can have.
    """
    kinds = (
        [tasks] * len(names)
        if isinstance(tasks, str)
        else per_task(tasks, names, parameter="tasks", default=_DEFAULTS[accepts])
    )
    known = _declarable("all")
    accepted = _declarable(accepts)
    for name, kind in zip(names, kinds, strict=True):
        wanted = kind if isinstance(kind, str) else "ordinal" if _is_order(kind) else None
        if wanted not in known:
            raise ValueError(
                f"tasks must be of the kinds {accepted}, or a list of labels in order, got "
                f"{kind!r} for task {name!r}."
            )
        if wanted not in accepted:
            raise ValueError(
                f"tasks declares {name!r} to be {kind!r}, but this estimator takes the kinds "
                f"{accepted}. Use an estimator for mixed tasks."
            )
    return [kind if isinstance(kind, str) else list(kind) for kind in kinds]


def names_its_classes(kind: Kind) -> bool:
    """Return whether a declared kind lists the classes of the task."""
    return not isinstance(kind, str)


def make_task(
    name: str,
    kind: Kind,
    labels: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    classes: np.ndarray | None = None,
    order: np.ndarray | None = None,
) -> Task:
    """Build the task that fits some labels.

    Parameters
    ----------
    name : str
        The name of the task.
    kind : str or list
        The kind of the task, as :func:`resolve_kinds` returns it. "classification" takes any number
        of classes. "infer" takes numbers with fractions for a regression, all else for classes.
    labels : ndarray of shape (n_known,)
        The known labels.
    weights : ndarray of shape (n_known,), default=None
        Their weights.
    classes : ndarray of shape (n_classes,), default=None
        All classes that can occur. `None` takes those of the labels.
    order : ndarray of shape (n_classes,), default=None
        The ordered categories of the labels, if they have some.

    Returns
    -------
    Task
        The task.

    Raises
    ------
    ValueError
        If the labels do not fit the kind.
    """
    if not isinstance(kind, str):
        order, kind = _check_order(name, kind), OrdinalTask.kind
    elif kind == _INFER:
        kind = _CLASSIFICATION if classes is not None else _infer_kind(name, labels)
    task_class = MulticlassTask if kind == _CLASSIFICATION else KINDS[kind]
    if task_class.has_classes:
        _check_classes(name, labels if classes is None else classes)
    return task_class.learn(name, labels, weights, classes=classes, order=order)


def _declarable(accepts: Accepts) -> list[str]:
    """Return the names that users may declare."""
    kinds = [
        kind
        for kind, cls in KINDS.items()
        if accepts == "all" or cls.has_classes == (accepts == "with_classes")
    ]
    if accepts != "without_classes":
        kinds.append(_CLASSIFICATION)
    return [*kinds, _INFER] if accepts == "all" else kinds


def _is_order(kind: Any) -> bool:
    """Return whether a declared kind is a list of labels."""
    return hasattr(kind, "__len__") and hasattr(kind, "__getitem__") and not hasattr(kind, "keys")


def _check_order(name: str, labels: Sequence[Any]) -> np.ndarray:
    """Return the classes of an ordinal task in the order that the user declared."""
    order = check_labels(as_objects(labels), name=name)
    if len(distinct_labels(order, name=name)) < len(order):
        raise ValueError(f"tasks names a class of {name!r} more than once: {order.tolist()}.")
    return order


def _check_classes(name: str, labels: np.ndarray) -> None:
    """Raise a ValueError if labels are numbers with fractions, which are no classes."""
    # scikit-learn knows no other types; here any label that can be told from others will do.
    if labels.dtype.kind in "biu" or are_strings(labels) or _is_small(labels):
        try:
            check_classification_targets(labels)
        except ValueError as error:
            raise ValueError(f"task {name!r}: {error}") from error


def _is_small(labels: np.ndarray) -> bool:
    """Return whether labels are floats that integers can hold."""
    return labels.dtype.kind == "f" and bool((abs(labels) < 2**53).all())


def _infer_kind(name: str, labels: np.ndarray) -> str:
    """Return the kind of a task; warn where a part of the labels might tell another one."""
    if not are_numbers(labels):
        return _CLASSIFICATION
    values = labels.astype(np.float64)
    n_numbers = len(np.unique(values))
    # Floats beyond 2**53 have no room for fractions.
    whole = (values == np.floor(values)) & (labels.dtype.kind != "f" or _is_small(labels))
    if whole.all() and n_numbers > _MANY_CLASSES:
        warnings.warn(
            f"task {name!r} has {n_numbers} different whole numbers, taken as classes. Declare "
            f'tasks={{{name!r}: "regression"}}, or "count" if they are counts, or "multiclass" '
            "if they are classes.",
            stacklevel=2,
        )
    if whole.all():
        return _CLASSIFICATION
    if n_numbers <= _MANY_CLASSES and whole.mean() > _MOSTLY:
        warnings.warn(
            f"task {name!r} is taken as a regression because of few numbers with fractions, such "
            f"as {values[~whole][0]:g}. A part of the table without them would be taken as "
            f'classes. Declare tasks={{{name!r}: "regression"}}.',
            stacklevel=2,
        )
    return RegressionTask.kind
