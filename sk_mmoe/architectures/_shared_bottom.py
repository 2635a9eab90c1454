"""Shared-Bottom networks: parameters and estimators."""

from __future__ import annotations

from typing import ClassVar

import torch

from sk_mmoe import nn
from sk_mmoe.estimators._architecture import Architecture
from sk_mmoe.estimators._classifier import MultiTaskClassifier
from sk_mmoe.estimators._docs import document
from sk_mmoe.estimators._mixed import MixedTaskPredictor
from sk_mmoe.estimators._parameters import LayerSizes
from sk_mmoe.estimators._regressor import MultiTaskRegressor


class SharedBottom(Architecture):
    """Shared-Bottom network.

    All tasks share the hidden layers of one network, and each task has a tower, a small network on
    top [1]_ [2]_. Use it when all tasks need the same features of the inputs. If they need
    different ones, the tasks disturb each other.

    Parameters
    ----------
    hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(256,)
        Units of each hidden layer that all tasks share. Raise it for many tasks. Empty: the towers
        read the inputs.
    tower_hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(32,)
        Units of each hidden layer of a task's tower. Use smaller towers when tasks have few labels.
        Empty: the scores are linear in the shared layer.

    See Also
    --------
    sk_mmoe.nn.SharedBottom : The network alone, as a torch module.

    References
    ----------
    .. [1] Caruana. "Multitask Learning", Machine Learning 28, 1997.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 3.1.
    """

    network: ClassVar[type[torch.nn.Module]] = nn.SharedBottom

    hidden_layer_sizes: LayerSizes = (256,)
    tower_hidden_layer_sizes: LayerSizes = (32,)


@document
class SharedBottomClassifier(MultiTaskClassifier, SharedBottom):
    """Shared-Bottom network for several classification tasks at once."""


@document
class SharedBottomRegressor(MultiTaskRegressor, SharedBottom):
    """Shared-Bottom network for several regression tasks at once."""


@document
class SharedBottomMixedPredictor(MixedTaskPredictor, SharedBottom):
    """Shared-Bottom network for classification and regression tasks side by side."""
