"""A running average of the weights over the training steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

# The average covers roughly the last ninth of all steps.
_DELAY = 8


class WeightAverage:
    """Average of the weights over the later training steps.

    After step ``t`` the average moves towards the current weights by the fraction ``9 / (t + 8)``.
    At any time it covers roughly the last ninth of all steps, so there is no rate to choose [1]_.

    Parameters
    ----------
    parameters : iterable of torch.nn.Parameter
        The weights to average. They hold the average, except inside :meth:`training`.

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
        # The average while the parameters hold the weights of the last step, else these weights.
        self.others: list[Tensor] = []

    @contextmanager
    def training(self) -> Iterator[None]:
        """Restore the weights of the last step, so that training can continue from them.

        Yields
        ------
        None
            At the end of the block the parameters hold the average again.
        """
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def update(self) -> None:
        """Include the current weights in the average. Call it after each optimizer step."""
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
        """Return the state that the parameters do not contain.

        Returns
        -------
        dict
            The number of steps, and the weights that the parameters do not hold at the moment.
        """
        return {"n_steps": self.n_steps, "others": self.others}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from the state of another average.

        Parameters
        ----------
        state : dict
            What the :meth:`state_dict` of the other average returned.
        """
        self.n_steps = state["n_steps"]
        self.others = [
            other.to(parameter, copy=True)
            for other, parameter in zip(
                state["others"], self.parameters, strict=bool(state["others"])
            )
        ]
