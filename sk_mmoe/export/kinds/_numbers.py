"""Plain numbers."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from sk_mmoe.columns.kinds._numbers import Numbers
from sk_mmoe.export.kinds._number_columns import NumberColumns


class PlainNumbers(NumberColumns):
    """Columns of :class:`~sk_mmoe.columns.kinds._numbers.Numbers`."""

    def __init__(self, columns: Sequence[Numbers]) -> None:
        super().__init__(columns)

    def forward(self, values: Tensor) -> tuple[Tensor, None]:
        """Return the numbers as they are."""
        return values, None
