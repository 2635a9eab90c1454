"""Modules of TorchJD: what kind they are, whether they fit the tasks, and what they remember.

TorchJD is never imported here. Whoever passes one of its modules has imported it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from sk_mmoe.nn.balancing._gradients import GradientBalancing

_PLAIN = (type(None), bool, int, float, str, torch.dtype, torch.device)


def is_a(module: nn.Module, *names: str) -> bool:
    """Return whether a module is an instance of one of some classes of TorchJD.

    Parameters
    ----------
    module : torch.nn.Module
        The module.
    *names : str
        The classes, each by the name of its package and its own, such as "aggregation.PCGrad".

    Returns
    -------
    bool
        Whether it is one.
    """
    for name in names:
        package, cls = name.split(".")
        found = getattr(sys.modules.get(f"torchjd.{package}"), cls, None)
        if found is not None and isinstance(module, found):
            return True
    return False


def check_by_trial(
    module: nn.Module, example: Tensor, shape: tuple[int, ...], *, purpose: str
) -> None:
    """Raise a ValueError if a module does not map an example to a tensor of a shape.

    Parameters
    ----------
    module : torch.nn.Module
        The module. A copy of it is tried.
    example : Tensor
        What the module is called with, once in each type of floating-point numbers.
    shape : tuple of int
        The shape of what it must return.
    purpose : str
        What the module is for, for the error message.

    Raises
    ------
    ValueError
        If the module raises an error, or returns something else.
    """
    reason = ""
    for dtype in (torch.float32, torch.float64):
        try:
            result = deepcopy(module)(example.to(dtype).requires_grad_())
        except Exception as error:  # whatever a foreign module raises
            reason = reason or f"it raised {type(error).__name__}: {error}"
            continue
        if isinstance(result, Tensor) and result.shape == shape:
            return
        reason = f"it returned {getattr(result, 'shape', type(result).__name__)}"
    n_tasks = len(example)
    raise ValueError(
        f"{type(module).__name__} cannot balance {n_tasks} tasks: {purpose} from shape "
        f"{tuple(example.shape)} to shape {shape}, but {reason}. Pass the name of a method, a "
        "balancing of sk_mmoe.nn, or a scalarizer or aggregator of TorchJD."
    )


class RemembersForeign(GradientBalancing):
    """Base of balancing that holds a module of TorchJD and keeps what that remembers.

    Such modules keep a part of their state in plain attributes, and give others a shape with the
    first batch only. Without help, neither survives `state_dict` and `load_state_dict`.
    """

    def start(self, task_weights: Tensor) -> RemembersForeign:
        """Forget what the foreign module remembers of an earlier use.

        Parameters
        ----------
        task_weights : Tensor of shape (n_tasks,)
            The weights of the tasks, with a sum of one.

        Returns
        -------
        RemembersForeign
            The balancing itself.
        """
        super().start(task_weights)
        for module in self.children():
            reset: Callable[[], None] = getattr(module, "reset", lambda: None)
            reset()
        self._at_start = _plain_attributes(self)
        return self

    def get_extra_state(self) -> dict[str, dict[str, Any]]:
        """Return the plain attributes of the foreign module that training has changed.

        Returns
        -------
        dict of dict
            The attributes, by the name of the submodule and their own.
        """
        changed: dict[str, dict[str, Any]] = {}
        for path, attributes in _plain_attributes(self).items():
            before = self._at_start[path]
            for name, value in attributes.items():
                if name not in before or before[name] != value:
                    changed.setdefault(path, {})[name] = value
        return changed

    def set_extra_state(self, state: dict[str, dict[str, Any]]) -> None:
        """Take over the attributes that :meth:`get_extra_state` of another one returned.

        Parameters
        ----------
        state : dict of dict
            The attributes.
        """
        for path, attributes in state.items():
            vars(self.get_submodule(path)).update(attributes)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        """Make room for buffers that get their shape with the first batch."""
        for path, module in self.named_modules():
            for name, buffer in module._buffers.items():
                key = f"{prefix}{path}.{name}"
                if buffer is None and key in state_dict:
                    module._buffers[name] = torch.empty_like(state_dict[key])
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def _plain_attributes(module: nn.Module) -> dict[str, dict[str, Any]]:
    """Return the attributes of a module and its submodules that are numbers, texts and the like."""
    return {
        path: {
            name: value
            for name, value in vars(part).items()
            if name != "training" and _is_plain(value)
        }
        for path, part in module.named_modules()
    }


def _is_plain(value: Any) -> bool:
    """Return whether a value is one that torch loads without pickle."""
    return isinstance(value, _PLAIN) or (isinstance(value, tuple) and all(map(_is_plain, value)))
