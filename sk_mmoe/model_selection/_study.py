"""A study: the candidates of a search, kept by Optuna, perhaps shared with other processes."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, Trial, TrialState

from sk_mmoe.model_selection._sampler import EVALUATED, counts
from sk_mmoe.model_selection._worker import Worker

_MADE_WITH = "sk_mmoe:made with"
_WORKER = "sk_mmoe:worker"

# The scores and times of one fold, as scikit-learn's `_fit_and_score` returns them.
FoldResult = dict[str, Any]


class SharedStudy:
    """The candidates of one search.

    Processes that share a storage share the candidates. Each claims some, evaluates them and
    tells the study their scores.

    Parameters
    ----------
    study : optuna.Study
        The study.
    distributions : dict of str to BaseDistribution
        The search space.
    n_iter : int
        How many candidates the processes evaluate together.
    is_shared : bool
        Whether other processes may take part.

    Attributes
    ----------
    study : optuna.Study
        The study.
    """

    def __init__(
        self,
        study: optuna.Study,
        distributions: dict[str, Any],
        *,
        n_iter: int,
        is_shared: bool,
    ) -> None:
        self.study = study
        self._distributions = distributions
        self._n_iter = n_iter
        self._worker = Worker(study) if is_shared else None

    def working(self) -> Any:
        """Return a context in which other processes see that this one is alive."""
        return self._worker.beating() if self._worker else nullcontext()

    def claim(self, n_candidates: int) -> list[Trial]:
        """Return candidates to evaluate, and no more than are left.

        Parameters
        ----------
        n_candidates : int
            How many at most.

        Returns
        -------
        list of Trial
            The candidates; empty if none is left.
        """
        self._release_of_gone_workers()
        claimed: list[Trial] = []
        while len(claimed) < n_candidates and self._n_counted() < self._n_iter:
            trial = self.study.ask(self._distributions)
            if self._worker:
                trial.set_user_attr(_WORKER, self._worker.name)
            # Processes that claim the last one at the same time see the same order of trials.
            if self._n_counted(before=trial.number) >= self._n_iter:
                self.release([trial])
                break
            claimed.append(trial)
        return claimed

    def others_are_working(self) -> bool:
        """Tell whether other processes have claimed candidates that are not finished."""
        return self._worker is not None and bool(self._running_elsewhere())

    def finish(self, trial: Trial, folds: list[FoldResult], score: float) -> None:
        """Tell the study the results of a candidate.

        Parameters
        ----------
        trial : Trial
            The candidate.
        folds : list of dict
            Scores and times of each fold.
        score : float
            The score that the search maximises. If it is not finite, the candidate counts as the
            worst so far, as in scikit-learn's ranks: the search should turn away from it.
        """
        if not np.isfinite(score):
            scores = [t.values[0] for t in self._trials() if t.state == TrialState.COMPLETE]
            score = min(scores, default=np.nan)
        if np.isfinite(score):
            self._tell(trial, folds, float(score), None)
        else:
            self._tell(trial, folds, None, TrialState.FAIL)

    def prune(self, trial: Trial, folds: list[FoldResult]) -> None:
        """Give a candidate up after some of its folds."""
        self._tell(trial, folds, None, TrialState.PRUNED)

    def release(self, trials: list[Trial]) -> None:
        """Give candidates back that were claimed and not evaluated."""
        for trial in trials:
            self.study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)

    def evaluated(self, n_folds: int) -> list[tuple[dict[str, Any], list[FoldResult]]]:
        """Return what Optuna suggested and the results, for all candidates with all folds.

        Parameters
        ----------
        n_folds : int
            Number of folds. Candidates that were given up have fewer.

        Returns
        -------
        list of (dict, list of dict)
            In the order in which they were claimed, those of other processes among them.
        """
        done = [(t, t.user_attrs.get(EVALUATED, [])) for t in self._trials() if counts(t)]
        return [(t.params, [dict(f) for f in folds]) for t, folds in done if len(folds) == n_folds]

    def _tell(
        self, trial: Trial, folds: list[FoldResult], score: float | None, state: TrialState | None
    ) -> None:
        """Store the results of a candidate."""
        # If this process seemed to be gone, others have taken the candidate back.
        if self._state(trial) == TrialState.RUNNING:
            trial.set_user_attr(EVALUATED, folds)
            self.study.tell(trial, score, state, skip_if_finished=True)

    def _state(self, trial: Trial) -> TrialState:
        """Return the state of a trial."""
        return self._trials()[trial.number].state

    def _trials(self) -> list[FrozenTrial]:
        """Return all trials of all processes."""
        return self.study.get_trials(deepcopy=False)

    def _n_counted(self, before: float = np.inf) -> int:
        """Return how many candidates there are, of all or of the trials before a number."""
        return sum(counts(trial) for trial in self._trials() if trial.number < before)

    def _running_elsewhere(self) -> list[FrozenTrial]:
        """Return the trials that others have claimed and not finished."""
        running = [t for t in self._trials() if t.state == TrialState.RUNNING]
        own = self._worker.name if self._worker else None
        return [t for t in running if t.user_attrs.get(_WORKER, "") != own]

    def _release_of_gone_workers(self) -> None:
        """Give candidates back whose process was killed."""
        if self._worker:
            for trial in self._running_elsewhere():
                if self._worker.is_gone(trial.user_attrs.get(_WORKER, ""), trial.number):
                    self.study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)


def open_study(
    storage: Any,
    study_name: str | None,
    *,
    sampler: BaseSampler,
    pruner: Any,
    made_with: Mapping[str, str],
) -> optuna.Study:
    """Return a new study, or a stored one to go on with.

    Parameters
    ----------
    storage : str, path, BaseStorage or None
        Where the study is; None: in memory.
    study_name : str or None
        Its name in the storage.
    sampler : BaseSampler
        What draws candidates.
    pruner : BasePruner or None
        What gives candidates up.
    made_with : dict of str to str
        What scores depend on apart from the searched parameters.

    Returns
    -------
    optuna.Study
        The study.

    Raises
    ------
    ValueError
        If the stored study was made with other data or settings.
    """
    with _quiet():
        study = optuna.create_study(
            storage=_open_storage(storage),
            study_name=study_name,
            sampler=sampler,
            pruner=pruner or optuna.pruners.NopPruner(),
            direction="maximize",
            load_if_exists=True,
        )
    stored = study.user_attrs.get(_MADE_WITH)
    if stored is None:
        study.set_user_attr(_MADE_WITH, dict(made_with))
    elif stored != dict(made_with):
        other = [k for k in {**stored, **made_with} if stored.get(k) != made_with.get(k)]
        details = "; ".join(
            f"{key}: {stored.get(key, 'none')} then, {made_with.get(key, 'none')} now"
            for key in other
        )
        raise ValueError(
            f"The study {study_name!r} in {storage} was made with other data or settings, so its "
            f"scores do not compare with those of this search. They differ in {details}. To go on "
            "with the study, pass what it was made with (a splitter with an integer random_state "
            "gives the same folds each time). For a new search, pass another `study_name`."
        )
    return study


def _open_storage(storage: Any) -> BaseStorage | str | None:
    """Return what Optuna needs to open a storage."""
    if storage is None or isinstance(storage, BaseStorage):
        return storage
    if isinstance(storage, str) and "://" in storage:
        return storage
    path = os.fspath(storage)
    # The kind of lock that works on all systems, without rights to make links.
    lock = JournalFileOpenLock(path)
    _drop_half_line(Path(path), lock)
    return JournalStorage(JournalFileBackend(path, lock_obj=lock))


def _drop_half_line(path: Path, lock: JournalFileOpenLock) -> None:
    """Cut off what a process left that was stopped while it wrote, or met a full disk.

    Optuna ends each record with a new line, and would glue the next record to half a one.
    """
    if not path.exists():
        return
    lock.acquire()
    try:
        with path.open("rb+") as file:
            content = file.read()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                file.truncate(whole)
    finally:
        lock.release()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna from announcing each study that it creates."""
    logger = logging.getLogger("optuna")
    level = logger.level
    logger.setLevel(max(level, logging.WARNING))
    try:
        yield
    finally:
        logger.setLevel(level)
