"""Random numbers that depend on a seed and the number of the epoch only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

import numpy as np
import torch

_RNG_LOCK = RLock()


def epoch_seed(seed: int, epoch: int) -> int:
    """Return the seed of an epoch of a network.

    Parameters
    ----------
    seed : int
        The seed of the network.
    epoch : int
        The number of the epoch, from 1, or 0 for the network's first weights.

    Returns
    -------
    int
        The seed.
    """
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])


@contextmanager
def forked_rng(device: str) -> Iterator[None]:
    """Leave the global generators of the CPU and a device alone.

    There is one of each in a process: of several threads that train, one at a time may use it.

    Parameters
    ----------
    device : str
        The device.
    """
    used = torch.device(device)
    devices = [used] if used.type == "cuda" else []
    with _RNG_LOCK, torch.random.fork_rng(devices=devices):
        yield
