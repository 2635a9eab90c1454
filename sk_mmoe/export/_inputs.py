"""The inputs of an ONNX model: one for each column of a DataFrame, or one array."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from sk_mmoe.columns._cells import Role
from sk_mmoe.columns._column import Column
from sk_mmoe.columns._frame import Frame
from sk_mmoe.columns._frames import open_table
from sk_mmoe.columns._reader import TableReader
from sk_mmoe.columns.kinds._categories import Categories

ARRAY = "X"


class Input(NamedTuple):
    """An input of an ONNX model, of shape (n_samples, n_columns).

    Parameters
    ----------
    name : str
        Its name.
    dtype : numpy dtype
        Its type; object for strings.
    n_columns : int, default=1
        The number of columns.
    """

    name: str
    dtype: np.dtype
    n_columns: int = 1


def find_inputs(X: Any) -> list[Input]:
    """Return the inputs that a table needs.

    Parameters
    ----------
    X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
        The table.

    Returns
    -------
    list of Input
        The inputs.
    """
    table = open_table(X)
    if isinstance(table, Frame):
        columns = range(table.shape[1])
        return [Input(str(table.names[k]), _dtype_of(table, k)) for k in columns]
    array = table if sparse.issparse(table) else np.asarray(table)
    dtype = array.dtype if array.dtype.kind in "biuf" else np.dtype(object)
    return [Input(ARRAY, _known(dtype), array.shape[1])]


def type_inputs(reader: TableReader, inputs: list[Input]) -> list[Input]:
    """Return inputs with the types in which a reader needs them.

    Parameters
    ----------
    reader : TableReader
        How X is read.
    inputs : list of Input
        The inputs of a table that the reader can read.

    Returns
    -------
    list of Input
        The inputs: strings for categories that are strings, and numbers for all else.

    Raises
    ------
    ValueError
        If one array has both.
    """
    typed: list[Input] = []
    first = 0
    for name, dtype, n_columns in inputs:
        columns = [] if reader.columns is None else reader.columns[first : first + n_columns]
        kinds = {_has_strings(column) for column in columns}
        if len(kinds) > 1:
            raise ValueError(
                "an array with both strings and numbers cannot be one input of an ONNX model. Fit "
                "the estimator to a DataFrame, whose columns become separate inputs."
            )
        if kinds == {True}:
            dtype = np.dtype(object)
        elif dtype.kind == "O":  # numbers among objects, of which some may be missing
            dtype = np.dtype(np.float64)
        typed.append(Input(name, dtype, n_columns))
        first += n_columns
    return typed


def _dtype_of(frame: Frame, column: int) -> np.dtype:
    """Return the type of a column's input; numbers of which some may be missing are float64."""
    dtype = frame.dtype(column)
    dtype = getattr(dtype, "subtype", dtype)  # sparse columns
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        return _known(dtype)
    if str(dtype) == "Float32":  # narwhals, pandas
        return np.dtype(np.float32)
    return np.dtype(np.float64 if frame.role(column) is Role.NUMBER else object)


def _known(dtype: np.dtype) -> np.dtype:
    """Return a type that ONNX has."""
    return np.dtype(np.float64) if dtype.itemsize > 8 else dtype.newbyteorder("=")


def _has_strings(column: Column) -> bool:
    """Return whether a column has categories that are strings."""
    return isinstance(column, Categories) and any(isinstance(v, str) for v in column.labels)
