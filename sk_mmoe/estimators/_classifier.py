"""The face of estimators whose tasks all have classes."""

from __future__ import annotations

from typing import ClassVar

from sklearn.utils import Tags

from sk_mmoe.estimators._classes import WithClasses
from sk_mmoe.estimators._sklearn import ClassifierMixin
from sk_mmoe.tasks._kinds import Accepts


class MultiTaskClassifier(ClassifierMixin, WithClasses):
    """Base of the classifiers."""

    accepted_tasks: ClassVar[Accepts] = "with_classes"

    # scikit-learn's refuses several multiclass tasks and missing labels.
    score = WithClasses.score

    def __sklearn_tags__(self) -> Tags:
        """Return what the estimator can do."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
