"""The ROC curves of all tasks."""

from __future__ import annotations

from typing import Any

from sklearn.metrics import RocCurveDisplay, auc, roc_curve

from sk_mmoe.inspection._class_curves import ClassCurvesDisplay
from sk_mmoe.inspection._task_panels import TaskResult


class RocCurvesDisplay(ClassCurvesDisplay):
    """ROC curves of all tasks, with one panel for each.

    Use it to see how well each task ranks its rows. A task with two classes has the curve of its
    second class, ``classes_[k][1]``. A task with more classes has one curve for each class against
    the rest; of more than ten classes, the ten most frequent ones are drawn. Tasks with numbers
    have no panel.

    Each curve is a :class:`~sklearn.metrics.RocCurveDisplay` of scikit-learn.

    Create it with :meth:`from_estimator` or :meth:`from_predictions`.

    Read more in the :doc:`User Guide </user_guide/evaluation>`.

    Parameters
    ----------
    displays : dict of str to list of RocCurveDisplay
        The curves of each task.

    Attributes
    ----------
    displays : dict of str to list of RocCurveDisplay
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
    PrecisionRecallCurvesDisplay : Says more about tasks with few positive rows.
    CalibrationCurvesDisplay : Whether the probabilities are right, not only their order.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import make_classification
    >>> from sk_mmoe import MMoEClassifier
    >>> from sk_mmoe.inspection import RocCurvesDisplay
    >>> X, click = make_classification(300, random_state=0)
    >>> y = pd.DataFrame({"click": click, "like": click * (X[:, 0] > 0)})
    >>> model = MMoEClassifier(max_iter=5, random_state=0).fit(X, y)
    >>> display = RocCurvesDisplay.from_estimator(model, X, y)
    >>> [panel.get_title() for panel in display.axes_]
    ['click', 'like']
    """

    @classmethod
    def _compute(cls, task: TaskResult, **settings: Any) -> list[RocCurveDisplay]:
        """Return the curve of each class against the rest."""
        curves = []
        for name, is_true, proba in task.one_against_rest():
            fpr, tpr, _ = roc_curve(is_true, proba, sample_weight=task.weight)
            curves.append(RocCurveDisplay(fpr=fpr, tpr=tpr, roc_auc=auc(fpr, tpr), name=name))
        return curves

    def _draw(self, displays: list[RocCurveDisplay], ax: Any) -> None:
        """Draw the curves of one task and the diagonal."""
        for display in displays:
            display.plot(ax=ax)
        ax.plot([0, 1], [0, 1], color="0.7", linestyle=":", zorder=0)
        ax.legend(loc="lower right", fontsize="small")
