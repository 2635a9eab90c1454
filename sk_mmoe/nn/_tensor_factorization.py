"""Tensor factorisation: one network per task, with layers that share one weight tensor."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from sk_mmoe.nn._heads import TaskHeads
from sk_mmoe.nn._random import Dropout
from sk_mmoe.nn._stacked import check_sizes, make_activation
from sk_mmoe.nn._tucker import TuckerLinear


class TensorFactorization(nn.Module):
    """One network per task, with hidden layers whose weights are factorised across the tasks.

    Each hidden layer is a :class:`TuckerLinear`: the tasks share the factors of its weights and
    differ in how they combine them [1]_ [2]_. Each task has its own biases and linear head.

    Parameters
    ----------
    n_features : int
        Number of input features.
    n_outputs : sequence of int
        Number of raw scores of each task.
    hidden_layer_sizes : int or sequence of int, default=(64, 32)
        Units of each hidden layer of a task's network. Empty: the scores are linear in the input,
        and the tasks share nothing.
    ranks : int, float or sequence of three of them, default=(1.0, 0.5, 1.0)
        Ranks of the weights along inputs, outputs and tasks, as in :class:`TuckerLinear`. Lower
        them to make the tasks share more.
    activation : str, default="relu"
        Activation of the hidden layers.
    dropout : float, default=0.0
        Probability of dropping a unit after every hidden layer. Raise it if the network overfits.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    References
    ----------
    .. [1] Yang and Hospedales "Deep Multi-task Representation Learning: A Tensor Factorisation
       Approach", ICLR 2017.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 6.1.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import TensorFactorization
    >>> network = TensorFactorization(100, [1, 3], hidden_layer_sizes=(16, 8))
    >>> [tuple(scores.shape) for scores in network(torch.zeros(7, 100))]
    [(7, 1), (7, 3)]
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: Sequence[int],
        *,
        hidden_layer_sizes: int | Sequence[int] = (64, 32),
        ranks: float | Sequence[float] = (1.0, 0.5, 1.0),
        activation: str = "relu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        sizes = (n_features, *check_sizes(hidden_layer_sizes, name="hidden_layer_sizes"))
        self.layers = nn.ModuleList(
            TuckerLinear(len(n_outputs), *pair, ranks=ranks) for pair in pairwise(sizes)
        )
        self.activation = make_activation(activation)
        self.dropout = Dropout(dropout)
        self.heads = TaskHeads(sizes[-1], n_outputs)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the raw scores of each task.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            The input.

        Returns
        -------
        list of Tensor of shape (n_samples, n_outputs[k])
            The raw scores.
        """
        for layer in self.layers:
            x = self.dropout(self.activation(layer(x)))
        scores: list[Tensor] = self.heads(x)
        return scores
