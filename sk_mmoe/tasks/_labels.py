"""Labels of any type: what they are, which are the same, how they are sorted."""

from __future__ import annotations

import datetime
from decimal import Decimal
from enum import Enum
from numbers import Number, Real
from typing import Any

import numpy as np
import pandas as pd

from sk_mmoe.metrics._labels import masked_as_none

# Labels of these types have an order that is theirs; that of strings is only alphabetical.
_ORDERED = (Number, datetime.date, datetime.timedelta, pd.Interval, pd.Period)


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
        If a label is complex or infinite, or the labels are records.
    """
    if not isinstance(labels, np.ndarray) or labels.dtype.kind == "O":
        labels = _as_series(labels).infer_objects().to_numpy()
    if labels.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: task {name!r} has dtype {labels.dtype}.")
    if labels.dtype.kind == "V":
        raise ValueError(
            f"task {name!r} has records of dtype {labels.dtype} as labels. Pass a DataFrame with "
            "one column for each task."
        )
    if labels.dtype.kind == "f" and np.isinf(labels).any():
        raise ValueError(
            f"y contains infinity in task {name!r}. Replace it by a finite value, or by NaN if the "
            "label is missing."
        )
    return labels


def known_labels(labels: Any, *, name: str = "task0") -> np.ndarray:
    """Return labels as :func:`check_labels`, without those that are missing."""
    column = labels if isinstance(labels, pd.Series) else _as_series(masked_as_none(labels))
    return check_labels(column[~pd.isna(column)], name=name)


def are_numbers(labels: np.ndarray) -> bool:
    """Return whether labels are numbers, of any type but booleans."""
    if labels.dtype.kind != "O":
        return labels.dtype.kind in "iuf"
    return len(labels) > 0 and all(
        issubclass(cls, Real | Decimal) and not issubclass(cls, bool) for cls in _types(labels)
    )


def are_ordered(labels: np.ndarray) -> bool:
    """Return whether the order of sorted labels is their own: numbers and times, but no strings."""
    if labels.dtype.kind != "O":
        return labels.dtype.kind not in "US"
    return all(issubclass(cls, _ORDERED) for cls in _types(labels))


def are_strings(labels: np.ndarray) -> bool:
    """Return whether labels are strings."""
    if labels.dtype.kind != "O":
        return labels.dtype.kind == "U"
    return len(labels) > 0 and all(issubclass(cls, str) for cls in _types(labels))


def distinct_labels(labels: np.ndarray, *, name: str) -> np.ndarray:
    """Return the distinct labels, sorted.

    Parameters
    ----------
    labels : ndarray of shape (n_known,)
        The labels.
    name : str
        The name of the task, for error messages.

    Returns
    -------
    ndarray of shape (n_classes,)
        The labels: numbers, strings and times in their order, members of an Enum in that of its
        definition.

    Raises
    ------
    ValueError
        If labels cannot be classes: they are of several types, cannot be hashed, or have no order.
    """
    if labels.dtype.kind != "O":
        return np.unique(labels)
    types = sorted({_family(cls) for cls in _types(labels)})
    if len(types) > 1:
        raise ValueError(
            f"the labels of task {name!r} are of several types, {types}. Give them one type, e.g. "
            "by y.astype(str)."
        )
    try:
        distinct = list(dict.fromkeys(labels.tolist()))
    except TypeError as error:
        raise ValueError(
            f"the labels of task {name!r} cannot be classes: {error}. Use values that do not "
            "change, such as tuples in place of lists."
        ) from error
    try:
        distinct.sort(key=_place if isinstance(distinct[0], Enum) else None)
    except TypeError as error:
        raise ValueError(
            f"the labels of task {name!r} cannot be sorted: {error}. Use strings or numbers."
        ) from error
    return as_objects(distinct)


def as_objects(values: Any) -> np.ndarray:
    """Return an array of objects with one element for each value, tuples too."""
    values = list(values)
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _as_series(labels: Any) -> pd.Series:
    """Return labels as a Series, tuples as single ones."""
    if isinstance(labels, list | tuple):
        labels = as_objects(labels)
    return labels if isinstance(labels, pd.Series) else pd.Series(labels)


def _types(labels: np.ndarray) -> set[type]:
    """Return the types of labels that are objects."""
    return set(map(type, labels.tolist()))


def _family(cls: type) -> str:
    """Return the name of a type, one name for all that can be compared."""
    if issubclass(cls, bool | np.bool_):
        return "bool"
    families: tuple[tuple[Any, str], ...] = ((str, "str"), (Number, "number"))
    return next((name for family, name in families if issubclass(cls, family)), cls.__name__)


def _place(label: Enum) -> int:
    """Return the place of a member in the definition of its Enum."""
    return list(type(label)).index(label)
