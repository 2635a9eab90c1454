"""Estimators with One-gate Mixture-of-Experts networks."""

from __future__ import annotations

from typing import ClassVar

import torch

from sk_mmoe import nn
from sk_mmoe.architectures._mmoe import _ARCHITECTURE, BaseMMoE
from sk_mmoe.estimators._docs import document
from sk_mmoe.estimators._predictors import (
    MixedTaskPredictor,
    MultiTaskClassifier,
    MultiTaskRegressor,
)


class BaseOMoE(BaseMMoE):
    """What the OMoE estimators share: the parameters of MMoE, and the gate."""

    _network: ClassVar[type[torch.nn.Module]] = nn.OMoE


@document(architecture=_ARCHITECTURE)
class OMoEClassifier(MultiTaskClassifier, BaseOMoE):
    """One-gate Mixture-of-Experts for several classification tasks at once.

    All tasks share `n_experts` small networks and one gate, a softmax that is linear in the inputs,
    which says how much to listen to which expert. Each task has a tower, a small network of its
    own, above the mixture [1]_. The gate finds experts for parts of the input space, but not for
    single tasks.

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
    OMoERegressor : The same network for numbers as targets.
    OMoEMixedPredictor : The same network for targets of several kinds.
    MMoEClassifier : A gate for each task.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 4.1.
    .. [2] Zhao et al. "Recommending What Video to Watch Next: A Multitask Ranking System",
       RecSys 2019.
    .. [3] Hazimeh et al. "DSelect-k: Differentiable Selection in the Mixture of Experts with
       Applications to Multi-Task Learning", NeurIPS 2021.
    .. [4] Ba, Kiros and Hinton. "Layer Normalization", arXiv:1607.06450, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from sk_mmoe import OMoEClassifier
    >>> X, click = make_classification(500, random_state=0)
    >>> y = np.column_stack([click, X[:, 0] + click > 1])
    >>> model = OMoEClassifier(max_iter=20, random_state=0).fit(X, y)
    >>> [proba.shape for proba in model.predict_proba(X)]
    [(500, 2), (500, 2)]
    """


@document(architecture=_ARCHITECTURE)
class OMoERegressor(MultiTaskRegressor, BaseOMoE):
    """One-gate Mixture-of-Experts for several regression tasks at once.

    All tasks share `n_experts` small networks and one gate, a softmax that is linear in the inputs,
    which says how much to listen to which expert. Each task has a tower, a small network of its
    own, above the mixture [1]_. The gate finds experts for parts of the input space, but not for
    single tasks.

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
    OMoEClassifier : The same network for classes as targets.
    OMoEMixedPredictor : The same network for targets of several kinds.
    MMoERegressor : A gate for each task.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 4.1.
    .. [2] Zhao et al. "Recommending What Video to Watch Next: A Multitask Ranking System",
       RecSys 2019.
    .. [3] Hazimeh et al. "DSelect-k: Differentiable Selection in the Mixture of Experts with
       Applications to Multi-Task Learning", NeurIPS 2021.
    .. [4] Ba, Kiros and Hinton. "Layer Normalization", arXiv:1607.06450, 2016.

    Examples
    --------
    >>> from sk_mmoe import OMoERegressor
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> X, y = make_multitask_sinusoid(500, n_features=20, random_state=0)
    >>> model = OMoERegressor(max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X).shape
    (500, 2)
    """


@document(architecture=_ARCHITECTURE)
class OMoEMixedPredictor(MixedTaskPredictor, BaseOMoE):
    """One-gate Mixture-of-Experts for classification and regression tasks side by side.

    All tasks share `n_experts` small networks and one gate, a softmax that is linear in the inputs,
    which says how much to listen to which expert. Each task has a tower, a small network of its
    own, above the mixture [1]_. The gate finds experts for parts of the input space, but not for
    single tasks.

    The network of :class:`OMoEClassifier` and :class:`OMoERegressor` for a table whose targets are
    of several kinds, such as a click and a watch time.

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
    OMoEClassifier : The same network for classes as targets.
    OMoERegressor : The same network for numbers as targets.
    MMoEMixedPredictor : A gate for each task.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 4.1.
    .. [2] Zhao et al. "Recommending What Video to Watch Next: A Multitask Ranking System",
       RecSys 2019.
    .. [3] Hazimeh et al. "DSelect-k: Differentiable Selection in the Mixture of Experts with
       Applications to Multi-Task Learning", NeurIPS 2021.
    .. [4] Ba, Kiros and Hinton. "Layer Normalization", arXiv:1607.06450, 2016.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import make_regression
    >>> from sk_mmoe import OMoEMixedPredictor
    >>> X, watch_time = make_regression(500, random_state=0)
    >>> y = pd.DataFrame({"click": watch_time > 0, "watch_time": watch_time})
    >>> tasks = {"click": "binary", "watch_time": "regression"}
    >>> model = OMoEMixedPredictor(tasks=tasks, max_iter=20, random_state=0).fit(X, y)
    >>> model.predict(X[:2]).shape
    (2, 2)
    """
