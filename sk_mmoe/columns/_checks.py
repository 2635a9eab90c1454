"""What scikit-learn checks of every X, and what arrays of numbers need beyond that."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
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


def as_array(X: Any, dtype: str, *, hint: str) -> Any:
    """Return an array, or rows in lists, as an array of numbers.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        What the user passed.
    dtype : {"float32", "float64"}
        The type of numbers in the place of objects and strings.
    hint : str
        What to do about columns that hold something else.

    Returns
    -------
    {array-like, sparse matrix} of shape (n_samples, n_features)
        The array, or what scikit-learn's checks refuse.

    Raises
    ------
    ValueError
        If a column cannot be read as numbers. All such columns are named.
    """
    if isinstance(X, list | tuple):
        try:
            X = np.asarray(X)
        except ValueError:  # rows of several lengths, or lists in cells
            if X and isinstance(X[0], list | tuple):
                frame = as_frame(X)
                refuse(frame, range(frame.shape[1]))
            return X
    if isinstance(X, np.ndarray) and X.dtype.kind not in "biuf" and X.ndim == 2 and X.size:
        return read_numbers(ArrayFrame(X), list(range(X.shape[1])), dtype, hint=hint)
    return X


def check_array_of_numbers(X: Any, stand_in: BaseEstimator, dtype: str, *, hint: str) -> Any:
    """Return an array or sparse matrix of numbers as a C-ordered array or a CSR matrix.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The array.
    stand_in : estimator
        The estimator with the number and names of the columns.
    dtype : {"float32", "float64"}
        The type of numbers.
    hint : str
        What to do about columns that hold something else.

    Returns
    -------
    ndarray or CSR matrix of shape (n_samples, n_features)
        The numbers.

    Raises
    ------
    ValueError
        If it is no such array.
    """
    X = as_array(X, dtype, hint=hint)
    with np.errstate(over="ignore", invalid="ignore"):  # an infinite number is an error
        return validate_data(
            stand_in, X, accept_sparse="csr", dtype=np.dtype(dtype), order="C", reset=False
        )


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
        refuse(frame, suspects)
    try:
        with np.errstate(over="ignore"):  # an infinite number is an error
            return frame.numbers(columns, number)
    except Exception as error:  # each library has errors of other types
        wrong = [column for column in suspects if not _are_numbers(frame, column, number)]
        names = name_columns([frame.names[column] for column in wrong])
        reason = str(error).splitlines()[0]
        raise ValueError(f"{names} cannot be read as numbers ({reason}). {hint}") from error


def check_finite(
    numbers: np.ndarray,
    names: list[Any],
    make_stand_in: Callable[[], BaseEstimator],
    *,
    allow_missing: bool,
) -> np.ndarray:
    """Return numbers in C order if none is infinite or missing.

    Parameters
    ----------
    numbers : ndarray of float of shape (n_samples, n_columns)
        The numbers.
    names : list
        The names of the columns.
    make_stand_in : callable
        Function that returns the estimator that scikit-learn's message names.
    allow_missing : bool
        Whether numbers may be missing.

    Returns
    -------
    ndarray of float of shape (n_samples, n_columns)
        The numbers.

    Raises
    ------
    ValueError
        If a number is infinite. All such columns are named. If a number is missing, the error is
        scikit-learn's.
    """
    if not all_finite(numbers):
        infinite = np.isinf(numbers).any(axis=0)
        if infinite.any():
            wrong = [names[column] for column in np.flatnonzero(infinite)]
            raise ValueError(
                f"Input X contains infinity or a value too large for {numbers.dtype!r} in "
                f"{name_columns(wrong)}. Replace it by a finite value"
                f"{', or by NaN if it is unknown' if allow_missing else ''}."
            )
        if not allow_missing:
            check_array(numbers, dtype=numbers.dtype, estimator=make_stand_in(), input_name="X")
    return np.ascontiguousarray(numbers)


def all_finite(numbers: np.ndarray) -> bool:
    """Return whether no number is infinite or missing.

    Parameters
    ----------
    numbers : ndarray of float
        The numbers.

    Returns
    -------
    bool
        Whether all of them are finite.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        # Only if a sum of finite numbers overflows, a mask as large as the table is made.
        return bool(np.isfinite(numbers.sum()) or np.isfinite(numbers).all())


def _are_numbers(frame: Frame, column: int, dtype: np.dtype) -> bool:
    """Return whether a column can be read as numbers."""
    try:
        frame.numbers([column], dtype)
    except Exception:
        return False
    return True
