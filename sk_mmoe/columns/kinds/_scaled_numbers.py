"""A numeric column in two views: its standardised number, and the knots around it."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np

from sk_mmoe.columns._column import Column, ColumnInfo, ColumnSettings, Slots
from sk_mmoe.columns.kinds._knots import Knots

# Standardised numbers stay below this limit, and are hardly changed far below it.
_LIMIT = 5.0

# Further away is read as this, so that squares stay finite.
_FAR = 1e9


class ScaledNumbers(Column):
    r"""A column of numbers in two views, which do not depend on its units.

    The first view is one number, the standardised value :math:`z` bent to
    :math:`z / \sqrt{1 + (z / 5)^2}`: far beyond the training values it holds. A network learns
    smooth and linear effects from it. The second view is that of
    :class:`~sk_mmoe.columns.kinds._knots.Knots`, from which a network learns thresholds and single
    values. A column of two values, none of them missing, has the first view only, from which the
    second would follow, and is divided by their difference.

    Parameters
    ----------
    center : float
        The mean of the training values, which is also read for a missing value.
    scale : float
        Their standard deviation, or the difference of the only two; 1 if they are all the same.
    positions : array-like of float of shape (n_knots,), default=()
        The knots, in ascending order. Without knots the column has no slots.
    has_missing : bool, default=False
        Whether missing values have a code, after those of the knots.
    """

    kind: ClassVar[str] = "scaled"
    n_numbers: int = 1
    reads: ClassVar[Literal["numbers"]] = "numbers"

    def __init__(
        self, center: float, scale: float, positions: Any = (), has_missing: bool = False
    ) -> None:
        self.center = float(center)
        self.scale = float(scale)
        self.knots = Knots(positions, has_missing)
        self.n_slots = 2 if self.knots.n_codes else 0

    @classmethod
    def takes(cls, column: ColumnInfo, settings: ColumnSettings) -> bool:
        """Return whether the network reads the column's numbers in both views."""
        return column.is_numeric and settings.scales_numbers

    @classmethod
    def learn(cls, values: np.ndarray, settings: ColumnSettings) -> ScaledNumbers:
        """Return the scale and the knots of a training column."""
        known = values[np.isfinite(values)]
        lowest, highest = (known.min(), known.max()) if len(known) else (0.0, 0.0)
        center, scale = _center_and_scale(known)
        knots = Knots.learn(values, settings)
        if ((known > lowest) & (known < highest)).any() or knots.has_missing:
            return cls(center, scale, knots.positions, knots.has_missing)
        # A rare one among zeros, as in one-hot columns, would be far from them.
        return cls(center, float(highest - lowest) or 1.0)

    @property
    def n_codes(self) -> int:
        """The number of knots, and one more for missing values."""
        return self.knots.n_codes

    def describe(self) -> dict[str, Any]:
        """Return the scale and the knots."""
        return {"center": self.center, "scale": self.scale, **self.knots.describe()}

    def read(self, values: np.ndarray, name: Any = None) -> Slots:
        """Return the knots on both sides of each value, and the weight of the upper one."""
        return self.knots.read(self._fill(values), name)

    def read_numbers(self, values: np.ndarray, name: Any = None) -> np.ndarray:
        """Return standardised numbers; a missing one is zero, as the mean is."""
        z = ((values - self.center) / self.scale).clip(-_FAR, _FAR)
        part = z / _LIMIT
        bent: np.ndarray = np.where(np.isnan(z), 0, z / np.sqrt(1 + part * part))
        return bent

    def read_one(self, value: float) -> tuple[Any, ...]:
        """Return the standardised number, then the knots around it as :meth:`read` does."""
        z = 0.0 if value != value else (value - self.center) / self.scale
        z = min(max(z, -_FAR), _FAR)
        part = z / _LIMIT
        number = z / math.sqrt(1 + part * part)
        if not self.n_slots:
            return (number,)
        is_new = value != value and not self.knots.has_missing
        return (number, *self.knots.read_one(self.center if is_new else value))

    def _fill(self, values: np.ndarray) -> np.ndarray:
        """Return numbers with the mean for those that are missing, where training had no gap."""
        if self.knots.has_missing:
            return values
        missing = np.isnan(values)
        return np.where(missing, self.center, values) if missing.any() else values


def _center_and_scale(values: np.ndarray) -> tuple[float, float]:
    """Return the mean and the standard deviation of numbers, 0 and 1 where there are none."""
    if len(values) == 0:
        return 0.0, 1.0
    if (values == values[0]).all():
        return float(values[0]), 1.0
    largest = np.abs(values).max()  # the squares of very large or small numbers have no room
    parts = values / largest
    return float(parts.mean() * largest), float(parts.std() * largest)
