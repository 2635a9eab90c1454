"""Progressive layered extraction: parameters and estimators."""

from __future__ import annotations

from typing import ClassVar

import torch

from sk_mmoe import nn
from sk_mmoe.architectures._gated import GatedArchitecture
from sk_mmoe.estimators._classifier import MultiTaskClassifier
from sk_mmoe.estimators._docs import document
from sk_mmoe.estimators._mixed import MixedTaskPredictor
from sk_mmoe.estimators._parameters import (
    Flag,
    LayerSizes,
    NonNegativeInt,
    PositiveInt,
    Probability,
)
from sk_mmoe.estimators._regressor import MultiTaskRegressor


class PLE(GatedArchitecture):
    """Progressive layered extraction.

    Each task has `n_task_experts` experts that no other task uses, and all tasks share
    `n_shared_experts`. The gate of a task mixes the two kinds. It is the softmax of a linear
    function of its inputs. The tower of the task turns the mixture into scores [1]_. With shared
    experts only it is MMoE [2]_. With several levels, the tasks separate step by step.

    Use it when learning one task disturbs another.

    Parameters
    ----------
    n_levels : int, default=1
        Number of levels of experts. From the second level on, experts read the mixtures of the
        level below. A shared gate makes the input of the shared experts. One level is enough for
        most tables.
    n_shared_experts : int, default=4
        Number of experts of a level that all tasks use. Raise it when the tasks are closely
        related. 0: the tasks share nothing.
    n_task_experts : int, default=2
        Number of experts of each task and level that no other task uses. Raise it when the tasks
        have little in common. 0: all experts are shared.
    expert_hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(64,)
        Units of each hidden layer of an expert. Use smaller experts when the network overfits, and
        try larger ones on large tables. Empty: an expert returns its input.
    tower_hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(32,)
        Units of each hidden layer of a task's tower. Use smaller towers when tasks have few labels.
        Empty: the scores are linear in the mixture.
    gate_dropout : float, default=0.0
        Probability, for each sample and gate, of dropping an expert during training. The weights of
        the other experts are renormalised [3]_. Set it to 0.1 when gates put all weight on one
        expert.
    normalize_experts : bool, default=False
        Whether to apply layer normalisation [4]_ to each expert's output, so that no expert
        dominates by its scale. Set it for tables with 50,000 rows or more. It helps a little there,
        and hurts on small tables.

    See Also
    --------
    sk_mmoe.nn.PLE : The network alone, as a torch module.

    References
    ----------
    .. [1] Tang et al. "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL)
       Model for Personalized Recommendations", RecSys 2020.
    .. [2] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018.
    .. [3] Zhao et al. "Recommending What Video to Watch Next: A Multitask Ranking System",
       RecSys 2019.
    .. [4] Ba, Kiros and Hinton. "Layer Normalization", arXiv:1607.06450, 2016.
    """

    network: ClassVar[type[torch.nn.Module]] = nn.PLE

    n_levels: PositiveInt = 1
    n_shared_experts: NonNegativeInt = 4
    n_task_experts: NonNegativeInt = 2
    expert_hidden_layer_sizes: LayerSizes = (64,)
    tower_hidden_layer_sizes: LayerSizes = (32,)
    gate_dropout: Probability = 0.0
    normalize_experts: Flag = False


@document
class PLEClassifier(MultiTaskClassifier, PLE):
    """Progressive layered extraction for several classification tasks at once.

    Examples
    --------
    The experts are ordered: those of the first task, those of the second, and the shared ones.

    >>> weights = model.gate_weights(X)
    >>> weights.shape
    (500, 2, 8)
    >>> weights[:, 0, 2:4].max()  # the first task does not use the experts of the second
    np.float32(0.0)
    """


@document
class PLERegressor(MultiTaskRegressor, PLE):
    """Progressive layered extraction for several regression tasks at once."""


@document
class PLEMixedPredictor(MixedTaskPredictor, PLE):
    """Progressive layered extraction for classification and regression tasks side by side."""
