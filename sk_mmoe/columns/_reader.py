"""How a fitted model reads X."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from sk_mmoe.columns._cells import NUMBER_TYPES
from sk_mmoe.columns._checks import (
    all_finite,
    as_array,
    check_array_of_numbers,
    check_finite,
    make_stand_in,
    read_numbers,
)
from sk_mmoe.columns._column import Column, ColumnSettings
from sk_mmoe.columns._frame import Frame
from sk_mmoe.columns._frames import (
    SPARSE,
    as_frame,
    has_rows,
    native_table,
    open_array,
    open_table,
)
from sk_mmoe.columns._layout import Layout
from sk_mmoe.columns._learning import HINT, learn_columns, read_values
from sk_mmoe.columns._pandas_frame import PandasFrame
from sk_mmoe.columns._roles import find_categorical
from sk_mmoe.columns._sparse_numbers import divide, sizes_of_values
from sk_mmoe.columns._tables import ColumnTable
from sk_mmoe.columns._warn import warn_user
from sk_mmoe.columns.kinds._numbers import Numbers
from sk_mmoe.columns.kinds._registry import restore_column

_HINT = "They held numbers, or nothing at all, when the model was fitted. Convert them to numbers."


class TableReader:
    """How a fitted model reads X.

    The columns of a table are read one by one, as their kinds in :mod:`sk_mmoe.columns.kinds` say.
    A sparse matrix is read as a whole, and so is an array whose numbers are to stay as they are.

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
        How each column is read. `None`: the table is an array of numbers.
    sizes : ndarray of float of shape (n_features_in,), default=None
        What the numbers of each column of a sparse matrix are divided by. `None`: by nothing.
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
        sizes: np.ndarray | None = None,
        one_hot: bool = False,
        of_stream: bool = False,
    ) -> None:
        self.estimator_name = estimator_name
        self.n_features_in = n_features_in
        self.feature_names_in = feature_names_in
        self.is_categorical = is_categorical
        self.columns = None if columns is None else list(columns)
        self.sizes = sizes
        self.one_hot = one_hot
        self.of_stream = of_stream
        self.layout = Layout(self.columns or [], one_hot=one_hot)
        kinds = list(enumerate(self.columns or ()))
        self._of_numbers = [k for k, column in kinds if column.reads == "numbers"]
        self._others = [k for k, column in kinds if column.reads != "numbers"]
        self._names = list(range(n_features_in) if feature_names_in is None else feature_names_in)
        self._is_plain = all(isinstance(column, Numbers) for _, column in kinds)

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
            categorical dtype declares count where they do not occur, no category is known to be
            rare, and missing values may come later.

        Returns
        -------
        TableReader
            The reader.

        Raises
        ------
        ValueError
            If the table, or what is said of its columns, is not valid.
        """
        X = open_table(X)
        if not isinstance(X, Frame):
            X = open_array(X, categorical_features, numeric_encoding)
        stand_in = make_stand_in(estimator_name)
        if isinstance(X, Frame):
            frame = X
            frame.check_columns()
            validate_data(stand_in, frame.native, skip_check_array=True)
        else:
            frame = None
            table = as_array(X, dtype, hint=HINT)
            is_table = getattr(table, "ndim", 0) == 2  # of others scikit-learn says what is wrong
            checks = {"accept_sparse": "csr", "dtype": np.dtype(dtype)}
            validate_data(stand_in, table, **{"skip_check_array": True} if is_table else checks)
        is_categorical = None if frame is None else find_categorical(frame, categorical_features)
        columns = sizes = None
        if frame is not None and (
            is_categorical is not None
            or numeric_encoding == "piecewise_linear"
            or (not frame.is_sparse and (frame.has_dtypes or numeric_encoding == "auto"))
        ):
            settings = ColumnSettings(
                n_knots=None if numeric_encoding is None else n_knots,
                scales_numbers=numeric_encoding == "auto",
                one_hot=embedding_dim is None,
                smooth=category_smooth,
                of_stream=of_stream,
            )
            columns = learn_columns(frame, is_categorical, settings)
        elif numeric_encoding == "auto":
            table = check_array_of_numbers(native_table(X), stand_in, "float64", hint=HINT)
            sizes = sizes_of_values(table)
        return cls(
            estimator_name,
            stand_in.n_features_in_,
            getattr(stand_in, "feature_names_in_", None),
            is_categorical,
            columns,
            sizes=sizes,
            one_hot=embedding_dim is None,
            of_stream=of_stream,
        )

    # -- what the network is told ---------------------------------------------------------------

    @property
    def embeds(self) -> bool:
        """Whether the network reads columns through embeddings."""
        return bool(self.layout.n_codes) and not self.one_hot

    @property
    def n_codes(self) -> list[int]:
        """The number of codes of each column that has slots, those with two slots first."""
        return self.layout.n_codes

    def network_inputs(self) -> dict[str, Any]:
        """Return the arguments that tell a network what it reads.

        Returns
        -------
        dict
            ``n_features``: the number of columns. With embeddings also ``n_vectors``, the number of
            codes of each column that has some, and ``n_interpolated``, how many of these columns,
            the first ones, have two slots.
        """
        if self.columns is None:
            return {"n_features": self.n_features_in}
        inputs: dict[str, Any] = {"n_features": self.layout.n_columns}
        if self.embeds:
            inputs |= {"n_vectors": self.n_codes, "n_interpolated": len(self.layout.two)}
        return inputs

    # -- reading --------------------------------------------------------------------------------

    def read(
        self, X: Any, *, dtype: str, to_learn: bool = False
    ) -> np.ndarray | sparse.csr_array | ColumnTable:
        """Return a table as the network takes it.

        Parameters
        ----------
        X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
            The table.
        dtype : {"float32", "float64"}
            The type of numbers.
        to_learn : bool, default=False
            Whether the table is a further chunk of a stream. What the first chunk lacked is then
            worth a warning.

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
        X = open_table(X)
        if sparse.issparse(X):
            if self.is_categorical is not None:
                raise ValueError(SPARSE)
            if self._is_plain:
                return self._read_array(X, dtype)
            X = X.toarray()
        if isinstance(X, Frame):
            if self._is_plain and X.is_sparse:
                return self._read_array(X.native, dtype)
            frame = X
        elif self.columns is None or not has_rows(X):
            return self._read_array(X, dtype)
        else:
            frame = as_frame(X)
        if frame.names != self._names:
            frame = self.check_names(frame)
        frame.check_not_empty()
        if self.columns is None:
            numbers = read_numbers(frame, list(range(self.n_features_in)), dtype, hint=_HINT)
            numbers = check_finite(numbers, frame.names, self._stand_in, allow_missing=False)
            return divide(numbers, self.sizes)
        if len(frame) == 1 and not to_learn and (row := frame.row()) is not None:
            values = self._as_values(row)
            table = None if values is None else self.layout.read_row(values, dtype)
            if table is not None:
                return table
        numbers = self._read_numbers(frame, dtype)
        others = {k: read_values(frame, k, self.layout.columns[k]) for k in self._others}
        if to_learn and self.of_stream:
            self._warn_of_new(frame, others)
        return self.layout.read(numbers, others, frame.names, dtype)

    def check_names(self, frame: Frame) -> Frame:
        """Return a table whose columns are those of training; keys of records have no order."""
        if not frame.has_order and set(frame.names) == set(self._names):
            return PandasFrame(frame.native[self._names])
        frame.check_columns()
        validate_data(self._stand_in(), frame.native, skip_check_array=True, reset=False)
        return frame

    def _stand_in(self) -> BaseEstimator:
        """Return an estimator for scikit-learn's checks."""
        return make_stand_in(self.estimator_name, self.n_features_in, self.feature_names_in)

    def _read_array(self, X: Any, dtype: str) -> Any:
        """Return an array of numbers as the network takes it."""
        names = self.feature_names_in
        is_plain = type(X) is np.ndarray and X.dtype.kind in "biuf" and names is None
        if is_plain and X.shape[1:] == (self.n_features_in,) and X.size:
            # What scikit-learn's checks would return, in a fifth of their time for one row.
            with np.errstate(over="ignore"):
                array = np.ascontiguousarray(X, dtype=dtype)
            if all_finite(array):
                return divide(array, self.sizes)
        return divide(check_array_of_numbers(X, self._stand_in(), dtype, hint=_HINT), self.sizes)

    def _as_values(self, row: Sequence[Any]) -> list[Any] | None:
        """Return the numbers and labels of a row, if it has no number that needs a closer look."""
        values = list(row)
        for k in self._of_numbers:
            value = values[k]
            if type(value) not in NUMBER_TYPES:
                return None
            try:
                value = np.nan if value is None or value is pd.NA else float(value)
            except OverflowError:
                return None
            if value in (np.inf, -np.inf):
                return None
            values[k] = value
        return values

    def _read_numbers(self, frame: Frame, dtype: str) -> np.ndarray:
        """Return the columns that are read from numbers."""
        if not self._is_plain:
            dtype = "float64"  # knots may lie closer together than single precision tells apart
        numbers = read_numbers(frame, self._of_numbers, dtype, hint=_HINT)
        missing = all(self.layout.columns[k].allows_missing for k in self._of_numbers)
        names = [frame.names[k] for k in self._of_numbers]
        return check_finite(numbers, names, self._stand_in, allow_missing=missing)

    def _warn_of_new(self, frame: Frame, others: dict[int, Any]) -> None:
        """Warn of categories that the first chunk of a stream lacked."""
        for k, values in others.items():
            if unseen := self.layout.columns[k].find_unseen(values):
                warn_user(
                    f"the first chunk of the stream lacked values of column {frame.names[k]!r} "
                    f"such as {unseen[0]!r}, which are read as unseen categories. To learn from "
                    "them, declare all categories by a categorical dtype of the first chunk."
                )

    def __getstate__(self) -> dict[str, Any]:
        """Leave what follows from the rest out of copies and pickles."""
        return {
            "estimator_name": self.estimator_name,
            "n_features_in": self.n_features_in,
            "feature_names_in": self.feature_names_in,
            "is_categorical": self.is_categorical,
            "columns": self.columns,
            "sizes": self.sizes,
            "one_hot": self.one_hot,
            "of_stream": self.of_stream,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the reader of a copy or pickle."""
        self.__init__(**state)  # type: ignore[misc]

    # -- saving ---------------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """Return all that was learned, as plain values and arrays.

        Returns
        -------
        dict
            What :meth:`restore` takes.
        """
        state = self.__getstate__()
        if self.columns is not None:
            state["columns"] = [{"kind": c.kind, **c.describe()} for c in self.columns]
        return state

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
