"""What every kind of task must do, with classes or with numbers as targets."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from sk_mmoe.metrics._labels import find_codes
from sk_mmoe.tasks._labels import (
    are_numbers,
    are_strings,
    check_labels,
    distinct_labels,
)
from sk_mmoe.tasks._weights import class_factors


class Task(ABC):
    """One task: encodes its labels, names its loss and metric, decodes its scores.

    A new kind is a subclass in a file of this folder and a line in ``_kinds.py``. Most kinds
    inherit from :class:`TaskWithClasses` or :class:`TaskWithNumbers`.

    Parameters
    ----------
    name : str
        The name of the task.
    """

    kind: ClassVar[str]
    noun: ClassVar[str]
    """How messages speak of the kind, with its article."""
    has_classes: ClassVar[bool]
    is_nominal: ClassVar[bool] = False
    """Whether the targets of the loss are only numbers of classes, without an order."""

    # A module-level function of scores and encoded targets, without settings. It pickles, and the
    # tasks of several tables can share it: what depends on the training targets belongs in `encode`
    # and `decode`.
    loss: ClassVar[Any]
    n_outputs: int

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    @abstractmethod
    def learn(
        cls,
        name: str,
        labels: np.ndarray,
        weights: np.ndarray | None = None,
        *,
        classes: np.ndarray | None = None,
        order: np.ndarray | None = None,
    ) -> Task:
        """Build the task that fits some labels.

        Parameters
        ----------
        name : str
            The name of the task.
        labels : ndarray of shape (n_known,)
            The known labels.
        weights : ndarray of shape (n_known,), default=None
            Their weights.
        classes : ndarray of shape (n_classes,), default=None
            The classes that a stream can have. `None` takes those of the labels.
        order : ndarray of shape (n_classes,), default=None
            The classes in their order, if the user or the type of y gives one.

        Returns
        -------
        Task
            The task.

        Raises
        ------
        ValueError
            If the labels do not fit the kind.
        """

    @abstractmethod
    def encode(self, labels: np.ndarray) -> np.ndarray:
        """Return the labels as numbers for the loss."""

    @abstractmethod
    def decode(self, scores: Tensor) -> np.ndarray:
        """Return the labels predicted by raw scores of shape (n_samples, n_outputs)."""

    @abstractmethod
    def constant_scores(self, targets: Tensor, weights: Tensor) -> Tensor:
        """Return the scores of the constant prediction that fits encoded targets best.

        Parameters
        ----------
        targets : Tensor of shape (n_known,)
            The encoded targets.
        weights : Tensor of shape (n_known,)
            Their weights.

        Returns
        -------
        Tensor of shape (n_outputs,)
            The scores.
        """

    @abstractmethod
    def average(self, scores: Tensor) -> Tensor:
        """Return the scores of the mean prediction over members, which are on the first axis."""

    @abstractmethod
    def spread(self, scores: Tensor) -> np.ndarray:
        """Return the standard deviation of the predictions over members, in the units of y."""

    @abstractmethod
    def metric(
        self, labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray | None
    ) -> float:
        """Return how good predictions are; higher is better and a perfect one scores 1."""

    @abstractmethod
    def label_weights(
        self, class_weight: Any, labels: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        """Return the factors by which `class_weight` multiplies weights of labels."""

    def describe(self) -> dict[str, Any]:
        """Return the kind and what the constructor takes, as plain values and arrays."""
        return {"kind": self.kind, **vars(self)}


class TaskWithClasses(Task):
    """A task whose labels are classes.

    Parameters
    ----------
    name : str
        The name of the task.
    classes : ndarray of shape (n_classes,)
        The distinct labels, in the order of their probabilities.
    """

    has_classes = True

    def __init__(self, name: str, classes: np.ndarray) -> None:
        super().__init__(name)
        self.classes = classes

    @abstractmethod
    def log_proba(self, scores: Tensor) -> Tensor:
        """Return the log-probability of each class."""

    @abstractmethod
    def scores_of_proba(self, proba: Tensor) -> Tensor:
        """Return the scores of probabilities of the classes, all of which are above zero."""

    def constant_scores(self, targets: Tensor, weights: Tensor) -> Tensor:
        """Return the scores of the shares of the classes, zeros if a class does not occur."""
        shares = torch.bincount(targets.long(), weights.double(), minlength=len(self.classes))
        # The first chunk of a stream may be sorted, and tells nothing of classes that it lacks.
        if (shares <= 0).any():
            return torch.zeros(self.n_outputs, dtype=torch.float64)
        return self.scores_of_proba(shares / shares.sum())

    def likeliest(self, scores: Tensor) -> Tensor:
        """Return the number of the likeliest class of each sample."""
        return self.log_proba(scores).argmax(dim=-1)

    def encode(self, labels: np.ndarray) -> np.ndarray:
        """Return the number of each label's class."""
        codes = self.codes_of(labels)
        if (codes < 0).any():
            unseen = list(dict.fromkeys(labels[codes < 0].tolist()))
            shown = str(unseen[:10])[:-1] + (", ...]" if len(unseen) > 10 else "]")
            raise ValueError(
                f"y has labels {shown} in task {self.name!r} that are not among its classes "
                f"{self.classes.tolist()}. Give all of them to the first fit, or to `classes`."
                + self._if_numbers(labels[codes < 0])
            )
        return codes

    def codes_of(self, labels: np.ndarray) -> np.ndarray:
        """Return the number of each label's class, -1 for labels that are no class."""
        return find_codes(self.classes, labels)

    def _if_numbers(self, unseen: np.ndarray) -> str:
        """Return what to do if labels that are no classes have fractions, as numbers have."""
        if are_numbers(unseen) and are_numbers(self.classes):
            values = unseen.astype(np.float64)
            if (values != np.floor(values)).any():
                return (
                    f" If the targets are numbers and not classes, declare "
                    f'tasks={{{self.name!r}: "regression"}} in an estimator for regression or '
                    "mixed tasks."
                )
        return ""

    def decode(self, scores: Tensor) -> np.ndarray:
        """Return the likeliest class of each sample."""
        return self.classes[self.likeliest(scores).numpy()]

    def spread(self, scores: Tensor) -> np.ndarray:
        """Return NaN: classes have no units in which members could differ."""
        return np.full(scores.shape[1], np.nan)

    def metric(
        self, labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray | None
    ) -> float:
        """Return the accuracy; labels that are no classes count as wrong."""
        codes = self.codes_of(labels)
        if (unseen := codes < 0).any():
            if are_strings(labels) != are_strings(self.classes):
                self.encode(labels)  # raises: no label can be right
            if hint := self._if_numbers(labels[unseen]):
                warnings.warn(
                    f"task {self.name!r} was fitted to the classes {self.classes.tolist()}, but y "
                    f"has fractions such as {labels[unseen][0]}, which count as wrong.{hint}",
                    stacklevel=2,
                )
        return float(np.average(codes == self.codes_of(predictions), weights=weights))

    def label_weights(
        self, class_weight: Any, labels: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        """Return the factor of each label's class."""
        codes = self.encode(labels)
        return class_factors(class_weight, self.name, self.classes, codes, weights)[codes]

    def same_classes(self, classes: np.ndarray) -> bool:
        """Return whether these are the classes of the task, in any order."""
        return sorted(set(self.codes_of(classes))) == list(range(len(self.classes)))


class TaskWithNumbers(Task):
    """A task whose targets are numbers, predicted by one score."""

    has_classes = False
    n_outputs = 1

    @classmethod
    def numbers(cls, name: str, labels: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
        """Return targets as float64, or say why they cannot be the targets of this kind."""
        if classes is not None:
            raise ValueError(f"classes of task {name!r} must be None: it is {cls.noun}.")
        return cls.as_numbers(name, labels)

    @classmethod
    def as_numbers(cls, name: str, labels: np.ndarray) -> np.ndarray:
        """Return targets as float64, or raise a ValueError that names what is no number."""
        try:
            # NumPy would turn times into numbers without a word.
            values = None if labels.dtype.kind in "mM" else labels.astype(np.float64)
        except (TypeError, ValueError, OverflowError):
            values = None
        if values is None:
            raise ValueError(
                f"task {name!r} is {cls.noun} and needs numbers, got labels such as "
                f"{labels[0]!r}. Use a classifier, or an estimator for mixed tasks."
            )
        check_labels(values, name=name)  # objects such as Decimal("Infinity")
        return values

    def constant_scores(self, targets: Tensor, weights: Tensor) -> Tensor:
        """Return zero: targets are encoded such that it is the score of their mean."""
        return torch.zeros(self.n_outputs, dtype=torch.float64)

    @abstractmethod
    def in_units(self, scores: Tensor) -> Tensor:
        """Return the predictions of raw scores of shape (..., 1) in the units of y."""

    def decode(self, scores: Tensor) -> np.ndarray:
        """Return the predictions in the units of y."""
        predictions: np.ndarray = self.in_units(scores.double()).numpy()
        return predictions

    def spread(self, scores: Tensor) -> np.ndarray:
        """Return the standard deviation of the predictions over members."""
        deviations: np.ndarray = self.in_units(scores.double()).std(dim=0, correction=0).numpy()
        return deviations

    def label_weights(
        self, class_weight: Any, labels: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        """Return ones for "balanced", which is meant for tasks with classes."""
        if not isinstance(class_weight, str):
            raise ValueError(f"task {self.name!r} is {self.noun}: class_weight is for classes.")
        return np.ones(len(labels))


def distinct_classes(name: str, labels: np.ndarray) -> np.ndarray:
    """Return the sorted classes of a task, at least two."""
    return at_least_two(name, distinct_labels(labels, name=name))


def at_least_two(name: str, classes: np.ndarray) -> np.ndarray:
    """Return classes, or raise a ValueError if there is nothing to tell apart."""
    if len(classes) < 2:
        raise ValueError(
            f"task {name!r} needs labels of at least two classes, got only one class: "
            f"{classes.tolist()}. Drop the task, or pass data with more labels."
        )
    return classes


def log_mean_exp(values: Tensor) -> Tensor:
    """Return the logarithm of the mean over members of exponentials."""
    return values.logsumexp(dim=0) - torch.tensor(float(len(values)), dtype=values.dtype).log()
