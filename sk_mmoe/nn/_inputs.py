"""From the columns of a table to the input of a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from sk_mmoe.nn._stacked import check_sizes


class ColumnRows:
    """Rows of a table some of whose columns are categorical.

    Parameters
    ----------
    numbers : Tensor of shape (n_samples, n_numbers)
        The numeric columns.
    codes : Tensor of shape (n_samples, n_categorical), int
        The categories of the categorical columns, as :class:`ColumnEmbedding` counts them.
    transpose : callable, default=None
        Returns, when the way back needs it, a matrix of layout ``torch.sparse_csr`` with a row for
        each category and a one in the column of each place in `codes` where it stands. `None`
        leaves that to torch, which takes longer than other libraries.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import ColumnRows
    >>> ColumnRows(torch.zeros(7, 2), torch.ones(7, 3, dtype=torch.int32)).shape
    (7, 5)
    """

    def __init__(
        self, numbers: Tensor, codes: Tensor, transpose: Callable[[], Tensor] | None = None
    ) -> None:
        self.numbers = numbers
        self.codes = codes
        self.transpose = transpose

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.codes)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the table that the rows are part of."""
        *rows, n_numbers = self.numbers.shape
        return (*rows, n_numbers + self.codes.shape[-1])

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
        return ColumnRows(self.numbers.to(device), self.codes.to(device), self.transpose)

    def pad(self, n_rows: int) -> ColumnRows:
        """Return the rows with some at the end that have zeros, and categories never seen.

        Parameters
        ----------
        n_rows : int
            The number of further rows.

        Returns
        -------
        ColumnRows
            The longer rows.
        """
        numbers, codes = (
            torch.cat([part, part.new_zeros(n_rows, part.shape[1])])
            for part in (self.numbers, self.codes)
        )
        return ColumnRows(numbers, codes)


class ColumnEmbedding(nn.Module):
    """Numbers as they are, beside a learned vector for the category of each categorical column.

    All columns share one table of vectors: vector 0 is for categories that were never seen, the
    next ``n_categories[0]`` are those of the first column, and so on.

    Parameters
    ----------
    n_numbers : int
        Number of numeric columns.
    n_categories : sequence of int
        Number of categories of each categorical column.
    embedding_dim : int, default=8
        Length of a vector.

    Attributes
    ----------
    weight : torch.nn.Parameter of shape (1 + sum(n_categories), embedding_dim)
        The vectors: standard normal at first, but for the zeros of vector 0.
    out_features : int
        Number of output features.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import ColumnEmbedding, ColumnRows
    >>> rows = ColumnRows(torch.zeros(7, 2), torch.ones(7, 3, dtype=torch.int32))
    >>> ColumnEmbedding(2, [4, 2, 5], embedding_dim=4)(rows).shape
    torch.Size([7, 14])
    """

    def __init__(self, n_numbers: int, n_categories: Sequence[int], embedding_dim: int = 8) -> None:
        super().__init__()
        self.n_categories = check_sizes(n_categories, name="n_categories")
        (embedding_dim,) = check_sizes(embedding_dim, name="embedding_dim")
        self.weight = nn.Parameter(torch.randn(1 + sum(self.n_categories), embedding_dim))
        with torch.no_grad():
            self.weight[0] = 0
        self.out_features = n_numbers + embedding_dim * len(self.n_categories)

    def forward(self, rows: ColumnRows) -> Tensor:
        """Return the input of a network.

        Parameters
        ----------
        rows : ColumnRows of shape (n_samples, n_columns)
            The rows of the table.

        Returns
        -------
        Tensor of shape (n_samples, out_features)
            The numbers, then the vectors of the categorical columns.
        """
        weight: Tensor = self.weight
        numbers, codes, transpose = rows.numbers, rows.codes, rows.transpose
        if weight.dim() > 2:  # of a stack of members: their tables one below the other
            n_members, n_categories, _ = weight.shape
            first = n_categories * torch.arange(n_members, dtype=codes.dtype, device=codes.device)
            if codes.dim() < 3:  # rows that the members share
                transpose = None
            codes = codes + first[:, None, None]
            numbers = numbers.expand(*codes.shape[:-1], -1)
            weight = weight.flatten(0, 1)
        vectors: Tensor = _Lookup.apply(weight, codes, transpose)  # type: ignore[no-untyped-call]
        return torch.cat([numbers, vectors.flatten(-2)], dim=-1)

    def extra_repr(self) -> str:
        """Describe the table of vectors."""
        return f"n_categories={list(self.n_categories)}, embedding_dim={self.weight.shape[1]}"


class _Lookup(torch.autograd.Function):
    """Rows of a matrix; torch's own way back adds them up one by one, in ten times the time."""

    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, codes: Tensor, transpose: Callable[[], Tensor] | None
    ) -> Tensor:
        """Return the rows with the numbers of `codes`."""
        ctx.codes, ctx.transpose, ctx.n_rows = codes, transpose, len(weight)
        return weight.index_select(0, codes.flatten()).unflatten(0, codes.shape)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient of the matrix."""
        where = _find_places(ctx.codes, ctx.n_rows) if ctx.transpose is None else ctx.transpose()
        return where.to(gradient) @ gradient.flatten(0, -2), None, None


def _find_places(codes: Tensor, n_categories: int) -> Tensor:
    """Return where each category stands, as a sparse matrix of zeros and ones."""
    codes = codes.flatten()
    starts = torch.bincount(codes, minlength=n_categories).cumsum(0)
    return torch.sparse_csr_tensor(
        torch.cat([starts.new_zeros(1), starts]),
        codes.argsort(),
        codes.new_ones(len(codes), dtype=torch.get_default_dtype()),
        size=(n_categories, len(codes)),
        check_invariants=False,
    )


class EmbeddedNetwork(nn.Module):
    """A network that reads categorical columns through embeddings.

    Parameters
    ----------
    network : type
        The class of the network.
    n_features : int
        Number of columns, numeric and categorical.
    n_outputs : sequence of int
        Number of raw scores of each task.
    n_categories : sequence of int
        Number of categories of each categorical column.
    embedding_dim : int, default=8
        Length of the vector of a category.
    **parameters
        Further parameters of the network.

    Attributes
    ----------
    inputs : ColumnEmbedding
        The embeddings.
    network : torch.nn.Module
        The network, which reads numbers and embeddings side by side.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import ColumnRows, EmbeddedNetwork, MMoE
    >>> network = EmbeddedNetwork(MMoE, 5, [1, 3], n_categories=[4, 2, 5])
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
        n_categories: Sequence[int],
        embedding_dim: int = 8,
        **parameters: Any,
    ) -> None:
        super().__init__()
        self.inputs = ColumnEmbedding(n_features - len(n_categories), n_categories, embedding_dim)
        self.network = network(self.inputs.out_features, n_outputs, **parameters)

    @property
    def heads(self) -> nn.Module:
        """What each task has for itself."""
        heads: nn.Module = cast(Any, self.network).heads
        return heads

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
        scores: list[Tensor] = self.network(self.inputs(rows))
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
        weights: Tensor = cast(Any, self.network).gate_weights(self.inputs(rows), level=level)
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
