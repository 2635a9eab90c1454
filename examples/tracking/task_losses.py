"""Losses of all tasks in TensorBoard (``pip install tensorboard``)."""

from typing import Any

from skorch.callbacks import TensorBoard
from torch.utils.tensorboard import SummaryWriter


class TaskLosses(TensorBoard):
    """Write the losses of every epoch to a folder, in total and for each task.

    skorch's callback takes an open writer, which can be neither copied nor pickled. This one opens
    it when training begins, so that the estimator can be cloned, searched and saved.

    Parameters
    ----------
    folder : str or path-like
        The folder.
    writer : SummaryWriter, default=None
        The writer while training runs.
    **kwargs
        As in :class:`skorch.callbacks.TensorBoard`.
    """

    def __init__(self, folder: Any, writer: Any = None, **kwargs: Any) -> None:
        super().__init__(writer, **kwargs)
        self.folder = folder

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Open the writer."""
        self.writer = SummaryWriter(self.folder)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Write the losses."""
        super().on_epoch_end(net, **kwargs)
        for part in ("train", "valid"):
            for number, loss in enumerate(net.history[-1].get(f"{part}_task_losses", [])):
                self.writer.add_scalar(f"task {number}/{part}", loss, net.n_epochs)

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Close the writer."""
        super().on_train_end(net, **kwargs)
        self.writer = None
