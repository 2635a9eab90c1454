"""Plain numbers, which a network reads as they are."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from sk_mmoe.columns._column import Column, ColumnInfo, ColumnSettings


class Numbers(Column):
    """A column of numbers without slots.

    Parameters
    ----------
    fill : float or None, default=None
        The number in the place of a missing one. `None`: no number may be missing.
    """

    kind: ClassVar[str] = "numbers"
    n_numbers: int = 1
    reads: ClassVar[Literal["numbers"]] = "numbers"

    def __init__(self, fill: float | None = None) -> None:
        self.fill = fill

    @classmethod
    def takes(cls, column: ColumnInfo, settings: ColumnSettings) -> bool:
        """Return whether the network reads the column's numbers as they are."""
        return column.is_numeric and settings.n_knots is None

    @classmethod
    def learn(cls, values: np.ndarray, settings: ColumnSettings) -> Numbers:
        """Return a training column, whose mean stands for what is missing later."""
        if not settings.fills_gaps:
            return cls()
        with np.errstate(all="ignore"):  # to read infinite numbers is an error
            return cls(float(np.mean(values)))

    @property
    def allows_missing(self) -> bool:
        """Whether a number may be missing."""
        return self.fill is not None

    def describe(self) -> dict[str, Any]:
        """Return the number in the place of a missing one."""
        return {"fill": self.fill}

    def read_numbers(self, values: np.ndarray, name: Any = None) -> np.ndarray:
        """Return the column's numbers; where none is missing, the same array."""
        if self.fill is None:
            return values
        missing = np.isnan(values)
        return np.where(missing, self.fill, values) if missing.any() else values

    def read_one(self, value: float) -> tuple[float]:
        """Return a number, or what stands for a missing one."""
        return (self.fill if value != value and self.fill is not None else value,)
