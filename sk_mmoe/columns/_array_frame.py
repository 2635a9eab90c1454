"""Arrays that are read column by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sk_mmoe.columns._cells import Role, find_role
from sk_mmoe.columns._frame import Frame, Labels, factorize


class ArrayFrame(Frame):
    """An array whose columns are read one by one.

    Parameters
    ----------
    native : ndarray of shape (n_samples, n_features)
        The array.
    """

    has_dtypes = False

    def __init__(self, native: np.ndarray) -> None:
        super().__init__(native, list(range(native.shape[1])), native.shape)

    def dtype(self, column: int) -> np.dtype:
        """Return the dtype of the array."""
        return self.native.dtype

    def _find_role(self, column: int) -> Role:
        """Return what a column can be read as, whatever its strings say."""
        return role_of_kind(self.native.dtype.kind) or find_role(self.cells(column))

    def _find_labels(self, column: int) -> Labels:
        """Return a column as labels."""
        codes, values = factorize(self.native[:, column])
        return Labels(codes, values, n_bits=bits_of(self.native.dtype))

    def cells(self, column: int) -> list[Any]:
        """Return the cells of a column."""
        cells: list[Any] = self.native[:, column].tolist()
        return cells

    def numbers(self, columns: Sequence[int], dtype: np.dtype) -> np.ndarray:
        """Return columns as an array of numbers."""
        part = self.native[:, columns]
        if part.dtype.kind == "O":
            part = np.where(pd.isna(part), np.nan, part)
        numbers: np.ndarray = part.astype(dtype)
        return numbers

    def suspects(self, columns: Sequence[int]) -> list[int]:
        """Return all columns of an array that is not one of numbers."""
        return [] if self.native.dtype.kind in "biuf" else list(columns)

    def row(self) -> Sequence[Any]:
        """Return the only row of a table."""
        row: list[Any] = self.native[0].tolist()
        return row


def bits_of(dtype: np.dtype) -> int:
    """Return the precision of the numbers with fractions of a NumPy dtype."""
    return min(8 * dtype.itemsize, 64) if dtype.kind == "f" else 64


def role_of_kind(kind: str) -> Role | None:
    """Return what a NumPy dtype of some kind can be read as; `None`: that depends on the cells."""
    if kind in "biuf":
        return Role.NUMBER
    if kind in "mM":
        return Role.DATE
    return Role.COMPLEX if kind == "c" else None
