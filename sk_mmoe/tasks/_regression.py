"""Tasks with a number as target."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import r2_score
from torch import Tensor

from sk_mmoe.tasks._task import TaskWithNumbers


def regression_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the squared error of each sample, in units of the target's variance."""
    return (scores.squeeze(1) - targets).square()


class RegressionTask(TaskWithNumbers):
    """A task with a number as target, standardised so that its units do not weigh in the loss.

    Parameters
    ----------
    name : str
        The name of the task.
    mean, scale : float
        The weighted mean and standard deviation of the known targets.
    """

    kind = "regression"
    noun = "a regression"
    loss = staticmethod(regression_loss)

    def __init__(self, name: str, mean: float, scale: float) -> None:
        super().__init__(name)
        self.mean = mean
        self.scale = scale

    @classmethod
    def learn(
        cls,
        name: str,
        labels: np.ndarray,
        weights: np.ndarray | None = None,
        *,
        classes: np.ndarray | None = None,
        order: np.ndarray | None = None,
    ) -> RegressionTask:
        """Build the task from the mean and spread of the known targets."""
        values, exponent = _mantissas(cls.numbers(name, labels, classes))
        mean = float(np.average(values, weights=weights))
        scale = float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))
        # Rounding gives a constant target a tiny spread: scale only what really varies.
        varies = scale > 10 * np.finfo(np.float64).eps * abs(mean)
        unit = float(np.ldexp(scale, exponent)) if varies else 1.0
        return cls(name, float(np.ldexp(mean, exponent)), unit)

    def encode(self, labels: np.ndarray) -> np.ndarray:
        """Return the standardised targets."""
        with np.errstate(over="ignore"):  # refused by the encoder of all tasks
            return (self.as_numbers(self.name, labels) - self.mean) / self.scale

    def in_units(self, scores: Tensor) -> Tensor:
        """Return the predictions in the units of y."""
        return scores[..., 0] * self.scale + self.mean

    def spread(self, scores: Tensor) -> np.ndarray:
        """Return the standard deviation over members, whatever the mean of the targets is."""
        deviations: np.ndarray = scores[..., 0].double().std(dim=0, correction=0).numpy()
        return deviations * self.scale

    def average(self, scores: Tensor) -> Tensor:
        """Return the mean prediction."""
        return scores.mean(dim=0)

    def metric(
        self, labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray | None
    ) -> float:
        """Return R²."""
        values, exponent = _mantissas(self.as_numbers(self.name, labels))
        predictions = np.ldexp(predictions, -exponent)
        return float(r2_score(values, predictions, sample_weight=weights))


def _mantissas(values: np.ndarray) -> tuple[np.ndarray, int]:
    """Return values divided by a power of two, and its exponent.

    The largest is below 1 in size then, and its square in the range of floating-point numbers. The
    division is exact, so that targets of ordinary size lose nothing.
    """
    exponent = int(np.frexp(np.abs(values).max(initial=0.0))[1])
    return np.ldexp(values, -exponent), exponent
