"""Several networks of equal shape, computed as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from sk_mmoe.nn._column_rows import ColumnRows
from sk_mmoe.nn._embedded import EmbeddedNetwork
from sk_mmoe.nn._sparse import SparseRows
from sk_mmoe.nn._twin import Twin


class MemberStack(nn.Module):
    """Networks of equal shape, each with its own weights, that run as one program.

    Their parameters are stacked along a first axis, and :func:`torch.vmap` turns the operations of
    a network into batched operations. The number of operations is nearly the same for any number of
    members. Only the tensors grow. Each member computes what it would compute alone, up to rounding
    and to the units that dropout draws.

    Parameters
    ----------
    networks : sequence of torch.nn.Module
        The networks. Their weights are copied.

    Attributes
    ----------
    n_members : int
        The number of networks.
    network : torch.nn.Module
        A network whose parameters hold those of all members, with the members on the first axis.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import MemberStack, MMoE
    >>> stack = MemberStack([MMoE(5, [1, 3]) for _ in range(4)])
    >>> [tuple(scores.shape) for scores in stack(torch.zeros(7, 5))]
    [(4, 7, 1), (4, 7, 3)]
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.n_members = len(networks)
        parameters, buffers = stack_module_state(list(networks))
        # The names of the parameters stay those of a single network.
        self.network = deepcopy(networks[0])
        for name, parameter in parameters.items():
            _replace(self.network, name, nn.Parameter(parameter.detach()))
        for name, buffer in buffers.items():
            _replace(self.network, name, buffer)
        self._penalty: Tensor | None = None
        self._twins: list[Twin] = []

    @property
    def heads(self) -> nn.Module:
        """The parts that belong to single tasks, of all members."""
        heads: Any = self.network.heads
        return heads

    def member(self, index: int) -> nn.Module:
        """Return one member as a separate network.

        Parameters
        ----------
        index : int
            The member, counted from 0.

        Returns
        -------
        torch.nn.Module
            A network with a copy of the member's weights.
        """
        network = deepcopy(self.network)
        for name, parameter in self.network.named_parameters():
            _replace(network, name, nn.Parameter(parameter[index].detach().clone()))
        for name, buffer in self.network.named_buffers():
            _replace(network, name, buffer[index].clone())
        return network.train(self.training)

    def forward(self, x: Tensor | ColumnRows | SparseRows) -> list[Tensor]:
        """Return the raw scores of each task.

        Parameters
        ----------
        x : Tensor or ColumnRows of shape (n_samples, n_features) or \
                (n_members, n_samples, n_features), or SparseRows
            Rows shared by all members, or rows per member.

        Returns
        -------
        list of Tensor of shape (n_members, n_samples, n_outputs[k])
            The raw scores.
        """
        network = self.network
        if isinstance(network, EmbeddedNetwork):  # one lookup for all members
            x, network = network.read(cast(ColumnRows, x)), network.network
        x = cast(Tensor, x.to_dense() if isinstance(x, SparseRows) else x)
        compute = self._follow_call if torch.compiler.is_compiling() else self._call_twin
        scores, penalties = compute(network, x)
        self._penalty = penalties[0] if penalties else None
        return scores

    def _call_twin(self, network: nn.Module, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return the scores of all members, and a list with their penalties or without an entry."""
        try:
            twin = self._twins.pop()
        except IndexError:  # the first call, or all are in use by other threads
            twin = Twin(network)
        tensors = twin.follow()
        result = _for_members(lambda own, rows: _with_penalty(twin.bind(own), rows), tensors, x)
        self._twins.append(twin)
        return result

    @staticmethod
    def _follow_call(network: nn.Module, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return the same in a way that torch.compile and torch.export can follow."""
        module = _WithPenalty(network)
        tensors = dict(module.named_parameters()) | dict(module.named_buffers())
        return _for_members(lambda own, rows: functional_call(module, own, (rows,)), tensors, x)

    def penalty(self) -> Tensor | None:
        """Return the penalty of each member in the last forward pass, to be added to its loss.

        Returns
        -------
        Tensor of shape (n_members,) or None
            The penalties. `None` if the networks have none.
        """
        return self._penalty

    def __getstate__(self) -> dict[str, Any]:
        """Leave the twins, and the last penalty with its graph, out of copies and pickles."""
        return self.__dict__ | {"_penalty": None, "_twins": []}


def _for_members(
    function: Callable[[Any, Tensor], tuple[list[Tensor], list[Tensor]]], tensors: Any, x: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    """Return what a function of a member's tensors and rows returns, for all members at once."""
    in_dims = (0, 0 if x.dim() > 2 else None)
    result: tuple[list[Tensor], list[Tensor]]
    result = torch.vmap(function, in_dims, randomness="different")(tensors, x)
    return result


class _WithPenalty(nn.Module):
    """A network that returns its penalty, if it has one, with its scores."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Any) -> tuple[list[Tensor], list[Tensor]]:
        """Return the scores, and a list with the penalty or without an entry."""
        return _with_penalty(self.network, x)


def _with_penalty(network: nn.Module, x: Any) -> tuple[list[Tensor], list[Tensor]]:
    """Return the scores of a network, and a list with its penalty or without an entry."""
    scores: list[Tensor] = network(x)
    penalty_of: Callable[[], Tensor | None] = getattr(network, "penalty", lambda: None)
    penalty = penalty_of()
    return scores, [] if penalty is None else [penalty]


def _replace(module: nn.Module, name: str, tensor: Tensor) -> None:
    """Put a tensor in place of a parameter or buffer."""
    *path, last = name.split(".")
    for step in path:
        module = getattr(module, step)
    if isinstance(tensor, nn.Parameter):
        delattr(module, last)
    setattr(module, last, tensor)
