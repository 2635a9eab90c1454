"""Columns of targets and weights, from the tables of any library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd


def take_rows(table: Any, rows: np.ndarray) -> Any:
    """Return some rows of an array or a table of any library, as what it is."""
    if isinstance(table, pd.DataFrame | pd.Series):
        return table.iloc[rows]
    found = nw.from_native(table, eager_only=True, allow_series=True, pass_through=True)
    if isinstance(found, nw.DataFrame | nw.Series):
        return found[rows.tolist()].to_native()
    return np.asarray(table)[rows]


class NamedColumns(NamedTuple):
    """The columns of a table, as pandas has them."""

    columns: list[pd.Series]
    names: list[Any]
    """`None` for a column without a name."""
    ndim: int
    """1 for a column that stands alone, else 2."""


def named_columns(table: Any) -> NamedColumns | None:
    """Return the columns of a table of any library.

    Parameters
    ----------
    table : object
        A DataFrame or Series of pandas, polars, pyarrow or another library that narwhals knows, an
        index or extension array of pandas, or anything else.

    Returns
    -------
    NamedColumns or None
        The columns and their names, or `None` if it is no such table.
    """
    if isinstance(table, pd.Index | pd.api.extensions.ExtensionArray):
        table = pd.Series(table)
    if isinstance(table, pd.Series):
        return NamedColumns([table], [table.name], 1)
    if isinstance(table, pd.DataFrame):
        columns = [table.iloc[:, k] for k in range(table.shape[1])]
        return NamedColumns(columns, list(table.columns), 2)
    found = nw.from_native(table, eager_only=True, allow_series=True, pass_through=True)
    if isinstance(found, nw.Series):
        return NamedColumns([_as_pandas(found)], [found.name or None], 1)
    if isinstance(found, nw.DataFrame):
        names = list(found.columns)
        return NamedColumns([_as_pandas(found[name]) for name in names], names, 2)
    return None


def weights_by_name(weights: Any, names: Sequence[str], *, parameter: str) -> Any:
    """Return weights of a table in the order of the tasks, if its columns have names.

    Parameters
    ----------
    weights : object
        Weights of samples or of single labels, as users pass them.
    names : sequence of str
        The names of the tasks.
    parameter : str
        The parameter's name, for error messages.

    Returns
    -------
    object
        An array of shape (n_samples, n_tasks) in the place of a table with the names of the tasks.
        Anything else as it is. It goes by place, and so do tables whose columns or tasks only have
        numbers, and a single column for a single task.

    Raises
    ------
    ValueError
        If a table lacks a task or has another column.
    """
    table = named_columns(weights)
    if table is None or table.ndim == 1:
        return weights
    columns = [str(name) for name in table.names]
    numbered = table.names == list(range(len(columns)))
    unnamed = list(names) == [f"task{k}" for k in range(len(names))]
    if set(columns) == set(names):
        return np.column_stack([table.columns[columns.index(name)] for name in names])
    if numbered or unnamed or len(columns) == len(names) == 1:
        return np.column_stack(table.columns)
    raise ValueError(f"the columns of {parameter} must be the tasks {list(names)}, got {columns}.")


def _as_pandas(column: nw.Series[Any]) -> pd.Series:
    """Return a column of another library, in the type that pandas has for it."""
    dtype, missing = column.dtype, column.is_null().to_numpy()
    if isinstance(dtype, nw.Enum | nw.Categorical):
        labels = column.cast(nw.String).to_list()
        if isinstance(dtype, nw.Enum):
            return pd.Series(pd.Categorical(labels, list(dtype.categories), ordered=True))
        return pd.Series(pd.Categorical(labels))
    if dtype.is_integer() or dtype == nw.Boolean:
        filled = column.fill_null(False if dtype == nw.Boolean else 0).to_numpy()
        masked = pd.arrays.BooleanArray if dtype == nw.Boolean else pd.arrays.IntegerArray
        return pd.Series(masked(filled, missing.copy()) if missing.any() else filled)
    if dtype.is_float():
        return pd.Series(column.fill_null(float("nan")).to_numpy())
    if isinstance(dtype, nw.Datetime) and dtype.time_zone is None:
        return pd.Series(column.to_numpy())
    return pd.Series(column.to_list(), dtype=None if dtype.is_temporal() else object)
