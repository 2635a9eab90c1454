"""Plain numbers, which a network reads as they are."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from scipy import sparse

from sk_mmoe.columns._column import Column, ColumnInfo, ColumnSettings
from sk_mmoe.columns._warn import warn_user

_LARGE_VALUE = 1000
_INSPECTED = 10_000


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


def warn_of_large_values(table: Any) -> None:
    """Warn if a network reads numbers that were most likely not scaled.

    Parameters
    ----------
    table : ndarray, CSR matrix or ColumnTable of shape (n_samples, n_features)
        What a :class:`~sk_mmoe.columns._reader.TableReader` has read.
    """
    if sparse.issparse(table):
        values = table.data
    else:
        # A column in other units shows in any rows; to look at all takes as long as many steps.
        values = np.asarray(getattr(table, "numbers", table))
        values = values[:: max(1, len(values) // _INSPECTED)]
    largest = max(values.max(initial=0), -values.min(initial=0))
    if largest > _LARGE_VALUE:
        warn_user(
            f"X has values up to {largest:.2g}, and the network does not scale its inputs. Put a "
            "StandardScaler, or another scaler, before it, or set numeric_encoding='auto'."
        )
