"""What a part that is held out must leave to learn from."""

from __future__ import annotations

import numpy as np

from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.tasks._targets import Targets


def keep_classes_to_learn(
    encoder: TaskEncoder,
    targets: Targets,
    train: np.ndarray,
    valid: np.ndarray,
    weights: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Move rows back from the part held out, so that every class has a label to learn from.

    A class with a single label would be lost to training if that label were held out, and then
    never be predicted.

    Parameters
    ----------
    encoder : TaskEncoder
        The tasks.
    targets : Targets
        The targets of all rows.
    train, valid : ndarray of int
        The rows to learn from, and the rows held out.
    weights : ndarray of shape (n_samples, n_tasks), default=None
        The weights of the labels. Those of weight zero are nothing to learn from.

    Returns
    -------
    train, valid : ndarray of int
        The rows, sorted. At least one is held out.
    """
    targets = encoder.check(targets)
    for k, task in enumerate(encoder.tasks):
        if not task.has_classes:
            continue
        codes = np.full(len(targets), -1)
        codes[targets.known[:, k]] = task.encode(targets.labels[k])
        if weights is not None:
            codes[weights[:, k] == 0] = -1
        lost = np.setdiff1d(codes[valid], codes[train])
        for code in lost[lost >= 0]:
            if len(valid) == 1:
                break
            row = valid[codes[valid] == code][0]
            train, valid = np.append(train, row), valid[valid != row]
    return np.sort(train), np.sort(valid)
