"""Random numbers from a generator of one's choice, in place of torch's global one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn

# Each thread has its value.
_GENERATOR: ContextVar[torch.Generator | None] = ContextVar("generator", default=None)


@contextmanager
def drawing_from(generator: torch.Generator) -> Iterator[None]:
    """Let the modules of this package draw from a generator.

    torch has one global generator for all threads of a process. What draws from it repeats itself
    only if no other thread draws from it or seeds it in the meantime.

    Parameters
    ----------
    generator : torch.Generator
        A generator of the CPU. It applies to this thread only.
    """
    token = _GENERATOR.set(generator)
    try:
        yield
    finally:
        _GENERATOR.reset(token)


def current_generator() -> torch.Generator | None:
    """Return the generator to draw from on the CPU.

    Returns
    -------
    torch.Generator or None
        The generator of :func:`drawing_from`. `None` is torch's global one.
    """
    return _GENERATOR.get()


class Dropout(nn.Dropout):
    """Dropout whose random numbers come from the current generator.

    On the CPU the numbers are those of :class:`torch.nn.Dropout` with a generator in the same
    state. On other devices torch draws from its global generator.

    Parameters
    ----------
    p : float, default=0.5
        The probability of dropping a value.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__(p)

    def forward(self, x: Tensor) -> Tensor:
        """Drop values, and scale up the others.

        Parameters
        ----------
        x : Tensor
            The values.

        Returns
        -------
        Tensor
            The values, unchanged outside of training.
        """
        if not self.training or self.p == 0:
            return x
        generator = current_generator()
        if generator is None or x.device.type != "cpu" or self.p == 1:
            return super().forward(x)
        kept = torch.empty_like(x).bernoulli_(1 - self.p, generator=generator)
        return x * kept.div_(1 - self.p)


def uniform_like(x: Tensor) -> Tensor:
    """Draw uniform numbers between 0 and 1 in the shape of a tensor.

    Parameters
    ----------
    x : Tensor
        The tensor.

    Returns
    -------
    Tensor of the shape of x
        The numbers.
    """
    generator = current_generator()
    if generator is None or x.device.type != "cpu":
        return torch.rand_like(x)
    return torch.empty_like(x).uniform_(generator=generator)
