"""Which table X is: of pandas, of another library, of records, or an array."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from scipy import sparse

from sk_mmoe.columns._array_frame import ArrayFrame
from sk_mmoe.columns._frame import Frame
from sk_mmoe.columns._narwhals_frame import NarwhalsFrame
from sk_mmoe.columns._pandas_frame import PandasFrame


def open_frame(X: Any) -> Frame | None:
    """Return a table whose columns have each a type of their own, if X is one.

    Parameters
    ----------
    X : object
        What the user passed.

    Returns
    -------
    Frame or None
        The table, `None` for arrays, sparse matrices and lists of rows.

    Raises
    ------
    TypeError
        If X is a dict, or a table that has not been computed yet.
    """
    if isinstance(X, pd.DataFrame):
        return PandasFrame(X)
    if isinstance(X, np.ndarray):
        return PandasFrame(pd.DataFrame(X)) if X.dtype.names else None
    if isinstance(X, list):  # records, as JSON has them
        return PandasFrame(pd.DataFrame(X)) if X and isinstance(X[0], dict) else None
    if sparse.issparse(X):
        return None
    if nw.dependencies.is_into_dataframe(X):
        native = nw.to_native(X, pass_through=True)
        return PandasFrame(native) if isinstance(native, pd.DataFrame) else NarwhalsFrame(native)
    if isinstance(X, dict):
        raise TypeError("X must be a table, got a dict. Pass pandas.DataFrame(X).")
    if isinstance(nw.from_native(X, pass_through=True), nw.LazyFrame):
        raise TypeError(f"X must be a table in memory, got a {type(X).__name__}. Collect it first.")
    return None


def as_frame(X: Any) -> Frame:
    """Return an array, or rows in lists, as a table whose columns are read one by one."""
    if isinstance(X, np.ndarray):
        return ArrayFrame(X)
    frame = PandasFrame(pd.DataFrame(X))
    frame.has_dtypes = False
    return frame


def has_rows(X: Any) -> bool:
    """Return whether X has two dimensions, whatever is in its cells."""
    try:
        return np.ndim(X) == 2
    except ValueError:  # lists of several lengths
        return isinstance(X[0], list | tuple)
