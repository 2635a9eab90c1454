"""The loop of a search, and its fits, with scikit-learn's own function for one fit."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection._validation import _fit_and_score
from sklearn.utils.parallel import Parallel, delayed

if TYPE_CHECKING:
    from sk_mmoe.model_selection._search_space import SearchSpace
    from sk_mmoe.model_selection._study import SharedStudy

# How often a process that has nothing to do looks whether the others have finished.
_POLL_SECONDS = 0.5


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


def run_search(
    study: SharedStudy,
    space: SearchSpace,
    evaluate: Evaluation,
    mean_score: Callable[[list[dict[str, Any]]], float],
    search: Any,
) -> None:
    """Evaluate candidates until there are as many as wanted, with other processes or alone.

    Parameters
    ----------
    study : SharedStudy
        What proposes candidates and keeps their results.
    space : SearchSpace
        The search space.
    evaluate : Evaluation
        What fits and scores candidates.
    mean_score : callable
        The score to maximise, of the results of some folds.
    search : GPSearchCV
        The search, for its parameters `n_concurrent`, `pruner` and `verbose`.
    """
    with study.working():
        while True:
            trials = study.claim(search.n_concurrent)
            if trials:
                try:
                    _evaluate_trials(trials, study, space, evaluate, mean_score, search)
                except BaseException:  # also an interrupt: others may go on with these
                    study.release(trials)
                    raise
            elif study.others_are_working():
                time.sleep(_POLL_SECONDS)
            else:
                return


def _evaluate_trials(
    trials: list[Any],
    study: SharedStudy,
    space: SearchSpace,
    evaluate: Evaluation,
    mean_score: Callable[[list[dict[str, Any]]], float],
    search: Any,
) -> None:
    """Evaluate candidates on all folds, or on some if the pruner gives them up."""
    results: dict[int, list[dict[str, Any]]] = {trial.number: [] for trial in trials}
    all_folds = range(len(evaluate.folds))
    for folds in [all_folds] if search.pruner is None else [[fold] for fold in all_folds]:
        candidates = [space.parameters(trial.params) for trial in trials]
        for trial, found in zip(trials, evaluate(candidates, folds), strict=True):
            results[trial.number] += found
        if folds[-1] < all_folds[-1]:
            trials = _drop_pruned(trials, results, folds[-1], study, mean_score)
    for trial in trials:
        score = mean_score(results[trial.number])
        study.finish(trial, results[trial.number], score)
        if search.verbose:
            print(f"Candidate {trial.number}: {score:.5g} with {space.parameters(trial.params)}")


def _drop_pruned(
    trials: list[Any],
    results: Mapping[int, list[dict[str, Any]]],
    fold: int,
    study: SharedStudy,
    mean_score: Callable[[list[dict[str, Any]]], float],
) -> list[Any]:
    """Return the candidates that the pruner does not give up after a fold."""
    for trial in trials:
        score = mean_score(results[trial.number])
        if np.isfinite(score):
            trial.report(score, step=fold)
    pruned = [trial for trial in trials if trial.should_prune()]
    for trial in pruned:
        study.prune(trial, results[trial.number])
    return [trial for trial in trials if trial not in pruned]
