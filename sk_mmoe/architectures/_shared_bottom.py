"""Estimators with Shared-Bottom networks."""

from __future__ import annotations

from typing import Any, ClassVar

import torch

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
hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(256,)
    Units of each hidden layer that all tasks share. Empty: the towers read the inputs themselves.
tower_hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(32,)
    Units of each hidden layer of a task's own tower. Empty: a task is linear in what is shared."""


class BaseSharedBottom(MultiTaskEstimator):
    """What the Shared-Bottom estimators share: the architecture's parameters."""

    hidden_layer_sizes: Any = (256,)
    tower_hidden_layer_sizes: Any = (32,)

    _network: ClassVar[type[torch.nn.Module]] = nn.SharedBottom
    _network_parameters: ClassVar[tuple[str, ...]] = (
        *MultiTaskEstimator._network_parameters,
        "hidden_layer_sizes",
        "tower_hidden_layer_sizes",
    )
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": LAYER_SIZES,
        "tower_hidden_layer_sizes": LAYER_SIZES,
    }


@document(architecture=_ARCHITECTURE)
class SharedBottomClassifier(MultiTaskClassifier, BaseSharedBottom):
    """Shared-Bottom network for several classification tasks at once.

    Hidden layers that all tasks share, and above them a tower, a small network, for each task
    [1]_ [2]_. It learns most where all tasks need the same features of the inputs; where they
    differ, they disturb each other.

    Tasks may be binary or multi-class, with labels of any type; labels may be missing.

    Parameters
    ----------
    {architecture}
    {training}
    {class_weight}

    Attributes
    ----------
    {classes}
    {fitted}

    See Also
    --------
    SharedBottomRegressor : The same network for numbers as targets.
    SharedBottomMixedPredictor : The same network for targets of several kinds.
    MMoEClassifier : A gate for each task.

    References
    ----------
    .. [1] Caruana. "Multitask Learning", Machine Learning 28, 1997.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 3.1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from sk_mmoe import SharedBottomClassifier
    >>> X, click = make_classification(500, random_state=0)
    >>> y = np.column_stack([click, X[:, 0] + click > 1])
    >>> model = SharedBottomClassifier(max_iter=20, random_state=0).fit(X, y)
    >>> [proba.shape for proba in model.predict_proba(X)]
    [(500, 2), (500, 2)]
    """


@document(architecture=_ARCHITECTURE)
class SharedBottomRegressor(MultiTaskRegressor, BaseSharedBottom):
    """Shared-Bottom network for several regression tasks at once.

    Hidden layers that all tasks share, and above them a tower, a small network, for each task
    [1]_ [2]_. It learns most where all tasks need the same features of the inputs; where they
    differ, they disturb each other.

    Targets are standardised inside, so that the units of none rule the loss, and predictions come
    back in the units of y.

    Parameters
    ----------
    {architecture}
    {training}

    Attributes
    ----------
    {fitted}

    See Also
    --------
    SharedBottomClassifier : The same network for classes as targets.
    SharedBottomMixedPredictor : The same network for targets of several kinds.
    MMoERegressor : A gate for each task.

    References
    ----------
    .. [1] Caruana. "Multitask Learning", Machine Learning 28, 1997.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 3.1.

    Examples
    --------
    >>> from sk_mmoe import SharedBottomRegressor
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> X, y = make_multitask_sinusoid(500, n_features=20, random_state=0)
    >>> model = SharedBottomRegressor(max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X).shape
    (500, 2)
    """


@document(architecture=_ARCHITECTURE)
class SharedBottomMixedPredictor(MixedTaskPredictor, BaseSharedBottom):
    """Shared-Bottom network for classification and regression tasks side by side.

    Hidden layers that all tasks share, and above them a tower, a small network, for each task
    [1]_ [2]_. It learns most where all tasks need the same features of the inputs; where they
    differ, they disturb each other.

    The network of :class:`SharedBottomClassifier` and :class:`SharedBottomRegressor` for a table
    whose targets are of several kinds, such as a click and a watch time.

    Parameters
    ----------
    {tasks}
    {architecture}
    {training}
    {class_weight}

    Attributes
    ----------
    {classes}
    {fitted}

    See Also
    --------
    SharedBottomClassifier : The same network for classes as targets.
    SharedBottomRegressor : The same network for numbers as targets.
    MMoEMixedPredictor : A gate for each task.

    References
    ----------
    .. [1] Caruana. "Multitask Learning", Machine Learning 28, 1997.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 3.1.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import make_regression
    >>> from sk_mmoe import SharedBottomMixedPredictor
    >>> X, watch_time = make_regression(500, random_state=0)
    >>> y = pd.DataFrame({"click": watch_time > 0, "watch_time": watch_time})
    >>> tasks = {"click": "binary", "watch_time": "regression"}
    >>> model = SharedBottomMixedPredictor(tasks=tasks, max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X[:2]).shape
    (2, 2)
    """
