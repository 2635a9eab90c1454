"""One pass over the data: all batches, and the losses that are recorded afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.history import History
from torch import Tensor

from sk_mmoe.nn import MultiTaskLoss, WeightAverage
from sk_mmoe.training._loader import prefetch
from sk_mmoe.training._processes import Processes
from sk_mmoe.training._samples import TableDataset

DIVERGED = "Lower learning_rate_init, or scale the inputs, e.g. with StandardScaler."

_Step = Callable[..., dict[str, Any]]


class EpochPasses(NeuralNet):
    """The part of a net that passes over data and keeps the history."""

    criterion_: MultiTaskLoss
    average_: WeightAverage | None
    history: History
    further_seeds: Sequence[int]
    _batch_hooks: bool
    _processes: Processes | None
    # What a training learns from, and what is held out.
    _datasets: tuple[TableDataset, TableDataset | None]

    @property
    def n_epochs(self) -> int:
        """The number of epochs so far, of which a stream does not record all."""
        return int(self.history[-1, "epoch"]) if self.history else 0

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Begin a row of the history, with the number of the epoch."""
        n_epochs = self.n_epochs
        super().on_epoch_begin(net, **kwargs)
        self.history.record("epoch", n_epochs + 1)

    def evaluate_held_out(self) -> dict[str, Any]:
        """Return the losses on the held-out samples of a training, before its first epoch.

        Returns
        -------
        dict
            The entries that an epoch of the history has for held-out samples.
        """
        batches = self.get_iterator(self._datasets[1], training=False)
        means = self._pass_over(batches, False, "valid", self.validation_step, observed=False)
        return self._losses("valid", *means)

    def run_single_epoch(
        self,
        iterator: Iterable[Any] | None,
        training: bool,
        prefix: str,
        step_fn: _Step,
        **fit_params: Any,
    ) -> None:
        """Pass once over the data, with the weights that training continues from."""
        if iterator is None:
            return
        average = self.average_ if training else None
        with nullcontext() if average is None else average.training():
            means = self._pass_over(
                iterator, training, prefix, step_fn, observed=self._batch_hooks, **fit_params
            )
        if training:
            self._record_weights()
            if not self._batch_hooks:
                self.history.new_batch()  # skorch's checkpoints look at the last one
        self._record_losses(prefix, self._losses(prefix, *means))

    def _pass_over(
        self,
        iterator: Any,
        training: bool,
        prefix: str,
        step_fn: _Step,
        *,
        observed: bool,
        **fit_params: Any,
    ) -> tuple[Tensor, Tensor | float]:
        """Take all batches, and return the mean loss of each task and the mean penalty."""
        self._set_training(training)
        task_losses: Any = 0.0
        penalty: Any = 0.0
        n_rows = 0
        for batch in self._on_device(iterator):
            size = batch[1][0].shape[-2]
            if self._processes is not None:
                size, n_own = iterator.sizes.popleft()
                self._processes.begin_batch(size, n_own)
            if observed:
                self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            if observed:
                self.history.record_batch(f"{prefix}_loss", step["loss"].item())
                self.history.record_batch(f"{prefix}_batch_size", size)
                self.notify("on_batch_end", batch=batch, training=training, **step)
                self._set_training(training)
            # Summed on the device, so that a GPU need not wait until a number is read.
            task_losses = task_losses + size * step["task_losses"]
            if step["penalty"] is not None:
                penalty = penalty + size * step["penalty"]
            n_rows += size
        return task_losses / n_rows, penalty / n_rows

    def _on_device(self, iterator: Any) -> Iterable[Any]:
        """Return the batches; those of a table outside a GPU are copied there in advance."""
        outside = torch.device(self.device).type == "cuda" and iterator.dataset.device.type == "cpu"
        return prefetch(iterator, self.device) if outside else iterator

    def _record_weights(self) -> None:
        """Record the weights of the tasks after an epoch."""
        weights = self.criterion_.balancing.weights().detach()
        self.history.record("task_weights", _mean_over_members(weights).tolist())
        if self.further_seeds:
            self.history.record("member_task_weights", weights.tolist())

    def _losses(self, prefix: str, task_losses: Tensor, penalty: Tensor | float) -> dict[str, Any]:
        """Return what the history says about the losses of an epoch."""
        losses = self.criterion_.total(task_losses) + penalty
        entries = {
            f"{prefix}_loss": float(losses.mean()),
            f"{prefix}_task_losses": _mean_over_members(task_losses).tolist(),
        }
        if self.further_seeds:
            entries[f"{prefix}_member_losses"] = losses.tolist()
            entries[f"{prefix}_member_task_losses"] = task_losses.tolist()
        return entries

    def _record_losses(self, prefix: str, entries: dict[str, Any]) -> None:
        """Record the losses of an epoch."""
        name = f"{prefix}_loss"
        loss = entries[name]
        if not np.isfinite(loss):
            losses = entries.get(f"{prefix}_member_losses", [])
            bad = [member for member, own in enumerate(losses) if not np.isfinite(own)]
            which = f" of the members {bad}" if bad else ""
            raise FloatingPointError(
                f"{name}{which} became {loss} in epoch {self.n_epochs}. {DIVERGED}"
            )
        earlier = [epoch[name] for epoch in self.history[:-1] if name in epoch]
        for entry, value in entries.items():
            self.history.record(entry, value)
        self.history.record(f"{name}_best", loss < min(earlier, default=np.inf))


def _mean_over_members(values: Tensor) -> Tensor:
    """Return values of the tasks as their means over members, if there are several."""
    return values.reshape(-1, values.shape[-1]).mean(dim=0)
