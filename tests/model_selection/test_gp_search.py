"""The search with a Gaussian process: what it finds, how it repeats itself, what it spares."""

import pickle
import re
import sys

import numpy as np
import optuna
import pytest
from scipy.stats import loguniform, randint, uniform
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import PredefinedSplit, RandomizedSearchCV

from sk_mmoe import MMoEClassifier
from sk_mmoe.metrics import multitask_scoring
from sk_mmoe.model_selection import GPSearchCV

SPACE = {"rate": loguniform(1e-5, 1), "width": randint(1, 20), "kind": ["flat", "round"]}


def search_peak(peaks, binary, space=SPACE, **settings):
    """Return a search for the highest score of a known function."""
    settings = {"n_iter": 12, "n_initial": 5, "cv": 2, "random_state": 0, **settings}
    return GPSearchCV(peaks.Peak(), space, **settings).fit(*binary)


def test_it_comes_far_nearer_to_the_maximum_than_random_candidates(peaks, binary):
    found = search_peak(peaks, binary, n_iter=30, n_initial=8)
    assert found.best_score_ > -0.01
    at_random = [
        RandomizedSearchCV(peaks.Peak(), SPACE, n_iter=30, cv=2, random_state=seed).fit(*binary)
        for seed in range(10)
    ]
    assert found.best_score_ > max(search.best_score_ for search in at_random)
    assert found.best_params_["kind"] == "round"


def test_one_seed_is_one_search_and_another_seed_another(peaks, binary):
    first, again, other = (
        search_peak(peaks, binary, n_iter=8, random_state=s).cv_results_["params"]
        for s in (0, 0, 1)
    )
    assert first == again
    assert first != other
    drawn = search_peak(peaks, binary, n_iter=8, random_state=np.random.RandomState(0))
    assert drawn.cv_results_["params"] == first


def test_n_jobs_changes_nothing_but_the_duration(binary):
    alone, parallel = (
        GPSearchCV(
            LogisticRegression(),
            {"C": loguniform(1e-3, 1e3), "fit_intercept": [True, False]},
            n_iter=8,
            n_initial=4,
            n_concurrent=2,
            n_jobs=n_jobs,
            random_state=0,
        )
        .fit(*binary)
        .cv_results_
        for n_jobs in (1, 2)
    )
    assert alone["params"] == parallel["params"]
    np.testing.assert_array_equal(alone["mean_test_score"], parallel["mean_test_score"])


def test_candidates_proposed_together_are_different_and_good(peaks, binary):
    search = search_peak(peaks, binary, n_iter=17, n_concurrent=4)
    assert len({tuple(p.values()) for p in search.cv_results_["params"]}) == 17
    assert search.best_score_ > -0.1


def test_n_concurrent_candidates_are_asked_for_before_any_is_scored(peaks, binary):
    search = search_peak(peaks, binary, n_iter=7, n_concurrent=3)
    trials = search.study_.trials
    for batch in (trials[:3], trials[3:6], trials[6:]):
        assert max(t.datetime_start for t in batch) < min(t.datetime_complete for t in batch)
    assert trials[3].datetime_start > trials[2].datetime_complete


def test_the_first_candidates_are_random_and_depend_on_no_score(peaks, binary):
    one, two = (
        search_peak(peaks, binary, n_iter=7, scoring=scoring).cv_results_["params"]
        for scoring in (None, lambda model, X, y: model.rate)
    )
    assert one[:5] == two[:5]
    assert one[5:] != two[5:]


def test_no_candidate_is_tried_twice(peaks, binary):
    space = {"width": randint(1, 7), "kind": ["flat", "round"]}
    search = search_peak(peaks, binary, space, n_iter=12)
    found = {(p["width"], p["kind"]) for p in search.cv_results_["params"]}
    assert found == {(width, kind) for width in range(1, 7) for kind in ("flat", "round")}


def test_a_space_smaller_than_n_iter_is_tried_as_a_whole_with_a_warning(peaks, binary):
    with pytest.warns(UserWarning, match="total space of parameters 3 is smaller than n_iter=12"):
        search = search_peak(peaks, binary, {"width": [4, 5, 6], "kind": ["round"]})
    assert search.best_params_ == {"width": 5, "kind": "round"}
    assert len(search.cv_results_["params"]) == 3


def test_failing_candidates_end_nothing_and_turn_the_search_away(peaks, binary):
    space = {"rate": loguniform(1e-5, 1), "fails_above": [0.02], "kind": ["round"], "width": [5]}
    with pytest.warns() as record:
        search = search_peak(peaks, binary, space, n_iter=20, n_initial=6)
    warned = {warning.category for warning in record}
    assert warned == {FitFailedWarning, UserWarning}  # of failed fits, and of scores of NaN
    scores = search.cv_results_["mean_test_score"]
    failed = search.cv_results_["param_rate"].astype(float) > 0.02
    assert np.isnan(scores[failed]).all()
    assert np.isfinite(scores[~failed]).all()
    assert failed[:6].any()
    assert (search.cv_results_["rank_test_score"][failed] == scores.size - failed.sum() + 1).all()
    # The maximum is near the border: only a search that learns from failures stays below it.
    assert failed[10:].mean() < 0.5
    assert search.best_score_ > -0.01


def test_a_failing_candidate_is_told_to_the_study_as_the_worst_so_far(peaks, binary):
    space = {"rate": [0.5, 0.1, 0.01, 0.001], "fails_above": [0.2]}
    with pytest.warns(match=r"2 fits failed out of a total of 8|non-finite"):
        search = search_peak(peaks, binary, space, n_iter=4)
    told = {t.params["rate"]: t.value for t in search.study_.trials}
    known = [t.value for t in search.study_.trials if t.params["rate"] < 0.5]
    assert told[0.5] is None or told[0.5] in known


def test_an_error_score_of_the_users_is_told_as_it_is(peaks, binary):
    space = {"rate": [0.5, 0.01], "fails_above": [0.2]}
    with pytest.warns(FitFailedWarning, match="will be set to -77.0"):
        search = search_peak(peaks, binary, space, n_iter=2, error_score=-77.0)
    assert {t.params["rate"]: t.value for t in search.study_.trials}[0.5] == -77.0


def test_an_interrupt_leaves_no_candidate_running(peaks, binary, tmp_path):
    def interrupt(model, X, y):
        raise KeyboardInterrupt

    storage = optuna.storages.InMemoryStorage()
    with pytest.raises(KeyboardInterrupt):
        search_peak(peaks, binary, scoring=interrupt, storage=storage)
    [study] = optuna.study.get_all_study_summaries(storage)
    [trial] = optuna.load_study(study_name=study.study_name, storage=storage).trials
    assert trial.state == optuna.trial.TrialState.FAIL


@pytest.mark.parametrize("refit", ["low", "high", False])
def test_of_several_scores_the_one_that_refit_names_is_maximised(peaks, binary, refit):
    scoring = {"high": lambda m, X, y: m.rate, "low": lambda m, X, y: -m.rate}
    search = search_peak(
        peaks, binary, {"rate": uniform(1, 9)}, n_iter=10, scoring=scoring, refit=refit
    )
    last = search.cv_results_["param_rate"].astype(float)[5:]
    assert last.min() < 1.01 if refit == "low" else last.max() > 9.99
    values = [trial.value for trial in search.study_.trials]
    np.testing.assert_allclose(values, search.cv_results_[f"mean_test_{refit or 'high'}"])


def test_scores_that_a_callable_returns_are_maximised_in_the_same_way(peaks, binary):
    def scoring(model, X, y):
        return {"high": model.rate, "low": -model.rate}

    for refit, sign in (("low", -1), (False, 1), (lambda results: 0, 1)):
        search = search_peak(
            peaks, binary, {"rate": uniform(1, 9)}, n_iter=7, scoring=scoring, refit=refit
        )
        values = np.array([trial.value for trial in search.study_.trials])
        np.testing.assert_allclose(values, sign * search.cv_results_["param_rate"].astype(float))


def test_a_callable_without_the_score_of_refit_is_refused_after_one_candidate(peaks, binary):
    with pytest.raises(ValueError, match="the parameter refit must be set to a scorer key"):
        search_peak(peaks, binary, scoring=lambda m, X, y: {"a": 1.0}, refit="b")
    assert peaks.Peak.n_fits == 2


def test_a_pruner_saves_folds_and_the_best_is_the_same(peaks, binary):
    pruner = optuna.pruners.MedianPruner(n_startup_trials=3)
    search = search_peak(peaks, binary, n_iter=14, cv=4, pruner=pruner, refit=False)
    n_complete = len(search.cv_results_["params"])
    assert n_complete < 14
    assert len(search.study_.trials) == 14
    pruned = [t for t in search.study_.trials if t.state == optuna.trial.TrialState.PRUNED]
    assert len(pruned) == 14 - n_complete
    assert peaks.Peak.n_fits == 4 * n_complete + sum(len(t.intermediate_values) for t in pruned)
    assert search.best_score_ == max(t.value for t in search.study_.trials)
    # Scores of folds are the same here, so pruned candidates are below the median.
    assert max(t.value for t in pruned) < search.best_score_


def test_a_pruner_sees_the_mean_of_the_folds_so_far(peaks, binary):
    def scoring(model, X, y):
        return float(X[0, 0])

    pruner = optuna.pruners.NopPruner()
    search = search_peak(peaks, binary, n_iter=2, cv=3, pruner=pruner, scoring=scoring)
    [seen, _] = [t.intermediate_values for t in search.study_.trials]
    first, second = (search.cv_results_[f"split{k}_test_score"][0] for k in (0, 1))
    assert seen == pytest.approx({0: first, 1: (first + second) / 2})


def test_a_pruner_of_a_single_fold_is_an_error(peaks, binary):
    cv = PredefinedSplit(np.where(np.arange(60) < 40, -1, 0))
    with pytest.raises(ValueError, match=r"at least two\. Got one: pass pruner=None"):
        search_peak(peaks, binary, cv=cv, pruner=optuna.pruners.MedianPruner())


def test_if_all_candidates_are_pruned_the_error_says_so(peaks, binary):
    pruner = optuna.pruners.ThresholdPruner(lower=1.0)
    with pytest.raises(ValueError, match="gave up every candidate"):
        search_peak(peaks, binary, pruner=pruner)


def test_a_predefined_validation_set_is_the_only_fold(binary):
    X, y = binary
    held_out = np.arange(60) >= 40
    search = GPSearchCV(
        LogisticRegression(),
        {"C": loguniform(1e-3, 1e3)},
        n_iter=4,
        cv=PredefinedSplit(np.where(held_out, 0, -1)),
        random_state=0,
    ).fit(X, y)
    assert search.n_splits_ == 1
    for parameters, score in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        model = LogisticRegression(**parameters).fit(X[~held_out], y[~held_out])
        assert model.score(X[held_out], y[held_out]) == score


def test_a_multi_task_network_is_tuned_by_the_main_task_with_its_own_validation_set(X, y):
    learned = np.arange(len(X)) < 300
    search = GPSearchCV(
        MMoEClassifier(max_iter=3, batch_size=64, early_stopping=True, random_state=0),
        {"learning_rate_init": loguniform(1e-4, 1e-1), "expert_hidden_layer_sizes": [(8,), (4, 4)]},
        n_iter=3,
        scoring=multitask_scoring("roc_auc_ovr"),
        refit="click_roc_auc_ovr",
        cv=PredefinedSplit(np.where(learned, -1, 0)),
        random_state=0,
    ).fit(X, y, X_val=X[350:], y_val=y[350:])
    assert search.best_estimator_.expert_hidden_layer_sizes in [(8,), (4, 4)]
    assert search.best_estimator_.validation_scores_
    assert len(search.predict_proba(X)) == 2
    assert "mean_test_level_roc_auc_ovr" in search.cv_results_


def test_a_fitted_search_pickles_with_its_study(peaks, binary):
    search = search_peak(peaks, binary, n_iter=3)
    again = pickle.loads(pickle.dumps(search))
    assert again.best_params_ == search.best_params_
    assert [t.value for t in again.study_.trials] == [t.value for t in search.study_.trials]


def test_optunas_tools_read_the_study(peaks, binary):
    search = search_peak(peaks, binary)
    importances = optuna.importance.get_param_importances(
        search.study_, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
    )
    assert set(importances) == set(SPACE)
    assert search.study_.best_params == search.best_params_


def test_the_global_generators_and_optunas_log_are_left_alone(peaks, binary, capsys):
    import torch

    level = optuna.logging.get_verbosity()
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    search_peak(peaks, binary, n_iter=8)
    assert torch.equal(torch.get_rng_state(), torch_state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert optuna.logging.get_verbosity() == level
    assert capsys.readouterr().err == ""


def test_verbose_prints_each_candidate_with_its_score(peaks, binary, capsys):
    search = search_peak(peaks, binary, n_iter=3, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    scores = [float(re.fullmatch(r"Candidate \d: (\S+) with {.*}", line)[1]) for line in lines]
    np.testing.assert_allclose(scores, search.cv_results_["mean_test_score"], rtol=1e-4)


def test_without_optuna_the_error_names_the_extra(monkeypatch, peaks, binary):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r'pip install "sk_mmoe\[tune\]"'):
        search_peak(peaks, binary)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"n_iter": 0}, "n_iter"),
        ({"n_initial": 0}, "n_initial"),
        ({"n_concurrent": 0}, "n_concurrent"),
        ({"storage": 5}, "storage"),
        ({"study_name": 5}, "study_name"),
        ({"pruner": "median"}, "pruner"),
        ({"param_distributions": [SPACE]}, "param_distributions"),
    ],
)
def test_bad_parameters_are_refused_before_training(peaks, binary, settings, name):
    search = GPSearchCV(peaks.Peak(), SPACE).set_params(**settings)
    with pytest.raises(ValueError, match=f"The '{name}' parameter of GPSearchCV must be"):
        search.fit(*binary)
    assert peaks.Peak.n_fits == 0


def test_a_parameter_that_the_estimator_lacks_is_an_error(binary):
    with pytest.raises(ValueError, match="Invalid parameter 'C' for estimator Ridge"):
        GPSearchCV(Ridge(), {"C": loguniform(1e-3, 1)}, n_iter=2).fit(*binary)
