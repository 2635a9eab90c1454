"""The calibration curves of all tasks."""

from __future__ import annotations

from typing import Any, Self

from sklearn.calibration import CalibrationDisplay, calibration_curve

from sk_mmoe.inspection._task_panels import TaskPanelsDisplay, TaskResult


class CalibrationCurvesDisplay(TaskPanelsDisplay):
    """Calibration curves of all tasks, with one panel for each.

    Use it before you act on probabilities. On the diagonal, rows with a predicted probability of
    30 % are positive in 30 % of the cases. Points below it mean probabilities that are too high. A
    task with two classes has the curve of its second class, ``classes_[k][1]``. A task with more
    classes has one curve for each class against the rest; of more than ten classes, the ten most
    frequent ones are drawn. Tasks with numbers have no panel.

    Each curve is a :class:`~sklearn.calibration.CalibrationDisplay` of scikit-learn. It does not
    take weights of samples, so there is no `sample_weight` here.

    Create it with :meth:`from_estimator` or :meth:`from_predictions`.

    Read more in the :doc:`User Guide </user_guide/evaluation>`.

    Parameters
    ----------
    displays : dict of str to list of CalibrationDisplay
        The curves of each task.

    Attributes
    ----------
    displays : dict of str to list of CalibrationDisplay
        The curves of each task.
    axes_ : ndarray of shape (n_tasks,) of matplotlib Axes
        The panels. Defined after drawing, like the following attribute.
    figure_ : matplotlib Figure
        The figure.

    Raises
    ------
    ValueError
        If there are no tasks.

    See Also
    --------
    sklearn.calibration.CalibratedClassifierCV : Calibrates a model of a single task.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import make_classification
    >>> from sk_mmoe import MMoEClassifier
    >>> from sk_mmoe.inspection import CalibrationCurvesDisplay
    >>> X, click = make_classification(300, random_state=0)
    >>> y = pd.DataFrame({"click": click, "like": click * (X[:, 0] > 0)})
    >>> model = MMoEClassifier(max_iter=5, random_state=0).fit(X, y)
    >>> display = CalibrationCurvesDisplay.from_estimator(model, X, y, strategy="quantile")
    >>> [panel.get_title() for panel in display.axes_]
    ['click', 'like']
    """

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        n_bins: int = 5,
        strategy: str = "uniform",
        ax: Any = None,
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
        n_bins : int, default=5
            Number of bins of the probabilities. Raise it for large tables.
        strategy : {"uniform", "quantile"}, default="uniform"
            Whether the bins have equal width or equally many rows. Choose "quantile" for rare
            classes, whose probabilities are all small.
        ax : array-like of matplotlib Axes of length n_tasks, default=None
            The axes to draw on, one for each task with classes. `None` creates a new figure.

        Returns
        -------
        CalibrationCurvesDisplay
            The display.

        Raises
        ------
        ValueError
            If no task has classes, or y does not have the tasks of the estimator.
        ImportError
            If matplotlib is not installed.
        """
        return cls._estimated(estimator, X, y, n_bins=n_bins, strategy=strategy).plot(ax=ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_proba: Any,
        *,
        classes: Any = None,
        n_bins: int = 5,
        strategy: str = "uniform",
        ax: Any = None,
    ) -> Self:
        """Compute the curves from probabilities, and draw them.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or (n_samples, n_tasks)
            The true targets. Missing labels are left out. The columns of a DataFrame name the
            tasks.
        y_proba : list of ndarray or None, or array-like of shape (n_samples, n_tasks)
            The probabilities of each task, as :meth:`RocCurvesDisplay.from_predictions` takes them.
        classes : list of array-like or None, default=None
            The classes of each task in the order of the columns of its probabilities. `None` sorts
            the known labels.
        n_bins : int, default=5
            Number of bins of the probabilities.
        strategy : {"uniform", "quantile"}, default="uniform"
            Whether the bins have equal width or equally many rows.
        ax : array-like of matplotlib Axes of length n_tasks, default=None
            The axes to draw on, one for each task with classes. `None` creates a new figure.

        Returns
        -------
        CalibrationCurvesDisplay
            The display.

        Raises
        ------
        ValueError
            If the predictions or the classes do not fit the tasks of `y_true`.
        ImportError
            If matplotlib is not installed.
        """
        return cls._predicted(y_true, y_proba, classes, n_bins=n_bins, strategy=strategy).plot(
            ax=ax
        )

    @classmethod
    def _compute(cls, task: TaskResult, **settings: Any) -> list[CalibrationDisplay]:
        """Return the curve of each class against the rest."""
        curves = []
        for name, is_true, proba in task.one_against_rest():
            true, predicted = calibration_curve(is_true, proba, **settings)
            curves.append(CalibrationDisplay(true, predicted, proba, estimator_name=name))
        return curves

    def _draw(self, displays: list[CalibrationDisplay], ax: Any) -> None:
        """Draw the curves of one task and the diagonal."""
        for display in displays:
            display.plot(ax=ax)
        ax.legend(loc="lower right", fontsize="small")
        ax.set(xlabel="Mean predicted probability", ylabel="Fraction of rows", aspect="equal")
