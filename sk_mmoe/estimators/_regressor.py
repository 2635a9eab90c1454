"""The face of estimators whose targets are all numbers."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import _fit_context

from sk_mmoe.estimators._base import MultiTaskEstimator
from sk_mmoe.estimators._sklearn import RegressorMixin
from sk_mmoe.tasks._kinds import Accepts


class MultiTaskRegressor(RegressorMixin, MultiTaskEstimator):
    """Base of the regressors."""

    accepted_tasks: ClassVar[Accepts] = "without_classes"

    # scikit-learn's refuses missing labels.
    score = MultiTaskEstimator.score

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        return_std : bool, default=False
            Whether to return also the standard deviation of the members' predictions. It needs
            `n_members` of 2 or more.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_tasks)
            The predictions, averaged over the members if there are several. The shape is
            (n_samples,) if y had one dimension.
        std : ndarray of the shape of y
            The standard deviations of the members' predictions. Only if `return_std` is True.

        Raises
        ------
        ValueError
            If `return_std` is True and there is only one member.
        """
        model = self.model_
        if not return_std:
            return model.predict(X)
        if not model.net.further_seeds:
            raise ValueError("return_std needs a spread over members: set n_members to 2 or more.")
        scores = model.member_scores(X)
        y: np.ndarray = model.tasks.decode(model.tasks.average(scores))
        return y, model.tasks.spread(scores).reshape(y.shape)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MultiTaskEstimator:
        """Pass once over a chunk of a stream.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs of the chunk.
        y : array-like of shape (n_samples,) or (n_samples, n_tasks)
            The targets of the chunk. The first chunk determines the mean and scale of each target.
            It should be large enough to estimate them.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_tasks), default=None
            Weights of the samples, or of single labels.

        Returns
        -------
        self : object
            The estimator.
        """
        return self._fit_chunk(X, y, sample_weight)
