"""Checkpoints: how a training goes on after a crash."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from skorch.callbacks import Callback
from skorch.history import History

from sk_mmoe.callbacks._checkpoint_file import read_checkpoint, write_checkpoint
from sk_mmoe.callbacks._convergence import ConvergenceMonitor
from sk_mmoe.callbacks._settings import describe_setting

# Parameters of a net that a resumed training must share, by the beginnings of their names.
_SHAPING = (
    "module",
    "criterion",
    "optimizer",
    "lr",
    "batch_size",
    "dtype",
    "weight_init",
    "average",
    "amp",
    "further",
    "iterator_train",
)


class TrainingCheckpoint(Callback):
    """Write the state of training to a file, and resume training from that file if it exists.

    The file is replaced as a whole after an epoch, so that a crash leaves the last complete one. To
    resume, fit an equal estimator (same parameters, same integer `random_state`) on the same data
    again. The result is that of an uninterrupted fit. Schedules of the learning rate
    (:class:`skorch.callbacks.LRScheduler`) are resumed too; other callbacks start anew. The
    estimators run the checkpoint after all other callbacks.

    A file is refused with a ValueError if it is damaged, or was written with other data or other
    parameters that shape the training, such as `task_weights` or `main_task`. `max_iter`, `tol` and
    `n_iter_no_change` may differ. A file that cannot be written, for example because the disk is
    full, raises an OSError, and the last complete file stays.

    Parameters
    ----------
    path : str or path-like
        The file, one for each fit. Delete it to start afresh.
    every : int, default=1
        Number of epochs between two writes.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from sk_mmoe import MMoERegressor
    >>> from sk_mmoe.callbacks import TrainingCheckpoint
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> X, y = make_multitask_sinusoid(200, n_features=10, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint = TrainingCheckpoint(pathlib.Path(folder) / "run.pt")
    ...     model = MMoERegressor(max_iter=3, callbacks=[checkpoint], random_state=0).fit(X, y)
    ...     again = MMoERegressor(max_iter=5, callbacks=[checkpoint], random_state=0).fit(X, y)
    >>> model.n_iter_, again.n_iter_
    (3, 5)
    """

    def __init__(self, path: str | os.PathLike[str], *, every: int = 1) -> None:
        self.path = path
        self.every = every

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Resume from the file, if there is one."""
        if self.every < 1:
            raise ValueError(f"every must be a positive integer, got {self.every}.")
        path = Path(self.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.table_ = [part.fingerprint() for part in net._datasets if part is not None]
        self.parameters_ = _parameters(net)
        # A net that has been trained already (warm start) has nothing to resume.
        if not path.exists() or len(net.history) > 0:
            return
        state = read_checkpoint(path, net.device, names=self._state(net).keys())
        self._check_same_training(net, state)
        try:
            self._resume(net, state)
        except Exception as error:  # the state is whole, but not that of this network
            raise ValueError(
                f"the checkpoint {str(path)!r} does not fit the network of this training: {error} "
                "Delete it to start afresh."
            ) from error

    def _resume(self, net: Any, state: dict[str, Any]) -> None:
        """Give the net the state of another one."""
        net.module_.load_state_dict(state["module"])
        net.criterion_.load_state_dict(state["criterion"])
        net.optimizer_.load_state_dict(state["optimizer"])
        if net.average_ is not None:
            net.average_.load_state_dict(state["average"])
        for schedule, remembered in zip(_schedules(net), state["schedules"], strict=True):
            schedule.load_state_dict(remembered)
        net.history = History(state["history"])
        for monitor, remembered in zip(_monitors(net), state["monitors"], strict=True):
            monitor.load_state_dict(remembered)
            net.stop_training_ |= monitor.finished

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Write the state of training."""
        if net.n_epochs % self.every != 0 and not net.stop_training_:
            return
        if not net.writes_files:
            return
        write_checkpoint(Path(self.path), self._state(net))

    def _state(self, net: Any) -> dict[str, Any]:
        """Return all that a training needs to go on, and that tells whose training it is."""
        return {
            "seed": net.seed,
            "table": self.table_,
            "parameters": self.parameters_,
            "module": net.module_.state_dict(),
            "criterion": net.criterion_.state_dict(),
            "optimizer": net.optimizer_.state_dict(),
            "average": None if net.average_ is None else net.average_.state_dict(),
            "schedules": [schedule.state_dict() for schedule in _schedules(net)],
            "history": _plain(list(net.history)),
            "monitors": [monitor.state_dict() for monitor in _monitors(net)],
        }

    def _check_same_training(self, net: Any, state: dict[str, Any]) -> None:
        """Raise a ValueError unless a state is that of the training which begins."""
        before, now = state["parameters"], self.parameters_
        names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
        changes = "; ".join(
            f"{name.split('__')[-1]} was {before.get(name)}, is {now.get(name)}" for name in names
        )
        differences = (
            (state["seed"] != net.seed, "random_state: pass the same integer"),
            (state["table"] != self.table_, "data: give each fit its own file"),
            (
                before != now,
                f"parameters of network or optimizer: pass the same ones ({changes})",
            ),
        )
        for differs, mend in differences:
            if differs:
                raise ValueError(
                    f"the checkpoint {str(self.path)!r} was written with other {mend}, or delete "
                    "the file to start afresh."
                )


def _parameters(net: Any) -> dict[str, str]:
    """Describe what shapes the network, its steps, and the choice of the weights that are kept."""
    described = {
        name: describe_setting(value)
        for name, value in vars(net).items()
        if name.startswith(_SHAPING) and not name.endswith("_")
    }
    watched = [f"{monitor.monitor} of task {monitor.task}" for monitor in _monitors(net)]
    schedules = [type(schedule).__name__ for schedule in _schedules(net)]
    return described | {
        "main_task": ", ".join(watched),
        "schedules of the learning rate": ", ".join(schedules) or "none",
    }


def _monitors(net: Any) -> list[ConvergenceMonitor]:
    """Return the convergence monitors of a net."""
    return [callback for _, callback in net.callbacks_ if isinstance(callback, ConvergenceMonitor)]


def _schedules(net: Any) -> list[Any]:
    """Return the running schedules of a net's learning rate."""
    running = (getattr(callback, "lr_scheduler_", None) for _, callback in net.callbacks_)
    return [schedule for schedule in running if schedule is not None]


def _plain(value: Any) -> Any:
    """Return a history with numbers of NumPy as Python's, which torch loads without pickle."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value.item() if isinstance(value, np.generic) else value
