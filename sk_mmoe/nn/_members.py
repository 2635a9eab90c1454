"""Several networks of equal shape, computed as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from sk_mmoe.nn._column_rows import ColumnRows
from sk_mmoe.nn._embedded import EmbeddedNetwork
from sk_mmoe.nn._sparse import SparseRows


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
        state = dict(network.named_parameters()) | dict(network.named_buffers())
        run = torch.vmap(
            partial(_run, network), in_dims=(0, 0 if x.dim() > 2 else None), randomness="different"
        )
        scores, penalties = run(state, x)
        self._penalty = penalties[0] if penalties else None
        return scores

    def penalty(self) -> Tensor | None:
        """Return the penalty of each member in the last forward pass, to be added to its loss.

        Returns
        -------
        Tensor of shape (n_members,) or None
            The penalties. `None` if the networks have none.
        """
        return self._penalty

    def __getstate__(self) -> dict[str, Any]:
        """Leave the penalty of the last batch, and its graph, out of copies and pickles."""
        return self.__dict__ | {"_penalty": None}


def _run(
    network: nn.Module, state: dict[str, Tensor], x: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    """Return the scores of one member, and a list with its penalty or without an entry."""
    if torch.compiler.is_compiling():  # which follows a call without changing the network
        state = {f"network.{name}": part for name, part in state.items()}
        result: tuple[list[Tensor], list[Tensor]]
        result = functional_call(_WithPenalty(network), state, (x,))
        return result
    originals = dict(network.named_parameters()) | dict(network.named_buffers())
    bound = _bind(network, {id(originals[name]): state[name] for name in state})
    return _with_penalty(bound, x)


def _bind(module: nn.Module, tensors: dict[int, Tensor]) -> nn.Module:
    """Return a module like another one, with other tensors in place of its parameters and buffers.

    :func:`torch.func.functional_call` would put them into the module itself for the time of the
    call. Of several threads that predict, one would then compute with the tensors of another.
    """
    bound = module.__new__(type(module))
    vars(bound).update(vars(module))
    for kind in ("_parameters", "_buffers"):
        own = vars(module)[kind]
        replaced = {name: None if t is None else tensors.get(id(t), t) for name, t in own.items()}
        vars(bound)[kind] = replaced
    children = vars(module)["_modules"].items()
    vars(bound)["_modules"] = {
        name: None if child is None else _bind(child, tensors) for name, child in children
    }
    return bound


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
