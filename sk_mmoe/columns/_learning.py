"""What a reader learns from the columns of a training table."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from sk_mmoe.columns._checks import read_numbers
from sk_mmoe.columns._column import Column, ColumnSettings
from sk_mmoe.columns._frame import Frame
from sk_mmoe.columns._frames import as_frame, has_rows
from sk_mmoe.columns._kinds import find_kind
from sk_mmoe.columns._roles import name_columns, refuse
from sk_mmoe.columns._warn import warn_user

SPARSE = (
    "categorical_features are codes or labels in a dense table, got a sparse matrix. Pass a "
    "DataFrame, or encode the columns one-hot and set categorical_features=None."
)
_HINT = "Name them in categorical_features, or convert them to numbers."


def open_array(X: Any, categorical_features: Any, numeric_encoding: str | None) -> Frame | None:
    """Return an array whose columns have to be read one by one, if X is one."""
    names_columns = (
        categorical_features is not None
        and not isinstance(categorical_features, str)
        and np.size(categorical_features) > 0
    )
    if sparse.issparse(X):
        if names_columns:
            raise ValueError(SPARSE)
        if numeric_encoding == "piecewise_linear":
            raise ValueError(
                "numeric_encoding='piecewise_linear' needs a dense table, got a sparse matrix. Set "
                "numeric_encoding=None, or pass a DataFrame."
            )
        return None
    if not names_columns and numeric_encoding != "piecewise_linear":
        return None
    if isinstance(X, np.matrix) or not has_rows(X):
        return None  # scikit-learn says what is wrong
    return as_frame(X)


def learn_columns(
    frame: Frame, is_categorical: np.ndarray | None, settings: ColumnSettings
) -> list[Column]:
    """Return how each column of a training table is read."""
    mask = np.zeros(frame.shape[1], dtype=bool) if is_categorical is None else is_categorical
    kinds = [find_kind(is_label, settings) for is_label in mask.tolist()]
    values: list[Any] = [None] * len(kinds)
    # Of numbers that are read as they are there may be nothing to learn.
    of_numbers = [
        k
        for k, kind in enumerate(kinds)
        if kind.reads_numbers and (kind.n_slots or settings.fills_gaps)
    ]
    numbers = read_numbers(frame, of_numbers, "float64", hint=_HINT)
    for k, column in zip(of_numbers, numbers.T, strict=True):
        values[k] = column
    for k, kind in enumerate(kinds):
        if not kind.reads_numbers:
            values[k] = read_labels(frame, k)
    columns = [kind.learn(column, settings) for kind, column in zip(kinds, values, strict=True)]
    if settings.of_stream:
        _warn_of_empty(frame, columns)
    return columns


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


def read_labels(frame: Frame, column: int) -> Any:
    """Return a column as labels."""
    try:
        return frame.labels(column)
    except Exception:  # lists, for instance, cannot be told apart
        refuse(frame, [frame.role(column)], [column])
        raise
