"""The arrays in which the numbers and slots of all columns lie side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from sk_mmoe.columns._column import Column
from sk_mmoe.columns._tables import ColumnTable


class Layout:
    """Where each column's numbers and slots lie in the table that a network reads.

    Slots could be arrays of codes and weights throughout. The weight of a single slot follows from
    its code, though, and of two weights the first is the rest. To leave these out halves the table,
    and what every batch gathers. So the codes of columns with two slots come first, the lower ones;
    then those of columns with one slot; then the upper ones. The codes of all columns are counted
    through from 1; 0 is the code of what has no vector.

    Parameters
    ----------
    columns : sequence of Column
        How each column is read.
    one_hot : bool
        Whether the network reads one column for each code, rather than an embedding.
    """

    def __init__(self, columns: Sequence[Column], *, one_hot: bool) -> None:
        self.columns = columns
        self.one_hot = one_hot
        self.plain = [k for k, column in enumerate(columns) if column.n_numbers]
        self.n_numbers = sum(column.n_numbers for column in columns)
        self.two = [k for k, column in enumerate(columns) if column.n_slots == 2]
        self.one = [k for k, column in enumerate(columns) if column.n_slots == 1]
        self.n_codes = [columns[k].n_codes for k in (*self.two, *self.one)]
        self.first = [1]
        for n_codes in self.n_codes:
            self.first.append(self.first[-1] + n_codes)
        of_numbers = [k for k, column in enumerate(columns) if column.reads == "numbers"]
        self._place = {k: place for place, k in enumerate(of_numbers)}
        self._weights: dict[str, np.ndarray] = {}

    @property
    def n_columns(self) -> int:
        """The number of columns that a network reads."""
        return self.n_numbers + (sum(self.n_codes) if self.one_hot else len(self.n_codes))

    def read(
        self, numbers: np.ndarray, others: Mapping[int, Any], names: Sequence[Any], dtype: str
    ) -> Any:
        """Return the table of columns that are read one by one.

        Parameters
        ----------
        numbers : ndarray of float of shape (n_rows, n_columns_of_numbers)
            The columns that are read from numbers.
        others : mapping from int to Labels or list
            The other columns.
        names : sequence
            The names of the columns, for messages.
        dtype : {"float32", "float64"}
            The type of numbers.

        Returns
        -------
        ndarray, CSR array or ColumnTable of shape (n_rows, n_columns)
            The table.
        """
        n_rows, n_two = len(numbers), len(self.two)
        values = {k: numbers[:, place] for k, place in self._place.items()} | dict(others)
        plain = self._read_plain(numbers, values, names, dtype)
        codes = np.empty((len(self.n_codes) + n_two, n_rows), dtype=np.int32)
        fractions = np.empty((n_two, n_rows), dtype=dtype)
        for place, k in enumerate(self.two):
            slots = self.columns[k].read(values[k], names[k])
            codes[place], codes[place - n_two] = slots.codes
            fractions[place] = slots.weights
        for place, k in enumerate(self.one, start=n_two):
            (codes[place],), _ = self.columns[k].read(values[k], names[k])
        first = np.array([*self.first[:-1], *self.first[:n_two]], dtype=np.int32)
        codes = np.where(codes < 0, 0, codes + first[:, None])
        return self._pack(plain, np.ascontiguousarray(codes.T), fractions.T, dtype)

    def _read_plain(
        self, numbers: np.ndarray, values: Mapping[int, Any], names: Sequence[Any], dtype: str
    ) -> np.ndarray:
        """Return the plain numbers of all columns."""
        parts = [self.columns[k].read_numbers(values[k], names[k]) for k in self.plain]
        if all(part is values[k] for k, part in zip(self.plain, parts, strict=True)):
            # Nothing to put together, as in most tables of numbers alone.
            places = [self._place[k] for k in self.plain]
            part = numbers if len(places) == numbers.shape[1] else numbers[:, places]
            return np.ascontiguousarray(part, dtype=dtype)
        return np.ascontiguousarray(np.column_stack(parts), dtype=dtype)

    def read_row(self, values: Sequence[Any], dtype: str) -> Any:
        """Return the table of a single row, if nothing in it needs a closer look.

        Parameters
        ----------
        values : sequence
            The number or label of each column.
        dtype : {"float32", "float64"}
            The type of numbers.

        Returns
        -------
        ndarray, CSR array, ColumnTable or None
            The table, as :meth:`read` would give it.
        """
        found: list[tuple[Any, ...]] = []
        for column, value in zip(self.columns, values, strict=True):
            parts = column.read_one(value)
            if parts is None:
                return None
            found.append(parts)
        plain = [number for k in self.plain for number in found[k][: self.columns[k].n_numbers]]
        with np.errstate(over="ignore"):
            numbers = np.array([plain], dtype=dtype)
        if not np.isfinite(numbers).all():
            return None
        codes, uppers, fractions = [], [], []
        for k, first in zip(self.two, self.first, strict=False):
            lower, upper, fraction = found[k][self.columns[k].n_numbers :]
            codes.append(lower + first if lower >= 0 else 0)
            uppers.append(upper + first if upper >= 0 else 0)
            fractions.append(fraction)
        for k, first in zip(self.one, self.first[len(self.two) :], strict=False):
            code = found[k][-1]
            codes.append(code + first if code >= 0 else 0)
        return self._pack(
            numbers,
            np.array([codes + uppers], dtype=np.int32),
            np.array([fractions], dtype=dtype),
            dtype,
        )

    def _pack(
        self, numbers: np.ndarray, codes: np.ndarray, fractions: np.ndarray, dtype: str
    ) -> np.ndarray | sparse.csr_array | ColumnTable:
        """Return numbers and slots as one table."""
        if not self.n_codes:
            return numbers
        if self.one_hot:
            return self._as_csr(numbers, codes, fractions)
        if dtype not in self._weights:
            weights = [np.ones(1 + sum(self.n_codes[: len(self.two)]))]
            weights += [self.columns[k].code_weights() for k in self.one]
            self._weights[dtype] = np.concatenate(weights).astype(dtype)
        return ColumnTable(numbers, codes, np.ascontiguousarray(fractions), self._weights[dtype])

    def _as_csr(
        self, numbers: np.ndarray, codes: np.ndarray, fractions: np.ndarray
    ) -> sparse.csr_array:
        """Return numbers and slots as one matrix with a column for each code."""
        n_rows, n_numbers = numbers.shape
        n_two = len(self.two)
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
            (values.ravel(), columns.clip(0).ravel(), starts), shape=(n_rows, self.n_columns)
        )
        matrix.eliminate_zeros()
        return matrix
