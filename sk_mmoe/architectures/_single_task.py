"""One independent network per task: parameters and estimators."""

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


class SingleTask(Architecture):
    """One independent network per task.

    The tasks share nothing, but are trained in one fit [1]_. Use it as the baseline that shows
    whether learning the tasks together helps, and for tasks that have nothing in common.

    Parameters
    ----------
    hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(64, 32)
        Units of each hidden layer of a task's network. Use smaller layers when the network
        overfits. Empty: the scores are linear in the inputs.

    See Also
    --------
    sk_mmoe.nn.SingleTask : The networks alone, as a torch module.

    Notes
    -----
    All tasks stop at the same epoch: that of the lowest mean loss over the tasks, or of the lowest
    loss of `main_task`. A task that overfits earlier continues with the others. To stop each task
    at its best epoch, fit one estimator per task.

    The scale of a loss has little effect on the steps of AdamW. `task_weights` therefore mainly
    affect when training stops.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 6.3.
    """

    network: ClassVar[type[torch.nn.Module]] = nn.SingleTask

    hidden_layer_sizes: LayerSizes = (64, 32)


@document
class SingleTaskClassifier(MultiTaskClassifier, SingleTask):
    """One independent network per task, for several classification tasks in one fit."""


@document
class SingleTaskRegressor(MultiTaskRegressor, SingleTask):
    """One independent network per task, for several regression tasks in one fit."""


@document
class SingleTaskMixedPredictor(MixedTaskPredictor, SingleTask):
    """One independent network per task, for classification and regression tasks side by side."""
