"""Targets of any library's tables as a DataFrame of pandas."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import pandas as pd


def as_frame(y: Any) -> pd.DataFrame:
    """Return targets as a DataFrame with one column for each task.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_tasks)
        An array, a list, or a table or column of pandas, polars or pyarrow.

    Returns
    -------
    DataFrame of shape (n_samples, n_tasks)
        The targets. Missing ones are what pandas takes for missing.
    """
    if not isinstance(y, pd.DataFrame | pd.Series):
        table = nw.from_native(y, eager_only=True, allow_series=True, pass_through=True)
        if isinstance(table, nw.Series):
            return pd.DataFrame({table.name or 0: table.to_list()})
        if isinstance(table, nw.DataFrame):
            return pd.DataFrame({name: table[name].to_list() for name in table.columns})
    return pd.DataFrame(y)
