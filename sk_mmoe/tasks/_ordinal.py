"""Tasks with classes in an order: cumulative logits."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sk_mmoe.tasks._labels import are_ordered, distinct_labels
from sk_mmoe.tasks._task import TaskWithClasses, at_least_two, distinct_classes, log_mean_exp

_SMALLEST_STEP = float(np.finfo(np.float64).tiny)


def _raw_scores(proba: Tensor) -> Tensor:
    """Return the first logit, and the scores whose softplus is how much lower each next one is."""
    below = proba.cumsum(0)[:-1]
    above = proba.flip(0).cumsum(0).flip(0)[1:]
    first = above[:1].log() - below[:1].log()
    # The closed form of log(exp(a - b) - 1) for neighbouring logits a and b, without a difference.
    steps = proba[1:-1].log() - below[:-1].log() - above[1:].log()
    return torch.cat([first, steps])


@cache
def _start(n_classes: int) -> list[float]:
    """Return the scores at which all classes are equally likely."""
    equal = torch.full((n_classes,), 1 / n_classes, dtype=torch.float64)
    scores: list[float] = _raw_scores(equal).tolist()
    return scores


def _from_start(scores: Tensor) -> Tensor:
    """Return scores moved so that zeros make all classes equally likely."""
    return scores + scores.new_tensor(_start(scores.shape[-1] + 1))


def cumulative_logits(scores: Tensor) -> Tensor:
    """Return the logits that a label lies above the first, second, ... but last class.

    The first score is the first logit. Each further score, through a softplus, is how much lower
    the next logit is. So the logits never rise, whatever the scores are. Constants are added such
    that scores of zero give all classes the same probability.
    """
    scores = _from_start(scores)
    steps = F.softplus(scores[..., 1:])
    return torch.cat([scores[..., :1], scores[..., :1] - steps.cumsum(dim=-1)], dim=-1)


def ordinal_log_proba(scores: Tensor) -> Tensor:
    r"""Return the log-probability of each class, from one score less than there are classes.

    A class between the logits :math:`a > b` has the probability
    :math:`\sigma(a) - \sigma(b) = \sigma(a) \, \sigma(-b) \, (1 - e^{b - a})`, and the last factor
    is the sigmoid of the score whose softplus is :math:`a - b`. In logarithms this is a sum, and no
    small probability is lost in a difference.
    """
    logits = cumulative_logits(scores)
    above, below = F.logsigmoid(logits), F.logsigmoid(-logits)
    apart = F.logsigmoid(_from_start(scores)[..., 1:])
    return torch.cat(
        [below[..., :1], above[..., :-1] + below[..., 1:] + apart, above[..., -1:]], dim=-1
    )


def ordinal_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the log loss of each sample, from one score less than there are classes."""
    return -ordinal_log_proba(scores).gather(1, targets.long()[:, None]).squeeze(1)


class OrdinalTask(TaskWithClasses):
    """A task whose classes have an order, such as grades: a cumulative logit model.

    A sample's probability to lie above a class is the sigmoid of a logit; the probabilities of the
    classes are differences between neighbours. The network gives the first logit and the distance
    to each next one, so that the logits keep their order for every sample. As the distances depend
    on the inputs, odds need not be proportional.

    Parameters
    ----------
    name : str
        The name of the task.
    classes : ndarray of shape (n_classes,)
        The classes, from the lowest to the highest.

    References
    ----------
    McCullagh, "Regression Models for Ordinal Data", Journal of the Royal Statistical Society B,
    1980, section 2. Agresti, "Analysis of Ordinal Categorical Data", 2nd edition, 2010, section
    3.6, for logits whose distances depend on the inputs.
    """

    kind = "ordinal"
    noun = "a classification"
    loss = staticmethod(ordinal_loss)

    @property
    def n_outputs(self) -> int:  # type: ignore[override]
        """One score less than there are classes."""
        return len(self.classes) - 1

    @classmethod
    def learn(
        cls,
        name: str,
        labels: np.ndarray,
        weights: np.ndarray | None = None,
        *,
        classes: np.ndarray | None = None,
        order: np.ndarray | None = None,
    ) -> OrdinalTask:
        """Build the task of classes in the order that is declared, or else that of numbers."""
        if classes is None:
            distinct_classes(name, labels)
        if order is None:
            order = distinct_labels(labels if classes is None else classes, name=name)
            if not are_ordered(order):
                raise ValueError(
                    f"task {name!r} is ordinal, but its labels do not say their order. Declare the "
                    f"classes from the lowest to the highest, tasks={{{name!r}: {order.tolist()}}} "
                    "in the right order, or pass y as ordered categories of pandas."
                )
        task = cls(name, at_least_two(name, order))
        task.encode(labels if classes is None else classes)  # refuses what the order lacks
        return task

    def log_proba(self, scores: Tensor) -> Tensor:
        """Return the log-probability of each class."""
        return ordinal_log_proba(scores)

    def scores_of_proba(self, proba: Tensor) -> Tensor:
        """Return the scores whose cumulative logits give the probabilities."""
        return _raw_scores(proba) - proba.new_tensor(_start(len(self.classes)))

    def same_classes(self, classes: np.ndarray) -> bool:
        """Return whether all of these are classes of the task, whose order may name more."""
        return bool((self.codes_of(classes) >= 0).all())

    def average(self, scores: Tensor) -> Tensor:
        """Return the scores of the mean probabilities."""
        logits = cumulative_logits(scores)
        means = log_mean_exp(F.logsigmoid(logits)) - log_mean_exp(F.logsigmoid(-logits))
        # The inverse of the softplus; steps that rounding has made vanish stay positive.
        steps = (means[..., :-1] - means[..., 1:]).clamp(min=_SMALLEST_STEP)
        averaged = torch.cat([means[..., :1], steps + (-torch.expm1(-steps)).log()], dim=-1)
        return averaged - _from_start(torch.zeros_like(averaged))
