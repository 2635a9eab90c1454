"""Search for hyper-parameters with a Gaussian process."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import _fit_context, clone, is_classifier
from sklearn.metrics._scorer import _MultimetricScorer
from sklearn.model_selection import check_cv
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._validation import (
    _insert_error_scores,
    _warn_or_raise_about_fit_failures,
)
from sklearn.utils import check_random_state, indexable
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.parallel import Parallel
from sklearn.utils.validation import _check_method_params

from sk_mmoe.model_selection._evaluation import Evaluation, run_search
from sk_mmoe.model_selection._fingerprint import describe_search

if TYPE_CHECKING:
    from sk_mmoe.model_selection._search_space import SearchSpace
    from sk_mmoe.model_selection._study import SharedStudy


class GPSearchCV(BaseSearchCV):
    """Search for hyper-parameters with a Gaussian process and cross-validation.

    The search learns from each candidate where the next one should be. A Gaussian process models
    the score as a function of the parameters. The next candidate is where the expected improvement
    over the best score so far is largest. Use it when a fit takes long, as that of a network does,
    because it usually needs fewer candidates than a random search.

    It has the API of :class:`~sklearn.model_selection.RandomizedSearchCV` and takes any estimator.
    It needs Optuna (``pip install "sk_mmoe[tune]"``). See :doc:`/user_guide/tuning`.

    Parameters
    ----------
    estimator : estimator object
        The estimator to tune. It needs a `score` method unless `scoring` is passed.
    param_distributions : dict of str to distribution or list
        The values to search for each parameter: a frozen distribution of :mod:`scipy.stats`, such
        as ``loguniform(1e-4, 1e-1)`` or ``randint(1, 9)``; a distribution of
        ``optuna.distributions``; or a list of values of any type, which are treated as unordered.
        Prefer a distribution to a list of numbers, because the search learns from the order.
    n_iter : int, default=30
        Number of candidates, including those of a stored study that is resumed. Use more when more
        than about five parameters matter. With more than 200, proposing a candidate takes seconds.
    scoring : str, callable, list, tuple or dict, default=None
        The score or scores of a fold, as in :class:`~sklearn.model_selection.GridSearchCV`. With
        several scores the search maximises the one that `refit` names, or the first if `refit`
        names none. `None` is the estimator's `score`.
    n_jobs : int, default=None
        Number of fits at the same time, of `n_concurrent` candidates. It never changes the result.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate to all rows afterwards. With several scores, the name of
        the score that decides. A callable gets `cv_results_` and returns the index of the best.
    cv : int, splitter or iterable, default=None
        The folds, as in :class:`~sklearn.model_selection.GridSearchCV`, the same for all
        candidates. Use :class:`~sklearn.model_selection.PredefinedSplit` for one validation set.
    verbose : int, default=0
        1 prints the score of each candidate; larger values print each fit, too.
    pre_dispatch : int or str, default="2*n_jobs"
        Number of fits that are prepared in advance. Lower it if memory is short.
    random_state : int, RandomState instance or None, default=None
        Determines the candidates. Pass an int for a reproducible search.
    error_score : "raise" or float, default=nan
        The score of a fold whose fit fails. A candidate whose score is not finite counts as the
        worst so far, and is ranked last. "raise" raises the error and ends the search.
    return_train_score : bool, default=False
        Whether `cv_results_` has scores on the training rows, too.
    n_initial : int, default=10
        Number of random candidates before the model chooses. With many parameters use about twice
        their number.
    n_concurrent : int, default=1
        Number of candidates that are proposed together and evaluated at the same time. The model
        takes into account those that have no score yet. If `n_jobs` is larger than the number of
        folds, set it to about their ratio. Each candidate is then chosen with fewer scores.
    storage : str, path, optuna.storages.BaseStorage or None, default=None
        Where to store the study: the path of a journal file, or the URL of a database, such as
        ``"sqlite:///study.db"``. If the study exists, the search resumes it. Set it for searches
        that may be interrupted, or that several processes share, on one or several machines.
        `None` keeps the study in memory.
    study_name : str, default=None
        Name of the study in the storage. Pass different names to keep several searches in one
        storage. `None` is "GPSearchCV".
    pruner : optuna.pruners.BasePruner, default=None
        Pruner that stops poor candidates after some of their folds, such as
        ``optuna.pruners.MedianPruner()``. It sees the mean score of the folds so far. Set it when
        there are many folds and fits take long. Candidates that were stopped count towards
        `n_iter`, but only `study_` contains them. `None` evaluates all folds.

    Attributes
    ----------
    cv_results_ : dict of str to array
        Scores, ranks, times and parameters of all candidates, also of those that other processes
        or earlier runs evaluated, as in :class:`~sklearn.model_selection.GridSearchCV`.
    best_index_, best_score_, best_params_ : int, float, dict
        The best candidate. With several scores they exist only if `refit` chooses one. If `refit`
        is a callable, there is no `best_score_`.
    best_estimator_ : estimator object
        The estimator with the best parameters, fitted to all rows, if `refit` is set.
    refit_time_, n_splits_, multimetric_ : float, int, bool
        Seconds of the final fit, number of folds, and whether there are several scores.
    scorer_ : callable or dict of str to callable
        The scorers.
    study_ : optuna.study.Study
        Optuna's study with all trials, for its visualizations and importances. It contains a text
        for a value of a type that Optuna does not store, and a quantile for a value of a
        distribution that Optuna does not know.
    classes_, n_features_in_, feature_names_in_ : ndarray, int, ndarray of str
        Those of `best_estimator_`, if it has them.

    See Also
    --------
    sklearn.model_selection.RandomizedSearchCV : Candidates that do not depend on scores.
    MultiOutputStratifiedKFold : Folds that are stratified over all tasks.

    Notes
    -----
    Candidates come from Optuna's ``GPSampler``: a Matérn 5/2 kernel with one length scale for
    each parameter, and the logarithm of the expected improvement [1]_. The seed of each candidate
    depends on `random_state` and on the number of candidates before it. A search that was
    interrupted proposes the same candidates as one that was not. No candidate is proposed twice.

    Processes that share a study may start at any time. Each returns when all candidates are
    evaluated, with the same result. If a process ends early, other processes take its candidates:
    at once on the same Linux machine, and after a minute elsewhere.

    A study that was made with other data, folds, parameters or scores is refused, because its
    scores cannot be compared. Settings that do not change the scores, such as `n_iter`, may differ.

    References
    ----------
    .. [1] Ament, Daulton, Eriksson, Balandat, Bakshy: Unexpected improvements to expected
       improvement for Bayesian optimization. NeurIPS 2023, Section 4.1.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sk_mmoe.model_selection import GPSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GPSearchCV(
    ...     LogisticRegression(max_iter=500),
    ...     {"C": loguniform(1e-4, 1e2), "fit_intercept": [True, False]},
    ...     n_iter=12,
    ...     n_initial=6,
    ...     random_state=0,
    ... ).fit(X, y)
    >>> search.best_params_["fit_intercept"]
    True
    >>> search.best_score_ > 0.96
    np.True_
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseSearchCV._parameter_constraints,
        "param_distributions": [dict],
        "n_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "n_initial": [Interval(Integral, 1, None, closed="left")],
        "n_concurrent": [Interval(Integral, 1, None, closed="left")],
        "storage": [str, os.PathLike, HasMethods("create_new_study"), None],
        "study_name": [str, None],
        "pruner": [HasMethods("prune"), None],
    }

    def __init__(
        self,
        estimator: Any,
        param_distributions: Mapping[str, Any],
        *,
        n_iter: int = 30,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: int | np.random.RandomState | None = None,
        error_score: float | str = np.nan,
        return_train_score: bool = False,
        n_initial: int = 10,
        n_concurrent: int = 1,
        storage: Any = None,
        study_name: str | None = None,
        pruner: Any = None,
    ) -> None:
        self.param_distributions = param_distributions
        self.n_iter = n_iter
        self.random_state = random_state
        self.n_initial = n_initial
        self.n_concurrent = n_concurrent
        self.storage = storage
        self.study_name = study_name
        self.pruner = pruner
        super().__init__(
            estimator=estimator,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )

    @_fit_context(prefer_skip_nested_validation=False)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any = None, **params: Any) -> GPSearchCV:
        """Search, and fit the best candidate.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The inputs, of any type that the estimator takes.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The targets.
        **params : dict
            Parameters for the `fit` of the estimator, such as `sample_weight` or `X_val`, for the
            scorer, or for the splitter, such as `groups`. Parameters with one entry per row are
            split along with the rows.

        Returns
        -------
        self : object
            The fitted search.

        Raises
        ------
        ImportError
            If Optuna is not installed.
        TypeError, ValueError
            Before the first fit, if the search space or the folds are not valid, or if the stored
            study belongs to another search.
        """
        scorers, _ = self._get_scorers()
        X, y = indexable(X, y)
        params = _check_method_params(X, params=params)
        routed = self._get_routed_params_for_fit(params)
        task = {"estimator": self, "X": X, "y": y, "metadata": None}
        if params.get("sample_weight") is not None:
            task["metadata"] = {"sample_weight": params["sample_weight"]}
        context = self._init_callback_context(max_subtasks=1 + (self.refit is not False))
        context.call_on_fit_task_begin(**task)

        folds = self._split(X, y, routed.splitter.split)
        self.n_splits_ = len(folds)
        estimator = clone(self.estimator)
        space, study = self._open(estimator, X, y, folds, params)
        with Parallel(n_jobs=self.n_jobs, pre_dispatch=self.pre_dispatch) as parallel:
            settings = {
                "scorer": scorers,
                "fit_params": routed.estimator.fit,
                "score_params": routed.scorer.score,
                "return_train_score": self.return_train_score,
                "return_n_test_samples": True,
                "return_times": True,
                "error_score": self.error_score,
                "verbose": self.verbose,
                "caller": self,
            }
            search = context.subcontext(
                task_name="search",
                # Of those that share a study none knows which part of the fits will be its own.
                max_subtasks=None if self.storage else self.n_iter * len(folds),
                sequential_subtasks=False,
            ).call_on_fit_task_begin(estimator=self)
            evaluate = Evaluation(estimator, X, y, folds, settings, parallel, search)
            run_search(study, space, evaluate, self._mean_score, self)
            search.call_on_fit_task_end(estimator=self)

        self._keep_results(space, study)
        if self.refit:
            self._fit_best(estimator, task, routed.estimator.fit, context)
        self.scorer_ = scorers._scorers if isinstance(scorers, _MultimetricScorer) else scorers
        self.study_ = study.study
        context.call_on_fit_task_end(**task)
        return self

    def _split(
        self, X: Any, y: Any, split_params: Mapping[str, Any]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the folds, which are the same for all candidates."""
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        expected = cv.get_n_splits(X, y, **split_params)
        folds = list(cv.split(X, y, **split_params))
        error = None
        if len(folds) != expected:
            error = (
                "cv.split and cv.get_n_splits return inconsistent results. "
                f"Expected {expected} splits, got {len(folds)}"
            )
        elif not folds:
            error = "No fits were performed. Was the CV iterator empty? Were there no candidates?"
        elif self.pruner is not None and len(folds) == 1:
            error = "A pruner saves folds, so it needs at least two. Got one: pass pruner=None."
        if error:
            raise ValueError(error)
        return folds

    def _open(
        self, estimator: Any, X: Any, y: Any, folds: list[Any], params: Mapping[str, Any]
    ) -> tuple[SearchSpace, SharedStudy]:
        """Return the search space and the study, new or stored."""
        try:
            import optuna  # noqa: F401 (optional, and needed by the modules below)
        except ImportError as error:
            message = 'GPSearchCV needs Optuna, which is missing: pip install "sk_mmoe[tune]".'
            raise ImportError(message) from error
        from sk_mmoe.model_selection._sampler import SeededGPSampler
        from sk_mmoe.model_selection._search_space import SearchSpace
        from sk_mmoe.model_selection._study import SharedStudy, open_study

        space = SearchSpace(self.param_distributions)
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        made_with = {}
        if self.storage is not None:
            data = {"X": X, "y": y, "folds": folds}
            data |= {f"fit parameter {name}": value for name, value in params.items()}
            made_with = describe_search(self, estimator, space.describe(), data)
        study = open_study(
            self.storage,
            self.study_name or "GPSearchCV",
            sampler=SeededGPSampler(space, n_initial=self.n_initial, seed=seed),
            pruner=self.pruner,
            made_with=made_with,
        )
        n_iter = int(min(self.n_iter, space.size))
        if n_iter < self.n_iter:
            warnings.warn(
                f"The total space of parameters {n_iter} is smaller than n_iter={self.n_iter}. "
                f"Running {n_iter} iterations. For exhaustive searches, use GridSearchCV.",
                UserWarning,
                stacklevel=4,
            )
        is_shared = self.storage is not None
        return space, SharedStudy(study, space.distributions, n_iter=n_iter, is_shared=is_shared)

    def _mean_score(self, folds: list[dict[str, Any]]) -> float:
        """Return what the search maximises: the mean over folds of the score that decides."""
        scores = [fold["test_scores"] for fold in folds]
        several = next((s for s in scores if isinstance(s, dict)), None)
        if several is not None:
            # Only now are the names known if `scoring` is a callable.
            self._check_refit_for_multimetric(several)
            name = self.refit if isinstance(self.refit, str) else next(iter(several))
            scores = [s[name] if isinstance(s, dict) else s for s in scores]
        return float(np.mean(scores))

    def _keep_results(self, space: SearchSpace, study: SharedStudy) -> None:
        """Keep the results of all candidates, and which is the best."""
        evaluated = study.evaluated(self.n_splits_)
        if not evaluated:
            raise ValueError(
                "The pruner gave up every candidate before its last fold. Use one that prunes less."
            )
        folds = [fold for _, results in evaluated for fold in results]
        _warn_or_raise_about_fit_failures(folds, self.error_score)
        if callable(self.scoring):
            _insert_error_scores(folds, self.error_score)
        self.multimetric_ = isinstance(folds[0]["test_scores"], dict)
        results = self._format_results(
            [space.parameters(suggested) for suggested, _ in evaluated], self.n_splits_, folds
        )
        self.cv_results_ = results
        if self.refit or not self.multimetric_:
            metric = self.refit if self.multimetric_ else "score"
            self.best_index_ = self._select_best_index(self.refit, metric, results)
            self.best_params_ = results["params"][self.best_index_]
            if not callable(self.refit):
                self.best_score_ = results[f"mean_test_{metric}"][self.best_index_]

    def _fit_best(
        self, estimator: Any, task: Mapping[str, Any], fit_params: Mapping[str, Any], context: Any
    ) -> None:
        """Fit the best candidate to all rows."""
        # Parameters may be estimators themselves.
        parameters = clone(self.best_params_, safe=False)
        self.best_estimator_ = clone(estimator).set_params(**parameters)
        targets = () if task["y"] is None else (task["y"],)
        refit = context.subcontext(task_name="refit-with-best-params")
        with refit.propagate_callback_context(self.best_estimator_):
            refit.call_on_fit_task_begin(**task)
            start = time.time()
            self.best_estimator_.fit(task["X"], *targets, **fit_params)
            self.refit_time_ = time.time() - start
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_
        refit.call_on_fit_task_end(**task)
