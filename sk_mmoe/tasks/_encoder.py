"""The kinds of tasks: how labels become numbers, what they cost, how scores become labels."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from torch import Tensor
from torch.nn import functional as F

from sk_mmoe.tasks._targets import Targets, default_names

_MANY_CLASSES = 50


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
    """One task: encodes its labels, names its loss and metric, decodes its scores.

    Parameters
    ----------
    name : str
        The name of the task.
    """

    kind: ClassVar[str]
    loss: ClassVar[Any]
    metric: ClassVar[Any]
    n_outputs: ClassVar[int]

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def encode(self, labels: np.ndarray) -> np.ndarray:
        """Return the labels as numbers for the loss."""

    @abstractmethod
    def label_weights(
        self, class_weight: Any, labels: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        """Return the factors by which `class_weight` weighs labels that have weights already."""

    @abstractmethod
    def decode(self, scores: Tensor) -> np.ndarray:
        """Return the labels predicted by raw scores of shape (n_samples, n_outputs)."""

    @abstractmethod
    def average(self, scores: Tensor) -> Tensor:
        """Return the scores of the mean prediction of members, who are on the first axis."""


class ClassificationTask(Task):
    """A task with classes.

    Parameters
    ----------
    name : str
        The name of the task.
    classes : array-like of shape (n_classes,)
        The distinct labels, sorted.
    """

    metric = staticmethod(accuracy_score)

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

    def label_weights(
        self, class_weight: Any, labels: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        """Return the weight of each label's class."""
        if isinstance(class_weight, str) and class_weight == "balanced":
            present = np.unique(labels)
            factors = compute_class_weight(
                "balanced", classes=present, y=labels, sample_weight=weights
            )
            return factors[pd.Index(present).get_indexer(pd.Index(labels))]
        if not isinstance(class_weight, Mapping):
            raise ValueError(
                f'class_weight of task {self.name!r} must be "balanced" or a dict from labels to '
                f"weights, got {class_weight!r}."
            )
        classes = self.classes.tolist()
        if unknown := [label for label in class_weight if label not in classes]:
            raise ValueError(
                f"class_weight of task {self.name!r} has labels {unknown} that are not among its "
                f"classes {classes}."
            )
        factors = np.array([class_weight.get(label, 1.0) for label in classes], dtype=np.float64)
        if not (np.isfinite(factors).all() and (factors >= 0).all()):
            raise ValueError(
                f"class_weight of task {self.name!r} must be finite and not negative, got "
                f"{class_weight}."
            )
        return factors[self.encode(labels)]

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
        return F.logsigmoid(torch.cat([-scores, scores], dim=-1))

    def average(self, scores: Tensor) -> Tensor:
        """Return the logit of the mean probability."""
        first, second = self.log_proba(scores).logsumexp(dim=0).split(1, dim=-1)
        return second - first


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
        return F.log_softmax(scores, dim=-1)

    def average(self, scores: Tensor) -> Tensor:
        """Return the logarithms of the mean probabilities."""
        return self.log_proba(scores).logsumexp(dim=0) - math.log(len(scores))


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
    metric = staticmethod(r2_score)
    n_outputs = 1

    def __init__(self, name: str, mean: float, scale: float) -> None:
        super().__init__(name)
        self.mean = mean
        self.scale = scale

    def label_weights(
        self, class_weight: Any, labels: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        """Return ones for "balanced", which is meant for tasks with classes."""
        if not isinstance(class_weight, str):
            raise ValueError(f"task {self.name!r} is a regression: class_weight is for classes.")
        return np.ones(len(labels))

    def encode(self, labels: np.ndarray) -> np.ndarray:
        """Return the standardised targets."""
        return (_as_numbers(labels, self.name) - self.mean) / self.scale

    def decode(self, scores: Tensor) -> np.ndarray:
        """Return the predictions in the user's units."""
        predictions: np.ndarray = scores[:, 0].double().numpy() * self.scale + self.mean
        return predictions

    def average(self, scores: Tensor) -> Tensor:
        """Return the mean prediction."""
        return scores.mean(dim=0)

    def spread(self, scores: Tensor) -> np.ndarray:
        """Return the standard deviation over members, in the user's units."""
        deviations: np.ndarray = scores[..., 0].double().std(dim=0, correction=0).numpy()
        return deviations * self.scale


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
        The kind of the task. "classification" accepts any number of classes; "infer" takes
        numbers with fractions for a regression, all else for classes.
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
        kind = _infer_kind(name, labels)
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


def _infer_kind(name: str, labels: np.ndarray) -> str:
    """Return the kind of a task; warn of numbers that may be no classes."""
    if labels.dtype.kind in "iuf":
        if (labels != np.floor(labels)).any():
            return "regression"
        n_numbers = len(np.unique(labels))
        if n_numbers > _MANY_CLASSES:
            warnings.warn(
                f"task {name!r} has {n_numbers} different whole numbers, taken as classes. Declare "
                f'tasks={{{name!r}: "regression"}}, or "multiclass" if they are classes.',
                stacklevel=2,
            )
    return "classification"


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
        by_place |= self.ndim == targets.ndim == 1  # then a name tells nothing
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
        back = [column.astype(common).astype(column.dtype) for column in columns]
        exact = all(
            column.dtype.kind == common.kind or (column == again).all()
            for column, again in zip(columns, back, strict=True)
        )
        dtype = common if exact else dtype
    return np.stack([column.astype(dtype) for column in columns], axis=1)
