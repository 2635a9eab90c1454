"""The page "The paper, claim by claim" says what the raw results of its scripts say."""

import json
import re
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.stats import binom, ttest_1samp
from sklearn.datasets import make_classification

from sk_mmoe import MMoEClassifier
from sk_mmoe.datasets import make_multitask_sinusoid
from sk_mmoe.nn import count_parameters

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/paper.rst"
MODELS = ("Shared-Bottom", "OMoE", "MMoE")
CORRELATIONS = (0.5, 0.9, 1.0)


@pytest.fixture
def statistics(load_benchmark):
    return load_benchmark("paper._statistics")


@pytest.fixture
def common(load_benchmark):
    return load_benchmark("paper._common")


# -- the page -----------------------------------------------------------------------------------


def test_tables_of_the_page_are_those_of_the_raw_results(load_benchmark):
    page = PAGE.read_text()
    for name, table in load_benchmark("paper.report").tables().items():
        assert table in page, name


def test_the_readme_has_the_verdicts_of_the_page(load_benchmark):
    readme = (ROOT / "README.md").read_text()
    head = re.findall(r"^\| ((?:Fig\.|Claim|Table) \d) \| (.+?) \| (.+?) \|$", readme, re.MULTILINE)
    assert len(head) == 7
    rows = [
        re.split(r"  +", line.strip())
        for line in load_benchmark("paper.report").overview().splitlines()
    ]
    verdicts = {row[0]: tuple(row[1:3]) for row in rows}
    assert {name: (what, verdict) for name, what, verdict in head}.items() <= verdicts.items()


def test_the_verdicts_follow_from_the_runs(load_benchmark):
    written = json.loads((ROOT / "benchmarks/results/paper/claims.json").read_text())
    claims = load_benchmark("paper.claims")
    assert claims.judged(4000) == written["runs"]
    assert claims.figures_judged(claims.PAPER_SETTING) == written["figures"]
    assert claims.figures_judged(claims.TABLE_SETTING) == written["figures_on_a_table"]
    assert claims.means() == written["means"]


def test_no_run_is_counted_twice():
    for name in ("fig3", "fig4_5"):
        lines = (ROOT / f"benchmarks/results/paper/{name}.jsonl").read_text().splitlines()
        seen = set()
        for chunk in map(json.loads, lines):
            key = tuple(
                chunk[part]
                for part in (
                    *("calibration", "init", "batch", "steps", "n_rows"),
                    *("rate", "model", "p"),
                )
            )
            assert len(chunk["test_losses"]) == len(chunk["runs"])
            assert not seen & {(*key, run) for run in chunk["runs"]}
            seen |= {(*key, run) for run in chunk["runs"]}


def test_pictures_are_there_and_small():
    for name in ("fig2", "fig3", "fig4", "fig5", "fig6"):
        assert f"_static/paper/{name}.png" in PAGE.read_text()
        assert (ROOT / f"docs/_static/paper/{name}.png").stat().st_size < 100_000


# -- data and runs ------------------------------------------------------------------------------


@pytest.mark.parametrize("calibration", ["two sines", "three sines", "ten random sines"])
def test_fresh_samples_have_the_labels_of_the_data_set(common, calibration):
    tasks = common.draw_tasks(0.9, calibration, seed=3)
    X, y = make_multitask_sinusoid(50, 100, random_state=0, **(tasks | {"noise": 0.0}))
    assert_allclose(common.sums_of_sines(tasks, X @ tasks.coef.T), y)
    cosine = tasks.coef[0] @ tasks.coef[1] / np.prod(np.linalg.norm(tasks.coef, axis=1))
    assert_allclose(cosine, 0.9)
    X, y = common.draw_samples(tasks, 4000, [0, 1])
    noise = y - common.sums_of_sines(tasks, X @ tasks.coef.T.astype(np.float32))
    assert_allclose(noise.std(), 0.1, rtol=0.05)
    assert_allclose(X.std(), 1, rtol=0.01)


def test_the_models_have_the_sizes_of_the_paper(common):
    counts = {}
    for name in MODELS:
        model = common.MODELS[name](numeric_encoding=None, max_iter=1, random_state=0)
        model.fit(*make_multitask_sinusoid(50, 100, random_state=0))
        counts[name] = count_parameters(model.net_.network)
    heads_of_one_task = 8 + 8 + 1  # biases of the tower, weights and bias of the head
    experts, towers = 100 * 16 * 8, 16 * 8 * 2
    assert experts + towers == 13056  # as the paper counts
    assert (experts + towers) / (100 + 8 * 2) == pytest.approx(113, abs=0.5)
    assert counts["Shared-Bottom"] == 100 * 113 + 113 + 2 * (113 * 8 + heads_of_one_task)
    assert counts["OMoE"] == experts + 16 * 8 + 100 * 8 + towers + 2 * heads_of_one_task
    assert counts["MMoE"] == counts["OMoE"] + 100 * 8


def test_a_plan_goes_on_where_it_was_stopped(common, tmp_path, monkeypatch):
    monkeypatch.setattr(common, "CHECKPOINTS", tmp_path)
    setting = {
        "calibration": "two sines",
        "init": "glorot_uniform",
        "batch": 8,
        "steps": 50,
        "rate": 1e-2,
        "model": "MMoE",
        "p": 0.5,
    }
    whole = common.work_through([(setting, 4)], tmp_path / "whole.jsonl", chunk_size=4)
    part = tmp_path / "part.jsonl"
    common.work_through([(setting, 2)], part, chunk_size=2)
    resumed = common.work_through([(setting, 2), (setting, 4)], part, chunk_size=2)
    assert [chunk["runs"] for chunk in resumed.chunks] == [[0, 1], [2, 3]]
    losses = np.concatenate([chunk["test_losses"] for chunk in resumed.chunks])
    assert_allclose(losses, whole.chunks[0]["test_losses"], rtol=1e-2)
    n_lines = len(part.read_text().splitlines())
    common.work_through([(setting, 4)], part, chunk_size=2)
    assert len(part.read_text().splitlines()) == n_lines


def test_a_run_on_a_table_sees_each_row_at_most_once_in_an_epoch(common):
    tasks = common.draw_tasks(0.5, "two sines", seed=1)
    table = X, y = common.draw_samples(tasks, 100, 0)
    stream = partial(common.stream, tasks=tasks, n_samples=60, seed=1, table=table)
    (X_0, y_0), (X_1, _) = stream(0), stream(1)
    rows = [int(np.flatnonzero((row == X).all(axis=1))[0]) for row in X_0]
    assert len(set(rows)) == 60
    assert_allclose(y_0, y[rows])
    assert not np.array_equal(X_0, X_1)


@pytest.mark.parametrize(("factor", "distance"), [(1, 0), (2, 1), (0.5, 1), (8, 3)])
def test_the_distance_from_the_figures_counts_factors_of_two(load_benchmark, factor, distance):
    settings = load_benchmark("paper.settings")
    read_off = load_benchmark("paper._read_off")
    losses = {(settings.SMALL, p): np.full(4, read_off.FIG3[p]) for p in settings.CORRELATIONS}
    losses |= {
        (model, p): np.full(4, read_off.FIG4[p][model])
        for model in MODELS
        for p in settings.CORRELATIONS
    }
    found = settings.distances({point: factor * values for point, values in losses.items()})
    assert_allclose(found["Fig. 3"], distance, atol=1e-12)
    assert_allclose(found["Fig. 4"], distance, atol=1e-12)
    together = [found[name] for name in ("Fig. 3", "Fig. 4", "Fig. 5")]
    assert_allclose(found["together"], np.mean(together, axis=0))


def run_quickly(load_benchmark, monkeypatch, capsys, name):
    """Run the quick version of a script, which prints something and writes nothing."""
    monkeypatch.setattr(sys, "argv", [name, "--quick"])
    results = ROOT / "benchmarks/results/paper"
    before = {path: path.stat().st_mtime_ns for path in results.iterdir()}
    load_benchmark(f"paper.{name}").main()
    assert capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in results.iterdir()} == before


QUICK = ["fig2", "fig3", "fig4_5", "settings", "table4", "claims", "figures"]


@pytest.mark.parametrize("name", QUICK)
def test_quick_versions_run(load_benchmark, monkeypatch, capsys, name):
    run_quickly(load_benchmark, monkeypatch, capsys, name)


def test_quick_table3_runs(load_benchmark, monkeypatch, capsys, kuairand_home):
    monkeypatch.setenv("SK_MMOE_DATA", str(kuairand_home))
    run_quickly(load_benchmark, monkeypatch, capsys, "table3")


def test_quick_trainability_runs(load_benchmark, monkeypatch, capsys, census_home):
    monkeypatch.setenv("SK_MMOE_DATA", str(census_home))
    run_quickly(load_benchmark, monkeypatch, capsys, "trainability")


# -- statistics ---------------------------------------------------------------------------------


def make_losses(means, sd, n_runs=100, rate=1e-2):
    """Return losses of runs with given means and a standard deviation by model."""
    rng = np.random.default_rng(0)
    return {
        (model, p, rate): means(model, p) + sd(model) * rng.standard_normal(n_runs)
        for model in MODELS
        for p in CORRELATIONS
    }


def verdicts(statistics, losses, rates=(1e-2,), choose="mean"):
    """Return the verdicts on the claims."""
    of = statistics.Bootstrap(losses, list(rates), choose, n_resamples=500)
    return [claim["verdict"] for claim in statistics.judge(of).values()]


def as_in_the_paper(model, p):
    """Return losses for which all claims hold."""
    far = {0.5: 1.0, 0.9: 0.5, 1.0: 0.0}[p]
    at_one = 0.18 if model == "Shared-Bottom" else 0.13
    return at_one + (0.01 if model == "MMoE" else 0.06) * far


def test_claims_hold_where_they_are_true(statistics):
    def sd(model):
        return 0.05 if model == "Shared-Bottom" else 0.004

    assert verdicts(statistics, make_losses(as_in_the_paper, sd)) == ["holds"] * 4


def test_claims_fail_where_the_opposite_is_true(statistics):
    def means(model, p):
        return 0.5 - as_in_the_paper(model, p) + (0.3 if model == "MMoE" else 0)

    def sd(model):
        return 0.001 if model == "Shared-Bottom" else 0.004

    first, second, third, fourth = verdicts(statistics, make_losses(means, sd))
    assert (first, second, third) == ("does not hold",) * 3
    assert fourth in ("does not hold", "holds in part")


def test_claims_cannot_be_told_from_a_few_noisy_runs_of_equal_models(statistics):
    noisy = np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    losses = {(model, p, 1e-2): noisy for model in MODELS for p in CORRELATIONS}
    assert verdicts(statistics, losses) == ["cannot be told"] * 4


def test_intervals_of_a_mean_are_those_of_students_t(statistics):
    losses = make_losses(as_in_the_paper, lambda model: 0.02)
    of = statistics.Bootstrap(losses, [1e-2])
    value, low, high = statistics.interval(of.mean["MMoE", 0.5])
    values = losses["MMoE", 0.5, 1e-2]
    assert_allclose(value, values.mean(), rtol=1e-2)
    half = 1.98 * values.std(ddof=1) / 10
    assert_allclose([low, high], [values.mean() - half, values.mean() + half], atol=0.15 * half)


def test_rates_are_chosen_by_mean_or_by_best_run(statistics):
    good_mean = make_losses(lambda model, p: 0.2, lambda model: 0.001, rate=1e-3)
    good_best = make_losses(lambda model, p: 0.3, lambda model: 0.1, rate=1e-2)
    losses = good_mean | good_best
    rates = statistics.complete_rates(losses)
    assert rates == [1e-2, 1e-3]
    by_mean = statistics.Bootstrap(losses, rates, "mean", n_resamples=100)
    by_best = statistics.Bootstrap(losses, rates, "best run", n_resamples=100)
    assert set(by_mean.rate.values()) == {1e-3}
    assert set(by_best.rate.values()) == {1e-2}


# -- recommenders and trainability --------------------------------------------------------------


@pytest.fixture
def intervals(load_benchmark):
    return load_benchmark("paper._intervals")


def test_intervals_of_means_are_those_of_the_t_test(intervals):
    values = np.random.default_rng(0).normal(1, 2, 12)
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    assert_allclose(intervals.mean_interval(values, 8), [values.mean(), *expected], rtol=1e-6)


def test_intervals_of_shares_are_exact(intervals):
    # Without an event the upper bound p solves (1 - p)^n = .025.
    assert_allclose(intervals.share_interval(0, 400, 8), [0, 0, 1 - 0.025 ** (1 / 400)], rtol=1e-6)
    value, low, high = intervals.share_interval(20, 400, 8)
    assert value == 0.05
    assert_allclose(binom.sf(19, 400, low), 0.025, rtol=1e-4)
    assert_allclose(binom.cdf(20, 400, high), 0.025, rtol=1e-4)


def test_difference_of_shares_of_the_same_runs(intervals):
    one, other = np.arange(100) < 30, np.arange(100) < 10
    value, low, high = intervals.share_difference(one, other, 8)
    assert value == 0.2
    # 20 runs differ, all in one direction: a share of .2 with an error of sqrt(.2 * .8 / 100).
    assert_allclose([low, high], [0.2 - 1.96 * 0.04, 0.2 + 1.96 * 0.04], atol=0.01)
    assert_allclose(intervals.share_difference(other, one, 8), [-value, -high, -low])
    none = np.zeros(50, dtype=bool)
    assert_allclose(intervals.share_difference(none, none, 8), [0, -1.96 / 52, 1.96 / 52])


@pytest.mark.parametrize(
    ("values", "shown"), [([1.0, 1.1, 0.9], True), ([-1.0, -1.1, -0.9], False), ([-1.0, 1.2], None)]
)
def test_statistics_are_shown_if_their_whole_interval_is_positive(intervals, values, shown):
    assert intervals.positive_part("", values)["shown"] is shown


def test_experts_are_in_the_order_of_satisfaction(load_benchmark):
    gates = load_benchmark("paper.table3").read_gates()
    assert (np.diff(gates[:, 2]) <= 0).all()
    assert_allclose(gates.sum(axis=-1), 1, atol=1e-3)


def test_all_models_of_table_3_have_the_same_seeds_candidates_and_about_as_many_weights():
    runs = json.loads((ROOT / "benchmarks/results/paper/table3.json").read_text())["runs"]
    fits = [run for run in runs if run["stage"] == "fit"]
    models = {run["method"] for run in fits}
    complete = {
        seed for seed in range(100) if {r["method"] for r in fits if r["seed"] == seed} == models
    }
    assert len(complete) >= 10
    assert len({(run["method"], run["seed"]) for run in fits}) == len(fits)
    assert len({len(run["candidates"]) for run in runs if run["stage"] == "search"}) == 1
    sizes = {run["n_hidden"] for run in fits}
    assert max(sizes) < 1.1 * min(sizes)


def test_no_ranking_of_table_4_earns_more_than_that_of_the_true_probabilities(load_benchmark):
    weight = np.array([1, load_benchmark("paper.table4").WEIGHT])
    runs = json.loads((ROOT / "benchmarks/results/paper/table4.json").read_text())["runs"]
    fits = [run for run in runs if run["stage"] == "fit"]
    assert len({(run["correlation"], run["seed"]) for run in fits}) == len(fits) >= 30
    for run in fits:
        for model in run["models"].values():
            assert weight @ run["random"] < weight @ model["earned"] < weight @ run["best"]


def test_no_seed_of_trainability_is_counted_twice(load_benchmark):
    trainability = load_benchmark("paper.trainability")
    chunks = [json.loads(line) for line in trainability.PATH.read_text().splitlines()]
    setting = ("network", "gate_dropout", "start")
    runs = [(*(c[part] for part in setting), run) for c in chunks for run in c["runs"]]
    assert len(set(runs)) == len(runs)
    assert all(len(chunk["auc"]) == len(chunk["runs"]) for chunk in chunks)


def test_an_expert_without_an_active_unit_is_dead(load_benchmark):
    X, y = make_classification(200, 5, n_informative=4, n_redundant=0, random_state=0)
    X, y = pd.DataFrame(X), pd.DataFrame({"a": y, "b": 1 - y})
    model = MMoEClassifier(n_experts=3, max_iter=1, random_state=0, device="cpu", n_members=1)
    model.fit(X, y)
    look = load_benchmark("paper.trainability").look_at(model, X, y)
    assert look["dead"] == 0
    with torch.no_grad():
        model.net_.network.levels[-1].experts.layers[-1].bias[1] = -1e6
    assert load_benchmark("paper.trainability").look_at(model, X, y)["dead"] == 1
