"""The training loop: a skorch net for several tasks whose hot path is only arithmetic."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EpochTimer, PrintLog
from skorch.history import History
from torch import Tensor

from sk_mmoe.nn import (
    EmbeddedNetwork,
    MemberStack,
    MultiTaskLoss,
    WeightAverage,
    initialize_weights,
    parameter_groups,
)
from sk_mmoe.training._loader import BatchLoader, TableDataset, prefetch
from sk_mmoe.training._prediction import BatchedPrediction
from sk_mmoe.training._seeding import epoch_seed, forked_rng

_BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_grad_computed")
_COLOUR = re.compile(r"\x1b\[\d+m")
_DIVERGED = "Lower learning_rate_init, or scale the inputs, e.g. with StandardScaler."


class StopTraining(KeyboardInterrupt):
    """Raised to end training early; skorch ends training on a KeyboardInterrupt."""


class MultiTaskNet(BatchedPrediction, NeuralNet):
    """A skorch net whose module scores several tasks.

    It differs from :class:`skorch.NeuralNet` in six things: the criterion returns one loss per
    task; what is recorded is recorded once per epoch, unless a callback asks for batches; the
    randomness of an epoch depends on the seed and the number of the epoch only, so that a resumed
    training repeats an uninterrupted one; training runs up to a number of epochs in all; with
    further seeds it trains several networks in one program, each as it would be trained alone; and
    what is evaluated and kept may be an average of the weights.

    Parameters
    ----------
    module, criterion, **kwargs
        As in :class:`skorch.NeuralNet`.
    seed : int, default=0
        The seed of initialisation, order of rows and dropout.
    further_seeds : sequence of int, default=()
        The seeds of the other members, where the module is a stack of several.
    dtype : str, default="float32"
        The type of the parameters.
    weight_init : str, default="torch"
        How the first weights are drawn, as in :func:`~sk_mmoe.nn.initialize_weights`.
    average : bool, default=False
        Whether the module ends with the average of its weights over the later steps.
    amp : bool, default=False
        Whether training computes products in bfloat16 (automatic mixed precision).
    """

    # Together with the module they are pickled so that they share its parameters.
    cuda_dependent_attributes_ = ["average_"]  # noqa: RUF012

    module_: torch.nn.Module
    criterion_: MultiTaskLoss
    optimizer_: torch.optim.Optimizer
    average_: WeightAverage | None
    history: History

    def __init__(
        self,
        module: Any,
        criterion: Any,
        *,
        seed: int = 0,
        further_seeds: Sequence[int] = (),
        dtype: str = "float32",
        weight_init: str = "torch",
        average: bool = False,
        amp: bool = False,
        iterator_train: Any = BatchLoader,
        iterator_valid: Any = BatchLoader,
        **kwargs: Any,
    ) -> None:
        self.seed = seed
        self.further_seeds = further_seeds
        self.dtype = dtype
        self.weight_init = weight_init
        self.average = average
        self.amp = amp
        super().__init__(
            module,
            criterion,
            iterator_train=iterator_train,
            iterator_valid=iterator_valid,
            **kwargs,
        )

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        kinds = ("task_losses", "member_losses", "member_task_losses")
        ignored = [f"{part}_{kind}" for part in ("train", "valid") for kind in kinds]
        ignored += ["task_weights", "member_task_weights", "member_counts"]
        sink = _print_row if self.verbose else print  # skorch is silent with print only
        return [
            ("epoch_timer", EpochTimer()),
            ("print_log", PrintLog(keys_ignored=ignored, sink=sink)),
        ]

    @property
    def network(self) -> torch.nn.Module:
        """The network, without what encodes the columns of a table for it."""
        member: Any = self.member(0)
        return member.network if isinstance(member, EmbeddedNetwork) else member

    @property
    def seeds(self) -> list[int]:
        """The seed of each member."""
        return [self.seed, *self.further_seeds]

    def member(self, index: int) -> torch.nn.Module:
        """Return the module of a member, counted from 0."""
        if not 0 <= index <= len(self.further_seeds):
            raise IndexError(f"member must be from 0 to {len(self.further_seeds)}, got {index}.")
        stack: Any = self.module_
        return stack.member(index) if self.further_seeds else stack

    # -- building ---------------------------------------------------------------------------

    def initialize(self) -> MultiTaskNet:
        """Build module, criterion, optimizer and callbacks, from the seed."""
        with forked_rng(self.device):
            torch.manual_seed(epoch_seed(self.seed, 0))
            super().initialize()
        return self

    def continue_from(self, other: MultiTaskNet) -> MultiTaskNet:
        """Take over weights, optimizer state and history of a net of the same architecture."""
        if not self.initialized_:
            self.initialize()
        self.module_.load_state_dict(other.module_.state_dict())
        # A copy: a training that fails must leave the other net as it was.
        state, settings = deepcopy(other.optimizer_.state_dict()), self.optimizer_.state_dict()
        groups, own = ([g["params"] for g in s["param_groups"]] for s in (state, settings))
        if type(self.optimizer_) is not type(other.optimizer_) or groups != own:
            raise ValueError("the optimizers of the two nets differ.")
        # Its moments, but the settings (learning rate, weight decay) of this net.
        self.optimizer_.load_state_dict(state | {"param_groups": settings["param_groups"]})
        self.criterion_.load_state_dict(other.criterion_.state_dict())
        if self.average_ is not None and other.average_ is not None:
            self.average_.load_state_dict(other.average_.state_dict())
        self.history = deepcopy(other.history)
        return self

    def initialize_module(self) -> MultiTaskNet:
        """Build the module in the net's dtype."""
        self._build_module()
        if self.further_seeds:
            networks = [self.module_]
            for seed in self.further_seeds:
                torch.manual_seed(epoch_seed(seed, 0))
                self._build_module()
                networks.append(self.module_)
            self.module_ = MemberStack(networks)
        self.module_ = self.module_.to(getattr(torch, self.dtype))
        return self

    def _build_module(self) -> None:
        """Build a single module, and draw its weights."""
        super().initialize_module()
        if self.weight_init != "torch":  # what it has already
            initialize_weights(self.module_, self.weight_init)

    def initialize_criterion(self) -> MultiTaskNet:
        """Build the criterion in the net's dtype."""
        super().initialize_criterion()
        self.criterion_ = self.criterion_.to(getattr(torch, self.dtype))
        return self

    def get_params_for_optimizer(self, prefix: str, named_parameters: Any) -> tuple[Any, Any]:
        """Ask module and criterion for the settings of their parameters, unless users give some."""
        args, kwargs = super().get_params_for_optimizer(prefix, named_parameters)
        by_user = "param_groups" in self.get_params_for(prefix)
        if by_user or issubclass(self.optimizer, torch.optim.LBFGS):  # which knows one group only
            return args, kwargs
        parts = (self.module_, self.criterion_)
        return ([g for part in parts for g in parameter_groups(part, kwargs["lr"])],), kwargs

    def initialize_optimizer(self, triggered_directly: Any = None) -> MultiTaskNet:
        """Build the optimizer, and the average of the weights that it changes."""
        super().initialize_optimizer(triggered_directly)
        self.average_ = WeightAverage(self.module_.parameters()) if self.average else None
        return self

    def torch_compile(self, module: torch.nn.Module, name: str) -> torch.nn.Module:
        """Compile the module in place, which leaves its parameters' names alone."""
        if self.compile and name == "module":
            # Lookups have a way back of their own, of which there is nothing to compile.
            body: Any = module.network if isinstance(module, EmbeddedNetwork) else module
            body.compile(**self.get_params_for("compile"))
        return module

    # -- training ---------------------------------------------------------------------------

    def train(
        self, train: TableDataset, valid: TableDataset | None = None, *, epochs: int
    ) -> MultiTaskNet:
        """Train for some more epochs.

        Parameters
        ----------
        train : TableDataset
            What to learn.
        valid : TableDataset, default=None
            What to evaluate after each epoch.
        epochs : int
            The number of further epochs at most.

        Returns
        -------
        MultiTaskNet
            The net itself.
        """
        if not self.initialized_:
            self.initialize()
        self._datasets = (
            train.to(self.device),
            None if valid is None else valid.to(self.device),
        )
        self._last_epoch = len(self.history) + epochs
        self.stop_training_ = False
        # Per-batch bookkeeping costs as much as a small network: only where it is asked for.
        self._batch_hooks = any(
            getattr(type(callback), hook) is not getattr(Callback, hook)
            for _, callback in self.callbacks_
            for hook in _BATCH_HOOKS
        )
        try:
            with forked_rng(self.device):
                self.partial_fit(train)
        finally:
            del self._datasets
        if not all(parameter.isfinite().all() for parameter in self.module_.parameters()):
            raise FloatingPointError(f"training diverged: not all weights are numbers. {_DIVERGED}")
        return self

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Return the batches of a data set; each member has an order of its own."""
        iterator = super().get_iterator(dataset, training=training)
        if training and self.further_seeds:
            iterator.draw_order = self._draw_orders
        return iterator

    def _draw_orders(self, n_rows: int) -> Tensor:
        """Draw the order in which each member sees the rows, as it would alone."""
        seeds = (epoch_seed(seed, len(self.history)) for seed in self.seeds)
        generators = (torch.Generator().manual_seed(seed) for seed in seeds)
        return torch.stack([torch.randperm(n_rows, generator=g) for g in generators])

    def get_split_datasets(self, X: Any, y: Any = None, **_: Any) -> tuple[Any, Any]:
        """Return the data sets that :meth:`train` was given."""
        return self._datasets

    def fit_loop(
        self, X: Any, y: Any = None, epochs: int | None = None, **fit_params: Any
    ) -> MultiTaskNet:
        """Train until the last epoch, a callback's stop, or Ctrl-C."""
        if not hasattr(self, "_datasets"):
            raise TypeError("a MultiTaskNet learns by `train`, or by the `fit` of its estimator.")
        remaining = 0 if self.stop_training_ else self._last_epoch - len(self.history)
        try:
            super().fit_loop(X, y, epochs=remaining, **fit_params)
        except StopTraining:
            pass
        except KeyboardInterrupt:
            if self.history and "dur" not in self.history[-1]:  # an epoch cut short
                self.history.pop()
            warnings.warn(
                f"Training interrupted after {len(self.history)} epochs; the model as it stands is "
                "kept. Fit again with warm_start=True to go on.",
                stacklevel=2,
            )
        return self

    def notify(self, method_name: str, **kwargs: Any) -> None:
        """Call the callbacks; a stop takes effect when all of them have seen the epoch."""
        if method_name == "on_epoch_begin":
            torch.manual_seed(epoch_seed(self.seed, len(self.history) + 1))
            entry = "train_member_task_losses" if self.further_seeds else "train_task_losses"
            past = [epoch[entry] for epoch in self.history]
            self.criterion_.balancing.begin_epoch(past)
        if method_name != "on_epoch_end":
            super().notify(method_name, **kwargs)
            return
        for _, callback in self.callbacks_:
            try:
                callback.on_epoch_end(self, **kwargs)
            except KeyboardInterrupt:  # how skorch's own callbacks end training
                self.stop_training_ = True
        if self.stop_training_:
            raise StopTraining

    def run_single_epoch(
        self,
        iterator: Iterable[Any] | None,
        training: bool,
        prefix: str,
        step_fn: Callable[..., dict[str, Any]],
        **fit_params: Any,
    ) -> None:
        """Pass once over the data, with the weights that training goes on from."""
        if iterator is None:
            return
        average = self.average_ if training else None
        with nullcontext() if average is None else average.training():
            self._pass_over(iterator, training, prefix, step_fn, **fit_params)

    def _pass_over(
        self,
        iterator: Iterable[Any],
        training: bool,
        prefix: str,
        step_fn: Callable[..., dict[str, Any]],
        **fit_params: Any,
    ) -> None:
        """Take all batches and record the mean loss of each task."""
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
            # Summed where the losses lie: a GPU is not made to wait for a number to be read.
            task_losses = task_losses + size * step["task_losses"]
            if step["penalty"] is not None:
                penalty = penalty + size * step["penalty"]
            n_rows += size
        if training:
            weights = self.criterion_.balancing.weights().detach()
            self.history.record("task_weights", _mean_over_members(weights).tolist())
            if self.further_seeds:
                self.history.record("member_task_weights", weights.tolist())
            if not self._batch_hooks:
                self.history.new_batch()  # skorch's checkpoints look at the last one
        self._record_losses(prefix, task_losses / n_rows, penalty / n_rows)

    def _on_device(self, iterator: Any) -> Iterable[Any]:
        """Return the batches, copied to a GPU ahead of their turn where the table stays outside."""
        outside = torch.device(self.device).type == "cuda" and iterator.dataset.device.type == "cpu"
        return prefetch(iterator, self.device) if outside else iterator

    def _record_losses(self, prefix: str, task_losses: Tensor, penalty: Tensor | float) -> None:
        """Record the losses of an epoch."""
        losses = self.criterion_.total(task_losses) + penalty
        loss = float(losses.mean())
        if not np.isfinite(loss):
            bad = (~losses.isfinite()).nonzero().flatten().tolist()
            which = f" of the members {bad}" if self.further_seeds else ""
            raise FloatingPointError(
                f"{prefix}_loss{which} became {loss} in epoch {len(self.history)}. {_DIVERGED}"
            )
        entry = f"{prefix}_loss"
        earlier = [epoch[entry] for epoch in self.history[:-1] if entry in epoch]
        self.history.record(entry, loss)
        self.history.record(f"{entry}_best", loss < min(earlier, default=np.inf))
        self.history.record(f"{prefix}_task_losses", _mean_over_members(task_losses).tolist())
        if self.further_seeds:
            self.history.record(f"{prefix}_member_losses", losses.tolist())
            self.history.record(f"{prefix}_member_task_losses", task_losses.tolist())

    def train_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Take one optimizer step; without skorch's bookkeeping where nobody asks for it."""
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
        """Compute the losses of a batch and their gradients, with the loss that is on record."""
        step = self._descend(batch)
        loss = self.get_loss(step["task_losses"], batch[1])
        return step | {"loss": loss if step["penalty"] is None else loss + step["penalty"].mean()}

    def _descend(self, batch: Any) -> dict[str, Any]:
        """Compute the losses of a batch and their gradients."""
        step = self._evaluate(batch)
        penalty_of: Callable[[], Tensor | None] | None = getattr(self.module_, "penalty", None)
        penalty = None if penalty_of is None else penalty_of()
        balancing = self.criterion_.balancing
        parts = () if balancing.n_parts == 1 else (self._losses_of_parts(step["y_pred"], batch[1]),)
        balancing.backward(step["task_losses"], self.module_, penalty, *parts)
        step["task_losses"] = step["task_losses"].detach()
        step["penalty"] = None if penalty is None else penalty.detach()
        return step

    def _losses_of_parts(self, scores: Any, y: Any) -> Tensor | None:
        """Return the losses in equal parts of a batch, or None where a part would be empty."""
        n_parts = self.criterion_.balancing.n_parts
        if len(scores[0]) < n_parts:
            return None
        tensors = (*scores, *(part.to(self.device) for part in y))
        cuts = zip(*(tensor.tensor_split(n_parts) for tensor in tensors), strict=True)
        n_tasks = len(scores)
        return torch.stack([self.criterion_(cut[:n_tasks], *cut[n_tasks:]) for cut in cuts])

    def validation_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Compute the losses of a batch."""
        with torch.inference_mode():
            step = self._evaluate(batch)
            return step | {"loss": self.get_loss(step["task_losses"], batch[1])}

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
        return {"task_losses": task_losses, "penalty": None, "y_pred": scores}

    def get_loss(self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False) -> Tensor:
        """Return the weighted mean of the tasks' losses."""
        return self.criterion_.total(y_pred).mean()


_ONE_EVALUATION = (torch.optim.AdamW, torch.optim.Adam, torch.optim.SGD)


def _print_row(row: str) -> None:
    """Print a row of the log, with colours on a terminal only."""
    print(row if sys.stdout.isatty() else _COLOUR.sub("", row))


def _mean_over_members(values: Tensor) -> Tensor:
    """Return values of the tasks as their means over members, where there are several."""
    return values.reshape(-1, values.shape[-1]).mean(dim=0)
