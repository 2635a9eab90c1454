"""Fitted estimators as safetensors files: weights and plain JSON, nothing that runs on loading."""

from __future__ import annotations

import os
from typing import Any

import torch

from sk_mmoe.estimators._base import MultiTaskEstimator
from sk_mmoe.estimators._description import describe_model, parameters_of_fit, restore_model
from sk_mmoe.estimators._model_file import read_model, write_model
from sk_mmoe.training._device import check_device


def save_model(estimator: MultiTaskEstimator, path: str | os.PathLike[str]) -> None:
    """Save a fitted estimator as one safetensors file.

    The file holds the weights, the parameters, the tasks and the history of training, and a
    checksum of them all. It holds no code: `callbacks`, `net_params`, a `loss_balancing` that is an
    object, and a `random_state` that is not an integer stay behind, and so does the state of the
    optimizer. To go on training later, use pickle or
    :class:`~sk_mmoe.callbacks.TrainingCheckpoint`.

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
        the file cannot express, such as a member of an Enum.
    ValueError
        If `net_params` changes the network itself.
    OSError
        If the file cannot be written, for example because the disk is full. A file that was there
        before stays as it was.
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
    model = estimator.model_
    if changed := [key for key in estimator.net_params or () if key.startswith("module")]:
        raise ValueError(f"a network changed by net_params {changed} cannot be saved. Use pickle.")
    description = {
        "estimator": type(estimator).__name__,
        "parameters": _parameters(estimator),
        "model": describe_model(model),
    }
    state = model.net.module_.state_dict()
    weights = {name: tensor.cpu().contiguous() for name, tensor in state.items()}
    write_model(path, description, weights)


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
        If the file is damaged, was not written by :func:`save_model`, or has another format
        version.
    ImportError
        If safetensors is not installed.

    See Also
    --------
    save_model : Write such a file, with an example.
    """
    check_device(device)  # which is not the fault of a file
    description, weights = read_model(path)
    try:
        classes = {cls.__name__: cls for cls in _subclasses(MultiTaskEstimator)}
        if (name := description["estimator"]) not in classes:
            raise ValueError(f"it holds a {name!r}, which is not known here.")
        estimator = classes[name](**description["parameters"] | {"device": device})
        estimator._validate_params()
        estimator._model = restore_model(estimator, description["model"], weights)
    except Exception as error:  # whatever a file that someone made up leads to
        raise ValueError(f"{os.fspath(path)!r} cannot be loaded: {error}") from error
    return estimator


def _parameters(estimator: MultiTaskEstimator) -> dict[str, Any]:
    """Return the parameters of an estimator that a file can hold, as they were in `fit`."""
    parameters = estimator.get_params(deep=False) | parameters_of_fit(estimator)
    left_out = {"callbacks", "net_params"}
    if not isinstance(estimator.loss_balancing, str):  # code, which only training needs
        left_out.add("loss_balancing")
    if not isinstance(estimator.random_state, int):
        left_out.add("random_state")
    return {name: value for name, value in parameters.items() if name not in left_out}


def _subclasses(cls: type) -> list[type]:
    """Return all direct and indirect subclasses."""
    return [sub for direct in cls.__subclasses__() for sub in (direct, *_subclasses(direct))]
