"""Hidden layers that all tasks share, and one tower per task."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from sk_mmoe.nn._heads import TaskHeads
from sk_mmoe.nn._stacked import StackedMLP


class SharedBottom(nn.Module):
    """Shared-Bottom: hidden layers that all tasks share, and one tower per task.

    Parameters
    ----------
    n_features : int
        Number of input features.
    n_outputs : sequence of int
        Number of raw scores of each task.
    hidden_layer_sizes : sequence of int, default=(256,)
        Units of each hidden layer that the tasks share. Empty: the towers read the input directly.
    tower_hidden_layer_sizes : sequence of int, default=(32,)
        Units of each hidden layer of a tower. Empty: the scores are linear in the shared features.
    activation : str, default="relu"
        Activation of all hidden layers.
    dropout : float, default=0.0
        Probability of dropping a unit after every hidden layer. Raise it if the network overfits.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    References
    ----------
    .. [1] Caruana. "Multitask Learning", Machine Learning 28, 1997.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 3.1, equation 1.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import SharedBottom
    >>> network = SharedBottom(100, [1, 1])
    >>> [tuple(scores.shape) for scores in network(torch.zeros(7, 100))]
    [(7, 1), (7, 1)]
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: Sequence[int],
        *,
        hidden_layer_sizes: Sequence[int] = (256,),
        tower_hidden_layer_sizes: Sequence[int] = (32,),
        activation: str = "relu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        # The bottom is a single network, as a stack without axes.
        self.bottom = StackedMLP(
            (), n_features, hidden_layer_sizes, activation=activation, dropout=dropout
        )
        self.heads = TaskHeads(
            self.bottom.out_features,
            n_outputs,
            tower_hidden_layer_sizes,
            activation=activation,
            dropout=dropout,
        )

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
        return self.heads(self.bottom(x))
