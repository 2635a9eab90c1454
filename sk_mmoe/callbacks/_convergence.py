"""When training has converged, and which weights it ends with."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from skorch.callbacks import Callback


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
        """Begin with the weights of an earlier training that is continued, if there is one."""
        self.load_state_dict({"best_loss": float("inf"), "best_weights": None, "n_stale": 0})
        if self.restore_best and any(self.monitor in epoch for epoch in net.history):
            # Earlier losses may be those of other samples, or under other weights of the tasks.
            loss = self.observe(net.evaluate_held_out())
            if loss < self.best_loss_:  # not NaN
                self.best_loss_ = loss
                self.best_weights_ = deepcopy(net.module_.state_dict())

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Compare the epoch's loss with the best one."""
        loss = self.observe(net.history[-1])
        self.n_stale_ = 0 if loss < self.best_loss_ - self.tol else self.n_stale_ + 1
        if loss < self.best_loss_:
            self.best_loss_ = loss
            if self.restore_best:
                self.best_weights_ = deepcopy(net.module_.state_dict())
        if self.restore_best:
            net.history.record("watched_best", float(self.best_loss_))
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
