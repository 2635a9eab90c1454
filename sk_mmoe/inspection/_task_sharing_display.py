"""The picture of a comparison of shared and separate models."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sk_mmoe.inspection._drawing import draw_map
from sk_mmoe.inspection._sharing_tables import APART, TOGETHER, UNKNOWN, scores_of
from sk_mmoe.inspection._task_sharing import compare_task_sharing

_STYLES = {TOGETHER: ("C0", "o"), APART: ("C3", "s"), UNKNOWN: ("0.4", "D")}
_CHARACTER = 0.085


class TaskSharingDisplay:
    """Change of each task's score if the tasks are learned together instead of apart.

    The left panel has a row for each task and one for their mean. The mark is the joint minus the
    separate score, and the bar is its interval. A bar to the right of zero means that the task
    should be learned together with the others. Small dots are single splits.

    The right panel, which is drawn if pairs were compared, shows how the score of a task (row)
    changes if it is learned together with one partner (column) only. Cells are coloured and have a
    star where the interval does not contain zero.

    Create it with :meth:`from_estimator`.

    Read more in the :doc:`User Guide </user_guide/learning_together>`.

    Parameters
    ----------
    comparison : :class:`~sklearn.utils.Bunch`
        The result of :func:`compare_task_sharing`.

    Attributes
    ----------
    comparison : :class:`~sklearn.utils.Bunch`
        The comparison. Print ``comparison.summary`` for the verdict in sentences.
    axes_ : ndarray of shape (1,) or (2,) of matplotlib Axes
        The panels. Defined after drawing, like the following attributes.
    figure_ : matplotlib Figure
        The figure.
    bars_ : list of matplotlib ErrorbarContainer of length n_tasks + 1
        The differences and their intervals, the mean over the tasks last.
    im_ : matplotlib AxesImage or None
        The heat map of pairs.
    text_ : ndarray of shape (n_tasks, n_tasks) of matplotlib Text, or None
        The numbers in its cells.

    See Also
    --------
    compare_task_sharing : The comparison without a picture.
    TaskRelatednessDisplay : How similar labels and gates of the tasks are.

    Examples
    --------
    >>> from sk_mmoe import MMoERegressor
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> from sk_mmoe.inspection import TaskSharingDisplay
    >>> X, y = make_multitask_sinusoid(300, n_features=5, random_state=0)
    >>> model = MMoERegressor(max_iter=2, random_state=0)
    >>> display = TaskSharingDisplay.from_estimator(model, X, y, cv=3)
    >>> display.comparison.cost["n_models"].to_dict()
    {'joint': 1, 'separate': 2}
    """

    def __init__(self, comparison: Bunch) -> None:
        self.comparison = comparison

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        groups: Any = None,
        cv: Any = None,
        scoring: Any = None,
        pairs: Any = "auto",
        sample_weight: Any = None,
        confidence_level: float = 0.95,
        n_jobs: int | None = None,
        ax: Any = None,
    ) -> TaskSharingDisplay:
        """Compare joint and separate models by :func:`compare_task_sharing`, and draw the result.

        Parameters
        ----------
        estimator : estimator
            An estimator of this package, or a pipeline or search that ends in one.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples, n_tasks)
            The targets of at least two tasks. Labels may be missing.
        groups : array-like of shape (n_samples,), default=None
            Groups of rows for the splitter.
        cv : int, splitter or iterable, default=None
            The splits; `None` is five folds, stratified over all tasks.
        scoring : str, callable or dict, default=None
            The score of all tasks or of each task. `None` takes the explained part of the loss.
        pairs : "auto", bool or list of pairs of str, default="auto"
            Which pairs of tasks are also learned together. "auto" takes all pairs of three to five
            tasks.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
            Weights of the samples, or of single labels.
        confidence_level : float, default=0.95
            The confidence level of each interval.
        n_jobs : int, default=None
            Number of models fitted at the same time. `None` is 1, and -1 all cores.
        ax : matplotlib Axes or array-like of Axes of length 1 or 2, default=None
            The axes to draw on, one for each panel. `None` creates a new figure.

        Returns
        -------
        TaskSharingDisplay
            The display.

        Raises
        ------
        ValueError
            If the arguments do not fit, see :func:`compare_task_sharing`.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        comparison = compare_task_sharing(
            estimator,
            X,
            y,
            groups=groups,
            cv=cv,
            scoring=scoring,
            pairs=pairs,
            sample_weight=sample_weight,
            confidence_level=confidence_level,
            n_jobs=n_jobs,
        )
        return cls(comparison).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> TaskSharingDisplay:
        """Draw the differences of all tasks and, if there are any, of all pairs.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of Axes of length 1 or 2, default=None
            The axes to draw on, one for each panel. `None` creates a new figure.

        Returns
        -------
        TaskSharingDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the number of axes is not the number of panels.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        axes = self._panels(ax)
        self._draw_differences(axes[0])
        self.im_, self.text_ = None, None
        if self.comparison.pairs is not None:
            self._draw_pairs(axes[1])
        self.axes_, self.figure_ = axes, axes[0].figure
        return self

    def _panels(self, ax: Any) -> np.ndarray:
        """Return the axes that the user passed, or those of a new figure."""
        import matplotlib.pyplot as plt

        n_panels = 1 if self.comparison.pairs is None else 2
        if ax is not None:
            axes = np.ravel(np.asarray(ax, dtype=object))
            if len(axes) != n_panels:
                raise ValueError(
                    f"ax must have {n_panels} axes, one for each panel, got {len(axes)}."
                )
            return axes
        names = self.comparison.tasks.index
        n_tasks, names_wide = len(names), _CHARACTER * max(map(len, names))
        widths = [5.5 + names_wide, 2.2 + 0.75 * n_tasks + names_wide][:n_panels]
        height = max(1.4 + 0.45 * (n_tasks + 1), 0 if n_panels == 1 else 2.2 + names_wide)
        _, axes = plt.subplots(
            1,
            n_panels,
            figsize=(sum(widths), height),
            width_ratios=widths,
            squeeze=False,
            layout="constrained",
        )
        return axes[0]

    def _draw_differences(self, ax: Any) -> None:
        """Draw the difference of each task and of the mean, with intervals and single splits."""
        found = self.comparison
        names = list(found.tasks.index)
        rows = [*(found.tasks.loc[name] for name in names), found.overall]
        splits = self._splits(names)
        self.bars_ = []
        for place, (row, single) in enumerate(zip(rows, splits, strict=True)):
            color, marker = _STYLES[row["verdict"]]
            ax.plot(single, np.full(len(single), place + 0.25), ".", color="0.75", zorder=1)
            half = [[row["difference"] - row["lower"]], [row["upper"] - row["difference"]]]
            self.bars_.append(
                ax.errorbar(
                    *([row["difference"]], [place], None, half),
                    marker=marker,
                    color=color,
                    capsize=4,
                    label=row["verdict"],
                )
            )
            ax.annotate(
                row["verdict"],
                (1, place),
                xycoords=("axes fraction", "data"),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                color=color,
            )
        ax.axvline(0, color="0.6", linestyle="--", linewidth=1, zorder=0)
        ax.axhline(len(names) - 0.5, color="0.85", linewidth=1)
        labels = [f"{name}\n{row['scoring']}" for name, row in found.tasks.iterrows()]
        ax.set(
            yticks=range(len(rows)),
            yticklabels=[*labels, "mean over tasks"],
            ylim=(len(rows) - 0.5, -0.5),
            xlabel="change of the score, joint minus separate",
            title="learned together instead of apart",
        )

    def _splits(self, names: list[str]) -> list[np.ndarray]:
        """Return the differences in single splits of each task and of their mean."""
        folds = self.comparison.folds
        by_task = [
            (scores_of(folds, name, tuple(names)) - scores_of(folds, name, (name,))).to_numpy()
            for name in names
        ]
        return [*by_task, np.mean(by_task, axis=0)]

    def _draw_pairs(self, ax: Any) -> None:
        """Draw the change of each task's score with each partner."""
        pairs, names = self.comparison.pairs, list(self.comparison.tasks.index)
        values = np.zeros((len(names), len(names)))
        cells = np.full(values.shape, "", dtype=object)
        for (task, partner), row in pairs.iterrows():
            place = names.index(task), names.index(partner)
            told = row["verdict"] != UNKNOWN
            values[place] = row["difference"] if told else 0  # no colour for what may be chance
            cells[place] = f"{row['difference']:+.3f}" + "*" * told
        limit = np.abs(values).max() or 1.0
        self.im_, self.text_ = draw_map(
            ax,
            values,
            rows=names,
            columns=names,
            cmap="RdBu",
            vmin=-limit,
            vmax=limit,
            cells=cells,
        )
        ax.figure.colorbar(self.im_, ax=ax)
        ax.set(xlabel="partner", ylabel="task", title="with one partner only")
