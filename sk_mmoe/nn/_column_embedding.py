"""A learned vector for each category and each knot of a column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sk_mmoe.nn._column_rows import ColumnRows
from sk_mmoe.nn._lookup import look_up
from sk_mmoe.nn._random import current_generator
from sk_mmoe.nn._stacked import check_sizes

# Vectors start small, so that their effect on the scores grows with what is learned.
_SCALE = 0.1

# A vector learns only from the rows of its category or knot, of which a batch has few.
_RATE = 5


class ColumnEmbedding(nn.Module):
    """Input of a network: numbers, and a learned vector for each value of the other columns.

    All columns share one table of vectors. Vector 0 belongs to values that were not seen in
    training, the next ``n_vectors[0]`` vectors to the first column, and so on. The first
    `n_interpolated` columns are numeric and have a vector for each knot. Between two knots the
    vector changes linearly, so that a layer on top is a piecewise linear function of the column
    [1]_. The other columns are categorical and have a vector for each category. A category may use
    only a fraction of its vector.

    Parameters
    ----------
    n_numbers : int
        Number of columns that are read as numbers.
    n_vectors : sequence of int
        Number of categories or knots of each other column.
    embedding_dim : int, default=8
        Length of a vector. Raise it if columns have many categories and there are many rows per
        category.
    n_interpolated : int, default=0
        Number of numeric columns with knots, which come first.
    embedding_alpha : float, default=1.0
        Weight decay of the vectors, in the groups of :func:`parameter_groups`. `None`: the
        optimizer's weight decay. Raise it if rare categories overfit.

    Attributes
    ----------
    weight : torch.nn.Parameter of shape (1 + sum(n_vectors), embedding_dim)
        The vectors. Initially, those of categories are normal with a standard deviation of 0.1,
        those of knots lie along a line of that scale, and vector 0 is zero.
    out_features : int
        Number of output features.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    References
    ----------
    .. [1] Gorishniy, Rubachev and Babenko. "On Embeddings for Numerical Features in Tabular Deep
       Learning", NeurIPS 2022, section 3.2.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import ColumnEmbedding, ColumnRows
    >>> rows = ColumnRows(torch.zeros(7, 2), torch.ones(7, 3, dtype=torch.int32))
    >>> ColumnEmbedding(2, [4, 2, 5], embedding_dim=4)(rows).shape
    torch.Size([7, 14])

    A value three quarters of the way from the first to the second of four knots:

    >>> layer = ColumnEmbedding(0, [4], embedding_dim=1, n_interpolated=1)
    >>> with torch.no_grad():
    ...     layer.weight[1:, 0] = torch.tensor([0.0, 10.0, 20.0, 30.0])
    >>> levels = torch.tensor([[1, 2]], dtype=torch.int32)
    >>> layer(ColumnRows(torch.zeros(1, 0), levels, torch.tensor([[0.75]]))).item()
    7.5
    """

    def __init__(
        self,
        n_numbers: int,
        n_vectors: Sequence[int],
        embedding_dim: int = 8,
        *,
        n_interpolated: int = 0,
        embedding_alpha: float | None = 1.0,
    ) -> None:
        super().__init__()
        self.n_vectors = check_sizes(n_vectors, name="n_vectors")
        (embedding_dim,) = check_sizes(embedding_dim, name="embedding_dim")
        if embedding_alpha is not None and not 0 <= embedding_alpha < math.inf:
            raise ValueError(
                f"embedding_alpha must be a finite number of at least 0, or None, got "
                f"{embedding_alpha}."
            )
        self.n_interpolated = n_interpolated
        self.embedding_alpha = embedding_alpha
        self.weight = nn.Parameter(torch.empty(1 + sum(self.n_vectors), embedding_dim))
        self.out_features = n_numbers + embedding_dim * len(self.n_vectors)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw the initial vectors."""
        nn.init.normal_(self.weight, std=_SCALE, generator=current_generator())
        self.weight[0] = 0
        start = 1
        for n_knots in self.n_vectors[: self.n_interpolated]:
            # If neighbours started at random, few rows would have to teach them to be similar.
            place = torch.linspace(-math.sqrt(3), math.sqrt(3), n_knots).unsqueeze(1)
            self.weight[start : start + n_knots] = place * self.weight[start]
            start += n_knots

    def forward(self, rows: ColumnRows) -> Tensor:
        """Return the input of a network.

        Parameters
        ----------
        rows : ColumnRows of shape (n_samples, n_columns)
            The rows of the table.

        Returns
        -------
        Tensor of shape (n_samples, out_features)
            The numbers, then the vectors of the other columns.
        """
        weight: Tensor = self.weight
        numbers, levels, shares = rows.numbers, rows.levels, rows.shares
        add_up = rows.add_up
        if weight.dim() > 2:  # the tables of several members, one below the other
            n_members, n_vectors, _ = weight.shape
            first = n_vectors * torch.arange(n_members, dtype=levels.dtype, device=levels.device)
            if levels.dim() < 3:  # members share the rows
                add_up = None
            levels = levels + first[:, None, None]
            numbers, shares = (part.expand(*levels.shape[:-1], -1) for part in (numbers, shares))
            weight = weight.flatten(0, 1)
        vectors = look_up(weight, levels, add_up)
        shares = shares.unsqueeze(-1)
        if self.n_interpolated:
            lower, others, upper = vectors.tensor_split(
                [self.n_interpolated, len(self.n_vectors)], dim=-2
            )
            between = torch.lerp(lower, upper, shares[..., : self.n_interpolated, :])
            others = others * shares[..., self.n_interpolated :, :]
            vectors = torch.cat([between, others], dim=-2)
        else:
            vectors = vectors * shares
        return torch.cat([numbers, vectors.flatten(-2)], dim=-1)

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        """Return the optimizer settings of the vectors, for :func:`parameter_groups`.

        Parameters
        ----------
        rate : float
            The learning rate of the optimizer.

        Returns
        -------
        list of dict
            One group, with five times the learning rate, and with `embedding_alpha` as weight decay
            unless it is None.
        """
        settings: dict[str, Any] = {"lr": _RATE * rate}
        if self.embedding_alpha is not None:
            settings["weight_decay"] = self.embedding_alpha
        return [{"params": [self.weight], **settings}]

    def extra_repr(self) -> str:
        """Describe the table of vectors."""
        return f"n_vectors={list(self.n_vectors)}, embedding_dim={self.weight.shape[-1]}"
