"""The confusion matrices of all tasks."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix

from sk_mmoe.inspection._task_panels import TaskPanelsDisplay, TaskResult
from sk_mmoe.metrics._labels import find_codes

_OTHER = "(other)"
_LONG_NAME = 6  # of classes: longer ones would overlap


class ConfusionMatricesDisplay(TaskPanelsDisplay):
    """Confusion matrices of all tasks, with one panel for each.

    Use it to see which classes a task takes for which. True classes are in rows, predicted classes
    in columns, in the order of the task's classes. Labels that are not among them have the row
    "(other)". Tasks with numbers have no panel.

    Each matrix is a :class:`~sklearn.metrics.ConfusionMatrixDisplay` of scikit-learn.

    Create it with :meth:`from_estimator` or :meth:`from_predictions`.

    Read more in the :doc:`User Guide </user_guide/evaluation>`.

    Parameters
    ----------
    displays : dict of str to list of ConfusionMatrixDisplay
        A list with the matrix of each task.

    Attributes
    ----------
    displays : dict of str to list of ConfusionMatrixDisplay
        A list with the matrix of each task.
    axes_ : ndarray of shape (n_tasks,) of matplotlib Axes
        The panels. Defined after drawing, like the following attribute.
    figure_ : matplotlib Figure
        The figure.

    Raises
    ------
    ValueError
        If there are no tasks.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import make_classification
    >>> from sk_mmoe import MMoEClassifier
    >>> from sk_mmoe.inspection import ConfusionMatricesDisplay
    >>> X, click = make_classification(300, random_state=0)
    >>> y = pd.DataFrame({"click": click, "like": click * (X[:, 0] > 0)})
    >>> model = MMoEClassifier(max_iter=5, random_state=0).fit(X, y)
    >>> display = ConfusionMatricesDisplay.from_estimator(model, X, y)
    >>> [panel.get_title() for panel in display.axes_]
    ['click', 'like']
    """

    _method: ClassVar[str] = "predict"

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        normalize: str | None = None,
        ax: Any = None,
    ) -> Self:
        """Compute the matrices of a fitted estimator on a table, and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier or mixed predictor of this package, or another multi-output
            classifier, also in a search or at the end of a pipeline.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_tasks)
            The true targets. Missing labels are left out.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
            Weights of the samples, or of single labels.
        normalize : {"true", "pred", "all"}, default=None
            Whether to divide by the sum of the row ("true"), the column ("pred") or the whole
            matrix. `None` counts rows. Choose "true" if some classes are rare.
        ax : array-like of matplotlib Axes of length n_tasks, default=None
            The axes to draw on, one for each task with classes. `None` creates a new figure.

        Returns
        -------
        ConfusionMatricesDisplay
            The display.

        Raises
        ------
        ValueError
            If no task has classes, or y does not have the tasks of the estimator.
        ImportError
            If matplotlib is not installed.
        """
        return cls._estimated(estimator, X, y, sample_weight, normalize=normalize).plot(ax=ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        classes: Any = None,
        sample_weight: Any = None,
        normalize: str | None = None,
        ax: Any = None,
    ) -> Self:
        """Compute the matrices from predicted classes, and draw them.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or (n_samples, n_tasks)
            The true classes. Missing labels are left out. The columns of a DataFrame name the
            tasks. Leave out the columns of tasks with numbers.
        y_pred : array-like of shape (n_samples,) or (n_samples, n_tasks)
            The predicted classes.
        classes : list of array-like or None, default=None
            The classes of each task in the order of the matrix, as the attribute `classes_` of an
            estimator. `None` sorts the known and the predicted labels.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
            Weights of the samples, or of single labels.
        normalize : {"true", "pred", "all"}, default=None
            Whether to divide by the sum of the row ("true"), the column ("pred") or the whole
            matrix. `None` counts rows.
        ax : array-like of matplotlib Axes of length n_tasks, default=None
            The axes to draw on, one for each task. `None` creates a new figure.

        Returns
        -------
        ConfusionMatricesDisplay
            The display.

        Raises
        ------
        ValueError
            If the predictions or the classes do not fit the tasks of `y_true`.
        ImportError
            If matplotlib is not installed.
        """
        return cls._predicted(y_true, y_pred, classes, sample_weight, normalize=normalize).plot(
            ax=ax
        )

    @classmethod
    def _compute(cls, task: TaskResult, **settings: Any) -> list[ConfusionMatrixDisplay]:
        """Return the matrix of a task."""
        names, known = task.classes, task.view.classes_
        codes = [find_codes(known, labels) for labels in (task.labels, task.predicted)]
        if any((found < 0).any() for found in codes):
            codes = [found % (len(names) + 1) for found in codes]  # -1 is one more class
            names = [*names, _OTHER]
        matrix = confusion_matrix(
            *codes, labels=range(len(names)), sample_weight=task.weight, **settings
        )
        return [ConfusionMatrixDisplay(matrix, display_labels=names)]

    def _draw(self, displays: list[ConfusionMatrixDisplay], ax: Any) -> None:
        """Draw the matrix of one task."""
        (display,) = displays
        is_share = display.confusion_matrix.dtype.kind == "f"
        long = max(map(len, display.display_labels)) > _LONG_NAME
        display.plot(
            ax=ax,
            cmap="Blues",
            colorbar=False,
            values_format=".2f" if is_share else "d",
            xticks_rotation="vertical" if long else "horizontal",
        )
