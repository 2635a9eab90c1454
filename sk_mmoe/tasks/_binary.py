"""Tasks with two classes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sk_mmoe.tasks._task import TaskWithClasses, distinct_classes


def binary_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the log loss of each sample, from one logit."""
    return F.binary_cross_entropy_with_logits(scores.squeeze(1), targets, reduction="none")


class BinaryTask(TaskWithClasses):
    """A task with two classes, scored by the logit of the second."""

    kind = "binary"
    noun = "a classification"
    loss = staticmethod(binary_loss)
    n_outputs = 1

    @classmethod
    def learn(
        cls,
        name: str,
        labels: np.ndarray,
        weights: np.ndarray | None = None,
        *,
        classes: np.ndarray | None = None,
        order: np.ndarray | None = None,
    ) -> BinaryTask:
        """Build the task of two classes that occur among the labels."""
        classes = distinct_classes(name, labels if classes is None else classes)
        if len(classes) > 2:
            raise ValueError(
                f"task {name!r} is declared binary, but has {len(classes)} classes: "
                f"{classes.tolist()}. Declare it multiclass."
            )
        return cls(name, classes)

    def likeliest(self, scores: Tensor) -> Tensor:
        """Return 1 where the second class is likelier, else 0."""
        return (scores[:, 0] > 0).long()

    def log_proba(self, scores: Tensor) -> Tensor:
        """Return the log-probability of both classes."""
        return F.logsigmoid(torch.cat([-scores, scores], dim=-1))

    def scores_of_proba(self, proba: Tensor) -> Tensor:
        """Return the logit of the second class."""
        return (proba[1:] / proba[:1]).log()

    def average(self, scores: Tensor) -> Tensor:
        """Return the logit of the mean probability."""
        first, second = self.log_proba(scores).logsumexp(dim=0).split(1, dim=-1)
        return second - first
