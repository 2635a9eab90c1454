"""Several processes that train one network: each computes a share of every batch.

All processes draw the same batches. Each evaluates the network on its rows of a batch, and losses
and gradients are averaged by their numbers. The steps are therefore those of a single process, up
to rounding.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from sk_mmoe.columns._tables import Rows, count_rows
from sk_mmoe.nn.balancing import GradientBalancing
from sk_mmoe.training._seeding import epoch_seed, seed_dropout

_T = TypeVar("_T")


class Processes:
    """The processes of torch's default group.

    Attributes
    ----------
    rank : int
        The number of this process, from 0.
    n_processes : int
        How many there are.
    """

    def __init__(self) -> None:
        self.rank = dist.get_rank()
        self.n_processes = dist.get_world_size()
        self._factor = 1.0
        # Apart from dropout, of which the processes draw different amounts.
        self._orders = torch.Generator()

    @classmethod
    def of_group(cls) -> Processes | None:
        """Return the processes of torch's default group, or None where there is but this one.

        Raises
        ------
        ValueError
            If a launcher such as torchrun started several processes that are not yet a group.
        """
        if dist.is_available() and dist.is_initialized():
            return cls() if dist.get_world_size() > 1 else None
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise ValueError(
                "net_params={'distributed': True} needs a group of processes: call "
                "torch.distributed.init_process_group('gloo') before fit ('nccl' on GPUs)."
            )
        return None

    def share(self, rows: Rows) -> tuple[Rows, int]:
        """Return the rows of a batch that this process computes.

        Parameters
        ----------
        rows : slice or Tensor of shape (..., n_rows)
            The rows of the whole batch.

        Returns
        -------
        rows : slice or Tensor of shape (..., n_own)
            The rows of this process. A process without a row gets the first one, which then counts
            nothing: a mean over no rows would be no number.
        n_own : int
            How many rows of the batch this process has.
        """
        n_each, n_more = divmod(count_rows(rows), self.n_processes)
        n_own = n_each + (self.rank < n_more)
        first = self.rank * n_each + min(self.rank, n_more) if n_own else 0
        last = first + (n_own or 1)
        if isinstance(rows, slice):
            return slice(rows.start + first, rows.start + last), n_own
        return rows[..., first:last], n_own

    def begin_batch(self, n_rows: int, n_own: int) -> None:
        """Let the following means be those over a batch.

        Parameters
        ----------
        n_rows : int
            The number of rows of the whole batch.
        n_own : int
            The number of those that this process computes.
        """
        self._factor = n_own * self.n_processes / n_rows

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean over all rows of a batch, given the means over each process's rows.

        Gradients flow to the rows of this process. Their average over the processes
        (:meth:`average_gradients`) is the gradient of the mean.

        Parameters
        ----------
        values : Tensor
            The means over the rows of this process.

        Returns
        -------
        Tensor
            The means over all rows, the same in all processes.
        """
        mean: Tensor = _Mean.apply(self._factor * values)  # type: ignore[no-untyped-call]
        return mean

    def average_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace the gradients of parameters by their averages over the processes.

        Parameters
        ----------
        parameters : iterable of Tensor
            The parameters.
        """
        gradients = [part.grad for part in parameters if part.grad is not None]
        flat = _average(torch.cat([gradient.flatten() for gradient in gradients]))
        sizes = [gradient.numel() for gradient in gradients]
        for gradient, part in zip(gradients, flat.split(sizes), strict=True):
            gradient.copy_(part.view_as(gradient))

    def begin_epoch(self, seed: int, epoch: int, device: str) -> None:
        """Draw the orders of rows as a single process would, and dropout apart from the others.

        Parameters
        ----------
        seed : int
            The seed of the net.
        epoch : int
            The number of the epoch.
        device : str
            The device.
        """
        self._orders.manual_seed(epoch_seed(seed, epoch))
        if self.rank > 0:  # the first one draws what a single process would
            seed_dropout(epoch_seed(seed, epoch, self.rank), device)

    def draw_order(self, n_rows: int) -> Tensor:
        """Draw an order of rows, the same in all processes.

        Parameters
        ----------
        n_rows : int
            The number of rows.

        Returns
        -------
        Tensor of shape (n_rows,), int
            The order.
        """
        return torch.randperm(n_rows, generator=self._orders)

    def any(self, flag: bool) -> bool:
        """Return whether a flag is set in any process."""
        return any(self.gather(flag))

    def together(self, work: Callable[[], _T]) -> _T:
        """Return what a function returns, or raise an error in all processes if it fails in one.

        The processes would else wait for the one that failed.

        Parameters
        ----------
        work : callable
            The function. It must not exchange anything.

        Returns
        -------
        object
            What it returns in this process.

        Raises
        ------
        RuntimeError
            If the function fails in another process. An error of this process is raised as it is.
        """
        error: Exception | None = None
        try:
            result = work()
        except Exception as own:  # whatever files and data lead to
            error = own
        found = self.gather(None if error is None else f"{type(error).__name__}: {error}")
        if error is not None:
            raise error
        for rank, message in enumerate(found):
            if message is not None:
                raise RuntimeError(f"the process of rank {rank} failed with {message}")
        return result

    def gather(self, value: _T) -> list[_T]:
        """Return the values of all processes, in the order of their numbers."""
        values: list[Any] = [None] * self.n_processes
        dist.all_gather_object(values, value)
        return values

    def check(self, net: Any) -> None:
        """Raise a ValueError unless all processes begin the same training.

        Parameters
        ----------
        net : MultiTaskNet
            The net, with the data sets of the training that begins.
        """
        balancing = net.criterion_.balancing
        if isinstance(balancing, GradientBalancing) or balancing.n_parts > 1:
            raise ValueError(
                f"loss_balancing={net.criterion__balancing!r} needs gradients of single tasks or "
                "parts of a batch, which processes do not exchange. Use 'fixed', 'uncertainty', "
                "'dwa', 'famo' or a scalarizer of TorchJD, or train in one process."
            )
        weights = sha256()
        for part in net.module_.state_dict().values():
            weights.update(part.cpu().contiguous().numpy())
        own = {
            "random_state (pass an integer)": net.seeds,
            "data (pass the whole table in each process)": [
                part.fingerprint() for part in net._datasets if part is not None
            ],
            "batch_size": net.batch_size,
            "number of epochs": (net.n_epochs, net._last_epoch),
            "initial weights": weights.hexdigest(),
        }
        self.check_same(own)

    def check_same(self, own: dict[str, Any]) -> None:
        """Raise a ValueError in all processes if some values differ between any two of them.

        Parameters
        ----------
        own : dict
            The values of this process by their names, which the error tells.
        """
        everyone = self.gather(own)
        # A process with a table of another kind has other names here.
        differ = [name for name in own if any(each.get(name) != own[name] for each in everyone)]
        # Where this process equals all others, two others may differ: all of them must stop.
        if self.any(bool(differ)):
            raise ValueError(
                "the processes must begin with the same training, but they differ in: "
                f"{', '.join(differ) or 'what other processes name'}."
            )

    def check_resumed(self, n_epochs: int) -> None:
        """Raise a ValueError unless all processes resumed from the same checkpoint.

        Parameters
        ----------
        n_epochs : int
            The number of epochs so far.
        """
        found = self.gather(n_epochs)
        if len(set(found)) > 1:
            raise ValueError(
                f"the processes resumed after {found} epochs. Only the first one writes a "
                "checkpoint: put the file on a disk that all of them see."
            )


class _Mean(torch.autograd.Function):
    """The mean of a tensor over processes, whose gradient is that of the tensor of this one."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        """Return the mean."""
        return _average(own.detach().clone())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Return the gradient as it comes."""
        return gradient


def _average(values: Tensor) -> Tensor:
    """Overwrite a tensor by its average over processes, which has the same bits in each."""
    dist.all_reduce(values)  # a sum: gloo has no average
    return values.div_(dist.get_world_size())
