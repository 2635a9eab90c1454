"""The optimizer settings of each parameter of a network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from torch import nn

Settings = dict[str, Any]


@runtime_checkable
class HasParameterGroups(Protocol):
    """A module that gives some of its parameters their own optimizer settings."""

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        """Return groups of such parameters, for a learning rate of the optimizer."""
        ...


def parameter_groups(module: nn.Module, rate: float) -> list[dict[str, Any]]:
    """Split the parameters of a module into groups with different optimizer settings.

    Pass the groups to a torch optimizer instead of ``module.parameters()``. They contain every
    parameter exactly once, in this order:

    - ordinary weights, with the settings of the optimizer;
    - biases, without weight decay;
    - parameters to which a module gives its own settings, such as the vectors of
      :class:`ColumnEmbedding`, which learn faster.

    Parameters with equal settings are in one group, and empty groups are left out.

    Parameters
    ----------
    module : torch.nn.Module
        The network, or any other module.
    rate : float
        The learning rate of the optimizer. Modules set their own learning rates relative to it.

    Returns
    -------
    list of dict
        The groups. Each has parameters under "params", and may have settings such as "lr" and
        "weight_decay".

    Raises
    ------
    ValueError
        If the method ``parameter_groups`` of a module returns a parameter twice, or one that is not
        a parameter of the module.

    Notes
    -----
    Define a method ``parameter_groups(rate)`` to give parameters of a module, or of its submodules,
    their own settings. It returns a list of groups in the same form, with only these parameters.
    If a module and one of its submodules give settings to the same parameter, those of the module
    are used.

    As in torch's layers, a parameter whose name ends in "bias" is a bias.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import EmbeddedNetwork, MMoE, parameter_groups
    >>> network = EmbeddedNetwork(MMoE, 5, [1, 3], n_vectors=[4, 2, 5])
    >>> groups = parameter_groups(network, rate=1e-3)
    >>> optimizer = torch.optim.AdamW(groups, lr=1e-3, weight_decay=1e-4)
    >>> [(group["lr"], group["weight_decay"]) for group in optimizer.param_groups]
    [(0.001, 0.0001), (0.001, 0.0), (0.005, 1.0)]

    A module that learns ten times faster than the rest of a network:

    >>> class Scale(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.weight = torch.nn.Parameter(torch.ones(1))
    ...     def parameter_groups(self, rate):
    ...         return [{"params": [self.weight], "lr": 10 * rate}]
    >>> [group["lr"] for group in parameter_groups(Scale(), rate=1e-3)]
    [0.01]
    """
    own: dict[nn.Parameter, Settings] = {}
    for part in module.modules():  # outer modules first
        for parameter, settings in _own_settings(part, rate):
            own.setdefault(parameter, settings)
    ordinary: Settings = {}
    of_biases: Settings = {"weight_decay": 0.0}
    groups: list[tuple[Settings, list[nn.Parameter]]] = [(ordinary, []), (of_biases, [])]
    for name, parameter in module.named_parameters():
        settings = own.get(parameter, of_biases if name.endswith("bias") else ordinary)
        for known, parameters in groups:
            if known == settings:
                parameters.append(parameter)
                break
        else:
            groups.append((settings, [parameter]))
    return [{"params": parameters} | settings for settings, parameters in groups if parameters]


def _own_settings(module: nn.Module, rate: float) -> Iterator[tuple[nn.Parameter, Settings]]:
    """Yield the parameters to which a module gives settings, and the settings."""
    if not isinstance(module, HasParameterGroups):
        return
    remaining = set(module.parameters())
    for group in module.parameter_groups(rate):
        settings = {name: value for name, value in group.items() if name != "params"}
        for parameter in group["params"]:
            if parameter not in remaining:
                raise ValueError(
                    f"{type(module).__name__}.parameter_groups must return parameters of the "
                    "module, each at most once, got a parameter of shape "
                    f"{tuple(parameter.shape)} that belongs to another module or comes twice."
                )
            remaining.remove(parameter)
            yield parameter, settings
