"""One-gate Mixture-of-Experts: one gate for all tasks."""

from __future__ import annotations

from typing import ClassVar

from sk_mmoe.nn._mmoe import MMoE


class OMoE(MMoE):
    """One-gate Mixture-of-Experts: shared experts, one gate for all tasks, one tower per task.

    The gate mixes the outputs of the experts with weights that depend on the input, and the tower
    of each task turns this mixture into scores [1]_. With several levels, each level has one gate,
    whose mixture the experts and the gate of the next level read.

    Parameters
    ----------
    n_features : int
        Number of input features.
    n_outputs : sequence of int
        Number of raw scores of each task.
    n_experts : int, default=8
        Number of experts in each level.
    expert_hidden_layer_sizes : sequence of int, default=(64,)
        Units of each hidden layer of an expert. Empty: the experts return their input.
    tower_hidden_layer_sizes : sequence of int, default=(32,)
        Units of each hidden layer of a tower. Empty: the scores are linear in the mixture.
    trunk_hidden_layer_sizes : sequence of int, default=()
        Units of each hidden layer of a network that all tasks share, before experts and gates.
        Empty: experts and gates read the input directly.
    n_levels : int, default=1
        Number of levels of experts and gates.
    activation : str, default="relu"
        Activation of all hidden layers.
    dropout : float, default=0.0
        Probability of dropping a unit after every hidden layer. Raise it if the network overfits.
    gate : {"softmax", "top_k", "dselect_k"}, default="softmax"
        Which experts a gate uses, as in :class:`MixtureOfExperts`.
    n_active_experts : int, default=2
        Number of experts that a "top_k" or "dselect_k" gate uses, at most `n_experts`.
    gate_entropy : float, default=0.0
        Weight in the loss of the entropy of a selection of "dselect_k". Raise it, for example to
        0.01, if the gate uses more than `n_active_experts` experts.
    gate_dropout : float, default=0.0
        Probability of dropping an expert from the gate in training. Raise it, for example to 0.1,
        if the gate puts all weight on one expert.
    normalize_experts : bool, default=False
        Whether to apply layer normalisation to the output of each expert, so that no expert
        dominates by its scale.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

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
