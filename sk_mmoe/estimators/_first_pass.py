"""The pass over a lazy table before training, and the samples that training then reads from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd

from sk_mmoe.columns._cells import is_missing
from sk_mmoe.columns._counts import CategoryCounts
from sk_mmoe.columns._frames import open_table
from sk_mmoe.estimators._fit import TrainingData, ValidationSet, learn_reader, prepare
from sk_mmoe.estimators._fitted import FittedModel
from sk_mmoe.estimators._samples import make_samples, mean_of_one
from sk_mmoe.metrics._tables import named_columns
from sk_mmoe.streaming import LazyTable
from sk_mmoe.streaming._memory import give_back
from sk_mmoe.streaming._sources import concatenate
from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.tasks._kinds import resolve_kinds
from sk_mmoe.tasks._targets import read_targets
from sk_mmoe.tasks._weights import check_sample_weight, class_weights_by_task
from sk_mmoe.training._lazy_samples import LazySamples
from sk_mmoe.training._samples import TableDataset

# Of more rows the means, the quantiles and the loss of a held-out part are hardly other ones.
_SAMPLE_ROWS, _SAMPLE_VALUES = 200_000, 2**24
# A target with more labels is one of numbers, for which none needs to be in the sample.
_MANY_LABELS = 1000


@dataclass(frozen=True)
class LazySample:
    """A random sample of the rows of a lazy table, of a small table all of them.

    Every label of every task is among them.

    Parameters
    ----------
    places : ndarray of int of shape (n_samples,)
        The numbers of the rows in the whole table, in ascending order.
    X : Frame or pyarrow.Table of shape (n_samples, n_features)
        The features.
    y : DataFrame or Series of shape (n_samples, n_tasks) or (n_samples,)
        The targets.
    sample_weight : ndarray of shape (n_samples,) or None
        The weights of the rows.
    """

    places: np.ndarray
    X: Any
    y: Any
    sample_weight: np.ndarray | None


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
    _check_targets(table)
    if fitted is None:
        # What can be told by few rows is told before a pass that may take long.
        resolve_kinds(estimator.tasks, table.target_names, accepts=estimator.accepted_tasks)
        learn_reader(estimator, next(table.batches()))
    sample = look_through(table, estimator.categorical_features, count=fitted is None)
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
    data = replace(data, train=all_samples(estimator, table, sample, data, held_out), valid=valid)
    del sample
    give_back()
    return data


def look_through(table: LazyTable, categorical_features: Any, *, count: bool) -> LazySample:
    """Pass once over a table, and return a sample of it from which the rest can be learned.

    Parameters
    ----------
    table : LazyTable
        The table.
    categorical_features : "from_dtype", array-like of bool, int or str, or None
        Which columns are categorical, as the estimators' parameter.
    count : bool
        Whether to count the categories of all rows, which a first fit learns.

    Returns
    -------
    LazySample
        The sample. It depends on the table alone, so that a training can be resumed.
    """
    n_columns = len(table.feature_names) + len(table.label_names)
    n_rows = min(len(table), _SAMPLE_ROWS, max(1, _SAMPLE_VALUES // n_columns))
    places = np.sort(np.random.default_rng(0).choice(len(table), n_rows, replace=False))
    counts, new_labels = CategoryCounts(categorical_features), _NewLabels(table.target_names)
    taken, samples = [], []
    for start, rows in table.parts([*table.feature_names, *table.label_names]):
        if count:
            counts.add(rows.select(table.feature_names))
        first, last = np.searchsorted(places, [start, start + len(rows)])
        chosen = places[first:last] - start
        if len(chosen) < len(rows):
            chosen = np.union1d(chosen, new_labels.find(rows))
        taken.append(start + chosen)
        samples.append(rows.take(chosen))
    sample = concatenate(samples)
    samples.clear()
    give_back()
    X = sample.select(table.feature_names)
    return LazySample(
        np.concatenate(taken), counts.attach(X) if count else X, *labels_of(table, sample)
    )


def all_samples(
    estimator: Any, table: LazyTable, sample: LazySample, data: TrainingData, held_out: np.ndarray
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

    def read(rows: Any) -> TableDataset:
        """Return the samples of some rows."""
        y, sample_weight = labels_of(table, rows)
        targets = read_targets(y, estimator_name=type(estimator).__name__, complete=False)
        targets = tasks.check(targets)
        return make_samples(
            estimator,
            tasks,
            reader.read(rows.select(table.feature_names), dtype=estimator.dtype),
            targets,
            check_sample_weight(sample_weight, targets, complete=False),
            class_weight=class_weight,
            factors=factors,
        )

    def read_blocks(order: list[int]) -> Iterator[TableDataset]:
        """Yield the samples of the table in blocks."""
        for samples in map(read, table.blocks(order, held_out)):
            give_back()
            if len(samples) > 0:  # a block may have no label
                yield samples

    return LazySamples(
        data.train.copy(data.train.inspected_rows()),
        n_samples=len(table) - len(held_out),
        n_groups=table.n_groups,
        read_blocks=read_blocks,
        digest=sha256(held_out.tobytes()).hexdigest(),
    )


def labels_of(table: LazyTable, rows: Any) -> tuple[Any, np.ndarray | None]:
    """Return the targets of some rows, and their weights if there are weights.

    Parameters
    ----------
    table : LazyTable
        The table.
    rows : pyarrow.Table
        Some of its rows, with the columns of targets and weights.

    Returns
    -------
    y : Series or DataFrame of shape (n_rows,) or (n_rows, n_tasks)
        The targets.
    sample_weight : ndarray of shape (n_rows,) or None
        The weights.
    """
    found = named_columns(rows.select(table.label_names))
    assert found is not None
    columns = dict(zip(table.label_names, found.columns, strict=True))
    weights = None if table.weight_name is None else columns.pop(table.weight_name)
    y = pd.DataFrame(columns)
    return (
        y[table.target_names[0]] if table.has_one_target else y,
        None if weights is None else weights.to_numpy(na_value=np.nan),
    )


def all_labels(table: LazyTable) -> tuple[Any, np.ndarray | None]:
    """Return the targets of all rows, and their weights, as :func:`labels_of` does."""
    _check_targets(table)
    return labels_of(table, concatenate([part.rows for part in table.parts(table.label_names)]))


def in_memory(X: Any, y: Any, sample_weight: Any) -> ValidationSet:
    """Return a validation set; the rows of a lazy table, with their labels, are read."""
    if not isinstance(X, LazyTable):
        return X, y, sample_weight
    refuse_labels(y, sample_weight, suffix="_val")
    _check_targets(X)
    columns = [*X.feature_names, *X.label_names]
    rows = concatenate([part.rows for part in X.parts(columns)])
    return rows.select(X.feature_names), *labels_of(X, rows)


def refuse_labels(y: Any, sample_weight: Any, suffix: str = "") -> None:
    """Raise a ValueError if labels or weights are passed besides a lazy table, which has them."""
    for name, value, parameter in (
        ("y", y, "targets"),
        ("sample_weight", sample_weight, "sample_weight"),
    ):
        if value is not None:
            raise ValueError(
                f"{name}{suffix} must be None with a LazyTable, which has it as a column: "
                f"LazyTable(source, {parameter}=...)."
            )


def _check_targets(table: LazyTable) -> None:
    """Raise a ValueError if a lazy table has no targets."""
    if not table.target_names:
        raise ValueError(
            "fit and score need targets, and this LazyTable has none. Name their columns: "
            "LazyTable(source, targets=[...])."
        )


class _NewLabels:
    """Where labels occur for the first time.

    Parameters
    ----------
    names : list of str
        The columns of the targets.
    """

    def __init__(self, names: list[str]) -> None:
        self._known: dict[str, set[Any]] = {name: set() for name in names}

    def find(self, rows: Any) -> np.ndarray:
        """Return the rows of a part that have a label which no part had before."""
        found = []
        for name, known in self._known.items():
            if len(known) >= _MANY_LABELS:
                continue
            labels = open_table(rows.select([name])).labels(0)
            for place, row in zip(*np.unique(labels.codes, return_index=True), strict=True):
                label = None if place < 0 else labels.values[place]
                if not is_missing(label) and label not in known and len(known) < _MANY_LABELS:
                    known.add(label)
                    found.append(row)
        return np.array(found, dtype=np.int64)


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
