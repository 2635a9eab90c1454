"""Sparse matrices, whose columns are brought to one scale and stay sparse."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse


def sizes_of_values(X: sparse.csr_array) -> np.ndarray:
    """Return the root mean square of the values of each column that are not zero.

    It is 1 for one-hot columns, and for the columns that a StandardScaler has scaled.

    Parameters
    ----------
    X : CSR matrix of shape (n_samples, n_features)
        The numbers.

    Returns
    -------
    ndarray of float of shape (n_features,)
        The sizes, 1 where all values are zero.
    """
    stored = X.data != 0
    columns, values = X.indices[stored], np.abs(X.data[stored])
    largest = np.zeros(X.shape[1])
    np.maximum.at(largest, columns, values)
    squares = np.square(values / largest[columns])  # of very large numbers there is no square
    counts = np.bincount(columns, minlength=X.shape[1])
    means = np.bincount(columns, squares, minlength=X.shape[1]) / np.maximum(counts, 1)
    return np.where(counts > 0, largest * np.sqrt(means), 1.0)


def divide(table: Any, sizes: np.ndarray | None) -> Any:
    """Return numbers whose columns are divided by their sizes.

    Parameters
    ----------
    table : {ndarray, CSR matrix} of shape (n_samples, n_features)
        The numbers.
    sizes : ndarray of float of shape (n_features,) or None
        What :func:`sizes_of_values` has found. `None`: the numbers stay as they are.

    Returns
    -------
    {ndarray, CSR matrix} of shape (n_samples, n_features)
        The divided numbers, of the same type.
    """
    if sizes is None:
        return table
    if not sparse.issparse(table):
        return (table / sizes).astype(table.dtype)
    values = (table.data / sizes[table.indices]).astype(table.dtype)
    return type(table)((values, table.indices, table.indptr), shape=table.shape)
