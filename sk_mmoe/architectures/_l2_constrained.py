"""One network per task, with a penalty on their distances: parameters and estimators."""

from __future__ import annotations

from typing import ClassVar

import torch

from sk_mmoe import nn
from sk_mmoe.estimators._architecture import Architecture
from sk_mmoe.estimators._classifier import MultiTaskClassifier
from sk_mmoe.estimators._docs import document
from sk_mmoe.estimators._mixed import MixedTaskPredictor
from sk_mmoe.estimators._parameters import LayerSizes, NonNegative
from sk_mmoe.estimators._regressor import MultiTaskRegressor


class L2Constrained(Architecture):
    """L2-Constrained networks.

    Each task has a network, and all networks have the same shape. A penalty on the squared
    distances between the parameters of all pairs of tasks keeps the networks close to each other
    [1]_ [2]_. It covers the hidden layers. It also covers the output layers if all tasks have the
    same number of scores (one for a binary task or a number, one per class for a multiclass task).

    Use it if all pairs of tasks are about equally similar, in all layers.

    Parameters
    ----------
    coupling : float, default=1e-3
        Strength of the penalty: `coupling` times the sum of the squared distances is added to the
        loss. Raise it for similar tasks with few samples. Lower it for many tasks, because the
        number of pairs grows with the number of tasks. 0 leaves the networks independent.
    hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(64, 32)
        Units of each hidden layer of a task's network. Use smaller layers when the network
        overfits. Empty: the scores are linear in the inputs.

    See Also
    --------
    sk_mmoe.nn.L2Constrained : The networks alone, as a torch module.

    Notes
    -----
    The penalty is included in `loss_curve_`, but not in the losses of single tasks.

    References
    ----------
    .. [1] Duong et al. "Low Resource Dependency Parsing: Cross-lingual Parameter Sharing in a
       Neural Network Parser", ACL-IJCNLP 2015.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 6.
    """

    network: ClassVar[type[torch.nn.Module]] = nn.L2Constrained

    coupling: NonNegative = 1e-3
    hidden_layer_sizes: LayerSizes = (64, 32)


@document
class L2ConstrainedClassifier(MultiTaskClassifier, L2Constrained):
    """L2-Constrained networks for several classification tasks at once."""


@document
class L2ConstrainedRegressor(MultiTaskRegressor, L2Constrained):
    """L2-Constrained networks for several regression tasks at once."""


@document
class L2ConstrainedMixedPredictor(MixedTaskPredictor, L2Constrained):
    """L2-Constrained networks for classification and regression tasks side by side."""
