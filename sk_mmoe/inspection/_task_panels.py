"""The base of displays with one panel for each task, each drawn by a display of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support

from sk_mmoe.inspection._drawing import make_panels
from sk_mmoe.metrics._labels import find_codes, natural
from sk_mmoe.metrics._tables import named_columns
from sk_mmoe.metrics._views import TaskPart, TasksView
from sk_mmoe.tasks._labels import distinct_labels

# More curves in a panel cannot be told apart.
_MAX_CURVES = 10


class TaskResult:
    """What is known of one task on a table: labels, predictions and weights, without gaps.

    Parameters
    ----------
    name : str
        The name of the task.
    part : TaskPart
        The task on the rows whose label is known.
    """

    def __init__(self, name: str, part: TaskPart) -> None:
        self.name = name
        self.view, self.labels, self.weight = part

    @property
    def has_classes(self) -> bool:
        """Whether the task has classes."""
        return hasattr(self.view, "classes_")

    @property
    def classes(self) -> list[str]:
        """The names of the classes."""
        return [str(label) for label in self.view.labels]

    @cached_property
    def proba(self) -> np.ndarray:
        """The probabilities, of shape (n_known, n_classes)."""
        return self.view.predict_proba(None)

    @cached_property
    def predicted(self) -> np.ndarray:
        """The predicted labels or numbers, of shape (n_known,)."""
        return self.view.predict(None)

    def one_against_rest(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """Return for each curve its label, where the class is true, and its probability.

        A task with two classes has one curve, that of its second class. Classes that none or all
        of the rows have are left out, since their curves are not defined. Of many classes, the most
        frequent ones are taken.
        """
        codes = find_codes(self.view.classes_, self.labels)
        counts = np.bincount(codes[codes >= 0], minlength=len(self.classes))
        places = [1] if len(self.classes) == 2 else range(len(self.classes))
        varying = [place for place in places if 0 < counts[place] < len(codes)]
        frequent = sorted(sorted(varying, key=lambda place: -counts[place])[:_MAX_CURVES])
        return [(self.classes[place], codes == place, self.proba[:, place]) for place in frequent]


class Predictions:
    """Predictions that stand for the estimator that made them.

    Parameters
    ----------
    predicted : list of ndarray or array-like
        The predictions, one array for each task.
    method : {"predict", "predict_proba"}
        What made them.
    classes : list of ndarray or None
        The classes of each task, `None` for a task without.
    names : list of str
        The names of the tasks.
    """

    def __init__(
        self, predicted: list[Any], method: str, classes: list[Any], names: list[str]
    ) -> None:
        self.classes_, self.task_names_ = classes, names
        setattr(self, method, lambda X: predicted)


class TaskPanelsDisplay:
    """Base of the displays with one panel for each task.

    Parameters
    ----------
    displays : dict of str to list of displays
        The displays of scikit-learn for each task, one for each curve.
    """

    _method: ClassVar[str] = "predict_proba"
    _of_classes: ClassVar[bool] = True
    _size: ClassVar[tuple[float, float]] = (3.6, 3.6)  # of a panel, in inches

    def __init__(self, displays: Mapping[str, Sequence[Any]]) -> None:
        self.displays = {str(name): list(found) for name, found in displays.items()}
        if not self.displays:
            raise ValueError("displays must have at least one task, got none.")

    @classmethod
    def _compute(cls, task: TaskResult, **settings: Any) -> list[Any]:
        """Return the displays of scikit-learn for one task."""
        raise NotImplementedError

    def _draw(self, displays: list[Any], ax: Any) -> None:
        """Draw the displays of one task."""
        raise NotImplementedError

    @classmethod
    def _from_view(cls, tasks: TasksView, **settings: Any) -> Self:
        """Compute the displays of all tasks of the right kind."""
        results = [TaskResult(name, tasks.look_at(name, sort=False)) for name in tasks.names]
        displays = {
            task.name: cls._compute(task, **settings)
            for task in results
            if task.has_classes == cls._of_classes
        }
        if not displays:
            wanted = "classes" if cls._of_classes else "numbers"
            raise ValueError(
                f"{cls.__name__} needs a task with {wanted}, but none of {tasks.names} has them."
            )
        return cls(displays)

    @classmethod
    def _estimated(
        cls, estimator: Any, X: Any, y: Any, sample_weight: Any = None, **settings: Any
    ) -> Self:
        """Compute the displays from an estimator's predictions."""
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        return cls._from_view(TasksView(estimator, X, y, sample_weight), **settings)

    @classmethod
    def _predicted(
        cls, y_true: Any, predicted: Any, classes: Any, sample_weight: Any = None, **settings: Any
    ) -> Self:
        """Compute the displays from predictions."""
        check_matplotlib_support(f"{cls.__name__}.from_predictions")
        truth = TasksView(None, y_true, y_true, None)
        by_task = _by_task(predicted, truth.names, method=cls._method)
        of_each = [None] * len(by_task)
        if cls._of_classes:
            of_each = _classes_of(truth, by_task, classes, method=cls._method)
        estimator = Predictions(by_task, cls._method, of_each, truth.names)
        return cls._from_view(TasksView(estimator, y_true, y_true, sample_weight), **settings)

    def plot(self, *, ax: Any = None) -> Self:
        """Draw one panel for each task.

        Parameters
        ----------
        ax : array-like of matplotlib Axes of length n_tasks, default=None
            The axes to draw on. `None` creates a new figure.

        Returns
        -------
        object
            The display itself.

        Raises
        ------
        ValueError
            If the number of axes is not the number of panels.
        ImportError
            If matplotlib is not installed.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        width, height = self._size
        axes = make_panels(ax, len(self.displays), width=width, height=height)
        for panel, (name, displays) in zip(axes, self.displays.items(), strict=True):
            if displays:
                self._draw(displays, panel)
            else:
                panel.text(0.5, 0.5, "all known labels\nare equal", ha="center", va="center")
            panel.set_title(name)
        self.axes_, self.figure_ = axes, axes[0].figure
        return self


def _by_task(predicted: Any, names: Sequence[str], *, method: str) -> list[Any]:
    """Return predictions as a list over the tasks."""
    if isinstance(predicted, list) and method == "predict_proba":
        by_task = predicted
    elif len(names) == 1:
        array = np.asarray(predicted)
        by_task = [array.ravel() if array.ndim == 2 and array.shape[1] == 1 else array]
    else:
        table = named_columns(predicted)
        if table is None:
            by_task = list(np.atleast_2d(np.asarray(predicted)).T)
        elif set(map(str, table.names)) == set(names):
            by_name = dict(zip(map(str, table.names), table.columns, strict=True))
            by_task = [np.asarray(by_name[name]) for name in names]
        else:
            by_task = [np.asarray(column) for column in table.columns]
    if len(by_task) != len(names):
        raise ValueError(
            f"the predictions must be for the {len(names)} tasks {list(names)} of y_true, got "
            f"{len(by_task)}."
        )
    return by_task


def _classes_of(truth: TasksView, by_task: list[Any], classes: Any, *, method: str) -> list[Any]:
    """Return the classes of each task: given, or all among true and predicted labels."""
    if classes is None:
        classes = [None] * len(by_task)
    elif len(truth.names) == 1 and not any(np.ndim(entry) for entry in classes):
        classes = [classes]
    if len(classes) != len(by_task):
        raise ValueError(
            f"classes must have an entry for each of the tasks {truth.names}, got {len(classes)}."
        )
    of_each: list[Any] = []
    for name, predicted, given in zip(truth.names, by_task, classes, strict=True):
        if predicted is None or given is not None:
            of_each.append(given if given is None else np.asarray(given))
            continue
        labels = truth.look_at(name).labels
        if method == "predict":
            labels = np.concatenate([labels, natural(predicted)])
        of_each.append(distinct_labels(labels, name=name))
    return of_each
