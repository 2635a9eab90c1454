"""The prediction errors of all tasks with numbers."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.metrics import PredictionErrorDisplay
from sklearn.utils import check_random_state

from sk_mmoe.inspection._task_panels import TaskPanelsDisplay, TaskResult


class PredictionErrorsDisplay(TaskPanelsDisplay):
    """Residuals, or true against predicted numbers, of all tasks with numbers.

    Use it to see whether errors grow with the prediction, and whether some rows are far off. Each
    task has a panel in its own units. Tasks with classes have no panel.

    Each panel is a :class:`~sklearn.metrics.PredictionErrorDisplay` of scikit-learn.

    Create it with :meth:`from_estimator` or :meth:`from_predictions`.

    Read more in the :doc:`User Guide </user_guide/evaluation>`.

    Parameters
    ----------
    displays : dict of str to list of PredictionErrorDisplay
        A list with the errors of each task.
    kind : {"residual_vs_predicted", "actual_vs_predicted"}, default="residual_vs_predicted"
        What is drawn.

    Attributes
    ----------
    displays : dict of str to list of PredictionErrorDisplay
        A list with the errors of each task.
    kind : str
        What is drawn.
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
    >>> from sk_mmoe import MMoERegressor
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> from sk_mmoe.inspection import PredictionErrorsDisplay
    >>> X, y = make_multitask_sinusoid(300, n_features=5, random_state=0)
    >>> model = MMoERegressor(max_iter=2, random_state=0).fit(X, y)
    >>> display = PredictionErrorsDisplay.from_estimator(model, X, y)
    >>> [panel.get_title() for panel in display.axes_]
    ['task0', 'task1']
    """

    _method: ClassVar[str] = "predict"
    _of_classes: ClassVar[bool] = False

    def __init__(self, displays: Any, *, kind: str = "residual_vs_predicted") -> None:
        super().__init__(displays)
        self.kind = kind

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        kind: str = "residual_vs_predicted",
        subsample: int | None = 1000,
        random_state: Any = None,
        ax: Any = None,
    ) -> Self:
        """Compute the errors of a fitted estimator on a table, and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted regressor or mixed predictor of this package, or another multi-output
            regressor, also in a search or at the end of a pipeline.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_tasks)
            The true targets. Missing ones are left out.
        kind : {"residual_vs_predicted", "actual_vs_predicted"}, default="residual_vs_predicted"
            Whether to draw true minus predicted numbers or true numbers, over the predicted ones.
        subsample : int or None, default=1000
            Number of rows to draw of each task, chosen at random. `None` draws all of them.
        random_state : int, RandomState instance or None, default=None
            Determines which rows are drawn.
        ax : array-like of matplotlib Axes of length n_tasks, default=None
            The axes to draw on, one for each task with numbers. `None` creates a new figure.

        Returns
        -------
        PredictionErrorsDisplay
            The display.

        Raises
        ------
        ValueError
            If no task has numbers, or y does not have the tasks of the estimator.
        ImportError
            If matplotlib is not installed.
        """
        rows = {"subsample": subsample, "random_state": random_state}
        return cls._estimated(estimator, X, y, **rows)._of_kind(kind).plot(ax=ax)

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        kind: str = "residual_vs_predicted",
        subsample: int | None = 1000,
        random_state: Any = None,
        ax: Any = None,
    ) -> Self:
        """Compute the errors from predictions, and draw them.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or (n_samples, n_tasks)
            The true numbers. Missing ones are left out. The columns of a DataFrame name the tasks.
            Leave out the columns of tasks with classes.
        y_pred : array-like of shape (n_samples,) or (n_samples, n_tasks)
            The predicted numbers.
        kind : {"residual_vs_predicted", "actual_vs_predicted"}, default="residual_vs_predicted"
            Whether to draw true minus predicted numbers or true numbers, over the predicted ones.
        subsample : int or None, default=1000
            Number of rows to draw of each task, chosen at random. `None` draws all of them.
        random_state : int, RandomState instance or None, default=None
            Determines which rows are drawn.
        ax : array-like of matplotlib Axes of length n_tasks, default=None
            The axes to draw on, one for each task. `None` creates a new figure.

        Returns
        -------
        PredictionErrorsDisplay
            The display.

        Raises
        ------
        ValueError
            If the predictions do not fit the tasks of `y_true`.
        ImportError
            If matplotlib is not installed.
        """
        rows = {"subsample": subsample, "random_state": random_state}
        return cls._predicted(y_true, y_pred, None, **rows)._of_kind(kind).plot(ax=ax)

    @classmethod
    def _compute(cls, task: TaskResult, **settings: Any) -> list[PredictionErrorDisplay]:
        """Return the errors of a task on some of its rows."""
        true, predicted = (np.asarray(a, dtype=np.float64) for a in (task.labels, task.predicted))
        subsample = settings["subsample"]
        if subsample is not None and subsample < len(true):
            rng = check_random_state(settings["random_state"])
            rows = rng.choice(len(true), subsample, replace=False)
            true, predicted = true[rows], predicted[rows]
        return [PredictionErrorDisplay(y_true=true, y_pred=predicted)]

    def _of_kind(self, kind: str) -> Self:
        """Set what is drawn."""
        self.kind = kind
        return self

    def _draw(self, displays: list[PredictionErrorDisplay], ax: Any) -> None:
        """Draw the errors of one task."""
        (display,) = displays
        display.plot(ax=ax, kind=self.kind, scatter_kwargs={"s": 8, "alpha": 0.5})
        ax.set_aspect("auto")
