"""A network that reads the columns of a table through embeddings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from torch import Tensor, nn

from sk_mmoe.nn._column_embedding import ColumnEmbedding
from sk_mmoe.nn._column_rows import ColumnRows
from sk_mmoe.nn._cross import CrossLayers


class EmbeddedNetwork(nn.Module):
    """A network that reads the columns of a table through embeddings and cross layers.

    Parameters
    ----------
    network : type
        The class of the network, such as :class:`MMoE`.
    n_features : int
        Number of columns.
    n_outputs : sequence of int
        Number of raw scores of each task.
    n_vectors : sequence of int
        Number of categories or knots of each column that is looked up, as in
        :class:`ColumnEmbedding`.
    n_interpolated : int, default=0
        Number of numeric columns with knots, which come first in `n_vectors`.
    embedding_dim : int, default=8
        Length of the vector of a category or knot.
    embedding_alpha : float, default=1.0
        Weight decay of the vectors, as in :class:`ColumnEmbedding`. `None`: the optimizer's weight
        decay.
    n_cross_layers : int, default=2
        Number of :class:`CrossLayers` between the embeddings and the network. Set it to 0 if no
        effect depends on two columns at once, or to make a step faster.
    **parameters
        Further parameters of the network.

    Attributes
    ----------
    column_embedding : ColumnEmbedding
        The embeddings.
    cross : CrossLayers
        The cross layers.
    network : torch.nn.Module
        The network, which reads the output of the cross layers.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

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
        embedding_alpha: float | None = 1.0,
        n_cross_layers: int = 2,
        **parameters: Any,
    ) -> None:
        super().__init__()
        n_numbers = n_features - len(n_vectors)
        self.column_embedding = ColumnEmbedding(
            n_numbers,
            n_vectors,
            embedding_dim,
            n_interpolated=n_interpolated,
            embedding_alpha=embedding_alpha,
        )
        n_inputs = self.column_embedding.out_features
        self.cross = CrossLayers(n_inputs, n_cross_layers)
        self.network = network(n_inputs, n_outputs, **parameters)

    @property
    def heads(self) -> nn.Module:
        """The parts of the network that belong to single tasks."""
        heads: nn.Module = cast(Any, self.network).heads
        return heads

    def read(self, rows: ColumnRows) -> Tensor:
        """Return the input of the network, after embeddings and cross layers.

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
        """Return the weights that the gate of each task gives to the experts of a level.

        Parameters
        ----------
        rows : ColumnRows of shape (n_samples, n_features)
            The rows of the table.
        level : int, default=-1
            The level, if the network has several. 0 is the first and -1 the last.

        Returns
        -------
        Tensor of shape (n_tasks, n_samples, n_experts)
            The weights.
        """
        weights: Tensor = cast(Any, self.network).gate_weights(self.read(rows), level=level)
        return weights

    def penalty(self) -> Tensor | None:
        """Return the penalty of the network, to be added to the loss.

        Returns
        -------
        Tensor of shape () or None
            The penalty. `None` if there is none.
        """
        penalty: Callable[[], Tensor] | None = getattr(self.network, "penalty", None)
        return None if penalty is None else penalty()
