"""A table's columns: which are categorical, and what their categories are."""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import check_array

from sk_mmoe._tables import ColumnTable

# With so many rows, unseen categories alone are no chance.
_MANY = 20

_SPARSE = (
    "categorical_features are codes or labels in a dense table, got a sparse matrix. Pass a "
    "DataFrame, or encode the columns one-hot and set categorical_features=None."
)

# What pandas may find in a column of objects that is one of numbers.
_NUMBERS = ("boolean", "decimal", "empty", "floating", "integer", "mixed-integer-float")


class ColumnEncoder:
    """Numbers and codes of a table with categorical columns, as the training table has them.

    Parameters
    ----------
    is_categorical : ndarray of bool of shape (n_features,)
        Which columns are categorical.
    categories : list of array-like
        The categories of each categorical column.
    has_missing : list of bool
        Whether a categorical column has a further category for missing values.
    one_hot : bool
        Whether to encode for a network that reads one-hot columns.
    """

    def __init__(
        self,
        is_categorical: np.ndarray,
        categories: list[Any],
        has_missing: list[bool],
        *,
        one_hot: bool,
    ) -> None:
        self.is_categorical = is_categorical
        self.categories = [pd.Index(labels) for labels in categories]
        self.has_missing = has_missing
        self.one_hot = one_hot
        self._last_lookups: dict[int, tuple[pd.Index, np.ndarray]] = {}

    @classmethod
    def from_table(
        cls, X: Any, is_categorical: np.ndarray, *, one_hot: bool, declared: bool = False
    ) -> ColumnEncoder:
        """Return the encoder of a training table.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_samples, n_features)
            The training table.
        is_categorical : ndarray of bool of shape (n_features,)
            Which columns are categorical.
        one_hot : bool
            Whether to encode for a network that reads one-hot columns.
        declared : bool, default=False
            Whether categories that a categorical dtype declares count where they do not occur.

        Returns
        -------
        ColumnEncoder
            The encoder.
        """
        columns = _select(_as_columns(X), is_categorical)
        categories = [_categories(column, declared=declared) for column in columns]
        has_missing = [bool(column.isna().any()) for column in columns]
        return cls(is_categorical, categories, has_missing, one_hot=one_hot)

    @property
    def n_categories(self) -> list[int]:
        """The number of categories of each categorical column; a missing value is one of them."""
        return [len(n) + m for n, m in zip(self.categories, self.has_missing, strict=True)]

    @property
    def n_columns(self) -> int:
        """The number of columns that a network reads."""
        if not self.one_hot:
            return len(self.is_categorical)
        return int((~self.is_categorical).sum()) + sum(self.n_categories)

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
            The numeric columns, then the categorical ones: as codes, 0 for an unseen category, or
            one-hot, all zero for an unseen category.
        """
        X = _as_columns(X)
        if len(X) == 0:
            raise ValueError(
                f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required."
            )
        numbers = self._numbers(X, dtype=dtype, estimator=estimator)
        codes = np.empty((len(self.categories), len(numbers)), dtype=np.int32)
        for k, column in enumerate(_select(X, self.is_categorical)):
            codes[k] = self._codes(column, k)
            if len(X) >= _MANY and (codes[k] < 0).all() and not column.isna().all():
                _warn_of_unseen(column, self.categories[k])
        first = np.cumsum([1, *self.n_categories[:-1]], dtype=np.int32)
        codes = np.ascontiguousarray(np.where(codes < 0, 0, codes + first[:, None]).T)
        if not self.one_hot:
            return ColumnTable(numbers, codes, 1 + sum(self.n_categories))
        n_rows, n_numbers = numbers.shape
        columns = np.hstack(
            [np.tile(np.arange(n_numbers, dtype=np.int32), (n_rows, 1)), n_numbers + codes - 1]
        )
        values = np.hstack([numbers, (codes > 0).astype(dtype)])
        # An unseen category stores a zero: anywhere, but not before the first column.
        starts = np.arange(n_rows + 1) * columns.shape[1]
        matrix = sparse.csr_array(
            (values.ravel(), columns.clip(0).ravel(), starts), shape=(n_rows, self.n_columns)
        )
        matrix.eliminate_zeros()
        return matrix

    def __getstate__(self) -> dict[str, Any]:
        """Leave what was looked up last out of copies and pickles."""
        return self.__dict__ | {"_last_lookups": {}}

    def _numbers(self, X: Any, *, dtype: np.dtype, estimator: Any) -> np.ndarray:
        """Return the numeric columns."""
        chosen = np.flatnonzero(~self.is_categorical)
        if len(chosen) == 0:
            return np.zeros((len(X), 0), dtype=dtype)
        if isinstance(X, pd.DataFrame):
            frame = X.iloc[:, chosen]
            wrong = [name for name, dtype in frame.dtypes.items() if dtype.kind in "mMc"]
            if wrong:
                raise ValueError(
                    f"the columns {wrong} hold dates or complex numbers. Make them numbers, or "
                    "name them in categorical_features."
                )
            # Of a frame check_array looks at each dtype, which takes longer than a row's network.
            part = frame.to_numpy(dtype=dtype, na_value=np.nan)
        else:
            part = np.asarray(X)[:, chosen]
        numbers: np.ndarray = check_array(
            part, dtype=dtype, order="C", estimator=estimator, input_name="X"
        )
        return numbers

    def _codes(self, column: pd.Series, k: int) -> np.ndarray:
        """Return the numbers of a column's categories, -1 for an unseen one."""
        categories = self.categories[k]
        missing = len(categories) if self.has_missing[k] else -1
        values = column.array
        if not isinstance(values, pd.Categorical):
            codes = categories.get_indexer(pd.Index(column))
            return np.where(column.isna(), missing, codes)
        # Of many strings only the categories are looked up, once for tables of one dtype. The last
        # place is that of code -1, a missing value.
        known, lookup = self._last_lookups.get(k, (None, None))
        if known is not values.categories:
            known = values.categories
            lookup = np.append(categories.get_indexer(known), missing).astype(np.int32)
            self._last_lookups[k] = known, lookup
        return lookup[values.codes]


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


def _warn_of_unseen(column: pd.Series, categories: pd.Index) -> None:
    """Warn of a column that has nothing in common with what was fitted."""
    warnings.warn(
        f"no value of the categorical column {column.name!r} was seen by fit: values such as "
        f"{column.dropna().iloc[0]!r} count as no category. The categories are of the type "
        f"{type(categories[0]).__name__}; convert the column if they are meant.",
        stacklevel=6,
    )


def _select(X: Any, mask: np.ndarray) -> list[pd.Series]:
    """Return the columns of a table that a mask chooses."""
    if isinstance(X, pd.DataFrame):
        return [column for (_, column), chosen in zip(X.items(), mask, strict=True) if chosen]
    return [pd.Series(column) for column in np.asarray(X)[:, mask].T]


def _categories(column: pd.Series, *, declared: bool) -> pd.Index:
    """Return the categories of a column, sorted where they can be."""
    values = column.array
    if isinstance(values, pd.Categorical):
        occurs = np.bincount(values.codes[values.codes >= 0], minlength=len(values.categories)) > 0
        categories = values.categories if declared else values.categories[occurs]
    else:
        categories = pd.Index(pd.unique(column.dropna()))
    try:
        return categories.sort_values()
    except TypeError:  # labels of several kinds
        return categories
