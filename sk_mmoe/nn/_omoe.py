"""One-gate Mixture-of-Experts: one gate for all tasks."""

from __future__ import annotations

from typing import ClassVar

from sk_mmoe.nn._mmoe import MMoE


class OMoE(MMoE):
    """One-gate Mixture-of-Experts: shared experts, one gate for all tasks, a tower per task.

    The parameters are those of :class:`MMoE`. Of several levels each has one gate, whose mixture
    experts and gate of the next level read.

    Parameters
    ----------
    n_features : int
        Number of input features.
    n_outputs : sequence of int
        Number of raw scores of each task.
    n_experts : int, default=8
        Number of experts of each level.
    expert_hidden_layer_sizes : sequence of int, default=(64,)
        Units of each hidden layer of an expert.
    tower_hidden_layer_sizes : sequence of int, default=(32,)
        Units of each hidden layer of a tower.
    trunk_hidden_layer_sizes : sequence of int, default=()
        Units of each hidden layer of a network below experts and gates. Empty: there is none.
    n_levels : int, default=1
        Number of levels of mixture.
    activation : str, default="relu"
        Activation of all hidden layers.
    dropout : float, default=0.0
        Probability of dropping a unit after every hidden layer.
    gate : {"softmax", "top_k", "dselect_k"}, default="softmax"
        Which experts a gate listens to, as in :class:`MixtureOfExperts`.
    n_active_experts : int, default=2
        Number of experts that a gate "top_k" or "dselect_k" listens to.
    gate_entropy : float, default=0.0
        Weight in the loss of the entropy of a selection of "dselect_k".
    gate_dropout : float, default=0.0
        Probability of dropping an expert from the gate in training.
    normalize_experts : bool, default=False
        Whether what an expert puts out is layer-normalised, as in :class:`StackedMLP`.

    References
    ----------
    .. [1] Ma et al. "Modeling Task Relationships in Multi-task Learning with Multi-gate
       Mixture-of-Experts", KDD 2018, section 4.1, equation 4.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import OMoE
    >>> network = OMoE(100, [1, 1])
    >>> [tuple(scores.shape) for scores in network(torch.zeros(7, 100))]
    [(7, 1), (7, 1)]
    """

    _gate_per_task: ClassVar[bool] = False
