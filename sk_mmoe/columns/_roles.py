"""Which column of a table is what: the dtype rules, and what users say of their columns."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

SPARSE = (
    "categorical_features are codes or labels in a dense table, got a sparse matrix. Pass a "
    "DataFrame, or encode the columns one-hot and set categorical_features=None."
)

# What pandas may find in a column of objects that is one of numbers.
_NUMBERS = ("boolean", "decimal", "empty", "floating", "integer", "mixed-integer-float")


def find_categorical(X: Any, categorical_features: Any) -> np.ndarray | None:
    """Return which columns of a table are categorical.

    Parameters
    ----------
    X : DataFrame, array-like or sparse matrix of shape (n_samples, n_features)
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
        If there is no such column, or X is sparse.
    """
    if categorical_features is None:
        return None
    if isinstance(categorical_features, str):  # from_dtype
        if not isinstance(X, pd.DataFrame):
            return None
        mask = np.array([_holds_labels(column) for _, column in X.items()], dtype=bool)
        return mask if mask.any() else None
    wanted = np.atleast_1d(np.asarray(categorical_features))
    if wanted.size == 0:
        return None
    if sparse.issparse(X):
        raise ValueError(SPARSE)
    if np.ndim(X) != 2:  # scikit-learn's check refuses it
        return None
    n_features = X.shape[1] if hasattr(X, "shape") else np.shape(X)[1]
    mask = np.zeros(n_features, dtype=bool)
    if wanted.dtype.kind == "b":
        if wanted.shape != mask.shape:
            raise ValueError(
                f"categorical_features as a mask must have shape ({n_features},), got "
                f"{wanted.shape}."
            )
        mask = wanted.copy()
    elif all(isinstance(name, str) for name in wanted.tolist()):
        names = [str(name) for name in getattr(X, "columns", ())]
        if unknown := sorted(set(wanted.tolist()) - set(names)):
            raise ValueError(
                f"categorical_features names columns {unknown} that X does not have. "
                + ("Pass a DataFrame, or indices." if not names else f"Its columns are {names}.")
            )
        mask = np.isin(names, wanted)
    elif all(isinstance(index, Integral) for index in wanted.tolist()):
        if wanted.min() < 0 or wanted.max() >= n_features:
            raise ValueError(
                f"categorical_features must be indices from 0 to {n_features - 1}, got "
                f"{wanted.tolist()}."
            )
        mask[wanted] = True
    else:
        raise ValueError(
            "categorical_features must be all bools, all integers or all names, got "
            f"{wanted.tolist()}."
        )
    return mask if mask.any() else None


def interpolates_numbers(
    X: Any, numeric_encoding: str | None, is_categorical: np.ndarray | None
) -> bool:
    """Return whether a network reads the numeric columns of a table through knots.

    Parameters
    ----------
    X : DataFrame, array-like or sparse matrix of shape (n_samples, n_features)
        The table.
    numeric_encoding : {"auto", "piecewise_linear"} or None
        What the user says of them.
    is_categorical : ndarray of bool of shape (n_features,) or None
        Which columns are categorical. `None`: no column is.

    Returns
    -------
    bool
        Whether it does.

    Raises
    ------
    ValueError
        If the user wants it of a sparse matrix.
    """
    if numeric_encoding == "auto":
        # Numbers alone are the same numbers in a frame and in an array.
        has_gaps = isinstance(X, pd.DataFrame) and bool(X.isna().any(axis=None))
        return is_categorical is not None or has_gaps
    if numeric_encoding is not None and sparse.issparse(X):
        raise ValueError(
            f"numeric_encoding={numeric_encoding!r} needs a dense table, got a sparse matrix. Set "
            "numeric_encoding=None, or pass a DataFrame."
        )
    return numeric_encoding is not None


def _holds_labels(column: pd.Series) -> bool:
    """Return whether a column is of a dtype for labels, or of objects that are no numbers."""
    if isinstance(column.dtype, pd.CategoricalDtype | pd.StringDtype):
        return True
    if not pd.api.types.is_object_dtype(column.dtype):
        return False
    return pd.api.types.infer_dtype(column, skipna=True) not in _NUMBERS
