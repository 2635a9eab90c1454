"""The fits of a search: candidates on folds, with scikit-learn's own function for one fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection._validation import _fit_and_score
from sklearn.utils.parallel import Parallel, delayed


@dataclass
class Evaluation:
    """What fits and scores candidates.

    Parameters
    ----------
    estimator : estimator object
        The estimator without the candidates' parameters.
    X, y : array-like
        The data.
    folds : list of (ndarray, ndarray)
        The rows to learn from and those to score, for each fold.
    settings : dict
        Keywords of `_fit_and_score` that are the same for all fits.
    parallel : Parallel
        What runs the fits.
    context : CallbackContext
        The search's context, of which each fit is a task.
    """

    estimator: Any
    X: Any
    y: Any
    folds: list[tuple[np.ndarray, np.ndarray]]
    settings: Mapping[str, Any]
    parallel: Parallel
    context: Any
    _n_fits: int = 0

    def __call__(
        self, candidates: Sequence[Mapping[str, Any]], fold_numbers: Sequence[int]
    ) -> list[list[dict[str, Any]]]:
        """Fit and score candidates on folds.

        Parameters
        ----------
        candidates : sequence of dict
            The parameters to set.
        fold_numbers : sequence of int
            Which folds.

        Returns
        -------
        list of list of dict
            For each candidate and fold its scores and times.
        """
        pairs = list(product(enumerate(candidates), fold_numbers))
        # Beforehand, as scikit-learn does: a context must not change while it is pickled.
        contexts = [
            self.context.subcontext(
                task_name="candidate-split-evaluation", task_id=self._n_fits + number
            )
            for number in range(len(pairs))
        ]
        self._n_fits += len(pairs)
        results = self.parallel(
            delayed(_fit_and_score)(
                clone(self.estimator),
                self.X,
                self.y,
                train=self.folds[fold][0],
                test=self.folds[fold][1],
                parameters=parameters,
                split_progress=(fold, len(self.folds)),
                candidate_progress=(number, len(candidates)),
                callback_ctx=context,
                **self.settings,
            )
            for ((number, parameters), fold), context in zip(pairs, contexts, strict=True)
        )
        n_folds = len(fold_numbers)
        plain = [_plain(result) for result in results]
        return [plain[start : start + n_folds] for start in range(0, len(plain), n_folds)]


def _plain(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of a fit in types that JSON knows."""
    plain = dict(result)
    for part in ("test_scores", "train_scores"):
        scores = plain.get(part)
        if isinstance(scores, dict):
            plain[part] = {name: float(score) for name, score in scores.items()}
        elif scores is not None:
            plain[part] = float(scores)
    return plain
