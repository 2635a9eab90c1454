"""The kinds of tasks: how labels become numbers, what they cost, how scores become labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from torch import Tensor
from torch.nn import functional as F

from sk_mmoe._validation import Targets, default_names


def binary_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the log loss of each sample, from one logit."""
    return F.binary_cross_entropy_with_logits(scores.squeeze(1), targets, reduction="none")


def multiclass_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the log loss of each sample, from one logit per class."""
    return F.cross_entropy(scores, targets.long(), reduction="none")


def regression_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the squared error of each sample, in units of the target's variance."""
    return (scores.squeeze(1) - targets).square()


class Task(ABC):
    """One task: encodes its labels, names its loss, decodes its scores.

    Parameters
    ----------
    name : str
        The name of the task.
    """

    kind: ClassVar[str]
    loss: ClassVar[Any]
    n_outputs: ClassVar[int]

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def encode(self, labels: np.ndarray) -> np.ndarray:
        """Return the labels as numbers for the loss."""

    @abstractmethod
    def decode(self, scores: Tensor) -> np.ndarray:
        """Return the labels predicted by raw scores of shape (n_samples, n_outputs)."""


class ClassificationTask(Task):
    """A task with classes.

    Parameters
    ----------
    name : str
        The name of the task.
    classes : array-like of shape (n_classes,)
        The distinct labels, sorted.
    """

    def __init__(self, name: str, classes: np.ndarray) -> None:
        super().__init__(name)
        self.classes = classes

    def encode(self, labels: np.ndarray) -> np.ndarray:
        """Return the index of each label's class."""
        codes: np.ndarray = pd.Index(self.classes).get_indexer(pd.Index(labels))
        if (codes < 0).any():
            unseen = pd.unique(pd.Series(labels[codes < 0])).tolist()
            shown = str(unseen[:10])[:-1] + (", ...]" if len(unseen) > 10 else "]")
            raise ValueError(
                f"y has labels {shown} in task {self.name!r} that are not among its classes "
                f"{self.classes.tolist()}. Give all of them to the first fit, or to `classes`."
            )
        return codes

    @abstractmethod
    def log_proba(self, scores: Tensor) -> Tensor:
        """Return the log-probability of each class."""


class BinaryTask(ClassificationTask):
    """A task with two classes, scored by one logit of the second."""

    kind = "binary"
    loss = staticmethod(binary_loss)
    n_outputs = 1

    def decode(self, scores: Tensor) -> np.ndarray:
        """Return the likelier class of each sample."""
        return self.classes[(scores[:, 0] > 0).long().numpy()]

    def log_proba(self, scores: Tensor) -> Tensor:
        """Return the log-probability of both classes."""
        return F.logsigmoid(torch.cat([-scores, scores], dim=1))


class MulticlassTask(ClassificationTask):
    """A task with three classes or more, scored by one logit each."""

    kind = "multiclass"
    loss = staticmethod(multiclass_loss)

    @property
    def n_outputs(self) -> int:  # type: ignore[override]
        """The number of classes."""
        return len(self.classes)

    def decode(self, scores: Tensor) -> np.ndarray:
        """Return the likeliest class of each sample."""
        return self.classes[scores.argmax(dim=1).numpy()]

    def log_proba(self, scores: Tensor) -> Tensor:
        """Return the log-probability of each class."""
        return F.log_softmax(scores, dim=1)


class RegressionTask(Task):
    """A task with a number as target, standardised so that its units do not rule the loss.

    Parameters
    ----------
    name : str
        The name of the task.
    mean, scale : float
        The weighted mean and standard deviation of the known targets.
    """

    kind = "regression"
    loss = staticmethod(regression_loss)
    n_outputs = 1

    def __init__(self, name: str, mean: float, scale: float) -> None:
        super().__init__(name)
        self.mean = mean
        self.scale = scale

    def encode(self, labels: np.ndarray) -> np.ndarray:
        """Return the standardised targets."""
        return (_as_numbers(labels, self.name) - self.mean) / self.scale

    def decode(self, scores: Tensor) -> np.ndarray:
        """Return the predictions in the user's units."""
        predictions: np.ndarray = scores[:, 0].double().numpy() * self.scale + self.mean
        return predictions


def _as_numbers(labels: np.ndarray, name: str) -> np.ndarray:
    """Return numeric targets as float64, or say what is wrong with them."""
    try:
        return labels.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"task {name!r} is a regression and needs numbers, got labels such as {labels[0]!r}. "
            "Use a classifier, or an estimator for mixed tasks."
        ) from error


def make_classification_task(name: str, classes: np.ndarray) -> ClassificationTask:
    """Return the task that fits a number of classes.

    Parameters
    ----------
    name : str
        The name of the task.
    classes : array-like of shape (n_classes,)
        All labels; repeated ones count once.

    Returns
    -------
    ClassificationTask
        The task.

    Raises
    ------
    ValueError
        If there are fewer than two classes.
    """
    classes = np.unique(classes)
    if len(classes) < 2:
        raise ValueError(
            f"task {name!r} needs labels of at least two classes, got only one class: "
            f"{classes.tolist()}. Drop the task, or pass data with more labels."
        )
    return (BinaryTask if len(classes) == 2 else MulticlassTask)(name, classes)


def make_task(name: str, kind: str, labels: np.ndarray, weights: np.ndarray | None = None) -> Task:
    """Build the task that fits some labels.

    Parameters
    ----------
    name : str
        The name of the task.
    kind : {"binary", "multiclass", "classification", "regression", "infer"}
        The kind of the task. "classification" accepts any number of classes; "infer" follows
        :func:`sklearn.utils.multiclass.type_of_target`.
    labels : ndarray of shape (n_known,)
        The known labels.
    weights : ndarray of shape (n_known,), default=None
        Their weights.

    Returns
    -------
    Task
        The task.

    Raises
    ------
    ValueError
        If the labels do not fit the kind.
    """
    if kind == "infer":
        kind = "regression" if type_of_target(labels) == "continuous" else "classification"
    if kind == "regression":
        values = _as_numbers(labels, name)
        mean = float(np.average(values, weights=weights))
        scale = float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))
        # Rounding leaves a constant target a spread of its own: scale only what really varies.
        varies = scale > 10 * np.finfo(np.float64).eps * abs(mean)
        return RegressionTask(name, mean, scale if varies else 1.0)
    try:
        check_classification_targets(labels)
    except ValueError as error:
        raise ValueError(f"task {name!r}: {error}") from error
    task = make_classification_task(name, labels)
    if kind == "binary" and task.kind != "binary":
        raise ValueError(
            f"task {name!r} is declared binary, but has {len(task.classes)} classes: "
            f"{task.classes.tolist()}. Declare it multiclass."
        )
    return task


TASK_KINDS: dict[str, type[Any]] = {
    cls.kind: cls for cls in (BinaryTask, MulticlassTask, RegressionTask)
}


class TaskEncoder:
    """All tasks of a table: (targets, weights) to tensors, raw scores to predictions.

    Parameters
    ----------
    tasks : sequence of Task
        The tasks.
    ndim : int
        1 when y has one dimension, else 2.
    """

    def __init__(self, tasks: Sequence[Task], *, ndim: int) -> None:
        self.tasks = list(tasks)
        self.ndim = ndim

    @property
    def names(self) -> list[str]:
        """The names of the tasks."""
        return [task.name for task in self.tasks]

    def check(self, targets: Targets) -> Targets:
        """Return the targets under the names of the tasks, or raise a ValueError if they differ.

        Columns without names, here or there, are taken by their place.
        """
        unnamed = default_names(len(self.tasks))
        by_place = len(targets.names) == len(unnamed) and unnamed in (targets.names, self.names)
        if targets.names != self.names and not by_place:
            raise ValueError(
                f"y must have the tasks {self.names} as at the first fit, got {targets.names}."
            )
        return replace(targets, names=self.names)

    def encode(self, targets: Targets, *, dtype: torch.dtype) -> Tensor:
        """Return encoded targets of shape (n_samples, n_tasks), zero where a label is missing."""
        targets = self.check(targets)
        encoded = np.zeros(targets.known.shape)
        for k, (task, labels) in enumerate(zip(self.tasks, targets.labels, strict=True)):
            encoded[targets.known[:, k], k] = task.encode(labels)
        return torch.from_numpy(encoded).to(dtype)

    def decode(self, scores: Sequence[Tensor]) -> np.ndarray:
        """Return predictions of shape (n_samples,) or (n_samples, n_tasks)."""
        columns = [task.decode(score) for task, score in zip(self.tasks, scores, strict=True)]
        return columns[0] if self.ndim == 1 else _stack_columns(columns)


def _stack_columns(columns: list[np.ndarray]) -> np.ndarray:
    """Join label columns without changing a label: numbers stay numbers, mixed kinds objects."""
    kinds = {column.dtype.kind for column in columns}
    dtype = np.dtype(object)
    if len(kinds) == 1 or kinds <= set("iuf"):
        common = np.result_type(*columns)
        # Floats do not hold every integer.
        dtype = common if all((c.astype(common) == c).all() for c in columns) else dtype
    return np.stack([column.astype(dtype) for column in columns], axis=1)
