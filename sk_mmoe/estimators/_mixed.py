"""The face of estimators whose targets are of several kinds."""

from __future__ import annotations

from typing import ClassVar

from sklearn.utils import ClassifierTags, RegressorTags, Tags

from sk_mmoe.estimators._classes import WithClasses
from sk_mmoe.tasks._kinds import Accepts


class MixedTaskPredictor(WithClasses):
    """Base of the mixed predictors."""

    accepted_tasks: ClassVar[Accepts] = "all"

    def __sklearn_tags__(self) -> Tags:
        """Return what the estimator can do."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags = ClassifierTags()
        tags.regressor_tags = RegressorTags()
        return tags
