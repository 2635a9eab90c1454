"""Estimators with one network per task, held near one another."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval

from sk_mmoe import nn
from sk_mmoe.architectures._single_task import BaseSingleTask
from sk_mmoe.estimators._docs import document
from sk_mmoe.estimators._predictors import (
    MixedTaskPredictor,
    MultiTaskClassifier,
    MultiTaskRegressor,
)

_ARCHITECTURE = """\
coupling : float, default=1e-3
    Strength of the penalty, `coupling` times the sum of the squared distances between the
    parameters of all pairs of tasks. 0 leaves the networks independent.
hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(64, 32)
    Units of each hidden layer of a task's network. Empty: a task is linear in the inputs."""


class BaseL2Constrained(BaseSingleTask):
    """What the L2-constrained estimators share: the penalty's strength."""

    coupling: float = 1e-3

    _network: ClassVar[type[torch.nn.Module]] = nn.L2Constrained
    _network_parameters: ClassVar[tuple[str, ...]] = (
        *BaseSingleTask._network_parameters,
        "coupling",
    )
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "coupling": [Interval(Real, 0, None, closed="left")],
    }


@document(architecture=_ARCHITECTURE)
class L2ConstrainedClassifier(MultiTaskClassifier, BaseL2Constrained):
    """A network for each classification task, and a penalty that holds them near one another.

    All networks have one shape. The loss grows by the squared distances between the parameters of
    all pairs of tasks [1]_, [2]_: those of the hidden layers, and those of the linear heads where
    all tasks have the same number of scores (a binary task has one, a multi-class task one per
    class). The tasks are taken to be alike to one degree, all of them and in all layers.

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
    SingleTaskClassifier : The same networks without the penalty.
    MMoEClassifier : Experts that all tasks share, and gates that say to whom each listens.

    Notes
    -----
    The penalty is part of `loss_curve_`, not of the losses of single tasks. A sum over pairs grows
    with the number of tasks, and the loss is a mean over tasks: more tasks want a smaller
    `coupling`.

    References
    ----------
    .. [1] Duong et al. "Low Resource Dependency Parsing: Cross-lingual Parameter Sharing in a
       Neural Network Parser", ACL-IJCNLP 2015.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 6.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from sk_mmoe import L2ConstrainedClassifier
    >>> X, click = make_classification(500, random_state=0)
    >>> like = np.where(X[:, 0] + click > 1, "yes", "no")
    >>> y = np.column_stack([click, like]).astype(object)
    >>> model = L2ConstrainedClassifier(coupling=0.01, max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X[:2]).shape
    (2, 2)
    >>> [proba.shape for proba in model.predict_proba(X)]
    [(500, 2), (500, 2)]
    """


@document(architecture=_ARCHITECTURE)
class L2ConstrainedRegressor(MultiTaskRegressor, BaseL2Constrained):
    """A network for each regression task, and a penalty that holds them near one another.

    All networks have one shape. The loss grows by the squared distances between all parameters of
    all pairs of tasks [1]_, [2]_. The tasks are taken to be alike to one degree, all of them and in
    all layers. Targets are standardised inside, and predictions come back in the units of y: what
    is held near is the shape of the tasks' functions, whatever their units.

    Parameters
    ----------
    {architecture}
    {training}

    Attributes
    ----------
    {fitted}

    See Also
    --------
    SingleTaskRegressor : The same networks without the penalty.
    MMoERegressor : Experts that all tasks share, and gates that say to whom each listens.

    Notes
    -----
    The penalty is part of `loss_curve_`, not of the losses of single tasks. A sum over pairs grows
    with the number of tasks, and the loss is a mean over tasks: more tasks want a smaller
    `coupling`.

    References
    ----------
    .. [1] Duong et al. "Low Resource Dependency Parsing: Cross-lingual Parameter Sharing in a
       Neural Network Parser", ACL-IJCNLP 2015.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 6.

    Examples
    --------
    >>> from sk_mmoe import L2ConstrainedRegressor
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> X, y = make_multitask_sinusoid(500, n_features=20, random_state=0)
    >>> model = L2ConstrainedRegressor(coupling=0.01, max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X).shape
    (500, 2)
    """


@document(architecture=_ARCHITECTURE)
class L2ConstrainedMixedPredictor(MixedTaskPredictor, BaseL2Constrained):
    """A network for each task of any kind, and a penalty that holds them near one another.

    The networks of :class:`L2ConstrainedClassifier` and :class:`L2ConstrainedRegressor` for a table
    whose targets are of several kinds, such as a click and a watch time [1]_, [2]_.

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
    L2ConstrainedClassifier : For classes alone; scikit-learn's tools for classifiers accept it.
    L2ConstrainedRegressor : For numbers alone; scikit-learn's tools for regressors accept it.
    SingleTaskMixedPredictor : The same networks without the penalty.

    Notes
    -----
    The penalty is part of `loss_curve_`, not of the losses of single tasks. A sum over pairs grows
    with the number of tasks, and the loss is a mean over tasks: more tasks want a smaller
    `coupling`.

    References
    ----------
    .. [1] Duong et al. "Low Resource Dependency Parsing: Cross-lingual Parameter Sharing in a
       Neural Network Parser", ACL-IJCNLP 2015.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 6.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import make_regression
    >>> from sk_mmoe import L2ConstrainedMixedPredictor
    >>> X, watch_time = make_regression(500, random_state=0)
    >>> y = pd.DataFrame({"click": watch_time > 0, "watch_time": watch_time})
    >>> tasks = {"click": "binary", "watch_time": "regression"}
    >>> model = L2ConstrainedMixedPredictor(tasks=tasks, max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X[:2]).shape
    (2, 2)
    """
