"""A fitted model as plain values and tensors, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from skorch.history import History
from torch import Tensor

from sk_mmoe.columns._reader import TableReader
from sk_mmoe.estimators._auto_settings import InputLayers, choose_layers, settings_of_batches
from sk_mmoe.estimators._fitted import FittedModel
from sk_mmoe.estimators._net_settings import make_net, module_parameters
from sk_mmoe.nn import EmbeddedNetwork
from sk_mmoe.tasks._encoder import TaskEncoder


def describe_model(model: FittedModel) -> dict[str, Any]:
    """Describe a model by plain values and arrays, all but its tensors.

    Parameters
    ----------
    model : FittedModel
        The model.

    Returns
    -------
    dict
        What :func:`restore_model` takes.
    """
    net = model.net
    return {
        "reader": model.reader.describe(),
        "tasks": model.tasks.describe(),
        "seeds": net.seeds,
        "batch_size": net.batch_size,
        "embedding_dim": getattr(net, "module__embedding_dim", None),
        "n_cross_layers": getattr(net, "module__n_cross_layers", 0),
        "early_stopping": dict(net.callbacks_)["monitor"].restore_best,
        "history": [dict(epoch) for epoch in net.history],
    }


def restore_model(
    estimator: Any, description: Mapping[str, Any], weights: Mapping[str, Tensor]
) -> FittedModel:
    """Make a model again, with a fresh optimizer.

    Parameters
    ----------
    estimator : estimator
        An estimator with the parameters of the fit.
    description : dict
        What :func:`describe_model` returned.
    weights : dict of Tensor
        The weights of the module by name.

    Returns
    -------
    FittedModel
        The model.

    Raises
    ------
    ValueError
        If the weights are not those of the network that is described. Then nothing is allocated.
    """
    reader = TableReader.restore(description["reader"])
    tasks = TaskEncoder.restore(description["tasks"])
    seeds = description["seeds"]
    # Files of 0.1.0 lack these, and their estimators leave nothing open.
    layers = choose_layers(
        estimator,
        embedding_dim=description.get("embedding_dim"),
        n_cross_layers=description.get("n_cross_layers", 0),
    )
    if not estimator.net_params:  # by which users may change the network
        check_shapes(estimator, reader, tasks, len(seeds), weights, layers)
    net = make_net(
        estimator,
        reader,
        tasks,
        seeds,
        settings=settings_of_batches(estimator, description["batch_size"], layers),
        early_stopping=description["early_stopping"],
    )
    net.module_.load_state_dict(dict(weights))
    net.history = History(description["history"])
    return FittedModel(reader, tasks, net)


def parameters_of_fit(estimator: Any) -> dict[str, Any]:
    """Return the parameters that shape the network, which `set_params` may have changed since.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator.

    Returns
    -------
    dict
        The parameters as they were in `fit`.
    """
    net = estimator.net_
    names = {*estimator.network_parameters(), "embedding_dim", "n_cross_layers"}
    found = {
        name: getattr(net, f"module__{name}") for name in names if hasattr(net, f"module__{name}")
    }
    found |= {"dtype": net.dtype, "n_members": len(net.seeds)}
    # What the estimator leaves open is in the description.
    return {name: value for name, value in found.items() if getattr(estimator, name) != "auto"}


def check_shapes(
    estimator: Any,
    reader: TableReader,
    tasks: TaskEncoder,
    n_members: int,
    weights: Mapping[str, Tensor],
    layers: InputLayers,
) -> None:
    """Raise a ValueError unless weights have the shapes of a network, without allocating it.

    A description may ask for a network of any size. Each of its numbers of units, experts or layers
    is a size of a tensor, or a number of tensors. This bounds what it takes to compute the shapes.

    Parameters
    ----------
    estimator : estimator
        The estimator.
    reader : TableReader
        What the network reads.
    tasks : TaskEncoder
        What it learns.
    n_members : int
        How many networks there are.
    weights : dict of Tensor
        The weights.
    layers : InputLayers
        The layers before the network.
    """
    parameters = module_parameters(estimator, reader, layers)
    parameters |= {"n_outputs": tasks.n_outputs}
    sizes = [size for tensor in weights.values() for size in tensor.shape]
    largest = max([len(weights), *sizes], default=0)
    for name, value in parameters.items():
        if any(number > largest for number in _integers(value)):
            raise ValueError(f"{name}={value!r} is larger than any tensor.")
    module = EmbeddedNetwork if reader.embeds else estimator.network
    with torch.device("meta"):
        network = module(**parameters)
    # A MemberStack holds one network whose tensors have the members along the first axis.
    members, prefix = ((n_members,), "network.") if n_members > 1 else ((), "")
    state = network.state_dict()
    wanted = {f"{prefix}{name}": (*members, *part.shape) for name, part in state.items()}
    found = {name: tuple(part.shape) for name, part in weights.items()}
    for name in wanted.keys() | found.keys():
        if wanted.get(name) != found.get(name):
            raise ValueError(
                f"the tensor {name!r} has the shape {found.get(name)}, not {wanted.get(name)}."
            )


def _integers(value: Any) -> list[int]:
    """Return all integers in a value."""
    if isinstance(value, list | tuple):
        return [number for item in value for number in _integers(item)]
    return [value] if isinstance(value, int) else []
