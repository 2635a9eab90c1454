"""Masked arrays, whose masked values are missing ones."""

from __future__ import annotations

from typing import Any

import numpy as np


def fill_mask(X: Any) -> Any:
    """Return a masked array, or rows that are masked arrays, with missing values for masked ones.

    Parameters
    ----------
    X : object
        What the user passed.

    Returns
    -------
    object
        The array, or X where nothing is masked in it.
    """
    if isinstance(X, list | tuple):
        has_masks = any(isinstance(row, np.ma.MaskedArray) for row in X)
        return [fill_mask(row) for row in X] if has_masks else X
    if not isinstance(X, np.ma.MaskedArray) or X.dtype.names:
        return X
    values = X.data
    if not np.ma.is_masked(X):
        return values
    is_number = values.dtype.kind in "biuf"
    filled = values.astype(np.result_type(values, np.float32) if is_number else object)
    filled[np.ma.getmaskarray(X)] = np.nan if is_number else None
    return filled
