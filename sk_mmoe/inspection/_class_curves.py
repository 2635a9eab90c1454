"""What displays of curves of classes share: how they are made from probabilities."""

from __future__ import annotations

from typing import Any, Self

from sk_mmoe.inspection._task_panels import TaskPanelsDisplay


class ClassCurvesDisplay(TaskPanelsDisplay):
    """Base of displays of curves that depend on the probabilities of classes alone."""

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, sample_weight: Any = None, ax: Any = None
    ) -> Self:
        """Compute the curves of a fitted estimator on a table, and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier or mixed predictor of this package, or another multi-output
            classifier with `predict_proba`, also in a search or at the end of a pipeline.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_tasks)
            The true targets. Missing labels are left out.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
            Weights of the samples, or of single labels.
        ax : array-like of matplotlib Axes of length n_tasks, default=None
            The axes to draw on, one for each task with classes. `None` creates a new figure.

        Returns
        -------
        object
            The display.

        Raises
        ------
        ValueError
            If no task has classes, or y does not have the tasks of the estimator.
        ImportError
            If matplotlib is not installed.
        """
        return cls._estimated(estimator, X, y, sample_weight).plot(ax=ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_proba: Any,
        *,
        classes: Any = None,
        sample_weight: Any = None,
        ax: Any = None,
    ) -> Self:
        """Compute the curves from probabilities, and draw them.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or (n_samples, n_tasks)
            The true targets. Missing labels are left out. The columns of a DataFrame name the
            tasks.
        y_proba : list of ndarray or None, or array-like of shape (n_samples, n_tasks)
            The probabilities as `predict_proba` returns them: for each task an array of shape
            (n_samples, n_classes), or None to leave the task out. For tasks with two classes, the
            probabilities of the second class may be given as one table, as
            :func:`~sk_mmoe.metrics.predict_positive_proba` and
            :func:`~sk_mmoe.model_selection.cross_val_predict_proba` return them.
        classes : list of array-like or None, default=None
            The classes of each task in the order of the columns of its probabilities, as the
            attribute `classes_` of an estimator. `None` sorts the known labels.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
            Weights of the samples, or of single labels.
        ax : array-like of matplotlib Axes of length n_tasks, default=None
            The axes to draw on, one for each task with classes. `None` creates a new figure.

        Returns
        -------
        object
            The display.

        Raises
        ------
        ValueError
            If the predictions or the classes do not fit the tasks of `y_true`.
        ImportError
            If matplotlib is not installed.
        """
        return cls._predicted(y_true, y_proba, classes, sample_weight).plot(ax=ax)
