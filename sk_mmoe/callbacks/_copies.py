"""Copies of callbacks, so that training leaves the originals unchanged."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone
from skorch.callbacks import Callback

from sk_mmoe.callbacks._checkpoint import TrainingCheckpoint


def copy_callbacks(callbacks: Any) -> list[Any]:
    """Copy callbacks and (name, callback) pairs.

    Checkpoints come last: they save what all others did.

    Parameters
    ----------
    callbacks : iterable of skorch callbacks, or of (name, callback), or None
        The callbacks.

    Returns
    -------
    list
        The copies, in the same form.

    Raises
    ------
    TypeError
        If one of them is no callback of skorch.
    """
    copies: list[Any] = []
    checkpoints: list[Any] = []
    for entry in callbacks or ():
        callback = entry[1] if isinstance(entry, tuple) else entry
        if not isinstance(callback, Callback):
            raise TypeError(
                f"callbacks must be skorch callbacks, got {callback!r}. For scikit-learn's own "
                "callbacks, such as ProgressBar, use set_callbacks."
            )
        copy = clone(callback, safe=False)
        place = checkpoints if isinstance(callback, TrainingCheckpoint) else copies
        place.append((entry[0], copy) if isinstance(entry, tuple) else copy)
    return copies + checkpoints
