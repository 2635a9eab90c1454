"""skorch callbacks for the nets inside the estimators.

Pass them as ``callbacks=`` of an estimator.  scikit-learn's own callbacks, such as
:class:`sklearn.callback.ProgressBar`, are set with ``estimator.set_callbacks``.
"""

from __future__ import annotations

import os
from copy import deepcopy
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from skorch.callbacks import Callback
from skorch.history import History

__all__ = ["ConvergenceMonitor", "TrainingCheckpoint"]


class ConvergenceMonitor(Callback):
    """Stop when a loss no longer improves, and give back the best weights.

    Every estimator has one, set by `n_iter_no_change`, `tol` and `early_stopping`.

    Parameters
    ----------
    monitor : str, default="train_loss"
        The entry of the history to watch: "train_loss" or "valid_loss".
    task : int, default=None
        Watch the loss of this task only. `None` watches the weighted mean over tasks.
    patience : int, default=10
        Number of epochs without an improvement of `tol` after which training ends.
    tol : float, default=1e-4
        The smallest improvement that counts.
    restore_best : bool, default=False
        Whether the weights of the best epoch are put back at the end.

    Attributes
    ----------
    best_loss_ : float
        The lowest loss so far.
    best_weights_ : dict or None
        The module's state at that epoch.
    n_stale_ : int
        Number of epochs since the last improvement.

    Examples
    --------
    >>> from sk_mmoe.callbacks import ConvergenceMonitor
    >>> ConvergenceMonitor(monitor="valid_loss", patience=5).patience
    5
    """

    best_loss_: Any
    best_weights_: dict[str, Any] | None
    n_stale_: Any

    def __init__(
        self,
        monitor: str = "train_loss",
        *,
        task: int | None = None,
        patience: int = 10,
        tol: float = 1e-4,
        restore_best: bool = False,
    ) -> None:
        self.monitor = monitor
        self.task = task
        self.patience = patience
        self.tol = tol
        self.restore_best = restore_best

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Begin with the best of an earlier training that is continued, if there is one."""
        self.load_state_dict({"best_loss": float("inf"), "best_weights": None, "n_stale": 0})
        earlier = [self.observe(epoch) for epoch in net.history if self.monitor in epoch]
        if self.restore_best and earlier:
            self.best_loss_ = min(earlier)
            self.best_weights_ = deepcopy(net.module_.state_dict())

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Compare the epoch's loss with the best one."""
        loss = self.observe(net.history[-1])
        self.n_stale_ = 0 if loss < self.best_loss_ - self.tol else self.n_stale_ + 1
        if loss < self.best_loss_:
            self.best_loss_ = loss
            if self.restore_best:
                self.best_weights_ = deepcopy(net.module_.state_dict())
        net.stop_training_ |= self.finished

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Put the best weights back."""
        if self.best_weights_ is not None:
            net.module_.load_state_dict(self.best_weights_)
            self.best_weights_ = None

    @property
    def finished(self) -> bool:
        """Whether training ends here."""
        return bool(self.n_stale_ >= self.patience)

    def observe(self, epoch: dict[str, Any]) -> float:
        """Return the loss to watch.

        Parameters
        ----------
        epoch : dict
            An epoch of the net's history.

        Returns
        -------
        float
            The loss of the task, or of all tasks.
        """
        if self.task is None:
            return float(epoch[self.monitor])
        return float(epoch[self.monitor.replace("_loss", "_task_losses")][self.task])

    def state_dict(self) -> dict[str, Any]:
        """Return what the monitor remembers.

        Returns
        -------
        dict
            The lowest loss, the weights of its epoch and how many epochs ago it was.
        """
        return {
            "best_loss": self.best_loss_,
            "best_weights": self.best_weights_,
            "n_stale": self.n_stale_,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Remember what another monitor did.

        Parameters
        ----------
        state : dict
            What :meth:`state_dict` of the other one returned.
        """
        self.best_loss_ = state["best_loss"]
        self.best_weights_ = state["best_weights"]
        self.n_stale_ = state["n_stale"]


class TrainingCheckpoint(Callback):
    """Write the state of training to a file, and go on from that file when it exists.

    The file is replaced at once after an epoch, so that it is whole at any moment.  Fitting an
    equal estimator (same parameters, same integer `random_state`) on the same data again takes
    training up where the file stands, and gives what an uninterrupted fit would have given.
    Schedules of the learning rate (:class:`skorch.callbacks.LRScheduler`) go on too; other
    callbacks start anew.  The estimators run it after all other callbacks.

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
        """Take up the state of the file."""
        if self.every < 1:
            raise ValueError(f"every must be a positive integer, got {self.every}.")
        path = Path(self.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.table_ = [part.fingerprint() for part in net._datasets if part is not None]
        self.parameters_ = _parameters(net)
        # A net that is further on already (warm start) has nothing to take up.
        if not path.exists() or len(net.history) > 0:
            return
        try:
            state = torch.load(path, map_location=net.device, weights_only=True)
            written = state["seed"], state["table"], state["parameters"]
        except (EOFError, KeyError, RuntimeError, TypeError, UnpicklingError) as error:
            raise ValueError(
                f"{str(path)!r} is no checkpoint of sk_mmoe, or damaged. Delete it to start afresh."
            ) from error
        mends = (
            "random_state: pass the same integer",
            "data: give each fit a file of its own",
            "parameters of network or optimizer: pass the same ones",
        )
        found = net.seed, self.table_, self.parameters_
        for before, now, mend in zip(written, found, mends, strict=True):
            if before != now:
                raise ValueError(
                    f"the checkpoint {str(path)!r} was written with other {mend}, or delete the "
                    "file to start afresh."
                )
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
        if len(net.history) % self.every != 0 and not net.stop_training_:
            return
        state = {
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
        path = Path(self.path)
        partial = path.with_name(path.name + ".partial")
        torch.save(state, partial)
        partial.replace(path)


def _copy_callbacks(callbacks: Any) -> list[Any]:
    """Copy callbacks and (name, callback) pairs, so that training leaves the originals alone.

    Checkpoints come last: they save what all others did.
    """
    copies: list[Any] = []
    checkpoints: list[Any] = []
    for entry in callbacks or ():
        callback = entry[1] if isinstance(entry, tuple) else entry
        if not isinstance(callback, Callback):
            raise TypeError(
                f"callbacks must be skorch callbacks, got {callback!r}. For scikit-learn's own "
                "callbacks, such as ProgressBar, use set_callbacks."
            )
        copy = clone(callback, safe=False)
        place = checkpoints if isinstance(callback, TrainingCheckpoint) else copies
        place.append((entry[0], copy) if isinstance(entry, tuple) else copy)
    return copies + checkpoints


def _parameters(net: Any) -> str:
    """Describe what shapes the network and its steps."""
    prefixes = (
        "module",
        "criterion__balancing",
        "optimizer",
        "lr",
        "batch_size",
        "dtype",
        "average",
        "further",
    )
    return str(
        {
            key: value
            for key, value in vars(net).items()
            if key.startswith(prefixes) and not key.endswith("_")
        }
    )


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
