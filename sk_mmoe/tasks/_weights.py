"""Weights of samples, tasks and classes, and parameters that are given by task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from sk_mmoe.metrics._tables import weights_by_name
from sk_mmoe.tasks._targets import Targets


def check_sample_weight(
    sample_weight: Any, targets: Targets, *, complete: bool = True
) -> np.ndarray | None:
    """Check weights of samples, or of single labels.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks) or None
        The weights. The columns of a DataFrame with the names of the tasks go by name.
    targets : Targets
        The targets they belong to, under the names that the tasks have at last.
    complete : bool, default=True
        Whether every task must have a label with weight.

    Returns
    -------
    ndarray of shape (n_samples, n_tasks) or None
        The weights, zero where a label is missing.

    Raises
    ------
    ValueError
        If the shape is wrong, a weight is masked, no number, negative or not finite, or a task is
        left without weight.
    """
    if sample_weight is None:
        return None
    weights = _as_numbers(weights_by_name(sample_weight, targets.names, parameter="sample_weight"))
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


def _as_numbers(weights: Any) -> np.ndarray:
    """Return weights as float64, or raise a ValueError if they are no numbers."""
    if np.ma.is_masked(weights):
        raise ValueError(
            "sample_weight has masked entries. Fill them, with 0 for samples to leave out: "
            "sample_weight.filled(0)."
        )
    array = np.asarray(weights)
    try:
        # NumPy would drop imaginary parts, and take times and digits for numbers.
        numbers = array.astype(np.float64) if array.dtype.kind in "biufO" else None
    except (TypeError, ValueError, OverflowError):
        numbers = None
    if numbers is None:
        raise ValueError(f"sample_weight must be numbers, got an array of dtype {array.dtype}.")
    return numbers


def per_task(value: Any, names: Sequence[str], *, parameter: str, default: Any) -> list[Any]:
    """Spread a parameter given by task name, or in the order of the tasks, over all tasks.

    Parameters
    ----------
    value : dict, Series, sequence or None
        A dict from task name to value (others get `default`), a Series with the names of the tasks
        as its index, or one value for each task.
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
    if isinstance(value, pd.Series) and not value.index.equals(pd.RangeIndex(len(value))):
        value = value.to_dict()
    if isinstance(value, Mapping):
        value = {str(name): entry for name, entry in value.items()}
        if unknown := sorted(set(value) - set(names)):
            raise ValueError(
                f"{parameter} names unknown tasks {unknown}; the tasks are {list(names)}."
            )
        return [value.get(name, default) for name in names]
    if isinstance(value, Set):
        raise ValueError(
            f"{parameter} must have an order or names, got the set {value}. Pass a list, or a dict "
            "by task name."
        )
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
    if not all(_is_number(weight) and 0 < float(weight) < np.inf for weight in weights):
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


def class_weights_by_task(class_weight: Any, names: Sequence[str]) -> list[Any]:
    """Spread `class_weight` over the tasks.

    Parameters
    ----------
    class_weight : "balanced", dict, sequence or None
        "balanced" holds for all tasks. A dict or sequence has an entry for each task. With a single
        task, a dict may map its labels to weights without naming the task.
    names : sequence of str
        The names of the tasks.

    Returns
    -------
    list
        The class weights of each task, `None` where there are none.

    Raises
    ------
    ValueError
        If a name is unknown or the length is wrong.
    """
    by_label = (
        isinstance(class_weight, Mapping) and len(names) == 1 and names[0] not in class_weight
    )
    if isinstance(class_weight, str) or by_label:
        return [class_weight] * len(names)
    return per_task(class_weight, names, parameter="class_weight", default=None)


def class_factors(
    class_weight: Any, name: str, classes: np.ndarray, codes: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return the factor by which the weights of each class are multiplied.

    Parameters
    ----------
    class_weight : "balanced" or dict
        "balanced" gives all classes that have weight the same total weight. A dict maps labels to
        factors; other labels keep their weight.
    name : str
        The name of the task, for error messages.
    classes : ndarray of shape (n_classes,)
        The classes of the task.
    codes : ndarray of shape (n_known,)
        The class of each known label.
    weights : ndarray of shape (n_known,)
        The weights that the labels have already.

    Returns
    -------
    ndarray of shape (n_classes,)
        The factors.

    Raises
    ------
    ValueError
        If a label is unknown, or a factor is negative or not finite.
    """
    if isinstance(class_weight, str) and class_weight == "balanced":
        totals = np.bincount(codes, weights, minlength=len(classes))
        # A class whose labels all weigh nothing counts as absent.
        present = totals > 0
        factors = np.zeros(len(classes))
        factors[present] = weights.sum() / (present.sum() * totals[present])
        return factors
    if not isinstance(class_weight, Mapping):
        raise ValueError(
            f'class_weight of task {name!r} must be "balanced" or a dict from labels to '
            f"weights, got {class_weight!r}."
        )
    labels = classes.tolist()
    if unknown := [label for label in class_weight if label not in labels]:
        raise ValueError(
            f"class_weight of task {name!r} has labels {unknown} that are not among its "
            f"classes {labels}."
        )
    given = [class_weight.get(label, 1.0) for label in labels]
    if not all(map(_is_number, given)):
        raise ValueError(f"class_weight of task {name!r} must be numbers, got {class_weight}.")
    factors = np.array(given, dtype=np.float64)
    if not (np.isfinite(factors).all() and (factors >= 0).all()):
        raise ValueError(
            f"class_weight of task {name!r} must be finite and not negative, got {class_weight}."
        )
    return factors


def _is_number(value: Any) -> bool:
    """Return whether a value is a real number, and neither masked nor True or False."""
    return isinstance(value, Real) and not isinstance(value, bool)
