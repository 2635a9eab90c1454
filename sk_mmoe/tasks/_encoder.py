"""All tasks of a table: targets to tensors, raw scores to predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sk_mmoe.nn._loss import TaskLoss
from sk_mmoe.tasks._kinds import KINDS, Kind, make_task
from sk_mmoe.tasks._labels import distinct_labels, known_labels
from sk_mmoe.tasks._targets import Targets, default_names
from sk_mmoe.tasks._task import Task, TaskWithClasses
from sk_mmoe.tasks._weights import class_weights_by_task, per_task


class TaskEncoder:
    """All tasks of a table: (targets, weights) to tensors, raw scores to predictions.

    Nothing outside this folder asks for the kind of a task: what depends on it is answered here.

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

    @classmethod
    def learn(
        cls,
        targets: Targets,
        weights: np.ndarray | None = None,
        *,
        kinds: Sequence[Kind],
        classes: Any = None,
    ) -> TaskEncoder:
        """Learn the tasks from their targets.

        Parameters
        ----------
        targets : Targets
            The targets.
        weights : ndarray of shape (n_samples, n_tasks), default=None
            The weights of the labels.
        kinds : sequence of str or list
            The kind of each task, as :func:`~sk_mmoe.tasks._kinds.resolve_kinds` returns it.
        classes : array-like, list of array-like or dict, default=None
            All classes that can occur, as users declare them for a stream: an array for a y of one
            dimension, else one array for each task, in order or by name. `None`, as a whole or for
            a task, takes the classes of the targets.

        Returns
        -------
        TaskEncoder
            The encoder.

        Raises
        ------
        ValueError
            If the labels do not fit the kinds.
        """
        tasks = []
        for k, declared in enumerate(_read_classes(classes, targets.names, targets.ndim)):
            task = make_task(
                targets.names[k],
                kinds[k],
                targets.labels[k],
                None if weights is None else weights[targets.known[:, k], k],
                classes=declared,
                order=targets.orders[k],
            )
            tasks.append(task)
        return cls(tasks, ndim=targets.ndim)

    # -- what the tasks are -----------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """The names of the tasks."""
        return [task.name for task in self.tasks]

    @property
    def kinds(self) -> list[str]:
        """The kinds of the tasks, for users to read."""
        return [task.kind for task in self.tasks]

    @property
    def n_outputs(self) -> list[int]:
        """The number of raw scores of each task."""
        return [task.n_outputs for task in self.tasks]

    @property
    def losses(self) -> list[TaskLoss]:
        """The loss of each task, a function of scores and encoded targets."""
        return [task.loss for task in self.tasks]

    @property
    def classes(self) -> list[np.ndarray | None]:
        """The classes of each task, `None` where it has none."""
        return [getattr(task, "classes", None) for task in self.tasks]

    @property
    def is_nominal(self) -> list[bool]:
        """Whether the encoded targets are only numbers of classes, without an order."""
        return [task.is_nominal for task in self.tasks]

    # -- from targets to numbers ------------------------------------------------------------

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

    def check_classes(self, classes: Any) -> None:
        """Raise a ValueError unless the classes that a stream declares are those of its tasks."""
        declared = _read_classes(classes, self.names, self.ndim)
        for task, labels in zip(self.tasks, declared, strict=True):
            if labels is None:
                continue
            if not (isinstance(task, TaskWithClasses) and task.same_classes(labels)):
                known = task.classes.tolist() if isinstance(task, TaskWithClasses) else None
                raise ValueError(
                    f"classes of task {task.name!r} are {known} since the first call to "
                    f"partial_fit, got {labels.tolist()}."
                )

    def encode(self, targets: Targets, *, dtype: torch.dtype) -> Tensor:
        """Return encoded targets of shape (n_samples, n_tasks), zero where a label is missing.

        Parameters
        ----------
        targets : Targets
            The targets.
        dtype : torch.dtype
            The type of the network's numbers.

        Returns
        -------
        Tensor of shape (n_samples, n_tasks)
            The encoded targets.

        Raises
        ------
        ValueError
            If a label is none that its task can have, or is too large for the type.
        """
        targets = self.check(targets)
        columns = np.zeros(targets.known.shape)
        for k, (task, labels) in enumerate(zip(self.tasks, targets.labels, strict=True)):
            columns[targets.known[:, k], k] = task.encode(labels)
        encoded = torch.from_numpy(columns).to(dtype)
        if not (finite := encoded.isfinite().all(dim=0)).all():
            names = [
                name for name, fits in zip(self.names, finite.tolist(), strict=True) if not fits
            ]
            raise ValueError(
                f"some targets of the tasks {names} are too large compared with those of the first "
                "fit, which set the unit. Drop them, or fit again."
            )
        return encoded

    def constant_scores(self, encoded: Tensor, weights: Tensor | None) -> Tensor:
        """Return the raw scores of the best prediction that is the same for all samples.

        Parameters
        ----------
        encoded : Tensor of shape (n_samples, n_tasks)
            The encoded targets.
        weights : Tensor of shape (n_samples, n_tasks) or None
            The weights of the labels, zero where one is missing.

        Returns
        -------
        Tensor of float64 of shape (sum(n_outputs),)
            The scores of one task after the other.
        """
        weights = torch.ones_like(encoded) if weights is None else weights
        found = []
        for task, targets, own in zip(self.tasks, encoded.T, weights.T, strict=True):
            known = own > 0  # any number may stand in the place of a missing label
            found.append(task.constant_scores(targets[known], own[known]))
        return torch.cat(found)

    def label_weights(
        self, targets: Targets, weights: np.ndarray | None, class_weight: Any
    ) -> np.ndarray | None:
        """Multiply the weights of labels by those of their classes.

        Parameters
        ----------
        targets : Targets
            The targets.
        weights : ndarray of shape (n_samples, n_tasks) or None
            The weights of the labels.
        class_weight : "balanced", dict, sequence or None
            The weights of classes, as users give them.

        Returns
        -------
        ndarray of shape (n_samples, n_tasks) or None
            The products. `None` if there are no weights of either sort.

        Raises
        ------
        ValueError
            If a weight or a label of `class_weight` is not valid.
        """
        if class_weight is None:
            return weights
        targets = self.check(targets)
        weights = targets.known.astype(np.float64) if weights is None else weights.copy()
        by_task = class_weights_by_task(class_weight, self.names)
        for k, (task, value) in enumerate(zip(self.tasks, by_task, strict=True)):
            known = targets.known[:, k]
            if value is not None and known.any():
                weights[known, k] *= task.label_weights(value, targets.labels[k], weights[known, k])
        return weights

    # -- from scores to predictions ---------------------------------------------------------

    def average(self, scores: Sequence[Tensor]) -> list[Tensor]:
        """Return the scores of the mean predictions over members, which are on the first axis."""
        return [task.average(part) for task, part in self._with(scores)]

    def decode(self, scores: Sequence[Tensor]) -> np.ndarray:
        """Return predictions of shape (n_samples,) or (n_samples, n_tasks)."""
        columns = [task.decode(part) for task, part in self._with(scores)]
        return columns[0] if self.ndim == 1 else _stack_columns(columns)

    def spread(self, scores: Sequence[Tensor]) -> np.ndarray:
        """Return the standard deviations of the predictions over members, in the units of y.

        The shape is that of the predictions. Tasks with classes have NaN.
        """
        columns = [task.spread(part) for task, part in self._with(scores)]
        return columns[0] if self.ndim == 1 else np.stack(columns, axis=1)

    def probabilities(
        self, scores: Sequence[Tensor], *, log: bool = False
    ) -> list[np.ndarray | None]:
        """Return the probabilities of each task's classes, `None` where it has none.

        Parameters
        ----------
        scores : sequence of Tensor of shape (n_samples, n_outputs[k])
            The raw scores of each task.
        log : bool, default=False
            Whether to return the logarithms of the probabilities.

        Returns
        -------
        list of ndarray of shape (n_samples, n_classes) or None
            The probabilities, in the order of `classes`.
        """
        probabilities: list[np.ndarray | None] = []
        for task, part in self._with(scores):
            if not isinstance(task, TaskWithClasses):
                probabilities.append(None)
                continue
            log_proba = task.log_proba(part)
            probabilities.append((log_proba if log else log_proba.exp()).numpy())
        return probabilities

    def score(
        self, scores: Sequence[Tensor], targets: Targets, weights: np.ndarray | None = None
    ) -> float:
        """Return the mean over tasks of each kind's metric on the known labels.

        Parameters
        ----------
        scores : sequence of Tensor of shape (n_samples, n_outputs[k])
            The raw scores of each task.
        targets : Targets
            The true targets. Tasks without a known label are left out.
        weights : ndarray of shape (n_samples, n_tasks), default=None
            The weights of the labels.

        Returns
        -------
        float
            The mean, or NaN if no task has a known label with weight.

        Raises
        ------
        ValueError
            If the targets are not those of the tasks, or not as many as the scores.
        """
        targets = self.check(targets)
        if len(scores[0]) != len(targets):
            raise ValueError(
                "X and y must have the same number of samples, got "
                f"{len(scores[0])} rows of X and {len(targets)} of y."
            )
        values = []
        for k, (task, part) in enumerate(self._with(scores)):
            known = targets.known[:, k]
            weight = None if weights is None else weights[known, k]
            if not known.any() or (weight is not None and not weight.any()):
                continue
            predictions = task.decode(part[torch.from_numpy(known)])
            values.append(task.metric(targets.labels[k], predictions, weight))
        return float(np.mean(values)) if values else np.nan

    def _with(self, scores: Sequence[Tensor]) -> list[tuple[Task, Tensor]]:
        """Return each task with its scores."""
        return list(zip(self.tasks, scores, strict=True))

    # -- as plain values --------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """Return plain values and arrays from which :meth:`restore` makes the encoder again."""
        return {"tasks": [task.describe() for task in self.tasks], "ndim": self.ndim}

    @classmethod
    def restore(cls, description: Mapping[str, Any]) -> TaskEncoder:
        """Return the encoder that :meth:`describe` described."""
        tasks = []
        for task in description["tasks"]:
            settings = {key: value for key, value in task.items() if key != "kind"}
            tasks.append(KINDS[task["kind"]](**settings))
        return cls(tasks, ndim=description["ndim"])


def _read_classes(classes: Any, names: Sequence[str], ndim: int) -> list[np.ndarray | None]:
    """Return the classes that a user declares for each task, or `None` for a task without."""
    if ndim == 1 and classes is not None and not isinstance(classes, Mapping):
        classes = [classes]
    return [
        None if declared is None else distinct_labels(known_labels(declared, name=name), name=name)
        for declared, name in zip(
            per_task(classes, names, parameter="classes", default=None), names, strict=True
        )
    ]


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
