"""Estimators with progressive layered extraction."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval

from sk_mmoe import nn
from sk_mmoe.architectures._gated import GatedEstimator
from sk_mmoe.estimators._docs import document
from sk_mmoe.estimators._parameters import LAYER_SIZES
from sk_mmoe.estimators._predictors import (
    MixedTaskPredictor,
    MultiTaskClassifier,
    MultiTaskRegressor,
)

_ARCHITECTURE = """\
n_levels : int, default=1
    Number of levels of experts. Each but the first reads what the gates of the last one mixed; a
    shared gate makes what the shared experts read.
n_shared_experts : int, default=4
    Number of experts of a level that all tasks hear. 0: the tasks have nothing in common.
n_task_experts : int, default=2
    Number of experts of a level and a task that no other task hears. 0: all experts are shared.
expert_hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(64,)
    Units of each hidden layer of an expert. Empty: the towers read the inputs themselves.
tower_hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(32,)
    Units of each hidden layer of a task's own tower. Empty: a task is linear in its mixture of
    experts.
gate_dropout : float, default=0.0
    Probability, for each sample and gate, of dropping an expert in training; the weights of the
    experts that are left are renormalised [3]_. Helps where gates put all weight on one expert.
normalize_experts : bool, default=False
    Whether what an expert puts out is layer-normalised [4]_, so that all speak equally loud.
    Gains a little on large tables, and loses on small ones."""


class BasePLE(GatedEstimator):
    """What the PLE estimators share: the architecture's parameters."""

    n_levels: int = 1
    n_shared_experts: int = 4
    n_task_experts: int = 2
    expert_hidden_layer_sizes: Any = (64,)
    tower_hidden_layer_sizes: Any = (32,)
    gate_dropout: float = 0.0

    _network: ClassVar[type[torch.nn.Module]] = nn.PLE
    _network_parameters: ClassVar[tuple[str, ...]] = (
        *GatedEstimator._network_parameters,
        "n_levels",
        "n_shared_experts",
        "n_task_experts",
        "expert_hidden_layer_sizes",
        "tower_hidden_layer_sizes",
        "gate_dropout",
    )
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_levels": [Interval(Integral, 1, None, closed="left")],
        "n_shared_experts": [Interval(Integral, 0, None, closed="left")],
        "n_task_experts": [Interval(Integral, 0, None, closed="left")],
        "expert_hidden_layer_sizes": LAYER_SIZES,
        "tower_hidden_layer_sizes": LAYER_SIZES,
        "gate_dropout": [Interval(Real, 0, 1, closed="left")],
    }


@document(architecture=_ARCHITECTURE)
class PLEClassifier(MultiTaskClassifier, BasePLE):
    """Progressive layered extraction for several classification tasks at once.

    Each task has `n_task_experts` small networks of its own beside `n_shared_experts` that all
    tasks share. A gate per task, a softmax that is linear in its inputs, mixes the two kinds, and a
    tower, a small network of the task's own, turns the mixture into scores [1]_. With the shared
    experts alone it would be MMoE [2]_; the own ones are out of reach of the other tasks, which
    helps where tasks disturb each other. Several levels share step by step.

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
    PLERegressor : The same network for numbers as targets.
    PLEMixedPredictor : The same network for targets of several kinds.
    MMoEClassifier : All experts shared.
    SingleTaskClassifier : Nothing shared.

    References
    ----------
    .. [1] Tang et al. "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL)
       Model for Personalized Recommendations", RecSys 2020.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018.
    .. [3] Zhao et al. "Recommending What Video to Watch Next: A Multitask Ranking System",
       RecSys 2019.
    .. [4] Ba, Kiros and Hinton. "Layer Normalization", arXiv:1607.06450, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from sk_mmoe import PLEClassifier
    >>> X, click = make_classification(500, random_state=0)
    >>> like = np.where(X[:, 0] + click > 1, "yes", "no")
    >>> y = np.column_stack([click, like]).astype(object)
    >>> model = PLEClassifier(max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X[:2]).shape
    (2, 2)

    The experts of the first task, those of the second, and the shared ones:

    >>> weights = model.gate_weights(X)
    >>> weights.shape
    (500, 2, 8)
    >>> weights[:, 0, 2:4].max()  # the first task does not hear those of the second
    np.float32(0.0)
    """


@document(architecture=_ARCHITECTURE)
class PLERegressor(MultiTaskRegressor, BasePLE):
    """Progressive layered extraction for several regression tasks at once.

    Each task has `n_task_experts` small networks of its own beside `n_shared_experts` that all
    tasks share. A gate per task, a softmax that is linear in its inputs, mixes the two kinds, and a
    tower, a small network of the task's own, turns the mixture into a prediction [1]_. With the
    shared experts alone it would be MMoE [2]_; the own ones are out of reach of the other tasks,
    which helps where tasks disturb each other. Several levels share step by step.

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
    PLEClassifier : The same network for classes as targets.
    PLEMixedPredictor : The same network for targets of several kinds.
    MMoERegressor : All experts shared.
    SingleTaskRegressor : Nothing shared.

    References
    ----------
    .. [1] Tang et al. "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL)
       Model for Personalized Recommendations", RecSys 2020.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018.
    .. [3] Zhao et al. "Recommending What Video to Watch Next: A Multitask Ranking System",
       RecSys 2019.
    .. [4] Ba, Kiros and Hinton. "Layer Normalization", arXiv:1607.06450, 2016.

    Examples
    --------
    >>> from sk_mmoe import PLERegressor
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> X, y = make_multitask_sinusoid(500, n_features=20, random_state=0)
    >>> model = PLERegressor(max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X).shape
    (500, 2)
    """


@document(architecture=_ARCHITECTURE)
class PLEMixedPredictor(MixedTaskPredictor, BasePLE):
    """Progressive layered extraction for classification and regression tasks side by side.

    The network of :class:`PLEClassifier` and :class:`PLERegressor` for a table whose targets are
    of several kinds, such as a click and a watch time [1]_ [2]_.

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
    PLEClassifier : For classes alone; scikit-learn's tools for classifiers accept it.
    PLERegressor : For numbers alone; scikit-learn's tools for regressors accept it.

    References
    ----------
    .. [1] Tang et al. "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL)
       Model for Personalized Recommendations", RecSys 2020.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018.
    .. [3] Zhao et al. "Recommending What Video to Watch Next: A Multitask Ranking System",
       RecSys 2019.
    .. [4] Ba, Kiros and Hinton. "Layer Normalization", arXiv:1607.06450, 2016.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import make_regression
    >>> from sk_mmoe import PLEMixedPredictor
    >>> X, watch_time = make_regression(500, random_state=0)
    >>> y = pd.DataFrame({"click": watch_time > 0, "watch_time": watch_time})
    >>> tasks = {"click": "binary", "watch_time": "regression"}
    >>> model = PLEMixedPredictor(tasks=tasks, max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X[:2]).shape
    (2, 2)
    """
