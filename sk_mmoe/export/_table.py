"""How a program of torch reads a table."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sk_mmoe.columns._reader import TableReader
from sk_mmoe.export.kinds._number_columns import Knotted
from sk_mmoe.export.kinds._registry import NUMBERS
from sk_mmoe.nn import ColumnRows


class TableInput(nn.Module):
    """From numbers and codes to what a network takes, as ``TableReader`` and ``Layout`` do it.

    Parameters
    ----------
    reader : TableReader
        How the fitted model reads X.
    dtype : torch.dtype
        The type of the network's numbers.
    """

    sizes: Tensor | None
    first: Tensor
    weights: Tensor

    def __init__(self, reader: TableReader, dtype: torch.dtype) -> None:
        super().__init__()
        layout = reader.layout
        self.dtype = dtype
        self.one_hot = reader.one_hot
        self.n_two, self.n_one = len(layout.two), len(layout.one)
        self.n_codes = sum(layout.n_codes)
        sizes = reader.sizes
        self.register_buffer("sizes", None if sizes is None else torch.from_numpy(sizes))
        first = [*layout.first[:-1], *layout.first[: self.n_two]]
        weights = [np.ones(layout.first[self.n_two])]
        weights += [layout.columns[k].code_weights() for k in layout.one]
        self.register_buffer("first", torch.tensor(first))
        self.register_buffer("weights", torch.from_numpy(np.concatenate(weights)).to(dtype))
        columns = [column for column in layout.columns if column.reads == "numbers"]
        self.numbers = NUMBERS[columns[0].kind](columns) if columns else None

    def forward(self, numbers: Tensor | None, codes: Tensor | None) -> Tensor | ColumnRows:
        """Return the rows of a table.

        Parameters
        ----------
        numbers : Tensor of float64 of shape (n_samples, n_number_columns) or None
            The columns that are read from numbers; a missing one is NaN.
        codes : Tensor of int64 of shape (n_samples, n_categorical_columns) or None
            The codes of the categorical columns, -1 for unseen categories.

        Returns
        -------
        Tensor or ColumnRows of shape (n_samples, n_features)
            The rows.
        """
        plain: Tensor | None = None
        knotted: Knotted | None = None
        if numbers is not None:
            plain, knotted = (numbers, None) if self.numbers is None else self.numbers(numbers)
        if plain is None:
            some = knotted.fractions if knotted is not None else codes
            assert some is not None
            plain = some.new_zeros(some.shape[0], 0)
        plain = plain.to(self.dtype)
        if self.sizes is not None:
            plain = (plain / self.sizes).to(self.dtype)
        return self._with_codes(plain, knotted, codes) if self.n_codes else plain

    def _with_codes(
        self, plain: Tensor, knotted: Knotted | None, codes: Tensor | None
    ) -> Tensor | ColumnRows:
        """Return plain numbers with the codes of all other columns."""
        lower, fractions, upper = [], [], []
        if knotted is not None:
            lower, upper = [knotted.lower], [knotted.upper]
            fractions = [knotted.fractions.to(self.dtype)]
        single = [] if codes is None else [codes]
        levels = torch.cat([*lower, *single, *upper], dim=1)
        levels = torch.where(levels < 0, 0, levels + self.first)
        if self.one_hot:
            shares = [1 - part for part in fractions]
            shares += [torch.ones_like(part, dtype=self.dtype) for part in single] + fractions
            # The first column is that of what has no code.
            one_hot = plain.new_zeros(plain.shape[0], 1 + self.n_codes)
            one_hot = one_hot.scatter_add(1, levels, torch.cat(shares, dim=1))
            return torch.cat([plain, one_hot[:, 1:]], dim=1)
        single_levels = levels[:, self.n_two : self.n_two + self.n_one]
        weights = F.embedding(single_levels, self.weights[:, None]).squeeze(-1)
        return ColumnRows(plain, levels, torch.cat([*fractions, weights], dim=1))
