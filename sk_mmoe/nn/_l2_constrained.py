"""One network per task, kept similar by a penalty."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from sk_mmoe.nn._single_task import SingleTask


class L2Constrained(SingleTask):
    r"""One network per task, with a penalty on the differences between them.

    The penalty is the sum of the squared distances between the parameters of all pairs of tasks,

    .. math:: \mathrm{coupling} \cdot \sum_{i < j} \lVert \theta_i - \theta_j \rVert^2,

    where :math:`\theta_k` are the weights and biases of the hidden layers of task ``k``
    [1]_ [2]_. The linear heads are included if all tasks have the same number of scores. Without a
    coupling the network equals :class:`SingleTask`; with a very strong one, all tasks share these
    parameters.

    Parameters
    ----------
    n_features : int
        Number of input features.
    n_outputs : sequence of int
        Number of raw scores of each task.
    coupling : float, default=1e-3
        Strength of the penalty, at least 0. Raise it if the tasks are closely related. Lower it
        with many tasks, because the sum over pairs grows with their number, and if a class is rare
        in one task only, because the penalty draws the biases of the heads together.
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
    .. [1] Duong et al. "Low Resource Dependency Parsing: Cross-lingual Parameter Sharing in a
       Neural Network Parser", ACL-IJCNLP 2015.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 6.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import L2Constrained
    >>> network = L2Constrained(100, [1, 1], coupling=0.01)
    >>> [tuple(scores.shape) for scores in network(torch.zeros(7, 100))]
    [(7, 1), (7, 1)]
    >>> network.penalty().shape
    torch.Size([])
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: Sequence[int],
        *,
        coupling: float = 1e-3,
        hidden_layer_sizes: Sequence[int] = (64, 32),
        activation: str = "relu",
        dropout: float = 0.0,
    ) -> None:
        if not 0 <= coupling < math.inf:
            raise ValueError(f"coupling must be a finite number of at least 0, got {coupling}.")
        super().__init__(
            n_features,
            n_outputs,
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            dropout=dropout,
        )
        self.coupling = coupling

    def penalty(self) -> Tensor:
        """Return the penalty, to be added to the loss.

        Returns
        -------
        Tensor of shape ()
            The penalty. It is zero with one task.
        """
        n_outputs = self.heads.n_outputs
        n_tasks = len(n_outputs)
        corresponding = list(self.heads.towers.parameters())
        if len(set(n_outputs)) == 1:
            rows = (n_tasks, n_outputs[0])
            corresponding += [p.unflatten(0, rows) for p in (self.heads.weight, self.heads.bias)]
        # The squared distances of all pairs add up to n_tasks times those to the mean. A difference
        # of sums of squares is as fast, but loses digits if the tasks are close.
        total = self.heads.weight.new_zeros(())
        for parameter in corresponding:
            total = total + (parameter - parameter.mean(dim=0)).square().sum()
        return self.coupling * n_tasks * total
