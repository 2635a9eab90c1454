"""The loss of each task over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sk_mmoe.inspection._drawing import check_task_names, last_step, make_panels


class LossCurvesDisplay:
    """Loss of each task over the epochs, on training data and on held-out data.

    Use it to see whether training converged and which task overfits. A task overfits if its
    held-out loss (dashed) rises while its training loss (solid) falls. If the tasks have their
    lowest losses at different epochs, no epoch is best for all of them. Set `main_task` if one of
    them matters most.

    Each panel has its own scale. Log losses are in nats, squared errors in units of the variance of
    the target.

    Create it with :meth:`from_estimator`.

    Read more in the :doc:`User Guide </user_guide/models>`.

    Parameters
    ----------
    task_loss : array-like of shape (n_epochs, n_tasks)
        The training loss of each task in each epoch.
    validation_task_loss : array-like of shape (n_epochs, n_tasks), default=None
        The loss on held-out data. NaN in epochs without held-out data. `None` if there are only
        such epochs.
    best_epoch : int, default=None
        The epoch whose weights were kept, counted from 1. `None` marks no epoch.
    task_names : sequence of str
        The names of the tasks.

    Attributes
    ----------
    task_loss : ndarray of shape (n_epochs, n_tasks)
        The training losses.
    validation_task_loss : ndarray of shape (n_epochs, n_tasks) or None
        The losses on held-out data.
    best_epoch : int or None
        The epoch whose weights were kept.
    task_names : list of str
        The names of the tasks.
    axes_ : ndarray of shape (n_tasks,) of matplotlib Axes
        The panels. Defined after drawing, like the following attributes.
    figure_ : matplotlib Figure
        The figure.
    lines_ : list of matplotlib Line2D of length n_tasks
        The training losses.
    validation_lines_ : list of matplotlib Line2D of length n_tasks, or None
        The losses on held-out data.
    best_epoch_lines_ : list of matplotlib Line2D of length n_tasks, or None
        The marks of the best epoch.

    Raises
    ------
    ValueError
        If shapes do not match, there is not one name per task, or the best epoch is out of range.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Scores by the number of samples.

    Examples
    --------
    >>> from sk_mmoe import MMoERegressor
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> from sk_mmoe.inspection import LossCurvesDisplay
    >>> X, y = make_multitask_sinusoid(500, n_features=10, random_state=0)
    >>> model = MMoERegressor(max_iter=5, random_state=0).fit(X, y)
    >>> LossCurvesDisplay.from_estimator(model).task_loss.shape
    (5, 2)
    """

    def __init__(
        self,
        task_loss: ArrayLike,
        *,
        validation_task_loss: ArrayLike | None = None,
        best_epoch: int | None = None,
        task_names: Sequence[str],
    ) -> None:
        self.task_loss = check_array(task_loss, ensure_all_finite=False, input_name="task_loss")
        n_epochs, n_tasks = self.task_loss.shape
        self.task_names = check_task_names(task_names, n_tasks)
        self.validation_task_loss = None
        if validation_task_loss is not None:
            self.validation_task_loss = np.asarray(validation_task_loss, dtype=np.float64)
            if self.validation_task_loss.shape != (n_epochs, n_tasks):
                raise ValueError(
                    f"validation_task_loss must have the shape ({n_epochs}, {n_tasks}) of "
                    f"task_loss, got {self.validation_task_loss.shape}. Fill epochs without "
                    "held-out data with NaN."
                )
        if best_epoch is not None and not 1 <= best_epoch <= n_epochs:
            raise ValueError(f"best_epoch must be from 1 to {n_epochs}, got {best_epoch}.")
        self.best_epoch = best_epoch

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> LossCurvesDisplay:
        """Take the losses of a fitted estimator and draw them.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator of this package, or a pipeline that ends in one.
        ax : array-like of matplotlib Axes of length n_tasks, default=None
            The axes to draw on. `None` creates a new figure.

        Returns
        -------
        LossCurvesDisplay
            The display.

        Raises
        ------
        ValueError
            If the estimator does not record the losses of its tasks.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        estimator, _ = last_step(estimator)
        if not hasattr(estimator, "task_loss_curve_"):
            raise ValueError(
                f"{type(estimator).__name__} has no task_loss_curve_. Pass a fitted estimator of "
                "sk_mmoe, or a pipeline that ends in one."
            )
        validation = best_epoch = None
        if estimator.validation_scores_:
            # Epochs before a warm start may have been without held-out data.
            watched = np.flatnonzero(["valid_loss" in epoch for epoch in estimator.net_.history])
            validation = np.full(estimator.task_loss_curve_.shape, np.nan)
            validation[watched] = estimator.validation_task_loss_curve_
            best_epoch = 1 + int(watched[np.argmax(estimator.validation_scores_)])
        return cls(
            estimator.task_loss_curve_,
            validation_task_loss=validation,
            best_epoch=best_epoch,
            task_names=estimator.task_names_,
        ).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> LossCurvesDisplay:
        """Draw the curves with one panel per task.

        Parameters
        ----------
        ax : array-like of matplotlib Axes of length n_tasks, default=None
            The axes to draw on. `None` creates a new figure.

        Returns
        -------
        LossCurvesDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the number of axes is not the number of tasks.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        n_epochs, n_tasks = self.task_loss.shape
        axes = make_panels(ax, n_tasks, width=3.2, height=2.6)
        epochs = np.arange(1, n_epochs + 1)
        marker = "o" if n_epochs == 1 else None  # a single point has no line
        lines, validation_lines, best_epoch_lines = [], [], []
        for task, (panel, name) in enumerate(zip(axes, self.task_names, strict=True)):
            lines += panel.plot(
                epochs, self.task_loss[:, task], color="C0", marker=marker, label="training"
            )
            if self.validation_task_loss is not None:
                validation_lines += panel.plot(
                    epochs,
                    self.validation_task_loss[:, task],
                    color="C1",
                    linestyle="--",
                    marker=marker,
                    label="held out",
                )
            if self.best_epoch is not None:
                best_epoch_lines.append(
                    panel.axvline(
                        self.best_epoch, color="0.4", linestyle=":", label="weights kept", zorder=1
                    )
                )
            panel.set(title=name, xlabel="epoch", ylabel="loss")
            panel.xaxis.get_major_locator().set_params(integer=True)
        axes[0].legend()
        self.axes_, self.figure_ = axes, axes[0].figure
        self.lines_ = lines
        self.validation_lines_ = validation_lines or None
        self.best_epoch_lines_ = best_epoch_lines or None
        return self
