"""One independent network per task."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from sk_mmoe.nn._heads import TaskHeads


class SingleTask(nn.Module):
    """Independent networks, one per task, computed side by side.

    The tasks share no parameters, so the loss of one task does not change the network of another.

    Parameters
    ----------
    n_features : int
        Number of input features.
    n_outputs : sequence of int
        Number of raw scores of each task.
    hidden_layer_sizes : sequence of int, default=(64, 32)
        Units of each hidden layer of a task's network. Empty: the scores are linear in the input.
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
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 6.3.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import SingleTask
    >>> network = SingleTask(100, [1, 3])
    >>> [tuple(scores.shape) for scores in network(torch.zeros(7, 100))]
    [(7, 1), (7, 3)]
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: Sequence[int],
        *,
        hidden_layer_sizes: Sequence[int] = (64, 32),
        activation: str = "relu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        # Towers that read the input directly are whole networks.
        self.heads = TaskHeads(
            n_features, n_outputs, hidden_layer_sizes, activation=activation, dropout=dropout
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
        return self.heads(x)
