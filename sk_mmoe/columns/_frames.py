"""Which table X is: of pandas, of another library, of records, or an array."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Set
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from scipy import sparse

from sk_mmoe.columns._array_frame import ArrayFrame
from sk_mmoe.columns._frame import Frame
from sk_mmoe.columns._masks import fill_mask
from sk_mmoe.columns._narwhals_frame import NarwhalsFrame
from sk_mmoe.columns._pandas_frame import PandasFrame
from sk_mmoe.streaming import LazyTable

SPARSE = (
    "categorical_features are codes or labels in a dense table, got a sparse matrix. Pass a "
    "DataFrame, or encode the columns one-hot and set categorical_features=None."
)


def open_table(X: Any) -> Any:
    """Return X as a table whose columns may differ in type, if it is one.

    Parameters
    ----------
    X : object
        What the user passed, or a table that is open already.

    Returns
    -------
    Frame, array-like or sparse matrix
        The table. Arrays, rows in lists and sparse matrices come back as they are, but masked
        values are missing ones.

    Raises
    ------
    TypeError
        If X is no table, or a table that has not been computed yet.
    ValueError
        If X is a single column or row.
    """
    if isinstance(X, pd.DataFrame):
        return PandasFrame(X)
    if isinstance(X, Frame) or sparse.issparse(X):
        return X
    if isinstance(X, np.ndarray | list | tuple):
        return _open_rows(fill_mask(X))
    if isinstance(X, LazyTable):
        raise TypeError(
            "X must be a table in memory here, got a LazyTable. Pass one of its `batches()`."
        )
    X = nw.to_native(X, pass_through=True)
    pyarrow = nw.dependencies.get_pyarrow()
    if pyarrow is not None and isinstance(X, pyarrow.RecordBatch):
        X = pyarrow.Table.from_batches([X])
    if nw.dependencies.is_into_dataframe(X):
        return PandasFrame(X) if isinstance(X, pd.DataFrame) else NarwhalsFrame(X)
    if nw.dependencies.is_into_series(X):
        raise ValueError(
            f"Expected a 2-dimensional container but got {type(X)} instead. Pass a DataFrame with "
            "a single row or a single column."
        )
    if isinstance(nw.from_native(X, pass_through=True), nw.LazyFrame):
        raise TypeError(
            f"X must be a table in memory, got a {type(X).__name__}. Collect it first, or pass "
            "sk_mmoe.streaming.LazyTable(X, targets=[...])."
        )
    if isinstance(X, Mapping | Set | Generator | str | bytes):
        hint = (
            "pandas.DataFrame(X), or [X] if it is a single row"
            if isinstance(X, Mapping)
            else ("a DataFrame, an array or a list of rows")
        )
        raise TypeError(f"X must be a table, got a {type(X).__name__}. Pass {hint}.")
    return X


def native_table(X: Any) -> Any:
    """Return what :func:`open_table` returned as a table of the library that it is from."""
    return X.native if isinstance(X, Frame) else X


def as_frame(X: Any) -> Frame:
    """Return an array, or rows in lists, as a table whose columns are read one by one."""
    if not isinstance(X, list | tuple):
        return ArrayFrame(np.asarray(X))
    frame = PandasFrame(pd.DataFrame(X))
    frame.has_dtypes = False
    return frame


def has_rows(X: Any) -> bool:
    """Return whether X has two dimensions, whatever is in its cells."""
    if not isinstance(X, list | tuple):
        return np.asarray(X).ndim == 2
    try:
        return np.ndim(X) == 2
    except ValueError:  # lists of several lengths
        return isinstance(X[0], list | tuple)


def _open_rows(X: Any) -> Any:
    """Return records, or an array whose fields have names, as a table; other rows as they are."""
    if isinstance(X, np.ndarray) and X.dtype.names:
        return PandasFrame(pd.DataFrame({name: fill_mask(X[name]) for name in X.dtype.names}))
    if isinstance(X, np.ndarray) and (X.ndim != 1 or X.dtype != object):
        return X
    if len(X) and all(isinstance(row, Mapping) for row in X):
        frame = PandasFrame(pd.DataFrame([dict(row) for row in X]))
        frame.has_order = False  # keys have none
        return frame
    return X


def open_array(X: Any, categorical_features: Any, numeric_encoding: str | None) -> Any:
    """Return an array as a table, if its columns have to be read one by one.

    Parameters
    ----------
    X : {array-like, sparse matrix}
        What :func:`open_table` left as it is.
    categorical_features : "from_dtype", array-like of bool, int or str, or None
        What the user says of categories.
    numeric_encoding : {"auto", "piecewise_linear"} or None
        What the user says of numbers.

    Returns
    -------
    Frame, array-like or sparse matrix
        The table, or X where all columns are numbers that are read as they are.

    Raises
    ------
    ValueError
        If the user wants something of a sparse matrix that only a dense table can give.
    """
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
        return X
    if not names_columns and numeric_encoding is None:
        return X
    # scikit-learn says what is wrong with what has no rows
    return as_frame(X) if has_rows(X) and not isinstance(X, np.matrix) else X
