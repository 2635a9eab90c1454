"""The precision-recall curves of all tasks."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import (
    PrecisionRecallDisplay,
    average_precision_score,
    precision_recall_curve,
)

from sk_mmoe.inspection._class_curves import ClassCurvesDisplay
from sk_mmoe.inspection._task_panels import TaskResult


class PrecisionRecallCurvesDisplay(ClassCurvesDisplay):
    """Precision-recall curves of all tasks, with one panel for each.

    Use it if the positive class of a task is rare. The dotted line is the share of positive rows,
    the precision of a random order. A task with two classes has the curve of its second class,
    ``classes_[k][1]``. A task with more classes has one curve for each class against the rest; of
    more than ten classes, the ten most frequent ones are drawn. Tasks with numbers have no panel.

    Each curve is a :class:`~sklearn.metrics.PrecisionRecallDisplay` of scikit-learn.

    Create it with :meth:`from_estimator` or :meth:`from_predictions`.

    Read more in the :doc:`User Guide </user_guide/evaluation>`.

    Parameters
    ----------
    displays : dict of str to list of PrecisionRecallDisplay
        The curves of each task.

    Attributes
    ----------
    displays : dict of str to list of PrecisionRecallDisplay
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
    RocCurvesDisplay : Does not depend on the share of positive rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.datasets import make_classification
    >>> from sk_mmoe import MMoEClassifier
    >>> from sk_mmoe.inspection import PrecisionRecallCurvesDisplay
    >>> X, click = make_classification(300, random_state=0)
    >>> y = pd.DataFrame({"click": click, "like": click * (X[:, 0] > 0)})
    >>> model = MMoEClassifier(max_iter=5, random_state=0).fit(X, y)
    >>> display = PrecisionRecallCurvesDisplay.from_estimator(model, X, y)
    >>> [panel.get_title() for panel in display.axes_]
    ['click', 'like']
    """

    @classmethod
    def _compute(cls, task: TaskResult, **settings: Any) -> list[PrecisionRecallDisplay]:
        """Return the curve of each class against the rest."""
        curves = []
        for name, is_true, proba in task.one_against_rest():
            weights = {"sample_weight": task.weight}
            precision, recall, _ = precision_recall_curve(is_true, proba, **weights)
            curves.append(
                PrecisionRecallDisplay(
                    precision,
                    recall,
                    average_precision=average_precision_score(is_true, proba, **weights),
                    name=name,
                    prevalence_pos_label=float(np.average(is_true, weights=task.weight)),
                )
            )
        return curves

    def _draw(self, displays: list[PrecisionRecallDisplay], ax: Any) -> None:
        """Draw the curves of one task, and the precision of a random order for each."""
        for display in displays:
            display.plot(ax=ax)
            color = display.line_.get_color()
            ax.axhline(display.prevalence_pos_label, color=color, linestyle=":", zorder=0)
        ax.legend(loc="best", fontsize="small")
