"""What estimators have whose tasks may have classes: weights of classes, and probabilities."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import StrOptions

from sk_mmoe.estimators._base import MultiTaskEstimator


class WithClasses(MultiTaskEstimator):
    """Base of classifiers and mixed predictors."""

    class_weight: Annotated[Any, dict, list, StrOptions({"balanced"}), None] = None

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> MultiTaskEstimator:
        """Pass once over a chunk of a stream.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs of the chunk.
        y : array-like of shape (n_samples,) or (n_samples, n_tasks)
            The targets of the chunk. A missing label is NaN, None or `pd.NA`.
        classes : array-like, list of array-like or dict, default=None
            All classes that can occur: an array if y has one dimension, and otherwise one array for
            each task (`None` for a task without classes), in a list or by task name. A classifier
            needs it at the first call, unless `tasks` lists the classes of every task. If it is
            not given, a mixed predictor takes the classes of the first chunk.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
            Weights of the samples, or of single labels.

        Returns
        -------
        self : object
            The estimator.
        """
        return self._fit_chunk(X, y, sample_weight, classes)

    @property
    def classes_(self) -> np.ndarray | list[np.ndarray | None]:
        """The classes of each task; an array if y had one dimension."""
        return self._as_y(self.model_.tasks.classes)

    def predict_log_proba(self, X: Any) -> Any:
        """Predict the logarithms of the probabilities of classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or list of such arrays
            As :meth:`predict_proba`, computed without underflow of small probabilities.
        """
        return self._as_y(self.model_.tasks.probabilities(self.model_.scores(X), log=True))

    def predict_proba(self, X: Any) -> Any:
        """Predict the probabilities of classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or list of such arrays
            One array for each task, with columns in the order of `classes_` (`None` for a task
            without classes); one array if y had one dimension.
        """
        return self._as_y(self.model_.tasks.probabilities(self.model_.scores(X)))

    def _as_y(self, per_task: list[Any]) -> Any:
        """Return the only entry if y had one dimension, else the list over tasks."""
        return per_task[0] if self.model_.tasks.ndim == 1 else per_task
