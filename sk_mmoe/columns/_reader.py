"""A table's columns: which are categorical, and how a network reads each of them."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import check_array

from sk_mmoe.columns._categories import Categories
from sk_mmoe.columns._knots import Knots
from sk_mmoe.columns._tables import ColumnTable

_SPARSE = (
    "categorical_features are codes or labels in a dense table, got a sparse matrix. Pass a "
    "DataFrame, or encode the columns one-hot and set categorical_features=None."
)

# What pandas may find in a column of objects that is one of numbers.
_NUMBERS = ("boolean", "decimal", "empty", "floating", "integer", "mixed-integer-float")


class ColumnEncoder:
    """A table as a network reads it: numbers, and levels of columns.

    Levels are the categories of a categorical column and the knots of a numeric one. They are
    counted through all columns from 1, first those of the numeric columns; 0 is no level.

    Parameters
    ----------
    is_categorical : ndarray of bool of shape (n_features,)
        Which columns are categorical.
    knots : list of Knots or None
        The knots of each numeric column. `None`: the network reads the numbers themselves.
    categories : list of Categories
        The categories of each categorical column.
    one_hot : bool
        Whether to encode for a network that reads a column of its own for each level.
    smooth : float
        The number of training rows with which a category has half of its vector.
    of_stream : bool
        Whether the training table was only the first of several.
    """

    def __init__(
        self,
        is_categorical: np.ndarray,
        knots: list[Knots] | None,
        categories: list[Categories],
        *,
        one_hot: bool,
        smooth: float,
        of_stream: bool,
    ) -> None:
        self.is_categorical = is_categorical
        self.knots = knots
        self.categories = categories
        self.one_hot = one_hot
        self.smooth = smooth
        self.of_stream = of_stream
        n_others = 1 + sum(column.n_vectors for column in knots or ())
        shares = [column.shares(smooth) for column in categories]
        self._level_shares = np.concatenate([np.ones(n_others), *shares])

    @classmethod
    def from_table(
        cls,
        X: Any,
        is_categorical: np.ndarray | None,
        *,
        n_knots: int | str | None,
        one_hot: bool,
        smooth: float,
        of_stream: bool = False,
    ) -> ColumnEncoder:
        """Return the encoder of a training table.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            The training table.
        is_categorical : ndarray of bool of shape (n_features,) or None
            Which columns are categorical. `None`: no one is.
        n_knots : int, "auto" or None
            The number of knots of a numeric column, at most. `None`: the network reads numbers.
        one_hot : bool
            Whether to encode for a network that reads a column of its own for each level.
        smooth : float
            The number of training rows with which a category has half of its vector.
        of_stream : bool, default=False
            Whether the table is only the first of several. Then categories that a categorical dtype
            declares count where they do not occur, and no category is known to be rare.

        Returns
        -------
        ColumnEncoder
            The encoder.
        """
        X = _as_columns(X)
        if is_categorical is None:
            is_categorical = np.zeros(X.shape[1], dtype=bool)
        categories = [
            Categories.from_column(column, of_stream=of_stream)
            for column in _select(X, is_categorical)
        ]
        knots = None
        if n_knots is not None:
            numbers = _numbers(X, ~is_categorical, np.dtype("float64"))
            knots = [Knots.from_numbers(column, n_knots) for column in numbers.T]
        return cls(
            is_categorical,
            knots,
            categories,
            one_hot=one_hot,
            smooth=smooth,
            of_stream=of_stream,
        )

    @property
    def n_vectors(self) -> list[int]:
        """The number of levels of each column that has some, numeric ones first."""
        return [column.n_vectors for column in (*(self.knots or ()), *self.categories)]

    @property
    def n_interpolated(self) -> int:
        """The number of columns whose values lie between levels."""
        return len(self.knots or ())

    @property
    def n_columns(self) -> int:
        """The number of columns that a network reads."""
        if not self.one_hot:
            return len(self.is_categorical)
        n_numbers = 0 if self.knots is not None else int((~self.is_categorical).sum())
        return n_numbers + sum(self.n_vectors)

    def encode(self, X: Any, *, dtype: np.dtype, estimator: Any) -> ColumnTable | sparse.csr_array:
        """Return a table, encoded.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            The table.
        dtype : dtype
            The type of numbers.
        estimator : estimator
            For error messages.

        Returns
        -------
        ColumnTable or CSR array of shape (n_samples, n_columns)
            The numbers, then a column for each level: a one, or what two knots share, and zeros
            elsewhere.
        """
        X = _as_columns(X)
        if len(X) == 0:
            raise ValueError(
                f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required."
            )
        numbers = self._check_numbers(X, dtype, estimator)
        levels = np.empty((len(self.n_vectors) + self.n_interpolated, len(X)), dtype=np.int32)
        fractions = np.empty((self.n_interpolated, len(X)), dtype=dtype)
        for k, knots in enumerate(self.knots or ()):
            upper = k - self.n_interpolated  # the last rows
            levels[k], levels[upper], fractions[k] = knots.locate(numbers[:, k])
        columns = _select(X, self.is_categorical)
        for k, (categories, column) in enumerate(zip(self.categories, columns, strict=True)):
            levels[self.n_interpolated + k] = categories.locate(column)
        first = np.cumsum([1, *self.n_vectors[:-1]], dtype=np.int32)
        first = np.concatenate([first, first[: self.n_interpolated]])
        levels = np.ascontiguousarray(np.where(levels < 0, 0, levels + first[:, None]).T)
        fractions = np.ascontiguousarray(fractions.T)
        if self.knots is not None:
            numbers = np.zeros((len(X), 0), dtype=dtype)
        if not self.one_hot:
            return ColumnTable(numbers, levels, fractions, self._level_shares.astype(dtype))
        return self._as_csr(numbers, levels, fractions)

    def _as_csr(
        self, numbers: np.ndarray, levels: np.ndarray, fractions: np.ndarray
    ) -> sparse.csr_array:
        """Return numbers and levels as one matrix."""
        n_rows, n_numbers = numbers.shape
        shares = (levels > 0).astype(numbers.dtype)
        if self.n_interpolated:
            shares[:, : self.n_interpolated] *= 1 - fractions
            shares[:, -self.n_interpolated :] *= fractions
        columns = np.hstack(
            [np.tile(np.arange(n_numbers, dtype=np.int32), (n_rows, 1)), n_numbers + levels - 1]
        )
        values = np.hstack([numbers, shares])
        # No level stores a zero: anywhere, but not before the first column.
        starts = np.arange(n_rows + 1) * columns.shape[1]
        matrix = sparse.csr_array(
            (values.ravel(), columns.clip(0).ravel(), starts), shape=(n_rows, self.n_columns)
        )
        matrix.eliminate_zeros()
        return matrix

    def _check_numbers(self, X: Any, dtype: np.dtype, estimator: Any) -> np.ndarray:
        """Return the numeric columns, checked."""
        if self.is_categorical.all():
            return np.zeros((len(X), 0), dtype=dtype)
        interpolates = self.knots is not None
        # Knots may lie closer together than single precision tells apart.
        dtype = np.dtype("float64") if interpolates else dtype
        numbers: np.ndarray = check_array(
            _numbers(X, ~self.is_categorical, dtype),
            dtype=dtype,
            order="C",
            ensure_all_finite="allow-nan" if interpolates else True,
            estimator=estimator,
            input_name="X",
        )
        return numbers


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
        raise ValueError(_SPARSE)
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
        Which columns are categorical. `None`: no one is.

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


def _as_columns(X: Any) -> Any:
    """Return rows in lists as a frame, whose columns have each a type of their own."""
    if sparse.issparse(X):
        raise ValueError(_SPARSE)
    return X if isinstance(X, pd.DataFrame | np.ndarray) else pd.DataFrame(X)


def _select(X: Any, mask: np.ndarray) -> list[pd.Series]:
    """Return the columns of a table that a mask chooses."""
    if isinstance(X, pd.DataFrame):
        return [column for (_, column), chosen in zip(X.items(), mask, strict=True) if chosen]
    return [pd.Series(column) for column in np.asarray(X)[:, mask].T]


def _numbers(X: Any, mask: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return the numeric columns of a table, which a mask chooses."""
    if not isinstance(X, pd.DataFrame):
        numbers: np.ndarray = np.asarray(X)[:, mask].astype(dtype)
        return numbers
    frame = X.iloc[:, np.flatnonzero(mask)]
    if wrong := [name for name, dtype in frame.dtypes.items() if dtype.kind in "mMc"]:
        raise ValueError(
            f"the columns {wrong} hold dates or complex numbers. Make them numbers, or name them "
            "in categorical_features."
        )
    # Of a frame check_array looks at each dtype, which takes longer than a row's network.
    return frame.to_numpy(dtype=dtype, na_value=np.nan)
