"""A network that computes with other tensors in place of its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

_TENSORS = ("_parameters", "_buffers")


class Twin:
    """A network like another one, whose parameters and buffers can be replaced for a call.

    :func:`torch.func.functional_call` would put the tensors into the network itself for the time of
    the call. Of several threads that predict, one would then compute with the tensors of another.
    It also looks for all parameters in every call, which takes as long as a third of a small
    network's computation. A twin remembers where they are.

    Parameters
    ----------
    network : torch.nn.Module
        The network. Its parameters may change, and be moved to a device, but not its modules.

    Attributes
    ----------
    network : torch.nn.Module
        The twin.
    """

    def __init__(self, network: nn.Module) -> None:
        self._modules: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = []
        self._places: list[tuple[dict[str, Any], dict[str, Any], str]] = []
        self.network = self._copy(network)

    def _copy(self, module: nn.Module) -> nn.Module:
        """Return the twin of a module, and note where the tensors of both are."""
        twin = module.__new__(type(module))
        theirs, own = vars(module), vars(twin)
        kept: dict[str, Any] = {kind: dict(theirs[kind]) for kind in _TENSORS}
        for kind in _TENSORS:
            places = [name for name, tensor in theirs[kind].items() if tensor is not None]
            self._places += [(theirs[kind], kept[kind], name) for name in places]
        kept["_modules"] = {
            name: None if child is None else self._copy(child)
            for name, child in theirs["_modules"].items()
        }
        self._modules.append((theirs, own, kept))
        own.update(theirs | kept)
        return twin

    def follow(self) -> list[Tensor]:
        """Take over all attributes of the network but its tensors, and return these.

        Returns
        -------
        list of Tensor
            The parameters and buffers of the network.
        """
        for theirs, own, kept in self._modules:
            own.update(theirs)
            own.update(kept)
        return [theirs[name] for theirs, _, name in self._places]

    def bind(self, tensors: Sequence[Tensor]) -> nn.Module:
        """Return the twin with other tensors.

        Parameters
        ----------
        tensors : sequence of Tensor
            A tensor for each that :meth:`follow` returned.

        Returns
        -------
        torch.nn.Module
            The twin.
        """
        for (_, own, name), tensor in zip(self._places, tensors, strict=True):
            own[name] = tensor
        return self.network
