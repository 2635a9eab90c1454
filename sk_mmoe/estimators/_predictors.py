"""What classifiers, regressors and estimators for mixed tasks have each for themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin, _fit_context
from sklearn.utils import ClassifierTags, RegressorTags, Tags
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from sk_mmoe.estimators._base import MultiTaskEstimator
from sk_mmoe.tasks._encoder import (
    ClassificationTask,
    Task,
    TaskEncoder,
    make_task,
)
from sk_mmoe.tasks._targets import (
    Targets,
    check_labels,
    check_sample_weight,
    check_targets,
    per_task,
)

_KINDS = ("binary", "multiclass", "classification", "regression", "infer")


class _TaskKinds(MultiTaskEstimator):
    """How the tasks of a table come from its targets."""

    def _task_kinds(self, names: list[str]) -> list[str]:
        """Return the kind of each task."""
        raise NotImplementedError

    def _make_tasks(
        self, targets: Targets, weights: np.ndarray | None, classes: list[Any] | None = None
    ) -> list[Task]:
        tasks = []
        for k, (name, kind) in enumerate(
            zip(targets.names, self._task_kinds(targets.names), strict=True)
        ):
            known = None if weights is None else weights[targets.known[:, k], k]
            if classes is None or classes[k] is None:
                tasks.append(make_task(name, kind, targets.labels[k], known))
            elif kind == "regression":
                raise ValueError(f"classes of task {name!r} must be None: it is a regression.")
            else:
                kind = "classification" if kind == "infer" else kind
                tasks.append(make_task(name, kind, classes[k]))
        return tasks

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
            The mean score. For tasks one by one see :mod:`sk_mmoe.metrics`.
        """
        scores = self._scores(X)
        targets = check_targets(y, estimator_name=type(self).__name__, complete=False)
        targets = self._encoder.check(targets)
        weights = check_sample_weight(sample_weight, targets, complete=False)
        values = []
        for k, (task, labels) in enumerate(zip(self._encoder.tasks, targets.labels, strict=True)):
            known = targets.known[:, k]
            weight = None if weights is None else weights[known, k]
            if not known.any() or (weight is not None and not weight.any()):
                continue
            values.append(task.metric(labels, task.decode(scores[k][known]), sample_weight=weight))
        return float(np.mean(values)) if values else np.nan


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
        if classes is None:
            return super()._stream_encoder(targets, weights, classes)
        if targets.ndim == 1 and not isinstance(classes, Mapping):
            classes = [classes]
        classes = [
            None if declared is None else np.unique(check_labels(declared))
            for declared in per_task(classes, targets.names, parameter="classes", default=None)
        ]
        if not hasattr(self, "net_"):
            return self._make_encoder(targets, weights, classes)
        for task, declared in zip(self._encoder.tasks, classes, strict=True):
            known = getattr(task, "classes", None)
            if declared is not None and not np.array_equal(declared, known):
                known = None if known is None else known.tolist()
                raise ValueError(
                    f"classes of task {task.name!r} are {known} since the first call to "
                    f"partial_fit, got {declared.tolist()}."
                )
        return self._encoder

    def _label_weights(
        self, tasks: list[Task], targets: Targets, weights: np.ndarray | None
    ) -> np.ndarray | None:
        class_weight, names = self.class_weight, targets.names
        if class_weight is None:
            return weights
        # With one task a dict may weigh its labels without naming it.
        by_label = (
            isinstance(class_weight, Mapping) and len(names) == 1 and names[0] not in class_weight
        )
        if isinstance(class_weight, str) or by_label:
            class_weights = [class_weight] * len(names)
        else:
            class_weights = per_task(class_weight, names, parameter="class_weight", default=None)
        weights = targets.known.astype(np.float64) if weights is None else weights.copy()
        for k, (task, value) in enumerate(zip(tasks, class_weights, strict=True)):
            known = targets.known[:, k]
            if value is not None and known.any():
                weights[known, k] *= task.label_weights(value, targets.labels[k], weights[known, k])
        return weights

    @property
    def classes_(self) -> np.ndarray | list[np.ndarray | None]:
        """The classes of each task; an array if y had one dimension."""
        check_is_fitted(self)
        classes = [getattr(task, "classes", None) for task in self._encoder.tasks]
        return classes[0] if self._encoder.ndim == 1 else classes

    def _task_probabilities(self, X: Any, *, log: bool) -> list[np.ndarray | None]:
        """Return the probabilities of each task's classes."""
        probabilities: list[np.ndarray | None] = []
        all_scores = self._scores(X)
        for task, scores in zip(self._encoder.tasks, all_scores, strict=True):
            if not isinstance(task, ClassificationTask):
                probabilities.append(None)
                continue
            log_proba = task.log_proba(scores)
            probabilities.append((log_proba if log else log_proba.exp()).numpy())
        return probabilities

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
        return self._as_y(self._task_probabilities(X, log=True))

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
        return self._as_y(self._task_probabilities(X, log=False))

    def _as_y(self, per_task: list[Any]) -> Any:
        """Return what a y of one dimension has for its only task, or the list over tasks."""
        return per_task[0] if self._encoder.ndim == 1 else per_task


class MultiTaskClassifier(ClassifierMixin, _WithClasses):
    """Mix-in of estimators whose tasks all have classes."""

    # scikit-learn's own refuses several multi-class tasks and missing labels.
    score = _TaskKinds.score

    def _task_kinds(self, names: list[str]) -> list[str]:
        return ["classification"] * len(names)

    def _stream_encoder(
        self, targets: Targets, weights: np.ndarray | None, classes: Any
    ) -> TaskEncoder:
        if classes is None and not hasattr(self, "net_"):
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

    def _task_kinds(self, names: list[str]) -> list[str]:
        return ["regression"] * len(names)

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
        encoder, scores = self._encoder, self._member_scores(X)
        tasks = list(zip(encoder.tasks, scores, strict=True))
        y = encoder.decode([task.average(member_scores) for task, member_scores in tasks])
        std = np.stack([task.spread(member_scores) for task, member_scores in tasks], axis=1)
        return y, std.reshape(y.shape)

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

    tasks: Any = None

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "tasks": [dict, "array-like", None],
    }

    def _task_kinds(self, names: list[str]) -> list[str]:
        kinds = per_task(self.tasks, names, parameter="tasks", default="infer")
        if unknown := sorted({str(kind) for kind in kinds if kind not in _KINDS}):
            raise ValueError(f"tasks must be of the kinds {list(_KINDS)}, got {unknown}.")
        return kinds

    def __sklearn_tags__(self) -> Tags:
        """Return what the estimator can do."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags = ClassifierTags()
        tags.regressor_tags = RegressorTags()
        return tags
