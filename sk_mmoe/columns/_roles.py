"""Which column of a table is what: the dtype rules, and what users say of their columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from sk_mmoe.columns._cells import Role
from sk_mmoe.columns._frame import Frame


class UnreadableCells(TypeError, ValueError):
    """Cells that are neither numbers nor labels.

    Bad values in X are a ValueError, but scikit-learn's estimator checks ask for a TypeError where
    a cell is a dict.
    """


_REFUSED = {
    Role.NESTED: (
        UnreadableCells,
        "{columns} hold lists, dicts or other containers, where an argument must be a string or a "
        "number. Make columns of what they contain, e.g. with "
        "sklearn.preprocessing.MultiLabelBinarizer or pandas.json_normalize, or drop them.",
    ),
    Role.DATE: (
        ValueError,
        "{columns} hold dates or times. Make numbers of them first, e.g. with skrub's "
        "DatetimeEncoder or TableVectorizer, or drop them. Where each date is a category, "
        "convert it to a categorical column of strings.",
    ),
    Role.DATE_STRING: (
        ValueError,
        "{columns} hold dates or times as strings. Make numbers of them first, e.g. with skrub's "
        "DatetimeEncoder or TableVectorizer, or drop them. Where each date is a category, give "
        "the columns a categorical dtype.",
    ),
    Role.COMPLEX: (
        ValueError,
        "Complex data not supported: {columns} hold complex numbers. Make a column of the "
        "real part and one of the imaginary part.",
    ),
}


def find_categorical(frame: Frame, categorical_features: Any) -> np.ndarray | None:
    """Return which columns of a table are categorical.

    Parameters
    ----------
    frame : Frame of shape (n_samples, n_features)
        The table.
    categorical_features : "from_dtype", array-like of bool, int or str, or None
        What the user says of them.

    Returns
    -------
    ndarray of bool of shape (n_features,) or None
        The mask; `None` if no column is categorical.

    Raises
    ------
    ValueError
        If there is no such column.
    """
    if categorical_features is None:
        return None
    if isinstance(categorical_features, str):  # from_dtype
        if not frame.has_dtypes:
            return None
        roles = (frame.role(column) for column in range(frame.shape[1]))
        mask = np.array([role is Role.LABEL for role in roles], dtype=bool)
    else:
        mask = _as_mask(frame, categorical_features)
    return mask if mask.any() else None


def refuse(frame: Frame, columns: Iterable[int]) -> None:
    """Raise an error that names the columns which hold what no network reads.

    Parameters
    ----------
    frame : Frame of shape (n_samples, n_features)
        The table.
    columns : iterable of int
        The columns.

    Raises
    ------
    ValueError
        If there are such columns.
    """
    roles = {column: frame.role(column) for column in columns}
    for role in _REFUSED:
        if wrong := [frame.names[column] for column, is_ in roles.items() if is_ is role]:
            refuse_role(role, wrong)


def refuse_role(role: Role, names: Sequence[Any]) -> None:
    """Raise an error that names columns, if no network reads what they hold.

    Parameters
    ----------
    role : Role
        What the columns hold.
    names : sequence
        The names of the columns.

    Raises
    ------
    ValueError
        If no network reads that.
    """
    if role in _REFUSED:
        error, message = _REFUSED[role]
        raise error(message.format(columns=name_columns(names)))


def name_columns(names: Sequence[Any]) -> str:
    """Return the names of columns as the subject of a sentence, if there are not too many."""
    shown = list(names[:10])
    others = f" and {len(names) - 10} others" if len(names) > 10 else ""
    return f"the columns {shown}{others}"


def _as_mask(frame: Frame, categorical_features: Any) -> np.ndarray:
    """Return a mask of the columns that the user calls categorical."""
    wanted = np.atleast_1d(np.asarray(categorical_features))
    n_features = frame.shape[1]
    mask = np.zeros(n_features, dtype=bool)
    if wanted.size == 0:
        return mask
    if wanted.dtype.kind == "b":
        if wanted.shape != mask.shape:
            raise ValueError(
                f"categorical_features as a mask must have shape ({n_features},), got "
                f"{wanted.shape}."
            )
        return wanted.copy()
    if all(isinstance(name, str) for name in wanted.tolist()):
        names = [str(name) for name in frame.names] if frame.has_dtypes else []
        if unknown := sorted(set(wanted.tolist()) - set(names)):
            raise ValueError(
                f"categorical_features names columns {unknown} that X does not have. "
                + ("Pass a DataFrame, or indices." if not names else f"Its columns are {names}.")
            )
        return np.isin(names, wanted)
    if not all(isinstance(index, Integral) for index in wanted.tolist()):
        raise ValueError(
            "categorical_features must be all bools, all integers or all names, got "
            f"{wanted.tolist()}."
        )
    if wanted.min() < 0 or wanted.max() >= n_features:
        raise ValueError(
            f"categorical_features must be indices from 0 to {n_features - 1}, got "
            f"{wanted.tolist()}."
        )
    mask[wanted] = True
    return mask
