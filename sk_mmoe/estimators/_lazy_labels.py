"""The targets and weights of a lazy table, which are columns of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sk_mmoe.estimators._fit import ValidationSet
from sk_mmoe.metrics._tables import named_columns
from sk_mmoe.streaming import LazyTable
from sk_mmoe.streaming._sources import concatenate


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
    check_targets(table)
    return labels_of(table, concatenate([part.rows for part in table.parts(table.label_names)]))


def in_memory(X: Any, y: Any, sample_weight: Any) -> ValidationSet:
    """Return a validation set; the rows of a lazy table, with their labels, are read."""
    if not isinstance(X, LazyTable):
        return X, y, sample_weight
    refuse_labels(y, sample_weight, suffix="_val")
    check_targets(X)
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


def check_targets(table: LazyTable) -> None:
    """Raise a ValueError if a lazy table has no targets."""
    if not table.target_names:
        raise ValueError(
            "fit and score need targets, and this LazyTable has none. Name their columns: "
            "LazyTable(source, targets=[...])."
        )
