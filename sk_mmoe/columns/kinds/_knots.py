"""A numeric column's knots, between which a network interpolates."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, ClassVar, Literal

import numpy as np

from sk_mmoe.columns._column import Column, ColumnInfo, ColumnSettings, Slots

# Quantiles of more rows are hardly other ones.
_MAX_ROWS = 200_000

# More rows show finer steps, but a network that can tell each year of age from the next overfits.
# The rare amounts of a column with many zeros lie far apart, and often mean something each.
_AUTO_KNOTS, _AUTO_KNOTS_OF_RARE = (8, 16), (8, 256)


class Knots(Column):
    """A column of numbers with two slots: the knots on both sides of a value.

    Parameters
    ----------
    positions : array-like of float of shape (n_knots,)
        The knots, in ascending order.
    has_missing : bool
        Whether missing values have a code, after those of the knots.
    """

    kind: ClassVar[str] = "knots"
    n_slots: int = 2
    reads: ClassVar[Literal["numbers"]] = "numbers"

    def __init__(self, positions: np.ndarray, has_missing: bool) -> None:
        self.positions = np.asarray(positions, dtype=np.float64)
        self.has_missing = bool(has_missing)
        self._positions: list[float] = self.positions.tolist()

    @classmethod
    def takes(cls, column: ColumnInfo, settings: ColumnSettings) -> bool:
        """Return whether the network reads the column's numbers through knots."""
        return column.is_numeric and settings.n_knots is not None

    @classmethod
    def learn(cls, values: np.ndarray, settings: ColumnSettings) -> Knots:
        """Return the knots of a training column."""
        assert settings.n_knots is not None
        knots = cls.from_numbers(values, settings.n_knots)
        knots.has_missing |= settings.of_stream  # what the first chunk lacks may come later
        return knots

    @classmethod
    def from_numbers(cls, numbers: np.ndarray, n_knots: int | str) -> Knots:
        """Return the knots of a training column.

        Each distinct value is a knot where there are few. Else the frequent ones are, such as the
        zero of most people's dividends, and quantiles of the rest.

        Parameters
        ----------
        numbers : ndarray of float of shape (n_samples,)
            The column; a missing value is NaN.
        n_knots : int or "auto"
            The number of knots, at most.

        Returns
        -------
        Knots
            The knots.
        """
        known = numbers[~np.isnan(numbers)]
        has_missing = len(known) < len(numbers)
        if len(known) > _MAX_ROWS:
            known = known[np.linspace(0, len(known) - 1, _MAX_ROWS).astype(np.intp)]
        values, counts = np.unique(known, return_counts=True)
        if isinstance(n_knots, str):  # auto
            has_mode = counts.max(initial=0) > len(known) / 2
            limits = _AUTO_KNOTS_OF_RARE if has_mode else _AUTO_KNOTS
            n_knots = round(float(np.clip(np.sqrt(len(numbers)) / 2, *limits)))
        if len(values) > n_knots:
            frequent = counts > len(known) / n_knots
            rest, below = values[~frequent], np.cumsum(counts[~frequent])
            ranks = np.linspace(1, below[-1], max(n_knots - int(frequent.sum()), 2))
            quantiles = rest[np.searchsorted(below, ranks)]
            values = np.unique(np.concatenate([values[frequent], quantiles]))
        return cls(values, has_missing)

    def describe(self) -> dict[str, Any]:
        """Return the knots."""
        return {"positions": self.positions, "has_missing": self.has_missing}

    @property
    def n_codes(self) -> int:
        """The number of knots, and one more for missing values."""
        return len(self.positions) + self.has_missing

    def read(self, values: np.ndarray, name: Any = None) -> Slots:
        """Return the knots on both sides of each value, and the weight of the upper one."""
        lower, upper, fraction = self.locate(values)
        return Slots(np.stack([lower, upper]), fraction)

    def read_one(self, value: float) -> tuple[int, int, float]:
        """Return the knots on both sides of a value, and the weight of the upper one."""
        positions = self._positions
        last = len(positions) - 1
        if last < 0 or value != value:
            code = last + 1 if value != value and self.has_missing else -1
            return code, code, 0.0
        value = min(max(value, positions[0]), positions[last])
        lower = bisect_right(positions, value) - 1
        if lower == last:
            return last, last, 0.0
        start = positions[lower]
        return lower, lower + 1, (value - start) / (positions[lower + 1] - start)

    def locate(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return between which knots numbers lie; beyond the outermost they count as these.

        Parameters
        ----------
        numbers : ndarray of float of shape (n_samples,)
            The numbers.

        Returns
        -------
        lower : ndarray of int of shape (n_samples,)
            The knot below, -1 for a missing value where `fit` saw none.
        upper : ndarray of int of shape (n_samples,)
            The knot above.
        fraction : ndarray of float of shape (n_samples,)
            The way from the one to the other that is covered.
        """
        missing = np.isnan(numbers)
        last = len(self.positions) - 1
        if last < 0:  # a column without a known value
            lower = np.where(missing & self.has_missing, 0, -1)
            return lower, lower, np.zeros(len(numbers))
        numbers = np.where(missing, self.positions[0], numbers)
        numbers = numbers.clip(self.positions[0], self.positions[last])
        lower = np.searchsorted(self.positions, numbers, side="right") - 1
        upper = np.minimum(lower + 1, last)
        width = self.positions[upper] - self.positions[lower]
        fraction = (numbers - self.positions[lower]) / np.where(upper > lower, width, 1)
        absent = last + 1 if self.has_missing else -1
        lower, upper = np.where(missing, absent, lower), np.where(missing, absent, upper)
        return lower, upper, np.where(missing, 0, fraction)
