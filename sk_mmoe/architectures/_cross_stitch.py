"""Cross-stitch networks: parameters and estimators."""

from __future__ import annotations

from numbers import Real
from typing import Annotated, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval

from sk_mmoe import nn
from sk_mmoe.estimators._architecture import Architecture
from sk_mmoe.estimators._classifier import MultiTaskClassifier
from sk_mmoe.estimators._docs import document
from sk_mmoe.estimators._mixed import MixedTaskPredictor
from sk_mmoe.estimators._parameters import Flag, LayerSizes, NonNegative
from sk_mmoe.estimators._regressor import MultiTaskRegressor


class CrossStitch(Architecture):
    """Cross-stitch networks.

    Each task has a network. After every hidden layer a learned matrix, the stitch, mixes the
    activations of all tasks, and each network continues with its mixture [1]_ [2]_. Training learns
    how much the tasks share in each layer. With an identity matrix they share nothing.

    Use it for a few tasks that are alike in some layers only.

    Parameters
    ----------
    hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(64, 32)
        Units of each hidden layer of a task's network. Use smaller layers when the network
        overfits. Empty: the scores are linear in the inputs.
    own_weight_init : float, default=0.9
        Initial weight of a task's activations in its own mixture, in [0, 1]. The rest is divided
        equally among the other tasks. Lower it for similar tasks.
    stitch_learning_rate_factor : float, default=1.0
        Learning rate of the stitches as a multiple of the network's. 0 keeps their initial values.
        Raise it only with another optimizer: the factors of 100 to 1000 in [1]_ are for SGD, whose
        steps are proportional to the gradients. With Adam, factors of 10 and more fitted the
        tasks of :func:`~sk_mmoe.datasets.make_multitask_sinusoid` worse.
    per_channel : bool, default=False
        Whether each unit of a hidden layer has a separate stitch. Set it when the tasks should
        share some units of a layer and not others.

    Attributes
    ----------
    stitches_ : list of ndarray of shape (n_tasks, n_tasks) or (n_units, n_tasks, n_tasks)
        Learned stitch of each hidden layer; one for each unit with `per_channel`. Row k holds the
        weights that task k gives to the activations of all tasks.

    See Also
    --------
    sk_mmoe.nn.CrossStitch : The networks alone, as a torch module.

    References
    ----------
    .. [1] Misra et al. "Cross-stitch Networks for Multi-task Learning", CVPR 2016.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 6.1.
    """

    network: ClassVar[type[torch.nn.Module]] = nn.CrossStitch

    hidden_layer_sizes: LayerSizes = (64, 32)
    own_weight_init: Annotated[float, Interval(Real, 0, 1, closed="both")] = 0.9
    stitch_learning_rate_factor: NonNegative = 1.0
    per_channel: Flag = False

    @property
    def stitches_(self) -> list[np.ndarray]:
        """The learned stitch of each hidden layer."""
        stitches = self.net_.network.stitches
        return [stitch.weight.detach().cpu().numpy().copy() for stitch in stitches]


@document
class CrossStitchClassifier(MultiTaskClassifier, CrossStitch):
    """Cross-stitch networks for several classification tasks at once.

    Examples
    --------
    >>> [stitch.shape for stitch in model.stitches_]
    [(2, 2), (2, 2)]
    """


@document
class CrossStitchRegressor(MultiTaskRegressor, CrossStitch):
    """Cross-stitch networks for several regression tasks at once."""


@document
class CrossStitchMixedPredictor(MixedTaskPredictor, CrossStitch):
    """Cross-stitch networks for classification and regression tasks side by side."""
