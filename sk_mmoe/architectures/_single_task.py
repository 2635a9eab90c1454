"""Estimators with one independent network per task."""

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
hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(64, 32)
    Units of each hidden layer of a task's network. Empty: a task is linear in the inputs."""


class BaseSingleTask(MultiTaskEstimator):
    """What the single-task estimators share: the architecture's parameters."""

    hidden_layer_sizes: Any = (64, 32)

    _network: ClassVar[type[torch.nn.Module]] = nn.SingleTask
    _network_parameters: ClassVar[tuple[str, ...]] = (
        *MultiTaskEstimator._network_parameters,
        "hidden_layer_sizes",
    )
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": LAYER_SIZES,
    }


@document(architecture=_ARCHITECTURE)
class SingleTaskClassifier(MultiTaskClassifier, BaseSingleTask):
    """A network of its own for each of several classification tasks, trained in one fit.

    Nothing is shared: what a task learns, no other task changes [1]_. The baseline that tells
    whether learning tasks together helps them, and the model for tasks that have nothing in common.
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
    L2ConstrainedClassifier : The same networks, held near one another.
    MMoEClassifier : Experts that all tasks share, and gates that say to whom each listens.
    sklearn.neural_network.MLPClassifier : One network for one task.

    Notes
    -----
    All tasks stop at one epoch: the one with the lowest mean loss over the tasks, or the lowest
    loss of `main_task`. A task that overfits earlier than the others goes on with them. To stop
    each task at its own best epoch, fit one estimator per task. AdamW hardly heeds the scale of a
    loss, so `task_weights` do little here but weigh the loss that decides when to stop.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 6.3.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from sk_mmoe import SingleTaskClassifier
    >>> X, click = make_classification(500, random_state=0)
    >>> like = np.where(X[:, 0] + click > 1, "yes", "no")
    >>> y = np.column_stack([click, like]).astype(object)
    >>> model = SingleTaskClassifier(max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X[:2]).shape
    (2, 2)
    >>> [proba.shape for proba in model.predict_proba(X)]
    [(500, 2), (500, 2)]
    """


@document(architecture=_ARCHITECTURE)
class SingleTaskRegressor(MultiTaskRegressor, BaseSingleTask):
    """A network of its own for each of several regression tasks, trained in one fit.

    Nothing is shared: what a task learns, no other task changes [1]_. The baseline that tells
    whether learning tasks together helps them, and the model for tasks that have nothing in common.
    Targets are standardised inside, and predictions come back in the units of y.

    Parameters
    ----------
    {architecture}
    {training}

    Attributes
    ----------
    {fitted}

    See Also
    --------
    L2ConstrainedRegressor : The same networks, held near one another.
    MMoERegressor : Experts that all tasks share, and gates that say to whom each listens.
    sklearn.neural_network.MLPRegressor : One network that shares all hidden layers.

    Notes
    -----
    All tasks stop at one epoch: the one with the lowest mean loss over the tasks, or the lowest
    loss of `main_task`. A task that overfits earlier than the others goes on with them. To stop
    each task at its own best epoch, fit one estimator per task. AdamW hardly heeds the scale of a
    loss, so `task_weights` do little here but weigh the loss that decides when to stop.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 6.3.

    Examples
    --------
    >>> from sk_mmoe import SingleTaskRegressor
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> X, y = make_multitask_sinusoid(500, n_features=20, random_state=0)
    >>> model = SingleTaskRegressor(max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X).shape
    (500, 2)
    """


@document(architecture=_ARCHITECTURE)
class SingleTaskMixedPredictor(MixedTaskPredictor, BaseSingleTask):
    """A network of its own for each task, classification and regression tasks side by side.

    The networks of :class:`SingleTaskClassifier` and :class:`SingleTaskRegressor` for a table whose
    targets are of several kinds, such as a click and a watch time [1]_.

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
    {classes}
    {fitted}

    See Also
    --------
    SingleTaskClassifier : For classes alone; scikit-learn's tools for classifiers accept it.
    SingleTaskRegressor : For numbers alone; scikit-learn's tools for regressors accept it.
    L2ConstrainedMixedPredictor : The same networks, held near one another.

    Notes
    -----
    All tasks stop at one epoch: the one with the lowest mean loss over the tasks, or the lowest
    loss of `main_task`. A task that overfits earlier than the others goes on with them. To stop
    each task at its own best epoch, fit one estimator per task. AdamW hardly heeds the scale of a
    loss, so `task_weights` do little here but weigh the loss that decides when to stop.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 6.3.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import make_regression
    >>> from sk_mmoe import SingleTaskMixedPredictor
    >>> X, watch_time = make_regression(500, random_state=0)
    >>> y = pd.DataFrame({"click": watch_time > 0, "watch_time": watch_time})
    >>> tasks = {"click": "binary", "watch_time": "regression"}
    >>> model = SingleTaskMixedPredictor(tasks=tasks, max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X[:2]).shape
    (2, 2)
    """
