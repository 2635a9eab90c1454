"""Estimators with cross-stitch networks."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from sk_mmoe import nn
from sk_mmoe.estimators._base import MultiTaskEstimator
from sk_mmoe.estimators._docs import document
from sk_mmoe.estimators._parameters import LAYER_SIZES
from sk_mmoe.estimators._predictors import (
    MixedTaskPredictor,
    MultiTaskClassifier,
    MultiTaskRegressor,
)

_ARCHITECTURE = """\
hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(64, 32)
    Units of each hidden layer of a task's own network. Empty: each task is linear in the inputs.
own_weight_init : float, default=0.9
    Weight of a task's own activations in each stitch at the start, in [0, 1]; the other tasks
    share the rest evenly.
stitch_learning_rate_factor : float, default=1.0
    Learning rate of the stitches, in units of `learning_rate_init`. 0 keeps them as they start.
    The 100 to 1000 of [1]_ are for SGD, whose steps are as small as the gradients; Adam's are not,
    and at the default `learning_rate_init` factors of 10 and more fit worse on
    :func:`~sk_mmoe.datasets.make_multitask_sinusoid`.
per_channel : bool, default=False
    Whether each unit of a hidden layer has a stitch of its own."""

_STITCHES = """\
stitches_ : list of ndarray of shape (n_tasks, n_tasks) or (n_units, n_tasks, n_tasks)
    The learned stitch of each hidden layer, one for each unit with `per_channel`. Row k holds the
    weights that task k gives to the activations of all tasks."""


class BaseCrossStitch(MultiTaskEstimator):
    """What the cross-stitch estimators share: the architecture's parameters, and the stitches."""

    hidden_layer_sizes: Any = (64, 32)
    own_weight_init: float = 0.9
    stitch_learning_rate_factor: float = 1.0
    per_channel: bool = False

    _network: ClassVar[type[torch.nn.Module]] = nn.CrossStitch
    _network_parameters: ClassVar[tuple[str, ...]] = (
        *MultiTaskEstimator._network_parameters,
        "hidden_layer_sizes",
        "own_weight_init",
        "per_channel",
    )
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": LAYER_SIZES,
        "own_weight_init": [Interval(Real, 0, 1, closed="both")],
        "stitch_learning_rate_factor": [Interval(Real, 0, None, closed="left")],
        "per_channel": ["boolean"],
    }

    @property
    def stitches_(self) -> list[np.ndarray]:
        """The learned stitch of each hidden layer."""
        check_is_fitted(self)
        stitches = self.net_.network.stitches
        return [stitch.weight.detach().cpu().numpy().copy() for stitch in stitches]

    def _parameter_groups(self) -> list[tuple[str, dict[str, Any]]]:
        # Decay would pull the stitches to zero, where no task has any activations.
        rate = self.learning_rate_init * self.stitch_learning_rate_factor
        return [*super()._parameter_groups(), ("*stitches.*", {"lr": rate, "weight_decay": 0.0})]


@document(architecture=_ARCHITECTURE, stitches=_STITCHES)
class CrossStitchClassifier(MultiTaskClassifier, BaseCrossStitch):
    """Cross-stitch networks for several classification tasks at once.

    Each task has a network of its own. After every hidden layer a learned matrix, the stitch,
    mixes the activations of all tasks, and each network goes on with its mixture [1]_ [2]_.
    Training finds out how much each layer shares: an identity matrix shares nothing.

    Tasks may be binary or multi-class, with labels of any type; labels may be missing.

    Parameters
    ----------
    {architecture}
    {training}
    {class_weight}

    Attributes
    ----------
    {stitches}
    {classes}
    {fitted}

    See Also
    --------
    CrossStitchRegressor : The same network for numbers as targets.
    CrossStitchMixedPredictor : The same network for targets of several kinds.
    MMoEClassifier : Experts that all tasks share, mixed by gates that depend on the inputs.

    References
    ----------
    .. [1] Misra et al. "Cross-stitch Networks for Multi-task Learning", CVPR 2016.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 6.1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from sk_mmoe import CrossStitchClassifier
    >>> X, click = make_classification(500, random_state=0)
    >>> like = np.where(X[:, 0] + click > 1, "yes", "no")
    >>> y = np.column_stack([click, like]).astype(object)
    >>> model = CrossStitchClassifier(max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X[:2]).shape
    (2, 2)
    >>> [stitch.shape for stitch in model.stitches_]
    [(2, 2), (2, 2)]
    """


@document(architecture=_ARCHITECTURE, stitches=_STITCHES)
class CrossStitchRegressor(MultiTaskRegressor, BaseCrossStitch):
    """Cross-stitch networks for several regression tasks at once.

    Each task has a network of its own. After every hidden layer a learned matrix, the stitch,
    mixes the activations of all tasks, and each network goes on with its mixture [1]_ [2]_.
    Targets are standardised inside, so that the units of none rule the loss, and predictions come
    back in the units of y.

    Parameters
    ----------
    {architecture}
    {training}

    Attributes
    ----------
    {stitches}
    {fitted}

    See Also
    --------
    CrossStitchClassifier : The same network for classes as targets.
    CrossStitchMixedPredictor : The same network for targets of several kinds.
    MMoERegressor : Experts that all tasks share, mixed by gates that depend on the inputs.

    References
    ----------
    .. [1] Misra et al. "Cross-stitch Networks for Multi-task Learning", CVPR 2016.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 6.1.

    Examples
    --------
    >>> from sk_mmoe import CrossStitchRegressor
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> X, y = make_multitask_sinusoid(500, n_features=20, random_state=0)
    >>> model = CrossStitchRegressor(max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X).shape
    (500, 2)
    """


@document(architecture=_ARCHITECTURE, stitches=_STITCHES)
class CrossStitchMixedPredictor(MixedTaskPredictor, BaseCrossStitch):
    """Cross-stitch networks for classification and regression tasks side by side.

    The network of :class:`CrossStitchClassifier` and :class:`CrossStitchRegressor` for a table
    whose targets are of several kinds, such as a click and a watch time [1]_ [2]_.

    Parameters
    ----------
    tasks : dict or array-like of shape (n_tasks,), default=None
        The kind of each task, by task name or in order: "binary", "multiclass", "classification"
        (either of them), "regression", or "infer". Tasks that are not named are inferred: numbers
        with fractions are a regression, all others classes. Declare whole numbers that are no
        classes, such as counts.
    {architecture}
    {training}
    {class_weight}

    Attributes
    ----------
    {stitches}
    {classes}
    {fitted}

    See Also
    --------
    CrossStitchClassifier : For classes alone; scikit-learn's tools for classifiers accept it.
    CrossStitchRegressor : For numbers alone; scikit-learn's tools for regressors accept it.

    References
    ----------
    .. [1] Misra et al. "Cross-stitch Networks for Multi-task Learning", CVPR 2016.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 6.1.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import make_regression
    >>> from sk_mmoe import CrossStitchMixedPredictor
    >>> X, watch_time = make_regression(500, random_state=0)
    >>> y = pd.DataFrame({"click": watch_time > 0, "watch_time": watch_time})
    >>> tasks = {"click": "binary", "watch_time": "regression"}
    >>> model = CrossStitchMixedPredictor(tasks=tasks, max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X[:2]).shape
    (2, 2)
    """
