"""The training loop: a skorch net for several tasks whose hot path is only arithmetic."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from skorch.callbacks import Callback, EpochTimer, PrintLog
from torch import Tensor

from sk_mmoe.nn import EmbeddedNetwork
from sk_mmoe.training._building import NetBuilding
from sk_mmoe.training._epochs import DIVERGED, EpochPasses
from sk_mmoe.training._loader import BatchLoader
from sk_mmoe.training._prediction import BatchedPrediction
from sk_mmoe.training._processes import Processes
from sk_mmoe.training._samples import TableDataset
from sk_mmoe.training._seeding import epoch_seed, seed_generators, separate_generators
from sk_mmoe.training._steps import TrainingSteps

_BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_grad_computed")
_COLOUR = re.compile(r"\x1b\[\d+m")


class StopTraining(KeyboardInterrupt):
    """Raised to end training early; skorch ends training on a KeyboardInterrupt."""


class MultiTaskNet(BatchedPrediction, TrainingSteps, EpochPasses, NetBuilding):
    """A skorch net whose module scores several tasks.

    It differs from :class:`skorch.NeuralNet` in these respects:

    - The criterion returns one loss per task.
    - Losses are recorded once per epoch, unless a callback asks for batches.
    - The random numbers of an epoch depend only on the seed and the number of the epoch, so that a
      resumed training repeats an uninterrupted one.
    - Training runs up to a total number of epochs.
    - With further seeds it trains several networks in one program, each as it would be trained
      alone.
    - The weights that are evaluated and kept may be an average of those of many steps.

    Parameters
    ----------
    module, criterion, **kwargs
        As in :class:`skorch.NeuralNet`.
    seed : int, default=0
        The seed of initialisation, order of rows and dropout.
    further_seeds : sequence of int, default=()
        The seeds of the other members, if the module is a stack of several.
    dtype : str, default="float32"
        The type of the parameters.
    weight_init : str, default="torch"
        How the first weights are drawn, as in :func:`~sk_mmoe.nn.initialize_weights`.
    average : bool, default=False
        Whether the module ends with the average of its weights over the later steps.
    amp : bool, default=False
        Whether training computes products in bfloat16 (automatic mixed precision).
    distributed : bool, default=False
        Whether the processes of torch's default group train the net together. Each computes a share
        of every batch, and reads a share of a table in files.
    """

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
        distributed: bool = False,
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
        self.distributed = distributed
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
        ignored += ["task_weights", "member_task_weights", "member_counts", "watched_best"]
        return [
            ("epoch_timer", EpochTimer()),
            ("print_log", _Log(keys_ignored=ignored, sink=_print_row)),
        ]

    @property
    def network(self) -> torch.nn.Module:
        """The network, without what encodes the columns of a table for it."""
        member: Any = self.member(0)
        return member.network if isinstance(member, EmbeddedNetwork) else member

    @property
    def writes_files(self) -> bool:
        """Whether it is this process that writes, of those that train the net together."""
        return self._processes is None or self._processes.rank == 0

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
        self._processes = Processes.of_group() if self.distributed else None
        self._datasets = (
            train.to(self.device),
            None if valid is None else valid.to(self.device),
        )
        self._last_epoch = self.n_epochs + epochs
        self.stop_training_ = False
        # Per-batch bookkeeping costs as much as a small network: only where it is asked for.
        self._batch_hooks = any(
            getattr(type(callback), hook) is not getattr(Callback, hook)
            for _, callback in self.callbacks_
            for hook in _BATCH_HOOKS
        )
        try:
            # Before callbacks evaluate anything, for which the processes would wait for each other.
            if self._processes is not None:
                self._processes.check(self)
            with separate_generators(self.device):
                self.partial_fit(train)
        finally:
            del self._datasets, self._processes
            # Threads that predict must not find dropout switched on.
            self.module_.eval()
        if not all(parameter.isfinite().all() for parameter in self.module_.parameters()):
            raise FloatingPointError(f"training diverged: not all weights are numbers. {DIVERGED}")
        return self

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Return the batches of a data set, in a separate order for each member."""
        iterator = super().get_iterator(dataset, training=training)
        if training and self.further_seeds:
            iterator.draw_order = self._draw_orders
        elif training and self._processes is not None:
            iterator.draw_order = self._processes.draw_order
        if self._processes is not None:
            if not isinstance(iterator, BatchLoader):
                raise ValueError(
                    "net_params={'distributed': True} cannot share the batches of another "
                    f"iterator, got {type(iterator).__name__}."
                )
            iterator.share = self._processes.share
        return iterator

    def _draw_orders(self, n_rows: int) -> Tensor:
        """Draw the order in which each member sees the rows, as it would alone."""
        seeds = (epoch_seed(seed, self.n_epochs) for seed in self.seeds)
        generators = (torch.Generator().manual_seed(seed) for seed in seeds)
        return torch.stack([torch.randperm(n_rows, generator=g) for g in generators])

    def get_split_datasets(self, X: Any, y: Any = None, **_: Any) -> tuple[Any, Any]:
        """Return the data sets that :meth:`train` was given."""
        return self._datasets

    def predict_proba(self, X: Any) -> Any:
        """Point to what predicts: skorch's own method knows one output only."""
        raise TypeError(
            "a MultiTaskNet has several outputs and no labels. Use the `predict` of its estimator, "
            "or `net.predict_scores(X)` for raw scores. For a metric after each epoch, use "
            "scikit-learn's ScoringMonitor with set_callbacks."
        )

    def fit_loop(
        self, X: Any, y: Any = None, epochs: int | None = None, **fit_params: Any
    ) -> MultiTaskNet:
        """Train until the last epoch, a callback's stop, or Ctrl-C."""
        if not hasattr(self, "_datasets"):
            raise TypeError("a MultiTaskNet learns by `train`, or by the `fit` of its estimator.")
        if self._processes is not None:
            self._processes.check_resumed(self.n_epochs)
        remaining = 0 if self.stop_training_ else self._last_epoch - self.n_epochs
        try:
            super().fit_loop(X, y, epochs=remaining, **fit_params)
        except StopTraining:
            pass
        except KeyboardInterrupt:
            if self.history and "dur" not in self.history[-1]:  # an epoch cut short
                self.history.pop()
            warnings.warn(
                f"Training interrupted after {self.n_epochs} epochs; the model as it stands is "
                "kept. Fit again with warm_start=True to continue.",
                stacklevel=2,
            )
        return self

    def notify(self, method_name: str, **kwargs: Any) -> None:
        """Call the callbacks; a stop takes effect when all of them have seen the epoch."""
        if method_name == "on_epoch_begin":
            seed_generators(epoch_seed(self.seed, self.n_epochs + 1), self.device)
            if self._processes is not None:
                self._processes.begin_epoch(self.seed, self.n_epochs + 1, self.device)
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
        if self._processes is not None:
            self.stop_training_ = self._processes.any(self.stop_training_)
        if self.stop_training_:
            raise StopTraining


class _Log(PrintLog):
    """A log that takes no time where nothing is printed; skorch's makes its rows in any case."""

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Print a row."""
        if net.verbose:
            super().on_epoch_end(net, **kwargs)


def _print_row(row: str) -> None:
    """Print a row of the log, with colours on a terminal only."""
    print(row if sys.stdout.isatty() else _COLOUR.sub("", row))
