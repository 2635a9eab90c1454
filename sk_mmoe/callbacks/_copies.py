"""Copies of callbacks, so that training leaves the originals unchanged."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone
from skorch.callbacks import BatchScoring, Callback, EpochScoring

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
    ValueError
        If one of them scores by a metric of scikit-learn.
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
        if isinstance(copy, EpochScoring | BatchScoring):
            _check_scoring(copy)
        place = checkpoints if isinstance(callback, TrainingCheckpoint) else copies
        place.append((entry[0], copy) if isinstance(entry, tuple) else copy)
    return copies + checkpoints


def _check_scoring(callback: Any) -> None:
    """Refuse metrics of scikit-learn, which need labels; the net has scores and encoded targets."""
    scoring = callback.scoring
    # All scorers of scikit-learn have this method, and so have ours.
    is_function = callable(scoring) and not hasattr(scoring, "_accept_sample_weight")
    if not isinstance(callback, EpochScoring) or not is_function:
        raise ValueError(
            f"skorch's {type(callback).__name__} cannot compute scoring={scoring!r}: a net has "
            "scores and encoded targets, not labels. Use scikit-learn's ScoringMonitor with "
            "set_callbacks for a metric after each epoch, or read the losses of each task from "
            "task_loss_curve_ and validation_task_loss_curve_. EpochScoring takes functions of "
            "(net, dataset, None)."
        )
    # skorch would join the batches, each of which is a tuple of targets and weights.
    callback.use_caching = False
