"""A look at the losses after training, which may be far above those of a constant prediction."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sk_mmoe.training._epochs import DIVERGED
from sk_mmoe.training._net import MultiTaskNet
from sk_mmoe.training._samples import TableDataset

# Networks that have hardly begun to learn are below it. An R² of -1 corresponds to two.
_FAR_ABOVE = 2.0
# All rows at once would take more memory than the training.
_ROWS_AT_ONCE = 1024
# A chunk of a stream may be small, and unlike those before.
FAR_ABOVE_IN_STREAM = 1000.0


def warn_of_divergence(
    net: MultiTaskNet,
    task_names: Sequence[str],
    samples: TableDataset,
    *,
    factor: float = _FAR_ABOVE,
) -> None:
    """Warn of tasks that the trained network predicts much worse than a constant would.

    Parameters
    ----------
    net : MultiTaskNet
        The trained net.
    task_names : sequence of str
        The names of the tasks.
    samples : TableDataset
        The samples of training, some of which are looked at.
    factor : float, default=2.0
        By what factor a loss must exceed that of the constant.

    Raises
    ------
    FloatingPointError
        If a loss is not a number.
    """
    network = net.module_.eval()
    reached: Any = 0.0
    constant: Any = 0.0
    for rows in samples.inspected_rows().split(_ROWS_AT_ONCE):
        x, y = samples[rows]
        y = tuple(part.to(net.device) for part in y)
        with torch.inference_mode():
            scores = network(x.to(net.device))
            reached = reached + len(rows) * _task_losses(net, scores, y)
            # For every kind of task, scores of zero are a constant prediction: the mean of numbers,
            # or equal probabilities of all classes.
            zeros = [torch.zeros_like(part) for part in scores]
            constant = constant + len(rows) * _task_losses(net, zeros, y)
    if not reached.isfinite().all():
        raise FloatingPointError(
            f"training diverged: predictions of the training data are not finite. {DIVERGED}"
        )
    ratios = torch.where(constant > 0, reached / constant, 0.0).tolist()
    found = dict(zip(task_names, ratios, strict=True))
    if bad := {name: f"{ratio:.3g}" for name, ratio in found.items() if ratio > factor}:
        warnings.warn(
            f"training diverged: the loss on the training data is far above that of a constant "
            f"prediction, by the factors {bad}. {DIVERGED}",
            stacklevel=2,
        )


def _task_losses(net: MultiTaskNet, scores: Sequence[Tensor], y: Sequence[Tensor]) -> Tensor:
    """Return the loss of each task, the mean over members if there are several."""
    losses: Tensor = net.criterion_(scores, *y)
    return losses.reshape(-1, losses.shape[-1]).mean(dim=0)
