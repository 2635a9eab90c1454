"""Tables of polars, pyarrow, and whatever else narwhals knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from sk_mmoe.columns._cells import Role, find_role
from sk_mmoe.columns._frame import Frame, Labels, factorize

# The precision of dtypes of narwhals and pyarrow.
_N_BITS = {"Float32": 32, "Float16": 16, "float": 32, "halffloat": 16}


class NarwhalsFrame(Frame):
    """A table of any library that narwhals knows, such as polars or pyarrow.

    Parameters
    ----------
    native : DataFrame
        The table.
    """

    def __init__(self, native: Any) -> None:
        self.frame = _without_views(nw.from_native(native, eager_only=True))
        super().__init__(self.frame.to_native(), self.frame.columns, self.frame.shape)

    def dtype(self, column: int) -> Any:
        """Return the dtype of a column, as narwhals names it."""
        return self.frame.get_column(self.names[column]).dtype

    def _find_role(self, column: int) -> Role:
        """Return what a column can be read as, whatever its strings say."""
        series = self.frame.get_column(self.names[column])
        role = role_of_dtype(series.dtype)
        if role is None:
            if series.implementation.is_pyarrow():  # has types of pandas' own, such as periods
                table = self.frame.select(self.names[column]).to_pandas()
                return find_role(table.iloc[:, 0].tolist())
            return find_role(series.to_list())
        if isinstance(series.dtype, nw.Categorical):  # pyarrow's may be of anything
            inner = find_role(self.labels(column).values)
            return role if inner is Role.NUMBER else inner
        return role

    def _find_labels(self, column: int) -> Labels:
        """Return a column as labels."""
        series = self.frame.get_column(self.names[column])
        dtype = series.dtype
        is_declared = isinstance(dtype, nw.Categorical | nw.Enum)
        n_bits = _N_BITS.get(str(dtype), 64)
        if series.implementation.is_pyarrow():
            array = series.to_native().combine_chunks()
            if not is_declared:
                array = array.dictionary_encode()
            codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False)
            values = array.dictionary.to_pylist()
            n_bits = _N_BITS.get(str(array.dictionary.type), 64)
        else:
            declared = list(dtype.categories) if isinstance(dtype, nw.Enum) else []
            cells = np.empty(len(series), dtype=object)
            cells[:] = (series.cast(nw.String) if is_declared else series).to_list()
            codes, values = factorize(cells)
            if declared:
                place = {label: k for k, label in enumerate(declared)}
                lookup = np.array([*(place[label] for label in values), -1])
                codes, values = lookup[codes], declared
        return Labels(codes, values, is_declared, n_bits)

    def cells(self, column: int) -> list[Any]:
        """Return the cells of a column."""
        return self.frame.get_column(self.names[column]).to_list()

    def numbers(self, columns: Sequence[int], dtype: np.dtype) -> np.ndarray:
        """Return columns as an array of numbers."""
        number = nw.Float64 if dtype == np.float64 else nw.Float32
        numbers = np.empty((len(self.frame), len(columns)), dtype=dtype)
        for place, column in enumerate(columns):
            series = self.frame.get_column(self.names[column])
            if isinstance(series.dtype, nw.Categorical | nw.Enum | nw.Object):
                cells = np.array(series.to_list(), dtype=object)
                numbers[:, place] = np.where(pd.isna(cells), np.nan, cells).astype(dtype)
            else:
                numbers[:, place] = series.cast(number).to_numpy()
        return numbers

    def suspects(self, columns: Sequence[int]) -> list[int]:
        """Return those of some columns whose dtype alone does not make them numbers."""
        schema = list(self.frame.schema.values())
        return [column for column in columns if role_of_dtype(schema[column]) is not Role.NUMBER]

    def row(self) -> Sequence[Any] | None:
        """Return the only row of a table, if that is quick."""
        return self.frame.row(0) if self.frame.implementation.is_polars() else None


def _without_views(frame: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    """Return a table whose string views, of which pyarrow can take no rows, are strings."""
    if not frame.implementation.is_pyarrow():
        return frame
    types = zip(frame.columns, frame.to_native().schema.types, strict=True)
    views = [name for name, type_ in types if str(type_) == "string_view"]
    return frame.with_columns(nw.col(*views).cast(nw.String)) if views else frame


def role_of_dtype(dtype: Any) -> Role | None:
    """Return what a narwhals dtype can be read as; `None`: that depends on the cells."""
    if dtype.is_numeric() or isinstance(dtype, nw.Boolean):
        return Role.NUMBER
    if isinstance(dtype, nw.String | nw.Categorical | nw.Enum | nw.Binary):
        return Role.LABEL
    if dtype.is_temporal():
        return Role.DATE
    return Role.NESTED if dtype.is_nested() else None
