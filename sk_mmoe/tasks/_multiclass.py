"""Tasks with classes that have no order."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from sk_mmoe.tasks._binary import BinaryTask
from sk_mmoe.tasks._task import TaskWithClasses, distinct_classes


def multiclass_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the log loss of each sample, from one logit per class."""
    return F.cross_entropy(scores, targets.long(), reduction="none")


class MulticlassTask(TaskWithClasses):
    """A task with three classes or more, scored by one logit each."""

    kind = "multiclass"
    noun = "a classification"
    is_nominal = True
    loss = staticmethod(multiclass_loss)

    @property
    def n_outputs(self) -> int:  # type: ignore[override]
        """The number of classes."""
        return len(self.classes)

    @classmethod
    def learn(
        cls,
        name: str,
        labels: np.ndarray,
        weights: np.ndarray | None = None,
        *,
        classes: np.ndarray | None = None,
        order: np.ndarray | None = None,
    ) -> TaskWithClasses:
        """Build the task of all classes; two of them need one logit only."""
        classes = distinct_classes(name, labels if classes is None else classes)
        return BinaryTask(name, classes) if len(classes) == 2 else cls(name, classes)

    def likeliest(self, scores: Tensor) -> Tensor:
        """Return the class with the highest logit."""
        return scores.argmax(dim=1)

    def log_proba(self, scores: Tensor) -> Tensor:
        """Return the log-probability of each class."""
        return F.log_softmax(scores, dim=-1)

    def scores_of_proba(self, proba: Tensor) -> Tensor:
        """Return the logarithms of the probabilities, with a mean of zero."""
        return proba.log() - proba.log().mean()

    def average(self, scores: Tensor) -> Tensor:
        """Return the logarithms of the mean probabilities."""
        return self.log_proba(scores).logsumexp(dim=0) - math.log(len(scores))
