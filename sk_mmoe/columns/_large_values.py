"""Numbers that a network reads though nobody scaled them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from sk_mmoe.columns._warn import warn_user

_LARGE_VALUE = 1000
_INSPECTED = 10_000


def warn_of_large_values(table: Any) -> None:
    """Warn if a network reads numbers that were most likely not scaled.

    Parameters
    ----------
    table : ndarray, CSR matrix or ColumnTable of shape (n_samples, n_features)
        What a :class:`~sk_mmoe.columns._reader.TableReader` has read.
    """
    if sparse.issparse(table):
        values = table.data
    else:
        # A column in other units shows in any rows; to look at all takes as long as many steps.
        values = np.asarray(getattr(table, "numbers", table))
        values = values[:: max(1, len(values) // _INSPECTED)]
    largest = max(values.max(initial=0), -values.min(initial=0))
    if largest > _LARGE_VALUE:
        warn_user(
            f"X has values up to {largest:.2g}, and the network does not scale its inputs. Put a "
            "StandardScaler, or another scaler, before it, or set numeric_encoding='auto'."
        )
