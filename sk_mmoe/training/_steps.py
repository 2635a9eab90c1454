"""One step of training or validation: what happens to a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from skorch import NeuralNet
from torch import Tensor

from sk_mmoe.nn import MultiTaskLoss, WeightAverage
from sk_mmoe.training._processes import Processes

# Optimizers that evaluate the network once in a step, so that they need no closure.
_ONE_EVALUATION = (torch.optim.AdamW, torch.optim.Adam, torch.optim.SGD)


class TrainingSteps(NeuralNet):
    """The part of a net that takes steps."""

    module_: torch.nn.Module
    criterion_: MultiTaskLoss
    optimizer_: torch.optim.Optimizer
    average_: WeightAverage | None
    dtype: str
    amp: bool
    # Whether a callback wants to see batches, which costs as much as a small network.
    _batch_hooks: bool
    # Those that compute a share of every batch; None if this one computes all.
    _processes: Processes | None = None

    def train_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Take one optimizer step; without skorch's bookkeeping unless a callback asks for it."""
        if self._batch_hooks or not isinstance(self.optimizer_, _ONE_EVALUATION):
            step: dict[str, Any] = super().train_step(batch, **fit_params)
        else:
            self.optimizer_.zero_grad()
            step = self._descend(batch)
            self.optimizer_.step()
        if self.average_ is not None:
            self.average_.update()
        balancing = self.criterion_.balancing
        if balancing.looks_back:
            with torch.no_grad():
                balancing.look_back(step["task_losses"], self._evaluate(batch)["task_losses"])
        return step

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Compute the losses of a batch and their gradients, and the loss that is recorded."""
        step = self._descend(batch)
        loss = self.get_loss(step["task_losses"], batch[1])
        return step | {"loss": loss if step["penalty"] is None else loss + step["penalty"].mean()}

    def validation_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Compute the losses of a batch."""
        with torch.inference_mode():
            step = self._evaluate(batch)
            return step | {"loss": self.get_loss(step["task_losses"], batch[1])}

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Tensor:
        """Return the weighted mean of the tasks' losses."""
        return self.criterion_.total(y_pred).mean()

    def _descend(self, batch: Any) -> dict[str, Any]:
        """Compute the losses of a batch and their gradients."""
        step = self._evaluate(batch)
        penalty_of: Callable[[], Tensor | None] | None = getattr(self.module_, "penalty", None)
        penalty = None if penalty_of is None else penalty_of()
        if penalty is not None and self._processes is not None:
            penalty = self._processes.mean(penalty)
        balancing = self.criterion_.balancing
        parts = () if balancing.n_parts == 1 else (self._losses_of_parts(step["y_pred"], batch[1]),)
        balancing.backward(step["task_losses"], self.module_, penalty, *parts)
        if self._processes is not None:
            trained = (*self.module_.parameters(), *self.criterion_.parameters())
            self._processes.average_gradients(trained)
        step["task_losses"] = step["task_losses"].detach()
        step["penalty"] = None if penalty is None else penalty.detach()
        return step

    def _evaluate(self, batch: Any) -> dict[str, Any]:
        """Return the scores of a batch and the losses of the tasks."""
        X, y = batch
        X = X.to(self.device)
        if self.amp:
            with torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16):
                scores = [part.to(getattr(torch, self.dtype)) for part in self.module_(X)]
        else:
            scores = self.module_(X)
        task_losses = self.criterion_(scores, *(part.to(self.device) for part in y))
        if self._processes is not None:
            task_losses = self._processes.mean(task_losses)
        return {"task_losses": task_losses, "penalty": None, "y_pred": scores}

    def _losses_of_parts(self, scores: Any, y: Any) -> Tensor | None:
        """Return the losses in equal parts of a batch, or None where a part would be empty."""
        n_parts = self.criterion_.balancing.n_parts
        if len(scores[0]) < n_parts:
            return None
        tensors = (*scores, *(part.to(self.device) for part in y))
        cuts = zip(*(tensor.tensor_split(n_parts) for tensor in tensors), strict=True)
        n_tasks = len(scores)
        return torch.stack([self.criterion_(cut[:n_tasks], *cut[n_tasks:]) for cut in cuts])
