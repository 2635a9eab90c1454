"""Numbers in two views: standardised, and between knots."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sk_mmoe.columns.kinds._scaled_numbers import _FAR, _LIMIT, ScaledNumbers
from sk_mmoe.export.kinds._knots import KnottedNumbers
from sk_mmoe.export.kinds._number_columns import Knotted, NumberColumns


class StandardizedNumbers(NumberColumns):
    """Columns of :class:`~sk_mmoe.columns.kinds._scaled_numbers.ScaledNumbers`."""

    center: Tensor
    scale: Tensor
    with_knots: Tensor
    fill: Tensor

    def __init__(self, columns: Sequence[ScaledNumbers]) -> None:
        super().__init__(columns)
        two = [k for k, column in enumerate(columns) if column.n_slots]
        # Where training had no gap, a missing number lies between the knots as the mean does.
        fill = [torch.nan if columns[k].knots.has_missing else columns[k].center for k in two]
        self.register_buffer("center", _doubles([column.center for column in columns]))
        self.register_buffer("scale", _doubles([column.scale for column in columns]))
        self.register_buffer("with_knots", torch.tensor(two, dtype=torch.int64))
        self.register_buffer("fill", _doubles(fill))
        self.knots = KnottedNumbers([columns[k].knots for k in two]) if two else None

    def forward(self, values: Tensor) -> tuple[Tensor, Knotted | None]:
        """Return the bent standardised numbers, and the knots of the columns that have some."""
        z = ((values - self.center) / self.scale).clamp(-_FAR, _FAR)
        bent = torch.where(z.isnan(), 0.0, z / (1 + (z / _LIMIT).square()).sqrt())
        if self.knots is None:
            return bent, None
        values = values.index_select(1, self.with_knots)
        return bent, self.knots.locate(torch.where(values.isnan(), self.fill, values))


def _doubles(values: list[float]) -> Tensor:
    """Return numbers as a tensor of float64."""
    return torch.tensor(values, dtype=torch.float64)
