"""Training on a fresh table in every epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skorch.callbacks import Callback

from sk_mmoe.training._samples import TableDataset


class FreshTables(Callback):
    """Replace the training table at the beginning of every epoch but the first.

    Parameters
    ----------
    draw : callable
        Takes the number of an epoch, from 0, and returns its :class:`TableDataset`. The net is
        given the first one when training begins.
    """

    def __init__(self, draw: Callable[[int], TableDataset]) -> None:
        self.draw = draw

    def on_epoch_begin(self, net: Any, dataset_train: Any = None, **kwargs: Any) -> None:
        """Draw the table of the epoch that begins; a resumed training may begin anywhere."""
        epoch = net.n_epochs - 1  # the history has its row already
        if epoch > 0:
            dataset_train.become(self.draw(epoch).to(net.device))
