"""How a fitted model reads X."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from sk_mmoe.columns._column import Column, ColumnSettings
from sk_mmoe.columns._kinds import find_kind, restore_column
from sk_mmoe.columns._roles import SPARSE, find_categorical, interpolates_numbers
from sk_mmoe.columns._tables import ColumnTable


class TableReader:
    """How a fitted model reads X.

    A table of numbers alone is an array or a CSR matrix of these numbers. The columns of any other
    table are read one by one, as their kinds in :mod:`sk_mmoe.columns._kinds` say. The codes of all
    columns are counted through from 1; 0 is the code of what has no vector.

    Parameters
    ----------
    estimator_name : str
        The class of the estimator, for messages.
    n_features_in : int
        The number of columns.
    feature_names_in : ndarray of object of shape (n_features_in,) or None
        The names of the columns, if all of them are strings.
    is_categorical : ndarray of bool of shape (n_features_in,) or None
        Which columns are categorical. `None`: no column is.
    columns : sequence of Column or None
        How each column is read. `None`: all numbers are read as they are.
    one_hot : bool, default=False
        Whether the network reads one column for each code, rather than an embedding.
    of_stream : bool, default=False
        Whether the reader has learned from the first chunk of a stream.
    """

    def __init__(
        self,
        estimator_name: str,
        n_features_in: int,
        feature_names_in: np.ndarray | None,
        is_categorical: np.ndarray | None,
        columns: Sequence[Column] | None,
        *,
        one_hot: bool = False,
        of_stream: bool = False,
    ) -> None:
        self.estimator_name = estimator_name
        self.n_features_in = n_features_in
        self.feature_names_in = feature_names_in
        self.is_categorical = is_categorical
        self.columns = None if columns is None else list(columns)
        self.one_hot = one_hot
        self.of_stream = of_stream
        # What is read in which order: plain numbers, then columns of two slots, then those of one.
        by_slots = [[k for k, c in enumerate(columns or ()) if c.n_slots == n] for n in range(3)]
        self._plain, self._labelled, self._interpolated = by_slots
        self._looked_up = [self.columns[k] for k in (*self._interpolated, *self._labelled)]
        weights = [
            self.columns[k].code_weights() if one_slot else np.ones(self.columns[k].n_codes)
            for one_slot, places in ((False, self._interpolated), (True, self._labelled))
            for k in places
        ]
        self._code_weights = np.concatenate([np.ones(1), *weights])

    @classmethod
    def learn(
        cls,
        X: Any,
        *,
        estimator_name: str,
        dtype: str,
        categorical_features: Any,
        numeric_encoding: str | None,
        n_knots: int | str,
        embedding_dim: int | None,
        category_smooth: float,
        of_stream: bool = False,
    ) -> TableReader:
        """Return the reader of a training table.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
            The training table.
        estimator_name : str
            The class of the estimator, for messages.
        dtype : {"float32", "float64"}
            The type of numbers in which the table will be read.
        categorical_features : "from_dtype", array-like of bool, int or str, or None
            Which columns are categorical, as the estimators' parameter.
        numeric_encoding : {"auto", "piecewise_linear"} or None
            How numbers are read, as the estimators' parameter.
        n_knots : int or "auto"
            The largest number of knots of a numeric column.
        embedding_dim : int or None
            The length of embeddings. `None`: the network reads one column for each code.
        category_smooth : float
            The number of training rows with which a category has half of its vector.
        of_stream : bool, default=False
            Whether the table is only the first chunk of a stream. Then categories that a
            categorical dtype declares count where they do not occur, and no category is known to
            be rare.

        Returns
        -------
        TableReader
            The reader.

        Raises
        ------
        ValueError
            If the table, or what is said of its columns, is not valid.
        """
        is_categorical = find_categorical(X, categorical_features)
        interpolates = interpolates_numbers(X, numeric_encoding, is_categorical)
        stand_in = _stand_in(estimator_name)
        if getattr(X, "ndim", 2) != 2:  # scikit-learn says what is wrong
            validate_data(stand_in, X, accept_sparse="csr", dtype=np.dtype(dtype))
        validate_data(stand_in, X, skip_check_array=True)
        if not hasattr(stand_in, "n_features_in_"):
            validate_data(stand_in, X, accept_sparse="csr", dtype=np.dtype(dtype))
        names = getattr(stand_in, "feature_names_in_", None)
        columns = None
        if interpolates or is_categorical is not None:
            settings = ColumnSettings(
                n_knots=n_knots if interpolates else None,
                one_hot=embedding_dim is None,
                smooth=category_smooth,
                of_stream=of_stream,
            )
            columns = _learn_columns(_as_columns(X), is_categorical, settings)
        return cls(
            estimator_name,
            stand_in.n_features_in_,
            names,
            is_categorical,
            columns,
            one_hot=columns is not None and embedding_dim is None,
            of_stream=of_stream,
        )

    # -- what the network is told ---------------------------------------------------------------

    @property
    def embeds(self) -> bool:
        """Whether the network reads columns through embeddings."""
        return self.columns is not None and not self.one_hot

    @property
    def n_codes(self) -> list[int]:
        """The number of codes of each column that has slots, those with two slots first."""
        return [column.n_codes for column in self._looked_up]

    def network_inputs(self) -> dict[str, Any]:
        """Return the arguments that tell a network what it reads.

        Returns
        -------
        dict
            ``n_features``: the number of columns. With embeddings also ``n_vectors``, the number of
            codes of each column that has some, and ``n_interpolated``, how many of these columns,
            the first ones, have two slots.
        """
        if self.embeds:
            return {
                "n_features": self.n_features_in,
                "n_vectors": self.n_codes,
                "n_interpolated": len(self._interpolated),
            }
        if self.columns is None:
            return {"n_features": self.n_features_in}
        return {"n_features": len(self._plain) + sum(self.n_codes)}

    # -- reading --------------------------------------------------------------------------------

    def read(self, X: Any, *, dtype: str) -> np.ndarray | sparse.csr_array | ColumnTable:
        """Return a table as the network takes it.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
            The table.
        dtype : {"float32", "float64"}
            The type of numbers.

        Returns
        -------
        ndarray, CSR matrix or ColumnTable of shape (n_samples, n_features)
            A table of numbers alone as a C-ordered array or a CSR matrix. Otherwise a ColumnTable,
            or without embeddings a CSR array with the plain numbers and one column for each code.

        Raises
        ------
        ValueError
            If the columns are not those of the training table, or hold what cannot be read.
        """
        stand_in = _stand_in(self.estimator_name)
        stand_in.n_features_in_ = self.n_features_in
        if self.feature_names_in is not None:
            stand_in.feature_names_in_ = self.feature_names_in
        # What is no table scikit-learn's check refuses.
        if self.columns is None or getattr(X, "ndim", 2) != 2:
            return validate_data(
                stand_in, X, accept_sparse="csr", dtype=np.dtype(dtype), order="C", reset=False
            )
        validate_data(stand_in, X, skip_check_array=True, reset=False)
        return self._read_columns(_as_columns(X), np.dtype(dtype), stand_in)

    def _read_columns(
        self, X: Any, dtype: np.dtype, stand_in: BaseEstimator
    ) -> ColumnTable | sparse.csr_array:
        """Return a table whose columns are read one by one."""
        if len(X) == 0:
            raise ValueError(
                f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required."
            )
        # Slots could be arrays of codes and weights throughout. The weight of a single slot follows
        # from its code, though, and of two weights one is the rest: to leave these out halves the
        # table, and what every batch gathers.
        values = self._split(X, dtype, stand_in)
        n_two = len(self._interpolated)
        n_codes = self.n_codes
        codes = np.empty((len(n_codes) + n_two, len(X)), dtype=np.int32)
        fractions = np.empty((n_two, len(X)), dtype=dtype)
        for place, k in enumerate(self._interpolated):
            slots = self.columns[k].read(values[k])
            codes[place], codes[place - n_two] = slots.codes
            fractions[place] = slots.weights
        for place, k in enumerate(self._labelled, start=n_two):
            (codes[place],), _ = self.columns[k].read(values[k])
        first = np.cumsum([1, *n_codes[:-1]], dtype=np.int32)
        first = np.concatenate([first, first[:n_two]])
        codes = np.ascontiguousarray(np.where(codes < 0, 0, codes + first[:, None]).T)
        fractions = np.ascontiguousarray(fractions.T)
        numbers = np.zeros((len(X), len(self._plain)), dtype=dtype)
        for place, k in enumerate(self._plain):
            numbers[:, place] = values[k]
        if self.one_hot:
            return self._as_csr(numbers, codes, fractions)
        return ColumnTable(numbers, codes, fractions, self._code_weights.astype(dtype))

    def _as_csr(
        self, numbers: np.ndarray, codes: np.ndarray, fractions: np.ndarray
    ) -> sparse.csr_array:
        """Return numbers and slots as one matrix with a column for each code."""
        n_rows, n_numbers = numbers.shape
        n_two = len(self._interpolated)
        weights = (codes > 0).astype(numbers.dtype)
        if n_two:
            weights[:, :n_two] *= 1 - fractions
            weights[:, -n_two:] *= fractions
        columns = np.hstack(
            [np.tile(np.arange(n_numbers, dtype=np.int32), (n_rows, 1)), n_numbers + codes - 1]
        )
        values = np.hstack([numbers, weights])
        # What has no code stores a zero: anywhere, but not before the first column.
        starts = np.arange(n_rows + 1) * columns.shape[1]
        matrix = sparse.csr_array(
            (values.ravel(), columns.clip(0).ravel(), starts),
            shape=(n_rows, n_numbers + sum(self.n_codes)),
        )
        matrix.eliminate_zeros()
        return matrix

    def _split(self, X: Any, dtype: np.dtype, stand_in: BaseEstimator) -> list[Any]:
        """Return the values of each column, numbers checked."""
        of_numbers = np.array([column.reads_numbers for column in self.columns])
        readers = [column for column in self.columns if column.reads_numbers]
        if all(column.n_slots == 0 for column in readers):
            number_type = dtype
        else:  # knots may lie closer together than single precision tells apart
            number_type = np.dtype("float64")
        numbers = np.zeros((len(X), 0))
        if readers:
            missing = all(column.allows_missing for column in readers)
            numbers = check_array(
                _numbers(X, of_numbers, number_type),
                dtype=number_type,
                order="C",
                ensure_all_finite="allow-nan" if missing else True,
                estimator=stand_in,
                input_name="X",
            )
        numeric, others = iter(numbers.T), iter(_select(X, ~of_numbers))
        return [next(numeric if number else others) for number in of_numbers]

    # -- saving ---------------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """Return all that was learned, as plain values and arrays.

        Returns
        -------
        dict
            What :meth:`restore` takes.
        """
        columns = None
        if self.columns is not None:
            columns = [{"kind": column.kind, **column.describe()} for column in self.columns]
        return {
            "estimator_name": self.estimator_name,
            "n_features_in": self.n_features_in,
            "feature_names_in": self.feature_names_in,
            "is_categorical": self.is_categorical,
            "columns": columns,
            "one_hot": self.one_hot,
            "of_stream": self.of_stream,
        }

    @classmethod
    def restore(cls, description: dict[str, Any]) -> TableReader:
        """Return the reader that :meth:`describe` described.

        Parameters
        ----------
        description : dict
            The description.

        Returns
        -------
        TableReader
            The reader.
        """
        arguments = dict(description)
        columns = arguments.pop("columns")
        if columns is not None:
            columns = [restore_column(column) for column in columns]
        return cls(columns=columns, **arguments)


def _learn_columns(
    X: Any, is_categorical: np.ndarray | None, settings: ColumnSettings
) -> list[Column]:
    """Return how each column of a training table is read."""
    if is_categorical is None:
        is_categorical = np.zeros(X.shape[1], dtype=bool)
    kinds = [find_kind(bool(categorical), settings) for categorical in is_categorical]
    # Of plain numbers there is nothing to learn.
    of_numbers = np.array([kind.reads_numbers and kind.n_slots > 0 for kind in kinds])
    of_labels = np.array([not kind.reads_numbers for kind in kinds])
    values: list[Any] = [None] * len(kinds)
    for k, column in zip(
        np.flatnonzero(of_numbers), _numbers(X, of_numbers, np.dtype("float64")).T, strict=True
    ):
        values[k] = column
    for k, column in zip(np.flatnonzero(of_labels), _select(X, of_labels), strict=True):
        values[k] = column
    return [kind.learn(column, settings) for kind, column in zip(kinds, values, strict=True)]


@lru_cache(maxsize=64)
def _stand_in_class(name: str) -> type[BaseEstimator]:
    """Return a class of estimators of some name."""
    return type(name, (BaseEstimator,), {})


def _stand_in(name: str) -> BaseEstimator:
    """Return an estimator that scikit-learn's checks can write on and name in their messages."""
    return _stand_in_class(name)()


def _as_columns(X: Any) -> Any:
    """Return rows in lists as a frame, whose columns have each a type of their own."""
    if sparse.issparse(X):
        raise ValueError(SPARSE)
    return X if isinstance(X, pd.DataFrame | np.ndarray) else pd.DataFrame(X)


def _select(X: Any, mask: np.ndarray) -> list[pd.Series]:
    """Return the columns of a table that a mask chooses."""
    if isinstance(X, pd.DataFrame):
        return [column for (_, column), chosen in zip(X.items(), mask, strict=True) if chosen]
    return [pd.Series(column) for column in np.asarray(X)[:, mask].T]


def _numbers(X: Any, mask: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return the numeric columns of a table, chosen by a mask."""
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
