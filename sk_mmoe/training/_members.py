"""Several networks trained in one program: when each stops, and each by itself again."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from skorch.history import History

from sk_mmoe.callbacks import ConvergenceMonitor
from sk_mmoe.training._net import MultiTaskNet


class MemberMonitor(ConvergenceMonitor):
    """Stop when no member improves, and give each the weights that it would have alone.

    A member whose loss has not improved for long enough is trained on with the others, but that
    no longer counts. Parameters are those of :class:`ConvergenceMonitor`.

    Attributes
    ----------
    best_loss_ : ndarray of shape (n_members,)
        The lowest loss of each member so far.
    best_weights_ : dict or None
        The state of the stack, with each member's weights as they are to be kept.
    n_stale_ : ndarray of shape (n_members,)
        Number of epochs since the last improvement.
    n_epochs_ : ndarray of shape (n_members,)
        Number of epochs that count.
    """

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Begin with the weights of an earlier training that is continued, if there is one."""
        n_members = 1 + len(net.further_seeds)
        self.best_loss_ = np.full(n_members, np.inf)
        self.n_stale_ = np.zeros(n_members, dtype=int)
        self.n_epochs_ = np.zeros(n_members, dtype=int)
        self.kept_ = np.zeros(n_members, dtype=bool)
        self.best_weights_ = None
        if self.restore_best and any(self.monitor in epoch for epoch in net.history):
            losses = self.observe_members(net.evaluate_held_out())
            self.best_loss_ = np.where(np.isfinite(losses), losses, np.inf)
            self._keep(net, ~self.kept_)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Compare the losses of the epoch with the best ones."""
        losses = self.observe_members(net.history[-1])
        active = self.n_stale_ < self.patience
        net.history.record("member_counts", active.tolist())
        better = active & (losses < self.best_loss_)
        much_better = losses < self.best_loss_ - self.tol
        self.n_stale_[active] = np.where(much_better, 0, self.n_stale_ + 1)[active]
        self.n_epochs_[active] += 1
        self.best_loss_[better] = losses[better]
        stopped = active & (self.n_stale_ >= self.patience)
        self._keep(net, better if self.restore_best else stopped)
        if self.restore_best:
            net.history.record("watched_best", self.best_loss_.tolist())
        net.stop_training_ |= self.finished

    def _keep(self, net: Any, members: np.ndarray) -> None:
        """Remember the weights of some members as they are."""
        if not members.any():
            return
        self.kept_ |= members
        state = net.module_.state_dict()
        if self.best_weights_ is None:
            self.best_weights_ = {name: tensor.clone() for name, tensor in state.items()}
            return
        for name, tensor in state.items():
            chosen = torch.from_numpy(members).to(tensor.device)
            self.best_weights_[name][chosen] = tensor[chosen]

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Put the weights back that were kept."""
        if self.best_weights_ is not None:
            self._keep(net, ~self.kept_)  # those that trained to the end
            net.module_.load_state_dict(self.best_weights_)
            self.best_weights_ = None

    @property
    def finished(self) -> bool:
        """Whether training ends here."""
        return bool((self.n_stale_ >= self.patience).all())

    def observe_members(self, epoch: dict[str, Any]) -> np.ndarray:
        """Return the loss of each member to watch.

        Parameters
        ----------
        epoch : dict
            An epoch of the net's history.

        Returns
        -------
        ndarray of shape (n_members,)
            The losses of the task, or of all tasks.
        """
        kind = "_member_losses" if self.task is None else "_member_task_losses"
        losses = np.array(epoch[self.monitor.replace("_loss", kind)])
        return losses if self.task is None else losses[:, self.task]

    def state_dict(self) -> dict[str, Any]:
        """Return what the monitor remembers.

        Returns
        -------
        dict
            The attributes, as lists and tensors.
        """
        numbers = ("best_loss_", "n_stale_", "n_epochs_", "kept_")
        return {name: getattr(self, name).tolist() for name in numbers} | {
            "best_weights_": self.best_weights_
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Remember what another monitor did.

        Parameters
        ----------
        state : dict
            What :meth:`state_dict` of the other one returned.
        """
        for name, value in state.items():
            setattr(self, name, np.array(value) if isinstance(value, list) else value)


def split(net: MultiTaskNet, single: MultiTaskNet, index: int) -> MultiTaskNet:
    """Give a net of a single network what a member has learned.

    Parameters
    ----------
    net : MultiTaskNet
        The trained net of all members.
    single : MultiTaskNet
        A fresh net for the member.
    index : int
        The member.

    Returns
    -------
    MultiTaskNet
        The single net.
    """
    single.module_.load_state_dict(net.member(index).state_dict())
    learned = {name: part[index].clone() for name, part in net.criterion_.state_dict().items()}
    single.criterion_.load_state_dict(learned)
    state = single.optimizer_.state_dict()
    state["state"] = {
        number: {
            name: (part[index] if part.dim() > 0 else part).clone()
            for name, part in moments.items()
        }
        for number, moments in net.optimizer_.state_dict()["state"].items()
    }
    single.optimizer_.load_state_dict(state)
    if single.average_ is not None and net.average_ is not None:
        average = net.average_.state_dict()
        others = [other[index] for other in average["others"]]
        single.average_.load_state_dict(average | {"others": others})
    monitor = next(c for _, c in net.callbacks_ if isinstance(c, MemberMonitor))
    single.history = History()
    lowest = {"train": np.inf, "valid": np.inf}
    for epoch in net.history[: monitor.n_epochs_[index]]:
        single.history.append(_history_of(epoch, index, lowest))
    return single


def _history_of(epoch: dict[str, Any], index: int, lowest: dict[str, float]) -> dict[str, Any]:
    """Return an epoch's record of one member, and note its lowest losses."""
    own = {name: value for name, value in epoch.items() if not name.startswith("member_")}
    own["task_weights"] = epoch["member_task_weights"][index]
    if "watched_best" in epoch:
        own["watched_best"] = epoch["watched_best"][index]
    for part in lowest:
        if f"{part}_loss" in epoch:
            loss = own.pop(f"{part}_member_losses")[index]
            own[f"{part}_loss"] = loss
            own[f"{part}_loss_best"] = loss < lowest[part]
            own[f"{part}_task_losses"] = own.pop(f"{part}_member_task_losses")[index]
            lowest[part] = min(loss, lowest[part])
    return own
