"""A layer of experts, some for single tasks and some shared by all."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sk_mmoe.nn._gates import make_gate
from sk_mmoe.nn._mixing import mix
from sk_mmoe.nn._stacked import StackedMLP


class ExtractionLayer(nn.Module):
    r"""A level of experts, of which each task hears its own and the shared ones.

    Task ``k`` mixes its own experts :math:`f_{k,i}` and the shared experts :math:`f_{s,i}`,

    .. math::
        f^k = \sum_i g^k(x_k)_i f_{k,i}(x_k) + \sum_i g^k(x_k)_{m+i} f_{s,i}(x_s),
        \qquad g^k(x_k) = \mathrm{softmax}(W_{gk} x_k),

    with the ``m`` experts of a task, its input :math:`x_k` and the shared input :math:`x_s`. The
    shared gate mixes all experts, with weights that it reads from :math:`x_s`.

    Parameters
    ----------
    in_features : int
        Number of input features.
    n_tasks : int
        Number of tasks.
    n_shared_experts : int, default=4
        Number of experts that all tasks hear. 0: the tasks have nothing in common, and there is no
        shared gate.
    n_task_experts : int, default=2
        Number of experts of each task that no other task hears. 0: all experts are shared.
    shared_gate : bool, default=True
        Whether there is a shared gate, which makes the shared input of the next level.
    hidden_layer_sizes : sequence of int, default=(64,)
        Units of each hidden layer of an expert. Empty: the experts pass their input on.
    activation : str, default="relu"
        Activation of the experts.
    dropout : float, default=0.0
        Probability of dropping a unit after every hidden layer of an expert.
    gate_dropout : float, default=0.0
        Probability, for each sample and gate, of dropping an expert in training. The weights of
        the experts that are left are renormalised to a sum of one.
    normalize_experts : bool, default=False
        Whether what an expert puts out is layer-normalised, as in :class:`StackedMLP`.

    Attributes
    ----------
    out_features : int
        Number of output features.

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
                "n_shared_experts and n_task_experts must not be negative, nor both 0: a task "
                f"needs an expert to hear. Got {n_shared_experts} and {n_task_experts}."
            )
        n_all = n_tasks * n_task_experts + n_shared_experts
        # Experts of the tasks, in order of the tasks, then the shared ones.
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
        self.n_tasks = n_tasks
        self.n_shared_experts = n_shared_experts
        self.n_task_experts = n_task_experts
        self.out_features = self.experts.out_features

    def gate_weights(self, x: Tensor) -> Tensor:
        """Return the weight that each gate gives to each expert.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_features) or (n_streams, n_samples, in_features)
            The input, as in `forward`.

        Returns
        -------
        Tensor of shape (n_gates, n_samples, n_experts)
            The weights: a gate for each task, then the shared gate, where there is one; the
            experts of the first task, of the second and so on, then the shared ones. They sum to
            one over the experts and are zero for the experts of another task.
        """
        weights = self.gates(x if x.dim() == 2 else x[: self.n_tasks])
        own, shared = weights.split([self.n_task_experts, self.n_shared_experts], -1)
        # A task's own weights stand in its block of a diagonal of blocks.
        own = torch.diag_embed(own.permute(1, 2, 0), dim1=0, dim2=2).flatten(-2)
        weights = torch.cat([own, shared], dim=-1)
        if self.shared_gate is None:
            return weights
        return torch.cat([weights, self.shared_gate(x if x.dim() == 2 else x[self.n_tasks :])])

    def forward(self, x: Tensor) -> Tensor:
        """Return the mixture of each gate.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_features) or (n_streams, n_samples, in_features)
            One input for all, or a stream for each task and, last, one for the shared experts
            and the shared gate; without shared experts there is no such stream.

        Returns
        -------
        Tensor of shape (n_gates, n_samples, out_features)
            A stream for each task, then that of the shared gate, where there is one.
        """
        gates = self.gate_weights(x)
        if x.dim() > 2:
            own = x[: self.n_tasks].repeat_interleave(self.n_task_experts, dim=0)
            shared = x[self.n_tasks :].expand(self.n_shared_experts, -1, -1)
            x = torch.cat([own, shared])
        return mix(gates, self.experts(x))
