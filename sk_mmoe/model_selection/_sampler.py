"""The sampler: Optuna's Gaussian process, seeded anew for each candidate."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, GPSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from sk_mmoe.model_selection._search_space import SearchSpace, all_candidates

# The attribute of a trial that has been evaluated: the scores and times of its folds.
EVALUATED = "sk_mmoe:folds"
_MAX_LISTED = 10_000
_MAX_DRAWS = 100
# How long to wait for what another process is about to propose: a proposal takes a second.
_PATIENCE_SECONDS = 10.0


def counts(trial: FrozenTrial) -> bool:
    """Tell whether a trial is a candidate of the search: evaluated, or being evaluated.

    Trials that were interrupted are not, and another one takes their place.
    """
    if trial.state == TrialState.FAIL:
        return EVALUATED in trial.user_attrs
    return trial.state != TrialState.WAITING


class SeededGPSampler(BaseSampler):
    """Optuna's GPSampler with a seed that depends only on how many candidates came before.

    So a search that was interrupted goes on as if it had not been, and processes that share a
    study draw different candidates though they have the same seed.

    No candidate is proposed twice: in a small search space the maximum of the expected
    improvement is often one that is known. A random one takes its place.

    Parameters
    ----------
    space : SearchSpace
        The search space.
    n_initial : int
        Number of random candidates to start with.
    seed : int
        The seed of the search.
    """

    def __init__(self, space: SearchSpace, *, n_initial: int, seed: int) -> None:
        self._space = space
        self._n_initial = n_initial
        self._seed = seed

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return all parameters that have more than one value."""
        return {name: d for name, d in self._space.distributions.items() if not d.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the next candidate."""
        if not search_space:
            return {}
        earlier = _earlier_candidates(study, trial, search_space)
        seed = int(np.random.SeedSequence([self._seed, len(earlier)]).generate_state(1)[0])
        known = {_key(t.params, search_space) for t in earlier}
        gaussian_process = GPSampler(
            seed=seed, n_startup_trials=self._n_initial, warn_independent_sampling=False
        )
        candidate = gaussian_process.sample_relative(study, trial, search_space)
        if candidate and _key(candidate, search_space) not in known:
            return candidate
        return self._draw_new(study, trial, search_space, known, seed)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Refuse: all parameters are sampled together."""
        raise RuntimeError(f"The parameter {param_name!r} is not in the search space.")

    def _draw_new(
        self,
        study: Study,
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],
        known: set[tuple[Any, ...]],
        seed: int,
    ) -> dict[str, Any]:
        """Draw a random candidate that is not known, if there is one."""
        random = RandomSampler(seed=seed)
        for _ in range(_MAX_DRAWS):
            candidate = {
                name: random.sample_independent(study, trial, name, distribution)
                for name, distribution in search_space.items()
            }
            if _key(candidate, search_space) not in known:
                return candidate
        if self._space.size > _MAX_LISTED:
            return candidate
        rest = [c for c in all_candidates(search_space) if _key(c, search_space) not in known]
        return rest[np.random.default_rng(seed).integers(len(rest))] if rest else candidate


def _earlier_candidates(
    study: Study, trial: FrozenTrial, search_space: Mapping[str, Any]
) -> list[FrozenTrial]:
    """Return the candidates before a trial, once all processes have said what theirs are.

    Two processes that propose at the same time would not know of each other, and propose nearly
    the same. So one waits for the other.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        trials = study.get_trials(deepcopy=False)
        earlier = [t for t in trials if t.number < trial.number and counts(t)]
        running = [t for t in earlier if t.state == TrialState.RUNNING]
        if all(search_space.keys() <= t.params.keys() for t in running):
            return earlier
        if time.monotonic() > deadline:
            return earlier
        time.sleep(0.05)


def _key(candidate: Mapping[str, Any], search_space: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what tells a candidate from others."""
    return tuple(candidate.get(name) for name in search_space)
