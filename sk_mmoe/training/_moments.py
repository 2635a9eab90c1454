"""What an optimizer remembers, handed on to the optimizer of another net."""

from __future__ import annotations

from copy import deepcopy
from itertools import chain
from typing import Any

import torch


def load_moments(net: Any, other: Any, *, of_criterion: bool) -> None:
    """Give the optimizer of a net the moments of another, and leave it its settings.

    Parameters
    ----------
    net, other : MultiTaskNet
        The nets. The other one stays as it is, even if the training of the net fails.
    of_criterion : bool
        Whether the two criteria have the same parameters. If not, those start afresh.

    Raises
    ------
    ValueError
        If the optimizers differ, or their groups of the network's parameters.
    """
    handed_on = ("module", "criterion") if of_criterion else ("module",)
    groups, known = (
        [own for group in _names(each) if (own := [n for n in group if n.startswith(handed_on)])]
        for each in (net, other)
    )
    if type(net.optimizer_) is not type(other.optimizer_) or groups != known:
        raise ValueError("the optimizers of the two nets differ")
    if not of_criterion and isinstance(net.optimizer_, torch.optim.LBFGS):
        return  # it remembers all parameters as one vector
    places = {name: place for place, name in enumerate(chain(*_names(net)))}
    remembered = other.optimizer_.state_dict()["state"]
    moments = {
        places[name]: deepcopy(remembered[place])
        for place, name in enumerate(chain(*_names(other)))
        if place in remembered and name.startswith(handed_on)
    }
    # Settings such as the learning rate and weight decay are those of the net.
    settings = net.optimizer_.state_dict()["param_groups"]
    net.optimizer_.load_state_dict({"state": moments, "param_groups": settings})


def _names(net: Any) -> list[list[str]]:
    """Return the names of the parameters in each group of a net's optimizer."""
    names = {
        parameter: f"{part}.{name}"
        for part in ("module", "criterion")
        for name, parameter in getattr(net, f"{part}_").named_parameters()
    }
    return [[names[p] for p in group["params"]] for group in net.optimizer_.param_groups]
