"""Labels of any type: natural types, masks, and which label is which class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def masked_as_none(labels: Any) -> Any:
    """Return labels with `None` for what a masked array masks."""
    if not np.ma.isMaskedArray(labels):
        return labels
    array = labels.data.astype(object)
    array[np.ma.getmaskarray(labels)] = None
    return array


def find_codes(classes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the number of each label's class, -1 for labels that are no class."""
    if len(labels) == 0:
        return np.zeros(0, dtype=np.intp)
    codes: np.ndarray = _as_index(classes).get_indexer(_as_index(labels))
    return codes


def natural(labels: Any) -> np.ndarray:
    """Return labels in their own type where an array of objects holds them."""
    labels = np.asarray(labels)
    return pd.Series(labels).infer_objects().to_numpy() if labels.dtype == object else labels


def known_to_scikit_learn(labels: np.ndarray) -> bool:
    """Return whether scikit-learn's metrics take such labels: numbers, booleans and strings."""
    return labels.dtype.kind in "biufU" or (
        labels.dtype.kind == "O" and all(isinstance(label, str) for label in labels.tolist())
    )


def _as_index(labels: np.ndarray) -> pd.Index:
    """Return labels as an index that takes tuples, intervals and periods for what they are."""
    if labels.dtype.kind != "O":
        return pd.Index(labels)
    return pd.Index(labels, dtype=object, tupleize_cols=False)
