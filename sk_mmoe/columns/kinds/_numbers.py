"""Plain numbers, which a network reads as they are."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from sk_mmoe.columns._column import Column, ColumnInfo, ColumnSettings


class Numbers(Column):
    """A column of numbers without slots, none of them missing."""

    kind: ClassVar[str] = "numbers"
    n_numbers: int = 1
    reads: ClassVar[Literal["numbers"]] = "numbers"

    @classmethod
    def takes(cls, column: ColumnInfo, settings: ColumnSettings) -> bool:
        """Return whether the network reads the column's numbers as they are."""
        return column.is_numeric and settings.n_knots is None

    @classmethod
    def learn(cls, values: np.ndarray, settings: ColumnSettings) -> Numbers:
        """Return a training column."""
        return cls()

    @property
    def allows_missing(self) -> bool:
        """Whether a number may be missing."""
        return False

    def describe(self) -> dict[str, Any]:
        """Return nothing, as there is nothing to learn."""
        return {}

    def read_numbers(self, values: np.ndarray, name: Any = None) -> np.ndarray:
        """Return the same array."""
        return values

    def read_one(self, value: float) -> tuple[float]:
        """Return the number."""
        return (value,)
