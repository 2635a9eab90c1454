"""A layer with experts for single tasks and experts for all tasks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sk_mmoe.nn._gates import make_gate
from sk_mmoe.nn._mixing import mix
from sk_mmoe.nn._stacked import StackedMLP


class ExtractionLayer(nn.Module):
    r"""A level of experts, in which each task uses its own experts and the shared ones.

    Task ``k`` mixes its own experts :math:`f_{k,i}` and the shared experts :math:`f_{s,i}` [1]_,

    .. math::
        f^k = \sum_i g^k(x_k)_i f_{k,i}(x_k) + \sum_i g^k(x_k)_{m+i} f_{s,i}(x_s),
        \qquad g^k(x_k) = \mathrm{softmax}(W_{gk} x_k),

    where ``m`` is the number of the task's own experts, :math:`x_k` its input and :math:`x_s` the
    shared input. The shared gate mixes all experts, with weights that depend on :math:`x_s`.

    Parameters
    ----------
    in_features : int
        Number of input features.
    n_tasks : int
        Number of tasks.
    n_shared_experts : int, default=4
        Number of experts that all tasks use. 0: the tasks share nothing, and there is no shared
        gate.
    n_task_experts : int, default=2
        Number of experts of each task, which no other task uses. 0: all experts are shared.
    shared_gate : bool, default=True
        Whether there is a shared gate, which makes the shared input of the next level.
    hidden_layer_sizes : sequence of int, default=(64,)
        Units of each hidden layer of an expert. Empty: the experts return their input.
    activation : str, default="relu"
        Activation of the experts.
    dropout : float, default=0.0
        Probability of dropping a unit after every hidden layer of an expert.
    gate_dropout : float, default=0.0
        Probability of dropping an expert in training, for each sample and gate. The weights of the
        remaining experts are rescaled to a sum of one. Raise it, for example to 0.1, if gates put
        all weight on one expert.
    normalize_experts : bool, default=False
        Whether to apply layer normalisation to the output of each expert, so that no expert
        dominates by its scale.

    Attributes
    ----------
    out_features : int
        Number of output features.
    places : Tensor of shape (n_tasks, n_task_experts + n_shared_experts, n_experts)
        Ones where an expert that a task uses stands among all experts, and zeros elsewhere.

    Raises
    ------
    ValueError
        If there are no experts at all, or a parameter is out of its range.

    References
    ----------
    .. [1] Tang et al. "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL)
       Model for Personalized Recommendations", RecSys 2020, sections 4.1 and 4.2.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import ExtractionLayer
    >>> streams = ExtractionLayer(5, n_tasks=2)(torch.zeros(7, 5))
    >>> streams.shape
    torch.Size([3, 7, 64])
    >>> ExtractionLayer(64, n_tasks=2, shared_gate=False)(streams).shape
    torch.Size([2, 7, 64])
    """

    places: Tensor

    def __init__(
        self,
        in_features: int,
        n_tasks: int,
        *,
        n_shared_experts: int = 4,
        n_task_experts: int = 2,
        shared_gate: bool = True,
        hidden_layer_sizes: Sequence[int] = (64,),
        activation: str = "relu",
        dropout: float = 0.0,
        gate_dropout: float = 0.0,
        normalize_experts: bool = False,
    ) -> None:
        super().__init__()
        n_experts = n_shared_experts + n_task_experts
        if min(n_shared_experts, n_task_experts) < 0 or n_experts == 0:
            raise ValueError(
                "n_shared_experts and n_task_experts must not be negative, nor both 0: each task "
                f"needs at least one expert. Got {n_shared_experts} and {n_task_experts}."
            )
        n_all = n_tasks * n_task_experts + n_shared_experts
        # The experts of the first task, of the second and so on, and then the shared ones.
        self.experts = StackedMLP(
            n_all,
            in_features,
            hidden_layer_sizes,
            activation=activation,
            dropout=dropout,
            normalize=normalize_experts,
        )
        self.gates = make_gate("softmax", in_features, n_tasks, n_experts, dropout=gate_dropout)
        self.shared_gate = (
            make_gate("softmax", in_features, 1, n_all, dropout=gate_dropout)
            if shared_gate and n_shared_experts > 0
            else None
        )
        # Products with zeros and ones put the weights of a task's experts where they belong.
        places = torch.zeros(n_tasks, n_experts, n_all)
        for task, of_task in enumerate(places):
            first = task * n_task_experts
            of_task[:n_task_experts, first : first + n_task_experts].fill_diagonal_(1)
            of_task[n_task_experts:, n_tasks * n_task_experts :].fill_diagonal_(1)
        self.register_buffer("places", places, persistent=False)
        self.n_tasks = n_tasks
        self.n_shared_experts = n_shared_experts
        self.n_task_experts = n_task_experts
        self.out_features = self.experts.out_features

    def gate_weights(self, x: Tensor) -> Tensor:
        """Return the weights that each gate gives to the experts.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_features) or (n_streams, n_samples, in_features)
            The input, as in `forward`.

        Returns
        -------
        Tensor of shape (n_gates, n_samples, n_experts)
            The weights. The gates are those of the tasks and then the shared one, if there is one.
            The experts are those of the first task, of the second and so on, and then the shared
            ones. The weights sum to one over the experts, and are zero for experts of another task.
        """
        weights = self.gates(x if x.dim() == 2 else x[: self.n_tasks])
        weights = weights @ self.places
        if self.shared_gate is None:
            return weights
        return torch.cat([weights, self.shared_gate(x if x.dim() == 2 else x[self.n_tasks :])])

    def forward(self, x: Tensor) -> Tensor:
        """Return the mixture of each gate.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_features) or (n_streams, n_samples, in_features)
            One input for all experts and gates, or several streams: one per task, and then one for
            the shared experts and the shared gate. Without shared experts there is no such last
            stream.

        Returns
        -------
        Tensor of shape (n_gates, n_samples, out_features)
            One stream per task, and then that of the shared gate, if there is one.
        """
        gates = self.gate_weights(x)
        if x.dim() > 2:
            own = x[: self.n_tasks].repeat_interleave(self.n_task_experts, dim=0)
            shared = x[self.n_tasks :].expand(self.n_shared_experts, -1, -1)
            x = torch.cat([own, shared])
        return mix(gates, self.experts(x))
