"""What all estimators share: fit, predict and score."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import Tags

from sk_mmoe.estimators._architecture import Architecture
from sk_mmoe.estimators._attributes import FittedAttributes
from sk_mmoe.estimators._fit import TrainingData, fit_chunk, fit_model
from sk_mmoe.estimators._fitted import FittedModel
from sk_mmoe.estimators._parameters import (
    ColumnParameters,
    LayerParameters,
    TrainingParameters,
)
from sk_mmoe.estimators._sklearn import CallbackSupportMixin
from sk_mmoe.estimators._state import StorableState
from sk_mmoe.tasks._kinds import Accepts
from sk_mmoe.tasks._targets import check_same_length, read_targets
from sk_mmoe.tasks._weights import check_sample_weight
from sk_mmoe.training._epoch_contexts import EpochContexts


class MultiTaskEstimator(
    FittedAttributes,
    StorableState,
    CallbackSupportMixin,
    TrainingParameters,
    ColumnParameters,
    LayerParameters,
    Architecture,
):
    """Base of all estimators.

    An estimator is a face (classifier, regressor or mixed predictor) of an architecture. The face
    says which kinds of tasks there may be, the architecture which network learns them.
    """

    tasks: Annotated[Any, str, dict, "array-like", None] = None

    # Which kinds of tasks there may be.
    accepted_tasks: ClassVar[Accepts]

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
            The inputs: a DataFrame as it is, or numbers, which should be standardised. A sparse
            matrix is never converted to a dense one as a whole.
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

        def train(model: FittedModel, samples: TrainingData) -> None:
            """Train under scikit-learn's callbacks, which see the model after each epoch."""
            context = self._init_callback_context(max_subtasks=self.max_iter)
            contexts = EpochContexts(
                self, context, lambda: {"_model": model}, **data, metadata=metadata
            )
            model.net.callbacks_.append(("epoch_contexts", contexts))
            try:
                model.net.train(samples.train, samples.valid, epochs=self.max_iter)
            finally:
                model.net.callbacks_.pop()

        self._model = fit_model(
            self,
            X,
            y,
            sample_weight,
            (X_val, y_val, sample_weight_val),
            fitted=getattr(self, "_model", None) if self.warm_start else None,
            train=train,
        )
        return self

    def _fit_chunk(
        self, X: Any, y: Any, sample_weight: Any, classes: Any = None
    ) -> MultiTaskEstimator:
        """Pass once over a chunk of a stream."""
        fitted = getattr(self, "_model", None)
        model = fit_chunk(self, X, y, sample_weight, classes, fitted=fitted)
        if model is not None:
            self._model = model
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_tasks)
            The predictions: labels in their original dtype, numbers in their original units. Of
            shape (n_samples,) if y had one dimension. An array of objects if the labels of the
            tasks are of different types.
        """
        return self.model_.predict(X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the mean over tasks of accuracy (classes) or R² (numbers) on known labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_tasks)
            The true targets; missing labels are left out.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
            Weights of the samples, or of single labels.

        Returns
        -------
        float
            The mean score; of counts it is D², the fraction of the Poisson deviance explained. For
            single tasks see :mod:`sk_mmoe.metrics`.
        """
        tasks = self.model_.tasks
        scores = self.model_.scores(X)
        targets = read_targets(y, estimator_name=type(self).__name__, complete=False)
        check_same_length(X, targets)
        targets = tasks.check(targets)
        weights = check_sample_weight(sample_weight, targets, complete=False)
        return tasks.score(scores, targets, weights)

    def __sklearn_tags__(self) -> Tags:
        """Return what the estimator can do."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags
