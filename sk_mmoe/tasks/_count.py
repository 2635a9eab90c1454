"""Tasks with a count as target: Poisson regression."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sk_mmoe.metrics import d2_poisson_score
from sk_mmoe.tasks._task import TaskWithNumbers, log_mean_exp

_RANGE = np.finfo(np.float64)


def count_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the Poisson deviance of each sample, from the logarithm of one rate."""
    scores = scores.squeeze(1)
    return 2 * (torch.xlogy(targets, targets) - targets * scores - targets + scores.exp())


class CountTask(TaskWithNumbers):
    r"""A task with a count, or another non-negative quantity, as target.

    The score is the logarithm of the expected count divided by the mean of the training targets,
    so that a network whose scores are zero predicts this mean. The loss is the Poisson deviance

    .. math:: 2 \, (t \log(t / r) - t + r)

    of targets :math:`t` and rates :math:`r`, both in units of the mean. Its gradients are those of
    the Poisson log-likelihood. Predictions are expected counts.

    Counts over different exposures (hours, impressions, insured years) are modelled as rates: pass
    ``counts / exposure`` as target and the exposure as sample weight. The weighted deviance then
    is, up to a constant, minus the log-likelihood of counts with mean ``exposure * rate``.

    Parameters
    ----------
    name : str
        The name of the task.
    mean : float
        The weighted mean of the known targets.

    References
    ----------
    McCullagh and Nelder, "Generalized Linear Models", 2nd edition, 1989, section 6.2.
    """

    kind = "count"
    noun = "a count"
    loss = staticmethod(count_loss)

    def __init__(self, name: str, mean: float) -> None:
        super().__init__(name)
        self.mean = mean

    @classmethod
    def learn(
        cls,
        name: str,
        labels: np.ndarray,
        weights: np.ndarray | None = None,
        *,
        classes: np.ndarray | None = None,
        order: np.ndarray | None = None,
    ) -> CountTask:
        """Build the task from the mean of the known targets."""
        values = cls.numbers(name, labels, classes)
        _check_not_negative(name, values)
        largest = float(values.max(initial=0.0))
        # Divided first: the sum of huge targets is beyond the largest number.
        mean = largest * float(np.average(values / (largest or 1.0), weights=weights))
        if mean == 0:
            raise ValueError(
                f"task {name!r} is a count and all its known targets with weight are 0, so that no "
                "rate can be learned. Drop the task, or pass data with more labels."
            )
        return cls(name, mean)

    def encode(self, labels: np.ndarray) -> np.ndarray:
        """Return the targets in units of their mean."""
        values = self.as_numbers(self.name, labels)
        _check_not_negative(self.name, values)
        with np.errstate(over="ignore"):  # refused by the encoder of all tasks
            return values / self.mean

    def in_units(self, scores: Tensor) -> Tensor:
        """Return the expected counts: positive and finite, however extreme the score is."""
        return (scores[..., 0].exp() * self.mean).clamp(float(_RANGE.tiny), float(_RANGE.max))

    def average(self, scores: Tensor) -> Tensor:
        """Return the logarithm of the mean rate."""
        return log_mean_exp(scores)

    def metric(
        self, labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray | None
    ) -> float:
        """Return D², the share of the Poisson deviance that is explained."""
        values = self.as_numbers(self.name, labels)
        return d2_poisson_score(values, predictions, sample_weight=weights)


def _check_not_negative(name: str, values: np.ndarray) -> None:
    """Raise a ValueError if a count is negative."""
    if (negative := values < 0).any():
        raise ValueError(
            f"task {name!r} is a count and needs targets of 0 or more, got "
            f'{values[negative][0]:g}. Declare it "regression" if negative numbers are right.'
        )
