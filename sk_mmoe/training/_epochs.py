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

DIVERGED = "Lower learning_rate_init, or scale the inputs, e.g. with StandardScaler."

_Step = Callable[..., dict[str, Any]]


class EpochPasses(NeuralNet):
    """The part of a net that passes over data and keeps the history."""

    criterion_: MultiTaskLoss
    average_: WeightAverage | None
    history: History
    further_seeds: Sequence[int]
    _batch_hooks: bool

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
            task_losses, penalty = self._pass_over(
                iterator, training, prefix, step_fn, **fit_params
            )
        if training:
            self._record_weights()
            if not self._batch_hooks:
                self.history.new_batch()  # skorch's checkpoints look at the last one
        self._record_losses(prefix, task_losses, penalty)

    def _pass_over(
        self,
        iterator: Iterable[Any],
        training: bool,
        prefix: str,
        step_fn: _Step,
        **fit_params: Any,
    ) -> tuple[Tensor, Tensor | float]:
        """Take all batches; return the mean loss of each task, and the mean penalty."""
        self._set_training(training)
        task_losses: Any = 0.0
        penalty: Any = 0.0
        n_rows = 0
        for batch in self._on_device(iterator):
            size = batch[1][0].shape[-2]
            if self._batch_hooks:
                self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            if self._batch_hooks:
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

    def _record_losses(self, prefix: str, task_losses: Tensor, penalty: Tensor | float) -> None:
        """Record the losses of an epoch."""
        losses = self.criterion_.total(task_losses) + penalty
        loss = float(losses.mean())
        if not np.isfinite(loss):
            bad = (~losses.isfinite()).nonzero().flatten().tolist()
            which = f" of the members {bad}" if self.further_seeds else ""
            raise FloatingPointError(
                f"{prefix}_loss{which} became {loss} in epoch {len(self.history)}. {DIVERGED}"
            )
        entry = f"{prefix}_loss"
        earlier = [epoch[entry] for epoch in self.history[:-1] if entry in epoch]
        self.history.record(entry, loss)
        self.history.record(f"{entry}_best", loss < min(earlier, default=np.inf))
        self.history.record(f"{prefix}_task_losses", _mean_over_members(task_losses).tolist())
        if self.further_seeds:
            self.history.record(f"{prefix}_member_losses", losses.tolist())
            self.history.record(f"{prefix}_member_task_losses", task_losses.tolist())


def _mean_over_members(values: Tensor) -> Tensor:
    """Return values of the tasks as their means over members, if there are several."""
    return values.reshape(-1, values.shape[-1]).mean(dim=0)
