"""The pass over a lazy table before training, and the samples that training then reads from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import accumulate
from typing import Any, TypeVar

import numpy as np

from sk_mmoe.estimators._fit import TrainingData, ValidationSet, learn_reader, prepare
from sk_mmoe.estimators._fitted import FittedModel
from sk_mmoe.estimators._lazy_labels import check_targets, labels_of, refuse_labels
from sk_mmoe.estimators._look_through import LazySample, look_through
from sk_mmoe.estimators._samples import make_samples, mean_of_one
from sk_mmoe.streaming import LazyTable
from sk_mmoe.streaming._blocks import Piece
from sk_mmoe.streaming._lazy_table import SharedRows
from sk_mmoe.streaming._memory import give_back
from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.tasks._kinds import resolve_kinds
from sk_mmoe.tasks._targets import read_targets
from sk_mmoe.tasks._weights import check_sample_weight, class_weights_by_task
from sk_mmoe.training._lazy_samples import LazySamples
from sk_mmoe.training._processes import Processes
from sk_mmoe.training._samples import TableDataset
from sk_mmoe.training._shared_block import SharedBlock

_T = TypeVar("_T")


def prepare_lazy(
    estimator: Any,
    table: LazyTable,
    y: Any,
    sample_weight: Any,
    validation_set: ValidationSet,
    *,
    fitted: FittedModel | None = None,
) -> TrainingData:
    """Prepare a sample of a table as :func:`prepare` does; training then reads all rows.

    Parameters
    ----------
    estimator : estimator
        The estimator, of which only the parameters are read.
    table : LazyTable
        The table.
    y, sample_weight : None
        The labels and weights, which are columns of the table.
    validation_set : tuple of three
        `X_val`, `y_val` and `sample_weight_val`; each may be `None`.
    fitted : FittedModel, default=None
        The model that training goes on from, for a warm start.

    Returns
    -------
    TrainingData
        What the training needs.
    """
    refuse_labels(y, sample_weight)
    check_targets(table)
    processes = _sharing_processes(estimator, table, fitted)
    together = _alone if processes is None else processes.together

    def check() -> None:
        """Tell by few rows what can be told by them, before a pass that may take long."""
        resolve_kinds(estimator.tasks, table.target_names, accepts=estimator.accepted_tasks)
        if processes is None or processes.rank == 0:
            learn_reader(estimator, next(table.batches()))

    if fitted is None:
        together(check)
    sample = look_through(
        table, estimator.categorical_features, count=fitted is None, processes=processes
    )

    data = together(partial(_learn, estimator, table, sample, validation_set, fitted, processes))
    del sample
    give_back()
    return data


def _learn(
    estimator: Any,
    table: LazyTable,
    sample: LazySample,
    validation_set: ValidationSet,
    fitted: FittedModel | None,
    processes: Processes | None,
) -> TrainingData:
    """Learn from a sample of a table how to read all of its rows."""
    data = prepare(
        estimator,
        sample.X,
        sample.y,
        sample.sample_weight,
        validation_set,
        fitted=fitted,
        sampled=True,
    )
    valid, held_out = data.valid, np.empty(0, dtype=np.int64)
    if valid is not None and all(part is None for part in validation_set):
        held_out, valid = sample.places[valid.rows.numpy()], valid.copy()
    # With several members a batch has several orders of the rows, of which a process would have
    # unequal numbers: each process reads all rows.
    shared = processes if len(data.seeds) == 1 else None
    train = all_samples(estimator, table, sample, data, held_out, shared)
    return replace(data, train=train, valid=valid)


def _sharing_processes(
    estimator: Any, table: LazyTable, fitted: FittedModel | None
) -> Processes | None:
    """Return the processes that read a table together, or None if each reads all rows.

    Raises
    ------
    ValueError
        If processes that train together have different tables, or not all go on from a model.
    """
    is_distributed = (estimator.net_params or {}).get("distributed") is True
    processes = Processes.of_group() if is_distributed else None
    if processes is None:
        return None
    of_table = {f"the LazyTable: {name}": own for name, own in table.describe().items()}
    processes.check_same(of_table | {"warm start": fitted is not None})
    return processes if len(table.group_sizes) > 1 else None


def _alone(work: Callable[[], _T]) -> _T:
    """Return what a function returns, as :meth:`Processes.together` does in a single process."""
    return work()


def all_samples(
    estimator: Any,
    table: LazyTable,
    sample: LazySample,
    data: TrainingData,
    held_out: np.ndarray,
    processes: Processes | None = None,
) -> LazySamples:
    """Return the samples of a table, to be read anew in each epoch.

    Parameters
    ----------
    estimator : estimator
        The estimator, of which only the parameters are read.
    table : LazyTable
        The table.
    sample : LazySample
        What the first pass has found.
    data : TrainingData
        What was learned from the sample.
    held_out : ndarray of int
        The numbers of the rows to leave out, in ascending order.
    processes : Processes, default=None
        The processes that share the reading. `None`: this one reads all rows.

    Returns
    -------
    LazySamples
        The samples.
    """
    reader, tasks = data.reader, data.tasks
    targets = read_targets(sample.y, estimator_name=type(estimator).__name__)
    targets = tasks.check(targets)
    weights = check_sample_weight(sample.sample_weight, targets)
    # What is balanced, and a mean of one, are matters of the whole table.
    class_weight = _fix_class_weight(estimator, tasks, targets, weights)
    weights = tasks.label_weights(targets, weights, class_weight)
    if weights is None and not targets.known.all():
        weights = targets.known.astype(np.float64)
    is_learned = ~np.isin(sample.places, held_out)
    factors = None if weights is None else mean_of_one(weights[is_learned])

    few = data.train.copy(data.train.inspected_rows())

    def read(rows: Any) -> TableDataset:
        """Return the samples of some rows."""
        y, sample_weight = labels_of(table, rows)
        targets = read_targets(y, estimator_name=type(estimator).__name__, complete=False)
        targets = tasks.check(targets)
        own_factors = factors
        if factors is None and not targets.known.all():  # a gap, where the sample has none
            own_factors = np.ones(len(tasks.names))
        return make_samples(
            estimator,
            tasks,
            reader.read(rows.select(table.feature_names), dtype=estimator.dtype),
            targets,
            check_sample_weight(sample_weight, targets, complete=False),
            class_weight=class_weight,
            factors=own_factors,
        )

    def read_blocks(order: list[int]) -> Iterator[TableDataset]:
        """Yield the samples of the table in blocks."""
        for samples in map(read, table.blocks(order, held_out)):
            give_back()
            if len(samples) > 0:  # a block may have no label
                yield samples

    def read_own(
        blocks: Iterator[SharedRows], rank: int
    ) -> tuple[TableDataset, list[Piece], list[int]]:
        """Return this process's samples of a block, the block's pieces, and the samples of each."""
        rows, pieces = next(blocks, (None, []))
        lengths = [each.n_read - each.n_left_out for each in pieces if each.owner == rank]
        if not any(lengths):
            return few, pieces, lengths
        samples = read(rows)
        used = np.arange(len(samples)) if samples.rows is None else samples.rows.numpy()
        counts = np.diff(np.searchsorted(used, [0, *accumulate(lengths)])).tolist()
        return samples if len(samples) > 0 else few, pieces, counts

    def read_shared_blocks(order: list[int]) -> Iterator[SharedBlock]:
        """Yield the samples of the table in blocks, of which this process has a share."""
        assert processes is not None
        rank, n_processes = processes.rank, processes.n_processes
        blocks = table.shared_blocks(order, held_out, rank, n_processes)
        while True:
            samples, pieces, own = processes.together(partial(read_own, blocks, rank))
            if not pieces:
                return
            give_back()
            of_owners = [iter(counts) for counts in processes.gather(own)]
            counts = [next(of_owners[piece.owner]) for piece in pieces]
            if any(counts):  # a block may have no label
                yield SharedBlock(samples, counts, [piece.owner == rank for piece in pieces])

    return LazySamples(
        few,
        n_samples=len(table) - len(held_out),
        n_groups=len(table.group_sizes),
        read_blocks=read_blocks if processes is None else read_shared_blocks,
        digest=sha256(held_out.tobytes()).hexdigest(),
    )


def _fix_class_weight(
    estimator: Any, tasks: TaskEncoder, targets: Any, weights: np.ndarray | None
) -> dict[str, Any] | None:
    """Return `class_weight` with the weight of each class in the place of "balanced"."""
    class_weight = getattr(estimator, "class_weight", None)
    if class_weight is None:
        return None
    fixed: dict[str, Any] = {}
    by_task = class_weights_by_task(class_weight, tasks.names)
    for k, (task, value) in enumerate(zip(tasks.tasks, by_task, strict=True)):
        if isinstance(value, str) and task.has_classes:
            labels, known = targets.labels[k], targets.known[:, k]
            own = np.ones(len(labels)) if weights is None else weights[known, k]
            factors = task.label_weights(value, labels, own)
            fixed[task.name] = dict(zip(labels.tolist(), factors.tolist(), strict=True))
        elif value is not None and not isinstance(value, str):
            fixed[task.name] = value
    return fixed
