"""Fitted estimators as safetensors files: weights and plain JSON, nothing that runs on loading."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from skorch.history import History

from sk_mmoe.columns._reader import TableReader
from sk_mmoe.estimators._base import MultiTaskEstimator
from sk_mmoe.tasks._encoder import TASK_KINDS, TaskEncoder

_METADATA_KEY = "sk_mmoe"
# The parameters that shape the way from columns to the network.
_OF_COLUMNS = ("embedding_dim", "n_cross_layers")
_CODE = ("callbacks", "net_params")


def save_model(estimator: MultiTaskEstimator, path: str | os.PathLike[str]) -> None:
    """Save a fitted estimator as one safetensors file.

    The file holds the weights, the parameters, the tasks and the history of training. It holds no
    code: `callbacks`, `net_params`, a `loss_balancing` that is an object, and a `random_state` that
    is not an integer stay behind, and so does the state of the optimizer. To go on training later,
    use pickle or :class:`~sk_mmoe.callbacks.TrainingCheckpoint`.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator of this package.
    path : str or path-like
        The file to write.

    Raises
    ------
    TypeError
        If `estimator` is none of this package's, or a class label or parameter is of a type that
        JSON cannot express.
    ValueError
        If `net_params` changes the network itself.
    ImportError
        If safetensors is not installed.

    See Also
    --------
    load_model : Read such a file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from sk_mmoe import MMoERegressor, load_model, save_model
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> X, y = make_multitask_sinusoid(200, n_features=10, random_state=0)
    >>> model = MMoERegressor(max_iter=3, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(model, pathlib.Path(folder) / "model.safetensors")
    ...     again = load_model(pathlib.Path(folder) / "model.safetensors")
    >>> bool((again.predict(X) == model.predict(X)).all())
    True
    """
    if not isinstance(estimator, MultiTaskEstimator):
        raise TypeError(
            f"save_model takes an estimator of sk_mmoe, got {type(estimator).__name__}. "
            "Of a Pipeline, save the last step, or use skops for the whole."
        )
    check_is_fitted(estimator)
    if changed := [key for key in estimator.net_params or () if key.startswith("module")]:
        raise ValueError(f"a network changed by net_params {changed} cannot be saved. Use pickle.")
    parameters = estimator.get_params(deep=False)
    # Those of the fit: set_params may have changed them since.
    net = estimator.net_
    parameters |= {name: getattr(net, f"module__{name}") for name in estimator._network_parameters}
    parameters["dtype"] = net.dtype
    reader = estimator._model.reader
    if reader.columns is not None:
        shape = {key: getattr(net, f"module__{key}", None) for key in _OF_COLUMNS}
        parameters |= shape if shape["embedding_dim"] else {"embedding_dim": None}
    if not isinstance(estimator.loss_balancing, str):  # code, too, and of use in training only
        del parameters["loss_balancing"]
    if not isinstance(estimator.random_state, int):
        del parameters["random_state"]
    description = {
        "estimator": type(estimator).__name__,
        "parameters": {k: v for k, v in parameters.items() if k not in _CODE},
        "reader": reader.describe(),
        "tasks": [{"kind": task.kind, **vars(task)} for task in estimator._encoder.tasks],
        "ndim": estimator._encoder.ndim,
        "seeds": net.seeds,
        "early_stopping": estimator.validation_scores_ is not None,
        "history": [dict(epoch) for epoch in net.history],
    }
    state = net.module_.state_dict()
    weights = {name: tensor.cpu().contiguous() for name, tensor in state.items()}
    metadata = {_METADATA_KEY: json.dumps(_to_plain(description))}
    _safetensors().torch.save_file(weights, path, metadata=metadata)


def load_model(
    path: str | os.PathLike[str], *, device: str | torch.device = "auto"
) -> MultiTaskEstimator:
    """Load a fitted estimator from a file of :func:`save_model`.

    Nothing in the file is run: a stranger's file can be loaded.

    Parameters
    ----------
    path : str or path-like
        The file.
    device : str or torch.device, default="auto"
        Where to compute, whatever the device of training was.

    Returns
    -------
    estimator
        The fitted estimator.

    Raises
    ------
    ValueError
        If the file was not written by :func:`save_model`.
    ImportError
        If safetensors is not installed.

    See Also
    --------
    save_model : Write such a file, with an example.
    """
    safetensors = _safetensors()
    foreign = f"{os.fspath(path)!r} was not written by sk_mmoe.save_model."
    try:
        with safetensors.safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise ValueError(f"{foreign} It is no safetensors file.") from error
    if _METADATA_KEY not in metadata:
        raise ValueError(foreign)
    description = _from_plain(json.loads(metadata[_METADATA_KEY]))
    classes = {cls.__name__: cls for cls in _subclasses(MultiTaskEstimator)}
    if (name := description["estimator"]) not in classes:
        raise ValueError(f"{os.fspath(path)!r} holds a {name!r}, which is not known here.")
    estimator = classes[name](**description["parameters"] | {"device": device})
    estimator._validate_params()
    estimator._set_reader(TableReader.restore(description["reader"]))
    tasks = [TASK_KINDS[task.pop("kind")](**task) for task in description["tasks"]]
    encoder = TaskEncoder(tasks, ndim=description["ndim"])
    net = estimator._make_net(
        encoder, description["seeds"], n_rows=1, early_stopping=description["early_stopping"]
    )
    net.module_.load_state_dict(weights)
    net.history = History(description["history"])
    estimator._set_fitted(net, encoder)
    return estimator


def _safetensors() -> Any:
    """Return the safetensors package, or say how to get it."""
    try:
        import safetensors.torch
    except ImportError as error:
        raise ImportError(
            "saving and loading models needs safetensors: pip install safetensors, or "
            'pip install "sk_mmoe[persist]".'
        ) from error
    return safetensors


def _subclasses(cls: type) -> list[type]:
    """Return all direct and indirect subclasses."""
    return [sub for direct in cls.__subclasses__() for sub in (direct, *_subclasses(direct))]


def _to_plain(value: Any) -> Any:
    """Express a value in JSON's types; what JSON has no type for is a dict that names its kind."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return _to_plain(value.item())
    if isinstance(value, torch.device):
        return str(value)
    if isinstance(value, list):
        return [_to_plain(item) for item in value]
    if isinstance(value, tuple):
        return {"kind": "tuple", "items": [_to_plain(item) for item in value]}
    if isinstance(value, dict):
        items = [[_to_plain(key), _to_plain(item)] for key, item in value.items()]
        return {"kind": "dict", "items": items}
    if isinstance(value, np.ndarray):
        items = value.astype(str) if value.dtype.kind in "mM" else value
        return {"kind": "array", "dtype": str(value.dtype), "items": _to_plain(items.tolist())}
    raise TypeError(
        f"a value of type {type(value).__name__} cannot be saved: {value!r}. Use plain labels and "
        "parameters, or pickle."
    )


def _from_plain(value: Any) -> Any:
    """Return the value that :func:`_to_plain` expressed."""
    if isinstance(value, list):
        return [_from_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    items = _from_plain(value["items"])
    if value["kind"] == "tuple":
        return tuple(items)
    if value["kind"] == "dict":
        return dict(items)
    return np.array(items, dtype=value["dtype"])
