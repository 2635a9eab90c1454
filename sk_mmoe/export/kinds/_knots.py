"""Numbers that lie between knots."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sk_mmoe.columns.kinds._knots import Knots
from sk_mmoe.export.kinds._number_columns import Knotted, NumberColumns


class KnottedNumbers(NumberColumns):
    """Columns of :class:`~sk_mmoe.columns.kinds._knots.Knots`.

    ONNX has no search in a sorted list. Instead, all numbers are compared with all knots of their
    columns, and the product with a matrix of zeros and ones counts those that are reached.
    """

    knots: Tensor
    column_of_knot: Tensor
    is_of_column: Tensor
    first: Tensor
    last: Tensor
    missing_code: Tensor
    lowest: Tensor
    highest: Tensor
    has_no_knots: Tensor

    def __init__(self, columns: Sequence[Knots]) -> None:
        super().__init__(columns)
        # The code of a column without a known value is replaced below: any knot will do.
        positions = [c.positions if len(c.positions) else np.zeros(1) for c in columns]
        n_knots = torch.tensor([len(knots) for knots in positions])
        places = torch.arange(len(columns)).repeat_interleave(n_knots)
        buffers = {
            "knots": torch.from_numpy(np.concatenate(positions)),
            "column_of_knot": places,
            "is_of_column": F.one_hot(places, len(columns)).float(),
            "first": n_knots.cumsum(0) - n_knots,
            "last": n_knots - 1,
            "missing_code": torch.tensor([c.n_codes - 1 if c.has_missing else -1 for c in columns]),
            "lowest": torch.from_numpy(np.array([knots[0] for knots in positions])),
            "highest": torch.from_numpy(np.array([knots[-1] for knots in positions])),
            "has_no_knots": torch.tensor([len(c.positions) == 0 for c in columns]),
        }
        for name, tensor in buffers.items():
            self.register_buffer(name, tensor)
        self._all_have_knots = all(len(c.positions) for c in columns)

    def forward(self, values: Tensor) -> tuple[None, Knotted]:
        """Return the knots on both sides of each number."""
        return None, self.locate(values)

    def locate(self, values: Tensor) -> Knotted:
        """Return between which knots numbers lie; beyond the outermost they count as these.

        Parameters
        ----------
        values : Tensor of float64 of shape (n_samples, n_columns)
            The columns; a missing number is NaN.

        Returns
        -------
        Knotted
            The knots below and above, and the way from the one to the other that is covered.
        """
        missing = values.isnan()
        values = torch.where(missing, self.lowest, values).clamp(self.lowest, self.highest)
        is_reached = values.index_select(1, self.column_of_knot) >= self.knots
        lower = (is_reached.float() @ self.is_of_column).long() - 1
        upper = torch.minimum(lower + 1, self.last)
        start, end = self._knots_of(lower), self._knots_of(upper)
        fractions = (values - start) / torch.where(upper > lower, end - start, 1.0)
        if not self._all_have_knots:
            lower = torch.where(self.has_no_knots, -1, lower)
            upper = torch.where(self.has_no_knots, -1, upper)
        return Knotted(
            torch.where(missing, self.missing_code, lower),
            torch.where(missing, self.missing_code, upper),
            torch.where(missing, 0.0, fractions),
        )

    def _knots_of(self, codes: Tensor) -> Tensor:
        """Return the positions of knots that are given by their numbers within their columns."""
        return F.embedding(self.first + codes, self.knots[:, None]).squeeze(-1)
