"""The attributes of a fitted estimator, which are read off its model."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sk_mmoe.estimators._fitted import FittedModel
from sk_mmoe.nn import count_parameters
from sk_mmoe.training._net import MultiTaskNet


class FittedAttributes:
    """Mix-in of the attributes; each exists once `fit` has kept a model."""

    @property
    def model_(self) -> FittedModel:
        """How X is read, the tasks, and the net."""
        model: FittedModel | None = getattr(self, "_model", None)
        if model is None:
            check_is_fitted(self)  # raises an AttributeError, so that hasattr tells
        return model

    @property
    def net_(self) -> MultiTaskNet:
        """The skorch net."""
        return self.model_.net

    @property
    def n_features_in_(self) -> int:
        """The number of features seen during `fit`."""
        return self.model_.reader.n_features_in

    @property
    def feature_names_in_(self) -> np.ndarray:
        """The names of the features, if they are all strings."""
        names = self.model_.reader.feature_names_in
        if names is None:
            raise AttributeError("feature_names_in_ is defined only when X has feature names.")
        return names

    @property
    def is_categorical_(self) -> np.ndarray | None:
        """Which columns are categorical."""
        return self.model_.reader.is_categorical

    @property
    def n_tasks_(self) -> int:
        """The number of tasks."""
        return len(self.model_.tasks.tasks)

    @property
    def task_names_(self) -> list[str]:
        """The names of the tasks."""
        return self.model_.tasks.names

    @property
    def task_kinds_(self) -> list[str]:
        """The kinds of the tasks."""
        return self.model_.tasks.kinds

    @property
    def n_members_(self) -> int:
        """The number of networks whose predictions are averaged."""
        return len(self.net_.seeds)

    @property
    def n_weights_(self) -> int:
        """The number of weights of all networks together."""
        return count_parameters(self.net_.module_)

    @property
    def n_iter_(self) -> int:
        """The number of epochs of training."""
        return self.net_.n_epochs

    @property
    def loss_curve_(self) -> list[float]:
        """The training loss after each epoch."""
        return [epoch["train_loss"] for epoch in self.net_.history]

    @property
    def task_loss_curve_(self) -> np.ndarray:
        """The training loss of each task after each epoch."""
        return np.array([epoch["train_task_losses"] for epoch in self.net_.history])

    @property
    def best_loss_(self) -> float | None:
        """The lowest training loss."""
        return min(self.loss_curve_, default=None)

    @property
    def validation_scores_(self) -> list[float] | None:
        """The negative of the watched loss on the held-out part."""
        if not self._monitor.restore_best:
            return None
        return [-self._monitor.observe(epoch) for epoch in self._watched_epochs]

    @property
    def validation_task_loss_curve_(self) -> np.ndarray | None:
        """The loss of each task on the held-out part."""
        if not self._monitor.restore_best:
            return None
        return np.array([epoch["valid_task_losses"] for epoch in self._watched_epochs])

    @property
    def best_validation_score_(self) -> float | None:
        """The score of the weights that are kept, on the held-out part."""
        best = [epoch["watched_best"] for epoch in self.net_.history if "watched_best" in epoch]
        return -float(np.mean(best[-1])) if best else None

    @property
    def _monitor(self) -> Any:
        """The callback that decided when to stop."""
        return dict(self.net_.callbacks_)["monitor"]

    @property
    def _watched_epochs(self) -> list[dict[str, Any]]:
        """The epochs with losses on the held-out part."""
        return [epoch for epoch in self.net_.history if "valid_loss" in epoch]

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether the estimator can predict."""
        return "_model" in vars(self)
