"""Tables of pandas, with dtypes of NumPy, pandas and pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from sk_mmoe.columns._array_frame import bits_of, role_of_kind
from sk_mmoe.columns._cells import Role, find_role
from sk_mmoe.columns._frame import Frame, Labels, factorize
from sk_mmoe.columns._narwhals_frame import role_of_dtype


class PandasFrame(Frame):
    """A DataFrame of pandas.

    It could be read as narwhals reads it. That would take three times as long for tables of one
    dtype with few rows, and narwhals does not know intervals and periods.

    Parameters
    ----------
    native : DataFrame of shape (n_samples, n_features)
        The table.
    """

    def __init__(self, native: pd.DataFrame) -> None:
        super().__init__(native, native.columns.tolist(), native.shape)

    @cached_property
    def _columns(self) -> list[pd.Series]:
        """The columns; to ask for all of them is quicker than to ask for one after the other."""
        return [column for _, column in self.native.items()]

    def dtype(self, column: int) -> Any:
        """Return the dtype of a column."""
        return self._columns[column].dtype

    def _find_role(self, column: int) -> Role:
        """Return what a column can be read as, whatever its strings say."""
        series = self._columns[column]
        dtype = series.dtype
        if isinstance(dtype, np.dtype | pd.SparseDtype):
            return role_of_kind(dtype.kind) or find_role(series.tolist())
        role = role_of_dtype(nw.from_native(series, series_only=True).dtype)
        if role is None:
            return find_role(series.tolist())
        if role is Role.LABEL and not isinstance(dtype, pd.StringDtype):  # categories of anything
            inner = find_role(self.labels(column).values)
            return role if inner is Role.NUMBER else inner
        return role

    def _find_labels(self, column: int) -> Labels:
        """Return a column as labels."""
        series = self._columns[column]
        if isinstance(series.dtype, pd.ArrowDtype):
            arrow = series.array.__arrow_array__()
            if hasattr(arrow.type, "index_type"):  # a dictionary
                series = arrow.to_pandas()
        array = series.array
        if isinstance(array, pd.Categorical):
            n_bits = _bits_of(array.categories.dtype)
            return Labels(array.codes, array.categories, is_declared=True, n_bits=n_bits)
        codes, values = factorize(series)
        return Labels(codes, values, n_bits=_bits_of(series.dtype))

    def cells(self, column: int) -> list[Any]:
        """Return the cells of a column."""
        return self._columns[column].tolist()

    def numbers(self, columns: Sequence[int], dtype: np.dtype) -> np.ndarray:
        """Return columns as an array of numbers."""
        part = self.native
        if len(columns) < part.shape[1]:
            part = part.iloc[:, columns]
        numbers: np.ndarray = part.to_numpy(dtype=dtype, na_value=np.nan)
        return numbers

    def suspects(self, columns: Sequence[int]) -> list[int]:
        """Return those of some columns whose dtype alone does not make them numbers."""
        kinds = [getattr(dtype, "kind", "O") for dtype in self.native.dtypes.tolist()]
        return [column for column in columns if kinds[column] not in "biuf"]

    def row(self) -> Sequence[Any] | None:
        """Return the only row of a table, unless its values have been made values of one type."""
        row = self.native.iloc[0]
        return row.tolist() if row.dtype == object else None

    @property
    def is_sparse(self) -> bool:  # type: ignore[override]
        """Whether all columns are sparse, so that scikit-learn makes a sparse matrix of them."""
        return all(isinstance(dtype, pd.SparseDtype) for dtype in self.native.dtypes)


def _bits_of(dtype: Any) -> int:
    """Return the precision of the numbers with fractions of a dtype of pandas."""
    return bits_of(np.dtype(getattr(dtype, "numpy_dtype", dtype))) if dtype.kind == "f" else 64
