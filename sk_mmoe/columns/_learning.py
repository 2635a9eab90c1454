"""What a reader learns from the columns of a training table."""

from __future__ import annotations

from typing import Any

import numpy as np

from sk_mmoe.columns._checks import read_numbers
from sk_mmoe.columns._column import Column, ColumnInfo, ColumnSettings
from sk_mmoe.columns._frame import Frame
from sk_mmoe.columns._roles import name_columns, refuse
from sk_mmoe.columns._warn import warn_user
from sk_mmoe.columns.kinds._registry import find_kind

HINT = "Name them in categorical_features, or convert them to numbers."


def learn_columns(
    frame: Frame, is_categorical: np.ndarray | None, settings: ColumnSettings
) -> list[Column]:
    """Return how each column of a training table is read.

    Parameters
    ----------
    frame : Frame of shape (n_samples, n_features)
        The table.
    is_categorical : ndarray of bool of shape (n_features,) or None
        Which columns are categorical. `None`: no column is.
    settings : ColumnSettings
        How columns are read.

    Returns
    -------
    list of Column
        How each column is read.

    Raises
    ------
    ValueError
        If there is a column that no kind takes, or whose values its kind cannot read.
    """
    columns = range(frame.shape[1])
    mask = np.zeros(len(columns), dtype=bool) if is_categorical is None else is_categorical
    infos = [
        ColumnInfo(frame.names[k], frame.dtype(k), frame.role(k), bool(mask[k])) for k in columns
    ]
    kinds = [find_kind(info, settings) for info in infos]
    refuse(frame, [k for k in columns if kinds[k] is None])
    found = {k: kind for k, kind in enumerate(kinds) if kind is not None}
    of_numbers = [k for k, kind in found.items() if kind.reads == "numbers"]
    values: dict[int, Any] = {k: read_values(frame, k, kind) for k, kind in found.items()}
    numbers = read_numbers(frame, of_numbers, "float64", hint=HINT)
    values |= dict(zip(of_numbers, numbers.T, strict=True))
    learned = [kind.learn(values[k], settings) for k, kind in found.items()]
    if settings.of_stream:
        _warn_of_empty(frame, learned)
    return learned


def read_values(frame: Frame, column: int, kind: type[Column] | Column) -> Any:
    """Return a column in the form in which its kind reads it, unless that is numbers.

    Parameters
    ----------
    frame : Frame of shape (n_samples, n_features)
        The table.
    column : int
        The column.
    kind : type of Column or Column
        Its kind.

    Returns
    -------
    Labels, list or None
        The column. `None`: numbers are read from all columns at once.
    """
    if kind.reads == "numbers":
        return None
    if kind.reads == "cells":
        return frame.cells(column)
    try:
        return frame.labels(column)
    except Exception:  # lists, for instance, cannot be told apart
        refuse(frame, [column])
        raise


def _warn_of_empty(frame: Frame, columns: list[Column]) -> None:
    """Warn of columns about which the first chunk of a stream says nothing."""
    empty = [
        name
        for name, column in zip(frame.names, columns, strict=True)
        if column.n_slots and column.n_codes < 3  # one of them is for missing values
    ]
    if empty:
        warn_user(
            f"the first chunk of the stream has fewer than two values to tell apart in "
            f"{name_columns(empty)}, and later chunks are read as the first one. Begin with more "
            "rows, declare all categories by a categorical dtype, or drop the columns."
        )
