"""Plain numbers, which a network reads as they are."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
from scipy import sparse

from sk_mmoe.columns._column import Column, ColumnSettings

_LARGE_VALUE = 1000
_INSPECTED = 10_000


class Numbers(Column):
    """A column of numbers without slots."""

    kind: ClassVar[str] = "numbers"
    n_slots: ClassVar[int] = 0
    reads_numbers: ClassVar[bool] = True
    allows_missing: ClassVar[bool] = False

    @classmethod
    def takes(cls, is_categorical: bool, settings: ColumnSettings) -> bool:
        """Return whether the network reads the column's numbers as they are."""
        return not is_categorical and settings.n_knots is None

    @classmethod
    def learn(cls, values: np.ndarray, settings: ColumnSettings) -> Numbers:
        """Return a column about which there is nothing to learn."""
        return cls()


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
        warnings.warn(
            f"X has values up to {largest:.2g}, and the network does not scale its inputs. Put a "
            "StandardScaler, or another scaler, before it, or set "
            "numeric_encoding='piecewise_linear'.",
            stacklevel=4,
        )
