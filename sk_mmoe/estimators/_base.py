"""What all estimators share: fit, predict and score."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

import numpy as np
from sklearn.utils import Tags

from sk_mmoe.estimators._architecture import Architecture
from sk_mmoe.estimators._first_pass import prepare_lazy
from sk_mmoe.estimators._fit import TrainingData, fit_chunk, fit_model, prepare
from sk_mmoe.estimators._fitted import FittedModel
from sk_mmoe.estimators._lazy_labels import all_labels, in_memory, refuse_labels
from sk_mmoe.estimators._notebook import NotebookSummary
from sk_mmoe.estimators._parameters import (
    ColumnParameters,
    LayerParameters,
    TrainingParameters,
)
from sk_mmoe.estimators._sklearn import CallbackSupportMixin, _fit_context
from sk_mmoe.estimators._state import StorableState
from sk_mmoe.streaming import LazyTable
from sk_mmoe.tasks._kinds import Accepts
from sk_mmoe.tasks._targets import check_same_length, read_targets
from sk_mmoe.tasks._weights import check_sample_weight
from sk_mmoe.training._epoch_contexts import EpochContexts


class MultiTaskEstimator(
    NotebookSummary,
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
        y: Any = None,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Fit the network to a table.

        Parameters
        ----------
        X : {array-like, sparse matrix, LazyTable} of shape (n_samples, n_features)
            The inputs. A DataFrame may have categories and strings. Numbers need no scaling and
            may be missing, unless `numeric_encoding` is None. A sparse matrix is never converted to
            a dense one as a whole. A :class:`~sk_mmoe.streaming.LazyTable` need not fit into
            memory.
        y : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
            The targets, one column for each task. A missing label is NaN, None or `pd.NA`. A
            LazyTable has its targets and weights as columns; `y` and `sample_weight` are then None.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
            Weights of the samples, or of single labels.
        X_val : {array-like, sparse matrix, LazyTable} of shape (n_val, n_features), default=None
            Inputs of a validation set for early stopping, used instead of held-out rows. A
            :class:`~sklearn.pipeline.Pipeline` transforms them if it has
            ``transform_input=["X_val"]``. A LazyTable is read into memory as a whole.
        y_val : array-like of shape (n_val,) or (n_val, n_tasks), default=None
            Targets of the validation set. `None` if X_val is a LazyTable.
        sample_weight_val : array-like of shape (n_val,) or (n_val, n_tasks), default=None
            Weights of the validation set.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If an input or a parameter is not valid. An estimator that was already fitted is then
            unchanged.
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

        fitted = getattr(self, "_model", None) if self.warm_start else None
        prepare_data = prepare_lazy if isinstance(X, LazyTable) else prepare
        validation_set = in_memory(X_val, y_val, sample_weight_val)
        samples = prepare_data(self, X, y, sample_weight, validation_set, fitted=fitted)
        self._model = fit_model(self, samples, fitted=fitted, train=train)
        return self

    def _fit_chunk(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
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
        X : {array-like, sparse matrix, LazyTable} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_tasks)
            The predictions: labels in their original dtype, numbers in the units of y. The shape
            is (n_samples,) if y had one dimension. The dtype is object if the tasks have labels of
            different types.
        """
        return self.model_.predict(X)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the mean score of the tasks on known labels.

        The score of a task is the accuracy for classes, R² for numbers, and D² for counts, the
        fraction of the Poisson deviance explained. For other scores, and for those of single tasks,
        see :mod:`sk_mmoe.metrics`.

        Parameters
        ----------
        X : {array-like, sparse matrix, LazyTable} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
            The true targets; missing labels are left out. `None` if X is a LazyTable.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
            Weights of the samples, or of single labels.

        Returns
        -------
        float
            The mean score over the tasks.
        """
        tasks = self.model_.tasks
        if isinstance(X, LazyTable):
            refuse_labels(y, sample_weight)
            y, sample_weight = all_labels(X)
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
        tags.input_tags.allow_nan = self.numeric_encoding is not None
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags
