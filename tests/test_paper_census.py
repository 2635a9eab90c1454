"""Tables 1 and 2 of the page on the paper count the right fits, and judge them by its means."""

import json
from pathlib import Path

import numpy as np
import optuna
import pytest
from numpy.testing import assert_allclose
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from scipy.stats import ttest_rel

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks/results/paper"
TABLES = [(group, inputs) for group in (1, 2) for inputs in ("plain", "own")]


@pytest.fixture
def summary(load_benchmark):
    return load_benchmark("paper._census_summary")


@pytest.fixture(params=TABLES, ids=lambda table: f"table {table[0]}, {table[1]} inputs")
def name(request):
    """Return the name of a record that is there, or skip."""
    group, inputs = request.param
    name = f"tables12_census{group}_{inputs}"
    if not (RESULTS / f"{name}.json").exists():
        pytest.skip(f"{name} has not been run yet")
    return name


def make_runs(means, sd=1e-6, n_seeds=6, **entries):
    """Return runs of methods with given means of both tasks."""
    rng = np.random.default_rng(0)
    return [
        {
            "method": method,
            "parameters": {"max_iter": 3},
            "seed": seed,
            "test": dict(zip(("income", "other"), of + rng.normal(0, sd, 2), strict=True)),
            **entries,
        }
        for seed in range(n_seeds)
        for method, of in means.items()
    ]


def judge(summary, group, means, sd=1e-6):
    """Return the verdicts on what the paper's table says."""
    fits = summary.complete(make_runs(means, sd))
    judged = summary.claims(group, summary.scores(fits), summary.tasks_of(fits))
    return [claim["verdict"] for claim in judged.values()]


# -- the raw results ----------------------------------------------------------------------------


def test_the_summary_follows_from_the_runs(summary, name):
    written = json.loads((RESULTS / f"{name}.json").read_text())
    group = int(name[len("tables12_census")])
    assert json.loads(json.dumps(summary.summarise(group, written["runs"]))) == written["summary"]


def test_all_methods_have_the_same_seeds_and_none_is_counted_twice(summary, name):
    runs = json.loads((RESULTS / f"{name}.json").read_text())["runs"]
    fits = summary.complete(runs)
    seeds = {method: [run["seed"] for run in of] for method, of in fits.items()}
    boosting = seeds.pop(summary.BOOSTING, None)
    assert boosting == ([0] if name.endswith("own") else None)
    assert len({tuple(of) for of in seeds.values()}) == 1
    assert len(set(seeds["MMoE"])) == len(seeds["MMoE"]) >= 5
    keys = [json.dumps([run["method"], run["parameters"], run["seed"]]) for run in runs]
    assert len(set(keys)) == len(keys)


def test_all_methods_have_as_many_candidates_and_the_best_was_fitted(summary, name):
    written = json.loads((RESULTS / f"{name}.json").read_text())
    journal = RESULTS / f"{name}.searches.jsonl"
    assert journal.exists()  # or else it would be made
    storage = JournalStorage(JournalFileBackend(str(journal)))
    trials = {}
    for study in optuna.get_all_study_summaries(storage):
        complete = [
            trial
            for trial in optuna.load_study(study_name=study.study_name, storage=storage).trials
            if trial.state == optuna.trial.TrialState.COMPLETE
        ]
        trials[study.study_name.split("inputs, ")[1]] = complete
    fits = summary.complete(written["runs"])
    assert trials.keys() == fits.keys()
    assert {len(of) for of in trials.values()} == {written["n_trials"]}
    for method, of in trials.items():
        best = max(of, key=lambda trial: trial.value).params
        rate = next(name for name in best if name.endswith(("learning_rate_init", "learning_rate")))
        assert fits[method][0]["parameters"][rate] == best[rate]


def test_the_picture_is_on_the_page_once_there_is_a_table(name):
    assert "_static/paper/tables12.png" in (ROOT / "docs/paper.rst").read_text()
    assert (ROOT / "docs/_static/paper/tables12.png").stat().st_size < 100_000


# -- which fits count ---------------------------------------------------------------------------


def test_only_seeds_that_all_networks_have_count(summary):
    runs = make_runs({"MMoE": (0.9, 0.8), "OMoE": (0.8, 0.9)}, n_seeds=7)[:-1]
    runs += make_runs({summary.BOOSTING: (0.9, 0.9)}, n_seeds=1)
    fits = summary.complete(runs)
    assert {method: len(of) for method, of in fits.items()} == {
        "MMoE": 6,
        "OMoE": 6,
        summary.BOOSTING: 1,
    }


def test_only_the_last_parameters_of_a_method_count(summary):
    means = {"MMoE": (0.9, 0.8)}
    runs = make_runs(means) + make_runs(means, n_seeds=5, parameters={"max_iter": 4})
    (fits,) = summary.complete(runs).values()
    assert [run["parameters"]["max_iter"] for run in fits] == [4] * 5


def test_a_table_with_few_fits_counts_as_not_run(summary, monkeypatch):
    for n_seeds, n_found in ((4, 0), (5, 5)):
        runs = make_runs({method: row[1::2] for method, row in summary.PAPER[1].items()}, 0.1)
        runs = [run for run in runs if run["seed"] < n_seeds]
        monkeypatch.setattr(summary, "runs_of", lambda name, runs=runs: runs)
        assert len(summary.read_fits(1, "plain").get("MMoE", ())) == n_found


# -- verdicts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("group", [1, 2])
def test_everything_holds_where_the_means_are_those_of_the_paper(summary, group):
    means = {method: row[1::2] for method, row in summary.PAPER[group].items()}
    assert judge(summary, group, means) == ["holds"] * 5


@pytest.mark.parametrize("group", [1, 2])
def test_nothing_holds_where_the_order_is_the_opposite(summary, group):
    means = {method: 1 - np.array(row[1::2]) for method, row in summary.PAPER[group].items()}
    assert judge(summary, group, means) == ["does not hold"] * 5


def test_equal_methods_cannot_be_told_apart_but_none_is_far_behind(summary):
    means = dict.fromkeys(summary.PAPER[1], (0.9, 0.9))
    found = judge(summary, 1, means, sd=0.0)
    assert found == ["cannot be told"] * 4 + ["does not hold"]


def test_differences_are_taken_seed_by_seed(summary):
    rng = np.random.default_rng(0)
    aucs = {method: rng.normal(0.9, 0.01, (8, 2)) for method in ("MMoE", "OMoE")}
    test = ttest_rel(aucs["MMoE"][:, 1], aucs["OMoE"][:, 1])
    value, low, high = summary.differences(aucs, 1)["OMoE"]
    assert_allclose(value, (aucs["MMoE"] - aucs["OMoE"])[:, 1].mean(), rtol=1e-2)
    assert_allclose([low, high], test.confidence_interval(), rtol=1e-2)
