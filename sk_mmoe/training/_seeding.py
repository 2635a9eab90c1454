"""Random numbers that depend on a seed and the number of the epoch only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

import numpy as np
import torch

from sk_mmoe.nn._random import current_generator, drawing_from

_GLOBAL_GENERATORS = RLock()


def _renew_lock() -> None:
    """Replace the lock in a forked process, where no thread is left that would release it."""
    global _GLOBAL_GENERATORS
    _GLOBAL_GENERATORS = RLock()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_renew_lock)


def epoch_seed(seed: int, epoch: int, *process: int) -> int:
    """Return the seed of an epoch of a network.

    Parameters
    ----------
    seed : int
        The seed of the network.
    epoch : int
        The number of the epoch, from 1, or 0 for the network's first weights.
    *process : int
        The number of a process, where several have separate seeds.

    Returns
    -------
    int
        The seed.
    """
    return int(np.random.SeedSequence([seed, epoch, *process]).generate_state(1)[0])


@contextmanager
def separate_generators(device: str) -> Iterator[None]:
    """Draw from a separate generator, and leave torch's global ones as they were.

    The networks and the loader of this package draw from the separate generator, so that other
    threads which draw from the global one or seed it change nothing. Modules and callbacks of
    users, and all dropout on a GPU, can only draw from the global generators. These are seeded,
    too, and get their states back in the end. There is one of each in a process: of several threads
    that train, one at a time may use them.

    Parameters
    ----------
    device : str
        The device.
    """
    used = torch.device(device)
    devices = [used] if used.type == "cuda" else []
    with (
        _GLOBAL_GENERATORS,
        torch.random.fork_rng(devices=devices),
        drawing_from(torch.Generator()),
    ):
        yield


def seed_generators(seed: int, device: str) -> None:
    """Seed the generators inside of :func:`separate_generators`.

    Parameters
    ----------
    seed : int
        The seed.
    device : str
        The device.
    """
    # torch.manual_seed would ask for a lock of torch.cuda, which a thread may have held when this
    # process was forked.
    torch.default_generator.manual_seed(seed)
    seed_dropout(seed, device)


def seed_dropout(seed: int, device: str) -> None:
    """Seed the generators from which the networks of this package draw in training.

    Parameters
    ----------
    seed : int
        The seed.
    device : str
        The device.
    """
    if torch.device(device).type == "cuda":
        torch.cuda.manual_seed_all(seed)
    generator = current_generator()
    if generator is not None:
        generator.manual_seed(seed)
