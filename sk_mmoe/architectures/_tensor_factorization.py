"""Estimators whose tasks share one weight tensor per layer, in Tucker form."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval, RealNotInt

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
    Units of each hidden layer of a task's network. Empty: each task is linear in the inputs, and
    the tasks share nothing.
ranks : int, float or array-like of shape (3,), default=(1.0, 0.5, 1.0)
    How much freedom the tasks have: the ranks of each layer's weights along inputs, outputs and
    tasks; one value stands for all three. A float in (0, 1] is a fraction of the axis's length, an
    int the rank itself (one above the full rank means the full rank): `1.0` is full rank, `1` is
    rank one. Of rank one along tasks, their weights differ by a factor only; of full rank along all
    three, every task has free weights. A low rank along inputs saves parameters on wide tables, and
    hides inputs from all tasks on narrow ones."""


class BaseTensorFactorization(MultiTaskEstimator):
    """What the TensorFactorization estimators share: the architecture's parameters."""

    hidden_layer_sizes: Any = (64, 32)
    ranks: Any = (1.0, 0.5, 1.0)

    _network: ClassVar[type[torch.nn.Module]] = nn.TensorFactorization
    _network_parameters: ClassVar[tuple[str, ...]] = (
        *MultiTaskEstimator._network_parameters,
        "hidden_layer_sizes",
        "ranks",
    )
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": LAYER_SIZES,
        "ranks": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="right"),
        ],
    }


@document(architecture=_ARCHITECTURE)
class TensorFactorizationClassifier(MultiTaskClassifier, BaseTensorFactorization):
    """Tensor factorisation for several classification tasks at once.

    Each task has a network of its own, but the weights of a hidden layer, over inputs, outputs and
    tasks, are one tensor of low rank in Tucker form: tasks share the factors and differ in how
    they combine them [1]_ [2]_. The ranks say how much is shared.

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
    TensorFactorizationRegressor : The same network for numbers as targets.
    TensorFactorizationMixedPredictor : The same network for targets of several kinds.
    MMoEClassifier : Shares by a mixture of experts that depends on the inputs.

    Notes
    -----
    Core and factors start such that the weights, which are their products, have the variance of a
    plain network's: products of four small numbers would be far too small.

    References
    ----------
    .. [1] Yang and Hospedales "Deep Multi-task Representation Learning: A Tensor Factorisation
       Approach", ICLR 2017.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 6.1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from sk_mmoe import TensorFactorizationClassifier
    >>> X, click = make_classification(500, random_state=0)
    >>> like = np.where(X[:, 0] + click > 1, "yes", "no")
    >>> y = np.column_stack([click, like]).astype(object)
    >>> model = TensorFactorizationClassifier(max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X[:2]).shape
    (2, 2)
    >>> [proba.shape for proba in model.predict_proba(X)]
    [(500, 2), (500, 2)]
    """


@document(architecture=_ARCHITECTURE)
class TensorFactorizationRegressor(MultiTaskRegressor, BaseTensorFactorization):
    """Tensor factorisation for several regression tasks at once.

    Each task has a network of its own, but the weights of a hidden layer, over inputs, outputs and
    tasks, are one tensor of low rank in Tucker form: tasks share the factors and differ in how
    they combine them [1]_ [2]_. The ranks say how much is shared. Targets are standardised inside,
    so that the units of none rule the loss, and predictions come back in the units of y.

    Parameters
    ----------
    {architecture}
    {training}

    Attributes
    ----------
    {fitted}

    See Also
    --------
    TensorFactorizationClassifier : The same network for classes as targets.
    TensorFactorizationMixedPredictor : The same network for targets of several kinds.
    MMoERegressor : Shares by a mixture of experts that depends on the inputs.

    References
    ----------
    .. [1] Yang and Hospedales "Deep Multi-task Representation Learning: A Tensor Factorisation
       Approach", ICLR 2017.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 6.1.

    Examples
    --------
    >>> from sk_mmoe import TensorFactorizationRegressor
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> X, y = make_multitask_sinusoid(500, n_features=20, random_state=0)
    >>> model = TensorFactorizationRegressor(ranks=0.5, max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X).shape
    (500, 2)
    """


@document(architecture=_ARCHITECTURE)
class TensorFactorizationMixedPredictor(MixedTaskPredictor, BaseTensorFactorization):
    """Tensor factorisation for classification and regression tasks side by side.

    The network of :class:`TensorFactorizationClassifier` and :class:`TensorFactorizationRegressor`
    for a table whose targets are of several kinds, such as a click and a watch time [1]_ [2]_.

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
    TensorFactorizationClassifier : For classes alone; scikit-learn's tools for classifiers
        accept it.
    TensorFactorizationRegressor : For numbers alone; scikit-learn's tools for regressors accept
        it.

    References
    ----------
    .. [1] Yang and Hospedales "Deep Multi-task Representation Learning: A Tensor Factorisation
       Approach", ICLR 2017.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 6.1.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import make_regression
    >>> from sk_mmoe import TensorFactorizationMixedPredictor
    >>> X, watch_time = make_regression(500, random_state=0)
    >>> y = pd.DataFrame({"click": watch_time > 0, "watch_time": watch_time})
    >>> tasks = {"click": "binary", "watch_time": "regression"}
    >>> model = TensorFactorizationMixedPredictor(tasks=tasks, max_iter=20, random_state=0)
    >>> model.fit(X, y).predict(X[:2]).shape
    (2, 2)
    """
