"""From X, y and weights to the data sets of a training, checked once."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from sk_mmoe.columns._reader import TableReader
from sk_mmoe.estimators._parameters import TrainingParameters
from sk_mmoe.model_selection import MultiOutputStratifiedShuffleSplit
from sk_mmoe.tasks._encoder import Task, TaskEncoder
from sk_mmoe.tasks._targets import (
    Targets,
    check_same_length,
    check_sample_weight,
    check_targets,
    check_task,
)
from sk_mmoe.training._loader import TableDataset

# Without a held-out part networks of this size overfit most tables of some hundred rows already.
_AUTO_EARLY_STOPPING = 200


class DataPreparation(TrainingParameters):
    """What estimators do with data before training."""

    # -- what the mix-ins fill in -----------------------------------------------------------

    def _make_tasks(
        self, targets: Targets, weights: np.ndarray | None, classes: list[Any] | None = None
    ) -> list[Task]:
        """Return the tasks that fit the targets, or the classes where they are declared."""
        raise NotImplementedError

    def _label_weights(
        self, tasks: list[Task], targets: Targets, weights: np.ndarray | None
    ) -> np.ndarray | None:
        """Return the weights of single labels, of shape (n_samples, n_tasks)."""
        return weights

    # -- checking, encoding, splitting ------------------------------------------------------

    def _check_X(self, X: Any, *, dtype: str, reset: bool = False, stream: bool = False) -> Any:
        """Return X as a C-ordered array or CSR matrix of a dtype, or as a ColumnTable."""
        if reset:
            reader = TableReader.learn(
                X,
                estimator_name=type(self).__name__,
                dtype=dtype,
                categorical_features=self.categorical_features,
                numeric_encoding=self.numeric_encoding,
                n_knots=self.n_knots,
                embedding_dim=self.embedding_dim,
                category_smooth=self.category_smooth,
                of_stream=stream,
            )
            self._set_reader(reader)
        return self._model.reader.read(X, dtype=dtype)

    def _set_reader(self, reader: TableReader) -> None:
        """Keep how X is read."""
        self._model = SimpleNamespace(reader=reader)
        self.n_features_in_ = reader.n_features_in
        self.is_categorical_ = reader.is_categorical
        if reader.feature_names_in is not None:
            self.feature_names_in_ = reader.feature_names_in
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _check_data(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        reset: bool,
        complete: bool = True,
        stream: bool = False,
    ) -> tuple[Any, Targets, np.ndarray | None]:
        """Return the checked inputs, targets and weights of the labels."""
        targets = check_targets(y, estimator_name=type(self).__name__, complete=complete)
        X = self._check_X(X, dtype=self.dtype, reset=reset, stream=stream)
        check_same_length(X, targets)
        return X, targets, check_sample_weight(sample_weight, targets, complete=complete)

    def _check_validation_set(
        self, encoder: TaskEncoder, X_val: Any, y_val: Any, sample_weight_val: Any
    ) -> TableDataset:
        """Return the user's own validation set."""
        if X_val is None or y_val is None:
            absent = "X_val" if X_val is None else "y_val"
            raise ValueError(f"X_val and y_val go together, but {absent} is missing.")
        if not self.early_stopping:
            raise ValueError(
                "X_val and y_val are used for early stopping, but early_stopping=False. "
                "Set it to True or 'auto'."
            )
        try:
            X, targets, weights = self._check_data(
                X_val, y_val, sample_weight_val, reset=False, complete=False
            )
            return self._make_dataset(encoder, X, targets, weights, needed=self._watched(encoder))
        except ValueError as error:
            raise ValueError(f"the validation set (X_val, y_val): {error}") from error

    def _watched(self, encoder: TaskEncoder) -> list[str]:
        """Return the task whose loss alone decides when to stop, if there is one."""
        if self.main_task is None:
            return []
        return [encoder.names[check_task(self.main_task, encoder.names, parameter="main_task")]]

    def _stops_early(self, n_samples: int) -> bool:
        """Return whether a part of the data is held out for early stopping."""
        if self.early_stopping == "auto":
            return n_samples > _AUTO_EARLY_STOPPING
        return bool(self.early_stopping)

    def _split_dataset(
        self,
        encoder: TaskEncoder,
        X: Any,
        targets: Targets,
        weights: np.ndarray | None,
        seed: int,
    ) -> tuple[TableDataset, TableDataset | None]:
        """Return what to learn from, and what to hold out for early stopping, if anything."""
        rows = valid = None
        if self._stops_early(len(targets)):
            rows, valid_rows = self._split(encoder, targets, seed)
            valid = self._make_dataset(
                encoder, X, targets, weights, valid_rows, needed=self._watched(encoder)
            )
        train = self._make_dataset(encoder, X, targets, weights, rows, needed=encoder.names)
        return train, valid

    def _split(
        self, encoder: TaskEncoder, targets: Targets, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows to learn from and the rows held out, alike in all tasks."""
        labels = encoder.encode(targets, dtype=torch.float64).numpy()
        labels[~targets.known] = np.nan
        splitter = MultiOutputStratifiedShuffleSplit(
            n_splits=1, test_size=self.validation_fraction, random_state=seed
        )
        train_rows, valid_rows = next(splitter.split(labels, labels))
        return np.sort(train_rows), np.sort(valid_rows)

    def _make_encoder(
        self, targets: Targets, weights: np.ndarray | None, classes: list[Any] | None = None
    ) -> TaskEncoder:
        """Return an encoder of the targets."""
        return TaskEncoder(self._make_tasks(targets, weights, classes), ndim=targets.ndim)

    def _make_dataset(
        self,
        encoder: TaskEncoder,
        X: Any,
        targets: Targets,
        weights: np.ndarray | None,
        rows: np.ndarray | None = None,
        *,
        needed: Sequence[str] | None = None,
    ) -> TableDataset:
        """Return the rows of a table that have a label with weight, ready for the network.

        The tasks that are needed must have such labels, and unless `needed` is None any task.
        """
        targets = encoder.check(targets)
        weights = self._label_weights(encoder.tasks, targets, weights)
        if weights is None and not targets.known.all():
            weights = targets.known.astype(np.float64)
        if rows is not None:
            targets = targets.take(rows)
            weights = None if weights is None else weights[rows]
        dtype = getattr(torch, self.dtype)
        encoded = encoder.encode(targets, dtype=dtype)
        if weights is None:
            return TableDataset(X, encoded, rows=_as_index(rows))
        totals = weights.sum(axis=0)
        lost = [name for name, total in zip(encoder.names, totals, strict=True) if total == 0]
        if needed is not None and (len(lost) == len(totals) or set(lost) & set(needed)):
            raise ValueError(
                f"no label of the tasks {lost} is left with weight in the part to learn from, or "
                "in the part held out. Change validation_fraction, pass X_val and y_val, or set "
                "early_stopping=False."
            )
        used = np.flatnonzero(weights.any(axis=1))
        if len(used) < len(weights):
            rows = used if rows is None else rows[used]
            encoded, weights = encoded[torch.from_numpy(used)], weights[used]
            totals = weights.sum(axis=0)
        weights = weights * (len(weights) / np.where(totals > 0, totals, 1))
        return TableDataset(X, encoded, torch.from_numpy(weights).to(dtype), _as_index(rows))


def _as_index(rows: np.ndarray | None) -> torch.Tensor | None:
    """Return rows as a tensor."""
    return None if rows is None else torch.from_numpy(rows)
