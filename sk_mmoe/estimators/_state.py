"""What an estimator looks like to pickle, and to skops, which stores nothing that can run."""

from __future__ import annotations

import copyreg
import json
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sk_mmoe.estimators._description import describe_model, parameters_of_fit, restore_model
from sk_mmoe.estimators._plain import from_plain, to_plain
from sk_mmoe.estimators._sklearn import BaseEstimator
from sk_mmoe.training._device import check_device

_PARTS = ("module_", "criterion_", "optimizer_", "average_")
# Where scikit-learn keeps callbacks and, while `fit` runs, what they see. It can lead back to the
# estimator.
_OF_CALLBACKS = ("_skl_callbacks", "_callback_", "_parent_callback_")


class StorableState(BaseEstimator):
    """Mix-in of estimators that keep a model.

    pickle stores the skorch net as it is, with its callbacks. skops would have to be told to trust
    all classes of skorch's and ours that occur in the net, and a net stores its tensors by pickle.
    So skops, which asks for ``__getstate__``, gets a JSON text and arrays: the only class to trust
    is that of the estimator. Callbacks that were given to `set_callbacks` are not stored.
    """

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Return what pickle and copy store: everything."""
        return copyreg.__newobj__, (type(self),), dict(vars(self))  # type: ignore[attr-defined]

    def __getstate__(self) -> dict[str, Any]:
        """Return what skops stores: parameters, and the model as a text and arrays."""
        every = vars(self).items()
        state = {name: value for name, value in every if not name.startswith(_OF_CALLBACKS)}
        if "_model" not in state:
            return state
        model = state.pop("_model")
        tensors: dict[str, np.ndarray] = {}
        net = {
            name: _without_tensors(part.state_dict(), f"{name}.", tensors)
            for name in _PARTS
            if (part := getattr(model.net, name)) is not None
        }
        description = {
            "parameters": parameters_of_fit(self),
            "model": describe_model(model),
            "net": net,
        }
        return state | {
            "_description": json.dumps(to_plain(description)),
            "_tensors": tensors,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what pickle or skops stored."""
        state = dict(state)
        text, tensors = state.pop("_description", None), state.pop("_tensors", None)
        vars(self).update(state)
        if text is None:
            return
        description = from_plain(json.loads(text))
        parts = {name: _with_tensors(part, tensors) for name, part in description["net"].items()}
        parameters = self.get_params(deep=False) | description["parameters"]
        as_fitted = type(self)(**parameters | {"device": _device_here(self.device)})
        model = restore_model(as_fitted, description["model"], parts.pop("module_"))
        for name, part in parts.items():
            # Of an optimizer that `set_params` has changed since, training starts afresh.
            with suppress(ValueError, RuntimeError, AttributeError):
                getattr(model.net, name).load_state_dict(part)
        self._model = model


def _device_here(device: Any) -> str:
    """Return a device, or the CPU where that device is absent."""
    try:
        return check_device(device)
    except ValueError:
        return "cpu"


def _without_tensors(value: Any, prefix: str, tensors: dict[str, np.ndarray]) -> Any:
    """Return a state with names in place of its tensors, which are put into a dict."""
    if isinstance(value, Tensor):
        name = f"{prefix}{len(tensors)}"
        tensors[name] = value.detach().cpu().numpy()
        return {"tensor": name}
    if isinstance(value, dict):
        return {key: _without_tensors(item, prefix, tensors) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_without_tensors(item, prefix, tensors) for item in value)
    return value


def _with_tensors(value: Any, tensors: dict[str, np.ndarray]) -> Any:
    """Return a state with its tensors."""
    if isinstance(value, dict):
        if value.keys() == {"tensor"}:
            return torch.from_numpy(np.array(tensors[value["tensor"]]))
        return {key: _with_tensors(item, tensors) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_with_tensors(item, tensors) for item in value)
    return value
