"""What classifiers, regressors and estimators for mixed tasks have each for themselves."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin, _fit_context
from sklearn.utils import ClassifierTags, RegressorTags, Tags
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from sk_mmoe.estimators._base import MultiTaskEstimator
from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.tasks._kinds import Accepts, names_its_classes, resolve_kinds
from sk_mmoe.tasks._targets import Targets, read_targets
from sk_mmoe.tasks._weights import check_sample_weight


class _TaskKinds(MultiTaskEstimator):
    """How the tasks of a table come from its targets."""

    tasks: Any = None

    _accepts: ClassVar[Accepts]
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "tasks": [dict, "array-like", str, None],
    }

    def _task_kinds(self, names: list[str]) -> list[Any]:
        """Return the kind of each task."""
        return resolve_kinds(self.tasks, names, accepts=self._accepts)

    def _make_encoder(
        self, targets: Targets, weights: np.ndarray | None, classes: Any = None
    ) -> TaskEncoder:
        """Return an encoder of the targets, or of the classes where they are declared."""
        return TaskEncoder.learn(
            targets, weights, kinds=self._task_kinds(targets.names), classes=classes
        )

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the mean over tasks of accuracy, R² or, for counts, D² on the known labels.

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
            The mean score. For tasks one by one see :mod:`sk_mmoe.metrics`.
        """
        scores = self._scores(X)
        targets = read_targets(y, estimator_name=type(self).__name__, complete=False)
        targets = self._encoder.check(targets)
        weights = check_sample_weight(sample_weight, targets, complete=False)
        return self._encoder.score(scores, targets, weights)


class _WithClasses(_TaskKinds):
    """What estimators have that know classes."""

    class_weight: Any = None

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

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
            The targets of the chunk. Missing labels are NaN, None or `pd.NA`.
        classes : array-like, list of array-like or dict, default=None
            All classes that can occur: an array for a y of one dimension, otherwise one array
            for each task (`None` for a regression), in a list or by task name. Needed at the
            first call only; an estimator for mixed tasks takes the classes of its first chunk
            where none are given.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
            Weights of the samples, or of single labels.

        Returns
        -------
        self : object
            The estimator.
        """
        return self._partial_fit(X, y, sample_weight, classes)

    def _stream_encoder(
        self, targets: Targets, weights: np.ndarray | None, classes: Any
    ) -> TaskEncoder:
        if not hasattr(self, "net_"):
            return self._make_encoder(targets, weights, classes)
        self._encoder.check_classes(classes)
        return self._encoder

    @property
    def classes_(self) -> np.ndarray | list[np.ndarray | None]:
        """The classes of each task; an array if y had one dimension."""
        check_is_fitted(self)
        return self._as_y(self._encoder.classes)

    def predict_log_proba(self, X: Any) -> Any:
        """Predict the logarithms of the probabilities of classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or list of such arrays
            As :meth:`predict_proba`, computed without loss of small probabilities.
        """
        return self._as_y(self._encoder.probabilities(self._scores(X), log=True))

    def predict_proba(self, X: Any) -> Any:
        """Predict the probabilities of classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or list of such arrays
            One array for each task, in the order of `classes_` (`None` for a regression task);
            one array if y had one dimension.
        """
        return self._as_y(self._encoder.probabilities(self._scores(X)))

    def _as_y(self, per_task: list[Any]) -> Any:
        """Return what a y of one dimension has for its only task, or the list over tasks."""
        return per_task[0] if self._encoder.ndim == 1 else per_task


class MultiTaskClassifier(ClassifierMixin, _WithClasses):
    """Mix-in of estimators whose tasks all have classes."""

    # scikit-learn's own refuses several multi-class tasks and missing labels.
    score = _TaskKinds.score

    _accepts = "with_classes"

    def _stream_encoder(
        self, targets: Targets, weights: np.ndarray | None, classes: Any
    ) -> TaskEncoder:
        if (
            classes is None
            and not hasattr(self, "net_")
            and not all(map(names_its_classes, self._task_kinds(targets.names)))
        ):
            raise ValueError("classes must be passed on the first call to partial_fit.")
        return super()._stream_encoder(targets, weights, classes)

    def __sklearn_tags__(self) -> Tags:
        """Return what the estimator can do."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MultiTaskRegressor(RegressorMixin, _TaskKinds):
    """Mix-in of estimators whose tasks all have numbers as targets."""

    score = _TaskKinds.score

    _accepts = "without_classes"

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        return_std : bool, default=False
            Whether to return the spread of the members' predictions, too.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_tasks)
            The predictions, the means over members where there are several. Of shape (n_samples,)
            if y had one dimension.
        std : ndarray of the shape of y
            The standard deviations of the members' predictions. Only if `return_std` is True.

        Raises
        ------
        ValueError
            If `return_std` is True and there are no members to compare.
        """
        check_is_fitted(self)
        if not return_std:
            return super().predict(X)
        if not self.net_.further_seeds:
            raise ValueError("return_std needs a spread over members: set n_members to 2 or more.")
        scores = self._member_scores(X)
        return self._encoder.decode(self._encoder.average(scores)), self._encoder.spread(scores)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MultiTaskEstimator:
        """Pass once over a chunk of a stream.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs of the chunk.
        y : array-like of shape (n_samples,) or (n_samples, n_tasks)
            The targets of the chunk. The first chunk sets the scale of each target: let it be
            large enough to know it.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
            Weights of the samples, or of single labels.

        Returns
        -------
        self : object
            The estimator.
        """
        return self._partial_fit(X, y, sample_weight)


class MixedTaskPredictor(_WithClasses):
    """Mix-in of estimators whose tasks are of several kinds."""

    _accepts = "all"

    def __sklearn_tags__(self) -> Tags:
        """Return what the estimator can do."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags = ClassifierTags()
        tags.regressor_tags = RegressorTags()
        return tags
