"""What all estimators share: fit, partial_fit, and the way to predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator, _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted

from sk_mmoe.callbacks import ConvergenceMonitor, TrainingCheckpoint, _copy_callbacks
from sk_mmoe.columns._numbers import warn_of_large_values
from sk_mmoe.estimators._preparation import DataPreparation
from sk_mmoe.nn import EmbeddedNetwork, FusedAdamW, MultiTaskLoss
from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.tasks._targets import (
    Targets,
    check_device,
    check_task_weights,
)
from sk_mmoe.training._epoch_contexts import EpochContexts
from sk_mmoe.training._loader import TableDataset
from sk_mmoe.training._members import MemberMonitor
from sk_mmoe.training._net import MultiTaskNet

_AUTO_BATCH_SIZE = 256
_MANY_ROWS = 100_000
_AUTO_BATCH_SIZE_OF_MANY = 512
# A learned weight of a task must cross whole units, which the network's parameters seldom do.
_BALANCING_RATE = 10
# A vector learns from its own rows only, which are few among those of a batch.
_EMBEDDING_RATE = 5
_OF_INPUTS = ("n_features_in_", "feature_names_in_", "is_categorical_", "_model")
# What net_params must leave to a parameter of the estimator.
_OWN_PARAMETERS = {
    "callbacks": "callbacks",
    "max_epochs": "max_iter",
    "train_split": "X_val and y_val",
}


class MultiTaskEstimator(CallbackSupportMixin, DataPreparation):
    """Base of all estimators.

    A subclass names its torch network and the parameters that go to it; one of the mix-ins in
    ``_predictors`` says what kinds of tasks it has.
    """

    _network: ClassVar[type[torch.nn.Module]]
    _network_parameters: ClassVar[tuple[str, ...]] = ("activation", "dropout")

    # -- what the mix-ins fill in -----------------------------------------------------------

    def _parameter_groups(self) -> list[tuple[str, dict[str, Any]]]:
        """Return patterns of parameters with optimizer settings of their own."""
        settings = self.net_params or {}
        rate = settings.get("optimizer__lr", settings.get("lr", self.learning_rate_init))
        vectors = {"lr": _EMBEDDING_RATE * rate}
        # Decay would make a stream forget what is absent for a while; that of other optimizers may
        # be another thing.
        of_stream = self._model.reader.of_stream
        if not of_stream and "optimizer" not in settings:
            vectors["weight_decay"] = self.embedding_alpha
        return [
            ("*bias", {"weight_decay": 0.0}),
            ("*column_embedding.weight", vectors),
            ("balancing.*", {"weight_decay": 0.0, "lr": _BALANCING_RATE * rate}),
        ]

    def _check_training(self, net: MultiTaskNet, encoder: TaskEncoder, train: TableDataset) -> None:
        """Warn of what has gone wrong in training; what was fitted before is still there."""

    # -- fitting ----------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> MultiTaskEstimator:
        """Fit the network to a table.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs: a DataFrame as it comes, or numbers, best standardised. A sparse matrix is
            never made dense as a whole.
        y : array-like of shape (n_samples,) or (n_samples, n_tasks)
            The targets, one column for each task. A missing label is NaN, None or `pd.NA`.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
            Weights of the samples, or of single labels.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Inputs for early stopping. In a :class:`~sklearn.pipeline.Pipeline` they are
            transformed with ``Pipeline(..., transform_input=["X_val"])``.
        y_val : array-like of shape (n_val,) or (n_val, n_tasks), default=None
            Targets for early stopping.
        sample_weight_val : array-like of shape (n_val,) or (n_val, n_tasks), default=None
            Weights for early stopping.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If an input or a parameter is not valid. What was fitted before stays as it was.
        FloatingPointError
            If training diverges.
        """
        data = {"X": X, "y": y}
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        with _unchanged_on_error(self):
            going_on = self.warm_start and hasattr(self, "net_")
            X, targets, weights = self._check_data(X, y, sample_weight, reset=not going_on)
            warn_of_large_values(X)
            encoder = self._encoder if going_on else self._make_encoder(targets, weights)
            seeds = self._going_on_seeds() if going_on else self._draw_seeds()
            if X_val is not None or y_val is not None or sample_weight_val is not None:
                valid = self._check_validation_set(encoder, X_val, y_val, sample_weight_val)
                train = self._make_dataset(encoder, X, targets, weights, needed=encoder.names)
            else:
                train, valid = self._split_dataset(encoder, X, targets, weights, seeds[0])
            net = self._make_net(encoder, seeds, len(train), early_stopping=valid is not None)
            if going_on:
                self._continue_from(net, self.net_)
            self._train(net, encoder, train, valid, data, metadata)
        return self

    def _partial_fit(
        self, X: Any, y: Any, sample_weight: Any, classes: Any = None
    ) -> MultiTaskEstimator:
        """Pass once over a chunk of a stream."""
        with _unchanged_on_error(self):
            if self.early_stopping not in (False, "auto"):
                raise ValueError("partial_fit does not support early_stopping=True.")
            first = not hasattr(self, "net_")
            X, targets, weights = self._check_data(
                X, y, sample_weight, reset=first, complete=first, stream=True
            )
            encoder = self._stream_encoder(targets, weights, classes)
            seeds = self._draw_seeds() if first else self._going_on_seeds()
            dataset = self._make_dataset(encoder, X, targets, weights)
            if len(dataset) == 0:  # a chunk without a label
                return self
            net = self._make_net(encoder, seeds, len(dataset), early_stopping=False)
            if any(isinstance(callback, TrainingCheckpoint) for _, callback in net.callbacks_):
                raise ValueError(
                    "TrainingCheckpoint resumes a fit, not a stream. Save the estimator between "
                    "the calls of partial_fit, e.g. with joblib."
                )
            if not first:
                self._continue_from(net, self.net_)
            net.train(dataset, epochs=1)
            self._set_fitted(net, encoder)
        return self

    def _stream_encoder(
        self, targets: Targets, weights: np.ndarray | None, classes: Any
    ) -> TaskEncoder:
        """Return the encoder that the first chunk makes and later ones share."""
        return self._encoder if hasattr(self, "net_") else self._make_encoder(targets, weights)

    def _draw_seeds(self) -> list[int]:
        """Draw the seed of each member."""
        rng = check_random_state(self.random_state)
        return [int(rng.randint(np.iinfo(np.int32).max)) for _ in range(self.n_members)]

    def _going_on_seeds(self) -> list[int]:
        """Return the seeds of the networks that are fitted already."""
        if len(self.net_.seeds) != self.n_members:
            raise ValueError(
                f"n_members is {self.n_members}, but {len(self.net_.seeds)} network(s) are fitted. "
                "Set warm_start=False, or clone the estimator, to start afresh."
            )
        return self.net_.seeds

    def _make_net(
        self, encoder: TaskEncoder, seeds: Sequence[int], n_rows: int, *, early_stopping: bool
    ) -> MultiTaskNet:
        """Return the skorch net that trains the network of these parameters."""
        names = encoder.names
        monitor = (MemberMonitor if len(seeds) > 1 else ConvergenceMonitor)(
            "valid_loss" if early_stopping else "train_loss",
            task=next((names.index(name) for name in self._watched(encoder)), None),
            patience=self.n_iter_no_change,
            tol=self.tol,
            restore_best=early_stopping,
        )
        batch_size = self.batch_size
        if batch_size == "auto":
            batch_size = _AUTO_BATCH_SIZE if n_rows <= _MANY_ROWS else _AUTO_BATCH_SIZE_OF_MANY
        parameters: dict[str, Any] = {
            **self._module_parameters(),
            "module__n_outputs": [task.n_outputs for task in encoder.tasks],
            "criterion": MultiTaskLoss,
            "criterion__losses": [task.loss for task in encoder.tasks],
            "criterion__task_weights": check_task_weights(self.task_weights, names),
            "criterion__n_members": len(seeds) if len(seeds) > 1 else None,
            "criterion__balancing": self.loss_balancing,
            "optimizer": FusedAdamW,
            "optimizer__param_groups": self._parameter_groups(),
            "optimizer__weight_decay": self.alpha,
            "lr": self.learning_rate_init,
            "batch_size": min(int(batch_size), n_rows),
            "iterator_train__shuffle": True,
            "callbacks": [("monitor", monitor), *_copy_callbacks(self.callbacks)],
            "train_split": None,
            "verbose": int(self.verbose),
            "device": check_device(self.device),
            "dtype": self.dtype,
            "average": self.average,
            "compile": self.compile,
            "seed": seeds[0],
            "further_seeds": list(seeds[1:]),
        }
        extra = dict(self.net_params or {})
        if "module" in extra and "module__network" in parameters:
            parameters["module__network"] = extra.pop("module")
        for name in extra.keys() & _OWN_PARAMETERS.keys():
            raise ValueError(f"net_params must not set {name!r}: use {_OWN_PARAMETERS[name]}.")
        if "optimizer" in extra:  # which may know no decay
            del parameters["optimizer__weight_decay"]
            if issubclass(extra["optimizer"], torch.optim.LBFGS):  # knows one group only
                del parameters["optimizer__param_groups"]
        return MultiTaskNet(**(parameters | extra)).initialize()

    def _module_parameters(self) -> dict[str, Any]:
        """Return the network and its parameters, as the skorch net takes them."""
        parameters = {name: getattr(self, name) for name in self._network_parameters}
        reader = self._model.reader
        parameters |= reader.network_inputs()
        if reader.embeds:
            parameters |= {
                "network": self._network,
                "embedding_dim": self.embedding_dim,
                "n_cross_layers": self.n_cross_layers,
            }
        module = EmbeddedNetwork if "network" in parameters else self._network
        return {"module": module} | {f"module__{key}": value for key, value in parameters.items()}

    def _continue_from(self, net: MultiTaskNet, fitted: MultiTaskNet) -> None:
        """Go on where an earlier fit stopped."""
        try:
            net.continue_from(fitted)
        except (RuntimeError, ValueError) as error:
            raise ValueError(
                "the parameters that shape the network or its optimizer have changed since the "
                "first fit. Set warm_start=False, or clone the estimator, to start afresh."
            ) from error

    def _train(
        self,
        net: MultiTaskNet,
        encoder: TaskEncoder,
        train: TableDataset,
        valid: TableDataset | None,
        data: Mapping[str, Any],
        metadata: dict[str, Any],
    ) -> None:
        """Train under scikit-learn's callbacks and keep what comes out."""
        context = self._init_callback_context(max_subtasks=self.max_iter)
        attributes = {"net_": net, "_encoder": encoder}
        contexts = EpochContexts(self, context, lambda: attributes, **data, metadata=metadata)
        net.callbacks_.append(("epoch_contexts", contexts))
        try:
            net.train(train, valid, epochs=self.max_iter)
        finally:
            net.callbacks_.pop()
        self._check_training(net, encoder, train)
        self._set_fitted(net, encoder)

    def _set_fitted(self, net: MultiTaskNet, encoder: TaskEncoder) -> None:
        """Set the fitted attributes."""
        self.net_ = net
        self._encoder = encoder
        self.task_names_ = encoder.names
        self.task_kinds_ = [task.kind for task in encoder.tasks]
        self.n_tasks_ = len(encoder.tasks)
        self.n_iter_ = len(net.history)
        self.loss_curve_ = [epoch["train_loss"] for epoch in net.history]
        self.best_loss_ = min(self.loss_curve_, default=None)
        self.task_loss_curve_ = np.array([epoch["train_task_losses"] for epoch in net.history])
        monitor = dict(net.callbacks_)["monitor"]
        self.validation_scores_ = self.best_validation_score_ = None
        self.validation_task_loss_curve_ = None
        if monitor.restore_best:
            watched = [epoch for epoch in net.history if "valid_loss" in epoch]
            self.validation_scores_ = [-monitor.observe(epoch) for epoch in watched]
            self.best_validation_score_ = max(self.validation_scores_, default=None)
            if watched and net.further_seeds:
                self.best_validation_score_ = -float(monitor.best_of(watched).mean())
            losses = [epoch["valid_task_losses"] for epoch in watched]
            self.validation_task_loss_curve_ = np.array(losses)

    # -- predicting -------------------------------------------------------------------------

    def _scores(self, X: Any) -> list[torch.Tensor]:
        """Return the raw scores of each task, in double precision."""
        check_is_fitted(self)
        return [
            task.average(scores) if self.net_.further_seeds else scores
            for task, scores in zip(self._encoder.tasks, self._member_scores(X), strict=True)
        ]

    def _member_scores(self, X: Any) -> list[torch.Tensor]:
        """Return the raw scores of each task; of several members, one after the other."""
        X = self._check_X(X, dtype=self.net_.dtype)
        return [scores.double() for scores in self.net_.predict_scores(X)]

    def predict(self, X: Any) -> np.ndarray:
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_tasks)
            The predictions: labels in their own dtype, numbers in their own units. Of shape
            (n_samples,) if y had one dimension. An array of objects where labels of different
            kinds stand side by side.
        """
        scores = self._scores(X)
        return self._encoder.decode(scores)

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether the estimator can predict."""
        return hasattr(self, "net_")

    def __sklearn_tags__(self) -> Tags:
        """Return what the estimator can do."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags


@contextmanager
def _unchanged_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Give an estimator back what describes its inputs, if fitting it fails.

    All else that a fit sets is set when training is over.
    """
    state = vars(estimator)
    before = {name: state[name] for name in _OF_INPUTS if name in state}
    try:
        yield
    except BaseException:
        for name in _OF_INPUTS:
            state.pop(name, None)
        state.update(before)
        raise
