"""From the parameters of an estimator to the skorch net that trains its network."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

from sk_mmoe.callbacks import ConvergenceMonitor
from sk_mmoe.callbacks._copies import copy_callbacks
from sk_mmoe.columns._reader import TableReader
from sk_mmoe.estimators._auto_settings import FitSettings, InputLayers
from sk_mmoe.nn import EmbeddedNetwork, FusedAdamW, MultiTaskLoss
from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.tasks._weights import check_task, check_task_weights
from sk_mmoe.training._device import check_device
from sk_mmoe.training._forks import forks_wait_for_first_call
from sk_mmoe.training._members import MemberMonitor
from sk_mmoe.training._net import MultiTaskNet

# What net_params must leave to a parameter of the estimator.
_OWN_PARAMETERS = {
    "average": "average",
    "callbacks": "callbacks",
    "compile": "compile",
    "device": "device",
    "dtype": "dtype",
    "further_seeds": "n_members",
    "max_epochs": "max_iter",
    "seed": "random_state",
    "train_split": "X_val and y_val",
    "weight_init": "weight_init",
}


@forks_wait_for_first_call
def make_net(
    estimator: Any,
    reader: TableReader,
    tasks: TaskEncoder,
    seeds: Sequence[int],
    *,
    settings: FitSettings,
    early_stopping: bool,
) -> MultiTaskNet:
    """Return an initialised net.

    Parameters
    ----------
    estimator : estimator
        The estimator, of which only the parameters are read.
    reader : TableReader
        What the network reads.
    tasks : TaskEncoder
        What it learns.
    seeds : sequence of int
        The seed of each member.
    settings : FitSettings
        What the parameters leave open, such as the size of batches.
    early_stopping : bool
        Whether losses on held-out samples decide when to stop.

    Returns
    -------
    MultiTaskNet
        The net.

    Raises
    ------
    ValueError
        If a parameter of the estimator does not fit the tasks or the table.
    """
    monitor = (MemberMonitor if len(seeds) > 1 else ConvergenceMonitor)(
        "valid_loss" if early_stopping else "train_loss",
        task=watched_task(estimator, tasks),
        patience=settings.patience,
        tol=estimator.tol,
        restore_best=early_stopping,
    )
    named: dict[str, Any] = {
        **_module_settings(estimator, reader, settings.layers),
        "module__n_outputs": tasks.n_outputs,
        "criterion": MultiTaskLoss,
        "criterion__losses": tasks.losses,
        "criterion__task_weights": check_task_weights(estimator.task_weights, tasks.names),
        "criterion__n_members": len(seeds) if len(seeds) > 1 else None,
        "criterion__balancing": estimator.loss_balancing,
        "optimizer": FusedAdamW,
        "optimizer__weight_decay": estimator.alpha,
        "lr": settings.learning_rate,
        "batch_size": settings.batch_size,
        "iterator_train__shuffle": True,
        "callbacks": [("monitor", monitor), *copy_callbacks(estimator.callbacks)],
        "train_split": None,
        "verbose": int(estimator.verbose),
        "device": check_device(estimator.device),
        "dtype": estimator.dtype,
        "weight_init": estimator.weight_init,
        "average": estimator.average,
        "compile": estimator.compile,
        "seed": seeds[0],
        "further_seeds": list(seeds[1:]),
    }
    extra = _check_net_params(estimator.net_params)
    if "module" in extra and "module__network" in named:
        named["module__network"] = extra.pop("module")
    if "optimizer" in extra:  # it may have no weight decay
        del named["optimizer__weight_decay"]
    try:
        return MultiTaskNet(**(named | extra)).initialize()
    except Exception as error:  # whatever users' classes and settings lead to
        if not estimator.net_params:
            raise
        raise ValueError(
            f"no net can be built with net_params={estimator.net_params}: {error}"
        ) from error


def _check_net_params(net_params: Any) -> dict[str, Any]:
    """Return the settings that users give to the net, or raise a ValueError."""
    extra = dict(net_params or {})
    for name, value in extra.items():
        if not isinstance(name, str):
            raise ValueError(f"net_params must have names of settings as keys, got {name!r}.")
        if name in _OWN_PARAMETERS:
            raise ValueError(f"net_params must not set {name!r}: use {_OWN_PARAMETERS[name]}.")
        if name in ("amp", "distributed") and not isinstance(value, bool):
            raise ValueError(f"{name} in net_params must be True or False, got {value!r}.")
        if name == "batch_size":
            is_size = isinstance(value, Integral) and not isinstance(value, bool) and value > 0
            if not is_size:
                raise ValueError(f"batch_size in net_params must be positive, got {value!r}.")
    return extra


def module_parameters(estimator: Any, reader: TableReader, layers: InputLayers) -> dict[str, Any]:
    """Return the arguments of the module, of which the tasks add the number of outputs.

    Parameters
    ----------
    estimator : estimator
        The estimator.
    reader : TableReader
        What the network reads.
    layers : InputLayers
        The layers before the network.

    Returns
    -------
    dict
        The arguments by name.
    """
    parameters = estimator.network_parameters() | reader.network_inputs()
    if reader.embeds:
        if layers.embedding_dim is None:
            raise ValueError(
                "embedding_dim is None, but the fitted network reads embeddings. Set "
                "warm_start=False, or clone the estimator, to start afresh."
            )
        # Weight decay would make a stream forget categories that are absent for a while, and
        # another optimizer may understand something else by it.
        decays = not reader.of_stream and "optimizer" not in (estimator.net_params or {})
        parameters |= {
            "network": estimator.network,
            "embedding_dim": layers.embedding_dim,
            "embedding_alpha": estimator.embedding_alpha if decays else None,
            "n_cross_layers": layers.n_cross_layers,
        }
    return parameters


def _module_settings(estimator: Any, reader: TableReader, layers: InputLayers) -> dict[str, Any]:
    """Return the module and its arguments, as skorch names them."""
    parameters = module_parameters(estimator, reader, layers)
    module = EmbeddedNetwork if reader.embeds else estimator.network
    return {"module": module} | {f"module__{name}": value for name, value in parameters.items()}


def watched_task(estimator: Any, tasks: TaskEncoder) -> int | None:
    """Return the index of `main_task`, whose loss alone decides when to stop.

    Parameters
    ----------
    estimator : estimator
        The estimator.
    tasks : TaskEncoder
        The tasks.

    Returns
    -------
    int or None
        The index; `None` if the losses of all tasks decide.
    """
    if estimator.main_task is None:
        return None
    return check_task(estimator.main_task, tasks.names, parameter="main_task")
