"""Estimators with Multi-gate Mixture-of-Experts networks."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval, StrOptions

from sk_mmoe import nn
from sk_mmoe.architectures._gated import GatedEstimator
from sk_mmoe.estimators._docs import document
from sk_mmoe.estimators._parameters import LAYER_SIZES
from sk_mmoe.estimators._predictors import (
    MixedTaskPredictor,
    MultiTaskClassifier,
    MultiTaskRegressor,
)
from sk_mmoe.nn._gates import GATES

_ARCHITECTURE = """\
n_experts : int, default=8
    Number of experts of a level, which all tasks share.
expert_hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(64,)
    Units of each hidden layer of an expert. Empty: the experts pass their input on.
tower_hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(32,)
    Units of each hidden layer of a task's own tower. Empty: a task is linear in its mixture of
    experts.
trunk_hidden_layer_sizes : array-like of shape (n_layers,) or int, default=()
    Units of each hidden layer of a network below experts and gates, which all tasks share whole.
    Empty: experts and gates read the inputs themselves.
n_levels : int, default=1
    Number of levels of mixture. The experts of each but the first read what a shared gate of the
    last one mixed, and a gate reads what the same gate of the last one mixed.
gate : {"softmax", "top_k", "dselect_k"}, default="softmax"
    Which experts a gate listens to. "softmax": all of them. "top_k": those with the
    `n_active_experts` highest logits. "dselect_k": all at first, and mostly `n_active_experts`
    when it has learned, differentiably, which to select [3]_. All experts are computed in any case:
    sparse gates keep tasks apart, they do not save time.
n_active_experts : int, default=2
    Number of experts that a gate "top_k" or "dselect_k" listens to, `n_experts` at most.
gate_entropy : float, default=0.0
    Weight in the training loss of the entropy of a selection of "dselect_k" (in nats, the mean over
    samples, gates and selected experts; all samples count alike, whatever their weight). With 0.01
    fewer samples listen to more than `n_active_experts`; with much more, gates select before they
    have learned what.
gate_dropout : float, default=0.0
    Probability, for each sample and gate, of dropping an expert in training; the weights of the
    experts that are left are renormalised [2]_. Helps where gates put all weight on one expert.
normalize_experts : bool, default=False
    Whether what an expert puts out is layer-normalised [4]_, so that all speak equally loud.
    Gains a little on large tables, and loses on small ones."""


class BaseMMoE(GatedEstimator):
    """What the MMoE estimators share: the architecture's parameters."""

    n_experts: int = 8
    expert_hidden_layer_sizes: Any = (64,)
    tower_hidden_layer_sizes: Any = (32,)
    trunk_hidden_layer_sizes: Any = ()
    n_levels: int = 1
    gate: str = "softmax"
    n_active_experts: int = 2
    gate_entropy: float = 0.0
    gate_dropout: float = 0.0

    _network: ClassVar[type[torch.nn.Module]] = nn.MMoE
    _network_parameters: ClassVar[tuple[str, ...]] = (
        *GatedEstimator._network_parameters,
        "n_experts",
        "expert_hidden_layer_sizes",
        "tower_hidden_layer_sizes",
        "trunk_hidden_layer_sizes",
        "n_levels",
        "gate",
        "n_active_experts",
        "gate_entropy",
        "gate_dropout",
    )
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_experts": [Interval(Integral, 1, None, closed="left")],
        "expert_hidden_layer_sizes": LAYER_SIZES,
        "tower_hidden_layer_sizes": LAYER_SIZES,
        "trunk_hidden_layer_sizes": LAYER_SIZES,
        "n_levels": [Interval(Integral, 1, None, closed="left")],
        "gate": [StrOptions(set(GATES))],
        "n_active_experts": [Interval(Integral, 1, None, closed="left")],
        "gate_entropy": [Interval(Real, 0, None, closed="left")],
        "gate_dropout": [Interval(Real, 0, 1, closed="left")],
    }


@document(architecture=_ARCHITECTURE)
class MMoEClassifier(MultiTaskClassifier, BaseMMoE):
    """Multi-gate Mixture-of-Experts for several classification tasks at once.

    All tasks share `n_experts` small networks. For each task a gate, a softmax that is linear in
    the inputs, says how much to listen to which expert, and a tower, a small network of its own,
    turns the mixture into scores [1]_. Related tasks learn from each other; unrelated ones can
    keep to experts of their own.

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
    MMoERegressor : The same network for numbers as targets.
    MMoEMixedPredictor : The same network for targets of several kinds.
    sklearn.neural_network.MLPClassifier : One network for one task.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 4.2.
    .. [2] Zhao et al. "Recommending What Video to Watch Next: A Multitask Ranking System",
       RecSys 2019.
    .. [3] Hazimeh et al. "DSelect-k: Differentiable Selection in the Mixture of Experts with
       Applications to Multi-Task Learning", NeurIPS 2021.
    .. [4] Ba, Kiros and Hinton. "Layer Normalization", arXiv:1607.06450, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from sk_mmoe import MMoEClassifier
    >>> X, click = make_classification(500, random_state=0)
    >>> like = np.where(X[:, 0] + click > 1, "yes", "no")
    >>> y = np.column_stack([click, like]).astype(object)
    >>> model = MMoEClassifier(max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X[:2]).shape
    (2, 2)
    >>> [proba.shape for proba in model.predict_proba(X)]
    [(500, 2), (500, 2)]
    >>> model.gate_weights(X).shape
    (500, 2, 8)
    """


@document(architecture=_ARCHITECTURE)
class MMoERegressor(MultiTaskRegressor, BaseMMoE):
    """Multi-gate Mixture-of-Experts for several regression tasks at once.

    All tasks share `n_experts` small networks. For each task a gate, a softmax that is linear in
    the inputs, says how much to listen to which expert, and a tower, a small network of its own,
    turns the mixture into a prediction [1]_. Targets are standardised inside, so that the units of
    none rule the loss, and predictions come back in the units of y.

    Parameters
    ----------
    {architecture}
    {training}

    Attributes
    ----------
    {fitted}

    See Also
    --------
    MMoEClassifier : The same network for classes as targets.
    MMoEMixedPredictor : The same network for targets of several kinds.
    sklearn.neural_network.MLPRegressor : One network that shares all hidden layers.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 4.2.
    .. [2] Zhao et al. "Recommending What Video to Watch Next: A Multitask Ranking System",
       RecSys 2019.
    .. [3] Hazimeh et al. "DSelect-k: Differentiable Selection in the Mixture of Experts with
       Applications to Multi-Task Learning", NeurIPS 2021.
    .. [4] Ba, Kiros and Hinton. "Layer Normalization", arXiv:1607.06450, 2016.

    Examples
    --------
    >>> from sk_mmoe import MMoERegressor
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> X, y = make_multitask_sinusoid(500, n_features=20, random_state=0)
    >>> model = MMoERegressor(max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X).shape
    (500, 2)
    """


@document(architecture=_ARCHITECTURE)
class MMoEMixedPredictor(MixedTaskPredictor, BaseMMoE):
    """Multi-gate Mixture-of-Experts for classification and regression tasks side by side.

    The network of :class:`MMoEClassifier` and :class:`MMoERegressor` for a table whose targets are
    of several kinds, such as a click and a watch time [1]_.

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
    MMoEClassifier : For classes alone; scikit-learn's tools for classifiers accept it.
    MMoERegressor : For numbers alone; scikit-learn's tools for regressors accept it.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 4.2.
    .. [2] Zhao et al. "Recommending What Video to Watch Next: A Multitask Ranking System",
       RecSys 2019.
    .. [3] Hazimeh et al. "DSelect-k: Differentiable Selection in the Mixture of Experts with
       Applications to Multi-Task Learning", NeurIPS 2021.
    .. [4] Ba, Kiros and Hinton. "Layer Normalization", arXiv:1607.06450, 2016.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import make_regression
    >>> from sk_mmoe import MMoEMixedPredictor
    >>> X, watch_time = make_regression(500, random_state=0)
    >>> y = pd.DataFrame({"click": watch_time > 0, "watch_time": watch_time})
    >>> tasks = {"click": "binary", "watch_time": "regression"}
    >>> model = MMoEMixedPredictor(tasks=tasks, max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X[:2]).shape
    (2, 2)
    """
