"""A running average of weights over the steps of training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

# The mean is over about the last ninth of all steps.
_DELAY = 8


class WeightAverage:
    r"""An average of weights over the later steps of training.

    After step ``t`` it moves to the weights by ``9 / (t + 8)`` of the way: it forgets the beginning
    in proportion to the length of training, so that there is no rate to choose [1]_.

    Parameters
    ----------
    parameters : iterable of torch.nn.Parameter
        The weights. Outside of :meth:`training` they hold the average.

    References
    ----------
    .. [1] Shamir and Zhang. "Stochastic Gradient Descent for Non-smooth Optimization: Convergence
       Results and Optimal Averaging Schemes", ICML 2013, section 4.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import WeightAverage
    >>> weight = torch.nn.Parameter(torch.zeros(1))
    >>> average = WeightAverage([weight])
    >>> with average.training(), torch.no_grad():
    ...     for step in (1.0, 2.0):
    ...         _ = weight.fill_(step)
    ...         average.update()
    >>> round(weight.item(), 2)
    1.9
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self.parameters = list(parameters)
        self.n_steps = 0
        # Of the weights and their average the ones that the parameters do not hold.
        self.others: list[Tensor] = []

    @contextmanager
    def training(self) -> Iterator[None]:
        """Give the parameters back the weights that training goes on from.

        Yields
        ------
        None
            Outside of the block the parameters hold the average.
        """
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights after a step into the average."""
        self.n_steps += 1
        if not self.others:
            self.others = [parameter.clone() for parameter in self.parameters]
        share = (_DELAY + 1) / (_DELAY + self.n_steps)
        torch._foreach_lerp_(self.others, cast(list[Tensor], self.parameters), share)

    @torch.no_grad()
    def _swap(self) -> None:
        """Exchange the weights and their average, if there is one yet."""
        for parameter, other in zip(self.parameters, self.others, strict=bool(self.others)):
            held = parameter.clone()
            parameter.copy_(other)
            other.copy_(held)

    def state_dict(self) -> dict[str, Any]:
        """Return what is not in the parameters.

        Returns
        -------
        dict
            The number of steps, and the other weights.
        """
        return {"n_steps": self.n_steps, "others": self.others}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where another average stands.

        Parameters
        ----------
        state : dict
            What its :meth:`state_dict` returned.
        """
        self.n_steps = state["n_steps"]
        self.others = [
            other.to(parameter, copy=True)
            for other, parameter in zip(
                state["others"], self.parameters, strict=bool(state["others"])
            )
        ]
