"""Multi-gate Mixture-of-Experts: parameters and estimators."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from sklearn.utils._param_validation import StrOptions

from sk_mmoe import nn
from sk_mmoe.architectures._gated import GatedArchitecture
from sk_mmoe.estimators._classifier import MultiTaskClassifier
from sk_mmoe.estimators._docs import document
from sk_mmoe.estimators._mixed import MixedTaskPredictor
from sk_mmoe.estimators._parameters import (
    Flag,
    LayerSizes,
    NonNegative,
    PositiveInt,
    Probability,
)
from sk_mmoe.estimators._regressor import MultiTaskRegressor
from sk_mmoe.nn._gates import GATES


class MMoE(GatedArchitecture):
    """Multi-gate Mixture-of-Experts.

    All tasks share `n_experts` small networks, the experts. Each task has a gate, which weights the
    experts for each sample. The gate is the softmax of a linear function of the inputs. Each task
    also has a tower, a small network that turns the weighted mixture into scores [1]_. Related
    tasks can use the same experts, and unrelated tasks can use different ones.

    Use it when you do not know how related the tasks are.

    Parameters
    ----------
    n_experts : int, default=8
        Number of experts of each level. Raise it for many tasks, or for tasks that have little in
        common.
    expert_hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(64,)
        Units of each hidden layer of an expert. Use smaller experts when the network overfits, and
        try larger ones on large tables. Empty: an expert returns its input.
    tower_hidden_layer_sizes : array-like of shape (n_layers,) or int, default=(32,)
        Units of each hidden layer of a task's tower. Use smaller towers when tasks have few labels.
        Empty: the scores are linear in the mixture.
    trunk_hidden_layer_sizes : array-like of shape (n_layers,) or int, default=()
        Units of each hidden layer of a trunk, a network below experts and gates that all tasks
        share. Add one when the tasks need the same features of the inputs. Empty: experts and gates
        read the inputs.
    n_levels : int, default=1
        Number of levels. A level is a layer of experts with its gates. From the second level on,
        the experts read the mixture of a shared gate of the level below, and each gate reads the
        mixture of the same gate below. One level is enough for most tables.
    gate : {"softmax", "top_k", "dselect_k"}, default="softmax"
        Which experts a gate uses. "softmax" uses all. "top_k" uses the `n_active_experts` experts
        with the highest logits. "dselect_k" starts with all, and learns by gradient descent which
        `n_active_experts` to select [3]_. Choose one of the two to keep tasks apart or to interpret
        the gates. They do not save time, because all experts are computed in any case.
    n_active_experts : int, default=2
        Number of experts that a gate "top_k" or "dselect_k" uses, at most `n_experts`.
    gate_entropy : float, default=0.0
        Weight of an entropy penalty in the training loss, for "dselect_k" gates only. The penalty
        is the entropy of a selection in nats, averaged over samples, gates and selected experts,
        whatever the sample weights. Set it to 0.01 when samples use more than `n_active_experts`
        experts. A much larger value makes gates select before they have learned which experts are
        useful.
    gate_dropout : float, default=0.0
        Probability, for each sample and gate, of dropping an expert during training. The weights of
        the other experts are renormalised [2]_. Set it to 0.1 when gates put all weight on one
        expert.
    normalize_experts : bool, default=False
        Whether to apply layer normalisation [4]_ to each expert's output, so that no expert
        dominates by its scale. Set it for tables with 50,000 rows or more. It helps a little there,
        and hurts on small tables.

    See Also
    --------
    sk_mmoe.nn.MMoE : The network alone, as a torch module.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 4.
    .. [2] Zhao et al. "Recommending What Video to Watch Next: A Multitask Ranking System",
       RecSys 2019.
    .. [3] Hazimeh et al. "DSelect-k: Differentiable Selection in the Mixture of Experts with
       Applications to Multi-Task Learning", NeurIPS 2021.
    .. [4] Ba, Kiros and Hinton. "Layer Normalization", arXiv:1607.06450, 2016.
    """

    network: ClassVar[type[torch.nn.Module]] = nn.MMoE

    n_experts: PositiveInt = 8
    expert_hidden_layer_sizes: LayerSizes = (64,)
    tower_hidden_layer_sizes: LayerSizes = (32,)
    trunk_hidden_layer_sizes: LayerSizes = ()
    n_levels: PositiveInt = 1
    gate: Annotated[str, StrOptions(set(GATES))] = "softmax"
    n_active_experts: PositiveInt = 2
    gate_entropy: NonNegative = 0.0
    gate_dropout: Probability = 0.0
    normalize_experts: Flag = False


@document
class MMoEClassifier(MultiTaskClassifier, MMoE):
    """Multi-gate Mixture-of-Experts for several classification tasks at once.

    Examples
    --------
    >>> model.gate_weights(X).shape
    (500, 2, 8)
    """


@document
class MMoERegressor(MultiTaskRegressor, MMoE):
    """Multi-gate Mixture-of-Experts for several regression tasks at once."""


@document
class MMoEMixedPredictor(MixedTaskPredictor, MMoE):
    """Multi-gate Mixture-of-Experts for classification and regression tasks side by side."""
