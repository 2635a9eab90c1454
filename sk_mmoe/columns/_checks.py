"""What scikit-learn checks of every X, and what arrays of numbers need beyond that."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from sk_mmoe.columns._array_frame import ArrayFrame
from sk_mmoe.columns._frame import Frame
from sk_mmoe.columns._frames import as_frame
from sk_mmoe.columns._roles import name_columns, refuse


@lru_cache(maxsize=64)
def _stand_in_class(name: str) -> type[BaseEstimator]:
    """Return a class of estimators of some name."""
    return type(name, (BaseEstimator,), {})


def make_stand_in(
    name: str, n_features: int | None = None, feature_names: np.ndarray | None = None
) -> BaseEstimator:
    """Return an estimator that scikit-learn's checks can write on and name in their messages.

    Parameters
    ----------
    name : str
        The class of the estimator that it stands for.
    n_features : int, default=None
        The number of columns, if they are known.
    feature_names : ndarray of object of shape (n_features,), default=None
        The names of the columns, if they have names.

    Returns
    -------
    estimator
        The stand-in.
    """
    stand_in = _stand_in_class(name)()
    if n_features is not None:
        stand_in.n_features_in_ = n_features
    if feature_names is not None:
        stand_in.feature_names_in_ = feature_names
    return stand_in


def fill_mask(X: Any) -> Any:
    """Return a masked array as an array whose masked values are missing.

    Parameters
    ----------
    X : object
        What the user passed.

    Returns
    -------
    object
        The array, or X where it is something else.
    """
    if not isinstance(X, np.ma.MaskedArray):
        return X
    values = X.data
    if not np.ma.is_masked(X):
        return values
    is_number = values.dtype.kind in "biuf"
    filled = values.astype(np.result_type(values, np.float32) if is_number else object)
    filled[np.ma.getmaskarray(X)] = np.nan if is_number else None
    return filled


def as_array(X: Any) -> Any:
    """Return rows in lists, or a masked array, as an array of numbers.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        What the user passed.

    Returns
    -------
    {array-like, sparse matrix} of shape (n_samples, n_features)
        The array, or what scikit-learn's checks refuse.

    Raises
    ------
    ValueError
        If it holds dates, containers or complex numbers. Their columns are named.
    """
    X = fill_mask(X)
    if isinstance(X, list | tuple):
        try:
            X = np.asarray(X)
        except ValueError:  # rows of several lengths, or lists in cells
            if X and isinstance(X[0], list | tuple):
                _refuse_columns(as_frame(X))
            return X
    if isinstance(X, np.ndarray) and X.dtype.kind not in "biuf" and X.ndim == 2:
        _refuse_columns(ArrayFrame(X))
    return X


def check_array_of_numbers(X: Any, stand_in: BaseEstimator, dtype: str) -> Any:
    """Return an array or sparse matrix of numbers as a C-ordered array or a CSR matrix.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The array.
    stand_in : estimator
        The estimator with the number and names of the columns.
    dtype : {"float32", "float64"}
        The type of numbers.

    Returns
    -------
    ndarray or CSR matrix of shape (n_samples, n_features)
        The numbers.

    Raises
    ------
    ValueError
        If it is no such array.
    """
    return validate_data(
        stand_in, as_array(X), accept_sparse="csr", dtype=np.dtype(dtype), order="C", reset=False
    )


def _refuse_columns(frame: Frame) -> None:
    """Raise an error if a column holds what no network reads."""
    columns = range(frame.shape[1])
    refuse(frame, [frame.role(column) for column in columns], columns)


def read_numbers(frame: Frame, columns: list[int], dtype: str, *, hint: str) -> np.ndarray:
    """Return columns of a table as numbers, NaN where one is missing.

    Parameters
    ----------
    frame : Frame of shape (n_samples, n_features)
        The table.
    columns : list of int
        The columns.
    dtype : {"float32", "float64"}
        The type of numbers.
    hint : str
        What to do about columns that hold something else.

    Returns
    -------
    ndarray of float of shape (n_samples, n_columns)
        The numbers.

    Raises
    ------
    ValueError
        If a column holds something else. All such columns are named.
    """
    number = np.dtype(dtype)
    if not columns:
        return np.zeros((frame.shape[0], 0), dtype=number)
    if suspects := frame.suspects(columns):
        refuse(frame, [frame.role(column) for column in suspects], suspects)
    try:
        with np.errstate(over="ignore"):  # an infinite number is an error
            return frame.numbers(columns, number)
    except Exception as error:  # each library has errors of other types
        wrong = [column for column in suspects if not _are_numbers(frame, column, number)]
        names = name_columns([frame.names[column] for column in wrong])
        reason = str(error).splitlines()[0]
        raise ValueError(f"{names} cannot be read as numbers ({reason}). {hint}") from error


def _are_numbers(frame: Frame, column: int, dtype: np.dtype) -> bool:
    """Return whether a column can be read as numbers."""
    try:
        frame.numbers([column], dtype)
    except Exception:
        return False
    return True


def is_sparse(X: Any, frame: Frame | None) -> bool:
    """Return whether X is a sparse matrix, or becomes one in scikit-learn's checks."""
    return sparse.issparse(X) or getattr(frame, "is_sparse", False)
