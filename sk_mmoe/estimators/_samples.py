"""From a table and its labels to the samples that a net learns from, and those held out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from sk_mmoe.model_selection import MultiOutputStratifiedShuffleSplit
from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.tasks._split import keep_classes_to_learn
from sk_mmoe.tasks._targets import Targets
from sk_mmoe.training._samples import TableDataset

# With fewer rows a held-out part is too small to tell when to stop. With more, networks of this
# size overfit without one.
_AUTO_EARLY_STOPPING = 200


def make_samples(
    estimator: Any,
    tasks: TaskEncoder,
    table: Any,
    targets: Targets,
    weights: np.ndarray | None,
    *,
    rows: np.ndarray | None = None,
    needed: Sequence[str] | None = None,
    class_weight: Any = None,
    factors: np.ndarray | None = None,
) -> TableDataset:
    """Return the rows of a table that have a label with weight, ready for the net.

    Parameters
    ----------
    estimator : estimator
        The estimator, of which only the parameters are read.
    tasks : TaskEncoder
        The tasks.
    table : ndarray, CSR matrix or ColumnTable of shape (n_samples, n_features)
        The inputs as the net reads them.
    targets : Targets
        The labels.
    weights : ndarray of shape (n_samples, n_tasks) or None
        The weights of the labels.
    rows : ndarray of int, default=None
        The rows to take. `None`: all.
    needed : sequence of str, default=None
        The tasks that must have a label with weight. If it is not `None`, at least one task must.
    class_weight : "balanced", dict, sequence or None, default=None
        The weights of classes. `None`: those of the estimator.
    factors : ndarray of shape (n_tasks,), default=None
        What the weights of each task are multiplied by, if the rows are a part of a larger table.
        `None`: what gives them a mean of one.

    Returns
    -------
    TableDataset
        The samples.

    Raises
    ------
    ValueError
        If a task that is needed has no label with weight.
    """
    targets = tasks.check(targets)
    if class_weight is None:
        class_weight = getattr(estimator, "class_weight", None)
    weights = tasks.label_weights(targets, weights, class_weight)
    if weights is None and not (factors is None and targets.known.all()):
        weights = targets.known.astype(np.float64)
    if rows is not None:
        targets = targets.take(rows)
        weights = None if weights is None else weights[rows]
    dtype = getattr(torch, estimator.dtype)
    encoded = tasks.encode(targets, dtype=dtype)
    if weights is None:
        return TableDataset(table, encoded, rows=_as_index(rows))
    totals = weights.sum(axis=0)
    lost = [name for name, total in zip(tasks.names, totals, strict=True) if total == 0]
    if needed is not None and (len(lost) == len(totals) or set(lost) & set(needed)):
        raise ValueError(
            f"no label of the tasks {lost} is left with weight in the part to learn from, or in "
            "the part held out. Change validation_fraction, pass X_val and y_val, or set "
            "early_stopping=False."
        )
    used = np.flatnonzero(weights.any(axis=1))
    if len(used) < len(weights):
        rows = used if rows is None else rows[used]
        encoded, weights = encoded[torch.from_numpy(used)], weights[used]
    weights = weights * (mean_of_one(weights) if factors is None else factors)
    return TableDataset(table, encoded, torch.from_numpy(weights).to(dtype), _as_index(rows))


def mean_of_one(weights: np.ndarray) -> np.ndarray:
    """Return what gives the weights of each task a mean of one over the rows that are used.

    Parameters
    ----------
    weights : ndarray of shape (n_samples, n_tasks)
        The weights.

    Returns
    -------
    ndarray of shape (n_tasks,)
        The factors.
    """
    totals = weights.sum(axis=0)
    return weights.any(axis=1).sum() / np.where(totals > 0, totals, 1)


def stops_early(estimator: Any, n_samples: int) -> bool:
    """Return whether a part of the data is held out for early stopping.

    Parameters
    ----------
    estimator : estimator
        The estimator.
    n_samples : int
        The number of samples.

    Returns
    -------
    bool
        Whether it is.
    """
    if estimator.early_stopping == "auto":
        return n_samples > _AUTO_EARLY_STOPPING
    return bool(estimator.early_stopping)


def hold_out(
    estimator: Any,
    tasks: TaskEncoder,
    table: Any,
    targets: Targets,
    weights: np.ndarray | None,
    seeds: Sequence[int],
    *,
    needed: Sequence[str],
) -> tuple[TableDataset, TableDataset]:
    """Return the samples to learn from and those held out.

    Each member of an ensemble holds out other rows, so that together they learn from all. Where
    that does not give each member equally many rows, with labels of all tasks, all members hold out
    those of the first.

    Parameters
    ----------
    estimator : estimator
        The estimator, of which only the parameters are read.
    tasks : TaskEncoder
        The tasks.
    table : ndarray, CSR matrix or ColumnTable of shape (n_samples, n_features)
        The inputs as the net reads them.
    targets : Targets
        The labels.
    weights : ndarray of shape (n_samples, n_tasks) or None
        The weights of the labels.
    seeds : sequence of int
        The seed of each member, which determines the rows that it holds out.
    needed : sequence of str
        The tasks that must have a label in what is held out.

    Returns
    -------
    train, valid : TableDataset
        The samples. With different rows for each member, they have one table for each.
    """

    def split(seed: int) -> tuple[TableDataset, TableDataset]:
        """Return the samples of a member."""
        rows, held_out = split_rows(estimator, tasks, targets, weights, seed)
        data = estimator, tasks, table, targets, weights
        return (
            make_samples(*data, rows=rows, needed=tasks.names),
            make_samples(*data, rows=held_out, needed=needed),
        )

    first = split(seeds[0])
    try:
        trains, valids = zip(first, *map(split, seeds[1:]), strict=True)
    except ValueError:  # a part without a label that is needed
        return first
    if len(seeds) == 1 or len({*map(len, trains)}) > 1 or len({*map(len, valids)}) > 1:
        return first
    return TableDataset.stack(trains), TableDataset.stack(valids)


def split_rows(
    estimator: Any,
    tasks: TaskEncoder,
    targets: Targets,
    weights: np.ndarray | None,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows to learn from and the rows held out, alike in all tasks.

    Every class has a label to learn from.

    Parameters
    ----------
    estimator : estimator
        The estimator.
    tasks : TaskEncoder
        The tasks.
    targets : Targets
        The labels.
    weights : ndarray of shape (n_samples, n_tasks) or None
        The weights of the labels.
    seed : int
        Determines which rows are held out.

    Returns
    -------
    train_rows, valid_rows : ndarray of int
        The rows, in ascending order.
    """
    labels = tasks.encode(targets, dtype=torch.float64).numpy()
    labels[~targets.known] = np.nan
    splitter = MultiOutputStratifiedShuffleSplit(
        n_splits=1, test_size=estimator.validation_fraction, random_state=seed
    )
    train_rows, valid_rows = next(splitter.split(labels, labels))
    return keep_classes_to_learn(tasks, targets, train_rows, valid_rows, weights)


def _as_index(rows: np.ndarray | None) -> torch.Tensor | None:
    """Return rows as a tensor."""
    return None if rows is None else torch.from_numpy(rows)
