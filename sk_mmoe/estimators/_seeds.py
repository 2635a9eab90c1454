"""The seeds of the networks of an estimator, new or fitted."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from sk_mmoe.estimators._fitted import FittedModel


def draw_seeds(estimator: Any, n_members: int) -> list[int]:
    """Draw the seed of each member.

    Parameters
    ----------
    estimator : estimator
        The estimator.
    n_members : int
        The number of members.

    Returns
    -------
    list of int of length n_members
        The seeds.
    """
    rng = check_random_state(estimator.random_state)
    return [int(rng.randint(np.iinfo(np.int32).max)) for _ in range(n_members)]


def seeds_of(fitted: FittedModel, n_members: int | str) -> list[int]:
    """Return the seeds of the networks that training goes on from.

    Parameters
    ----------
    fitted : FittedModel
        The model.
    n_members : int or "auto"
        How many networks there should be. "auto": as many as there are.

    Returns
    -------
    list of int
        The seeds.

    Raises
    ------
    ValueError
        If there is another number of networks.
    """
    seeds = fitted.net.seeds
    if n_members not in (len(seeds), "auto"):
        raise ValueError(
            f"n_members is {n_members}, but {len(seeds)} network(s) are fitted. Set "
            "warm_start=False, or clone the estimator, to start afresh."
        )
    return seeds
