"""From the columns of a table to the input of a network."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from sk_mmoe.nn._cross import CrossLayers
from sk_mmoe.nn._stacked import check_sizes

# Small vectors at first: what the network behind makes of them then grows with what it learns.
_SCALE = 0.1


class ColumnRows:
    """Rows of a table some of whose columns are looked up.

    A column that is looked up has levels, each with a learned vector: its categories, or knots
    between which its values lie.

    Parameters
    ----------
    numbers : Tensor of shape (n_samples, n_numbers)
        The columns that the network reads as they are.
    levels : Tensor of shape (n_samples, n_looked_up + n_interpolated), int
        The levels of the other columns, as :class:`ColumnEmbedding` counts them. A value between
        two levels has the lower one in its column's place, and the upper one after all columns.
    shares : Tensor of shape (n_samples, n_looked_up), default=None
        What share of its vector the level of a value has, in [0, 1]; of a value between two levels
        the share of the upper one, the rest being that of the lower one. `None`: no column has
        values between levels, and all have their vectors whole.
    transpose : callable, default=None
        Returns, when the way back needs it, a matrix of layout ``torch.sparse_csr`` with a row for
        each level and a one in the column of each place in `levels` where it stands. `None`
        leaves that to torch, which takes longer than other libraries.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import ColumnRows
    >>> ColumnRows(torch.zeros(7, 2), torch.ones(7, 3, dtype=torch.int32)).shape
    (7, 5)
    """

    def __init__(
        self,
        numbers: Tensor,
        levels: Tensor,
        shares: Tensor | None = None,
        transpose: Callable[[], Tensor] | None = None,
    ) -> None:
        self.numbers = numbers
        self.levels = levels
        whole = torch.ones((), dtype=numbers.dtype, device=numbers.device)
        self.shares = whole.expand(levels.shape) if shares is None else shares
        self.transpose = transpose

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.levels)

    @property
    def parts(self) -> tuple[Tensor, Tensor, Tensor]:
        """The numbers, levels and shares."""
        return self.numbers, self.levels, self.shares

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the table that the rows are part of."""
        *rows, n_numbers = self.numbers.shape
        return (*rows, n_numbers + self.shares.shape[-1])

    def to(self, device: Any) -> ColumnRows:
        """Return the rows on a device.

        Parameters
        ----------
        device : str or torch.device
            The device.

        Returns
        -------
        ColumnRows
            The rows.
        """
        numbers, levels, shares = (part.to(device) for part in self.parts)
        return ColumnRows(numbers, levels, shares, self.transpose)

    def pad(self, n_rows: int) -> ColumnRows:
        """Return the rows with some at the end that have zeros, and levels never seen.

        Parameters
        ----------
        n_rows : int
            The number of further rows.

        Returns
        -------
        ColumnRows
            The longer rows.
        """
        numbers, levels, shares = (
            torch.cat([part, part.new_zeros(n_rows, part.shape[1])]) for part in self.parts
        )
        return ColumnRows(numbers, levels, shares)


class ColumnEmbedding(nn.Module):
    """Numbers as they are, beside a learned vector for the value of each column that has levels.

    All columns share one table of vectors: vector 0 is for values that were never seen, the next
    ``n_vectors[0]`` are those of the first column, and so on. The first `n_interpolated` columns
    are numeric: their levels are knots, and between two of them the vector changes linearly, so
    that a layer on top is a piecewise linear function of the column [1]_. In the others a level may
    have a share of its vector only.

    Parameters
    ----------
    n_numbers : int
        Number of columns that are read as they are.
    n_vectors : sequence of int
        Number of levels of each other column.
    embedding_dim : int, default=8
        Length of a vector.
    n_interpolated : int, default=0
        Number of columns, the first ones, whose values lie between levels.

    Attributes
    ----------
    weight : torch.nn.Parameter of shape (1 + sum(n_vectors), embedding_dim)
        The vectors. At first those of categories are normal with a standard deviation of 0.1,
        those of knots proceed along a line of such a length, and vector 0 is zero.
    out_features : int
        Number of output features.

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
    ) -> None:
        super().__init__()
        self.n_vectors = check_sizes(n_vectors, name="n_vectors")
        (embedding_dim,) = check_sizes(embedding_dim, name="embedding_dim")
        self.n_interpolated = n_interpolated
        self.weight = nn.Parameter(torch.empty(1 + sum(self.n_vectors), embedding_dim))
        self.out_features = n_numbers + embedding_dim * len(self.n_vectors)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw the vectors."""
        nn.init.normal_(self.weight, std=_SCALE)
        self.weight[0] = 0
        start = 1
        for n_knots in self.n_vectors[: self.n_interpolated]:
            # Neighbours that differ at random would have to learn from few rows to be alike.
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
        transpose = rows.transpose
        if weight.dim() > 2:  # of a stack of members: their tables one below the other
            n_members, n_vectors, _ = weight.shape
            first = n_vectors * torch.arange(n_members, dtype=levels.dtype, device=levels.device)
            if levels.dim() < 3:  # rows that the members share
                transpose = None
            levels = levels + first[:, None, None]
            numbers, shares = (part.expand(*levels.shape[:-1], -1) for part in (numbers, shares))
            weight = weight.flatten(0, 1)
        vectors: Tensor = _Lookup.apply(weight, levels, transpose)  # type: ignore[no-untyped-call]
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

    def extra_repr(self) -> str:
        """Describe the table of vectors."""
        return f"n_vectors={list(self.n_vectors)}, embedding_dim={self.weight.shape[1]}"


class _Lookup(torch.autograd.Function):
    """Rows of a matrix; torch's own way back adds them up one by one, in ten times the time."""

    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, rows: Tensor, transpose: Callable[[], Tensor] | None
    ) -> Tensor:
        """Return the rows with the numbers of `rows`."""
        ctx.rows, ctx.transpose, ctx.n_rows = rows, transpose, len(weight)
        return weight.index_select(0, rows.flatten()).unflatten(0, rows.shape)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient of the matrix."""
        where = _count_places(ctx.rows, ctx.n_rows) if ctx.transpose is None else ctx.transpose()
        return where.to(gradient) @ gradient.flatten(0, -2), None, None


def _count_places(rows: Tensor, n_rows: int) -> Tensor:
    """Return where each row stands, as a sparse matrix of zeros and ones."""
    rows = rows.flatten()
    starts = torch.bincount(rows, minlength=n_rows).cumsum(0)
    return torch.sparse_csr_tensor(
        torch.cat([starts.new_zeros(1), starts]),
        rows.argsort(),
        rows.new_ones(len(rows), dtype=torch.get_default_dtype()),
        size=(n_rows, len(rows)),
        check_invariants=False,
    )


class EmbeddedNetwork(nn.Module):
    """A network that reads the columns of a table through embeddings.

    Parameters
    ----------
    network : type
        The class of the network.
    n_features : int
        Number of columns.
    n_outputs : sequence of int
        Number of raw scores of each task.
    n_vectors : sequence of int
        Number of levels of each column that has some, as in :class:`ColumnEmbedding`.
    n_interpolated : int, default=0
        Number of these columns, the first ones, whose values lie between levels.
    embedding_dim : int, default=8
        Length of the vector of a level.
    n_cross_layers : int, default=0
        Number of :class:`CrossLayers` between embeddings and network.
    **parameters
        Further parameters of the network.

    Attributes
    ----------
    column_embedding : ColumnEmbedding
        The embeddings.
    cross : CrossLayers
        What multiplies them.
    network : torch.nn.Module
        The network, which reads numbers and embeddings side by side.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import ColumnRows, EmbeddedNetwork, MMoE
    >>> network = EmbeddedNetwork(MMoE, 5, [1, 3], n_vectors=[4, 2, 5])
    >>> rows = ColumnRows(torch.zeros(7, 2), torch.ones(7, 3, dtype=torch.int32))
    >>> [tuple(scores.shape) for scores in network(rows)]
    [(7, 1), (7, 3)]
    """

    def __init__(
        self,
        network: type[nn.Module],
        n_features: int,
        n_outputs: Sequence[int],
        *,
        n_vectors: Sequence[int],
        n_interpolated: int = 0,
        embedding_dim: int = 8,
        n_cross_layers: int = 0,
        **parameters: Any,
    ) -> None:
        super().__init__()
        n_numbers = n_features - len(n_vectors)
        self.column_embedding = ColumnEmbedding(
            n_numbers, n_vectors, embedding_dim, n_interpolated=n_interpolated
        )
        n_inputs = self.column_embedding.out_features
        self.cross = CrossLayers(n_inputs, n_cross_layers)
        self.network = network(n_inputs, n_outputs, **parameters)

    @property
    def heads(self) -> nn.Module:
        """What each task has for itself."""
        heads: nn.Module = cast(Any, self.network).heads
        return heads

    def read(self, rows: ColumnRows) -> Tensor:
        """Return the input of the network behind.

        Parameters
        ----------
        rows : ColumnRows of shape (n_samples, n_features)
            The rows of the table.

        Returns
        -------
        Tensor of shape (n_samples, n_inputs)
            The input.
        """
        inputs: Tensor = self.cross(self.column_embedding(rows))
        return inputs

    def forward(self, rows: ColumnRows) -> list[Tensor]:
        """Return the raw scores of each task.

        Parameters
        ----------
        rows : ColumnRows of shape (n_samples, n_features)
            The rows of the table.

        Returns
        -------
        list of Tensor of shape (n_samples, n_outputs[k])
            The raw scores.
        """
        scores: list[Tensor] = self.network(self.read(rows))
        return scores

    def gate_weights(self, rows: ColumnRows, *, level: int = -1) -> Tensor:
        """Return the weight that each task's gate gives to each expert of a level.

        Parameters
        ----------
        rows : ColumnRows of shape (n_samples, n_features)
            The rows of the table.
        level : int, default=-1
            The level, where there are several.

        Returns
        -------
        Tensor of shape (n_tasks, n_samples, n_experts)
            The weights.
        """
        weights: Tensor = cast(Any, self.network).gate_weights(self.read(rows), level=level)
        return weights

    def penalty(self) -> Tensor | None:
        """Return what the network adds to the loss.

        Returns
        -------
        Tensor of shape () or None
            The penalty, `None` where there is none.
        """
        penalty: Callable[[], Tensor] | None = getattr(self.network, "penalty", None)
        return None if penalty is None else penalty()
