"""What benchmarks share: records that are resumed, sides that take turns, a table of scripts."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.metrics import roc_auc_score
from torch.testing import assert_close

from sk_mmoe.nn import MMoE, count_parameters

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def record(load_benchmark, monkeypatch, tmp_path):
    """Return the module of records, which writes to a folder of its own."""
    module = load_benchmark("_shared.record")
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    return module


def test_a_run_is_written_as_it_comes_and_found_by_who_goes_on(record, tmp_path):
    first = record.Record("room/name", question="which?")
    first.add(model="a", seed=0, score=0.5)
    written = json.loads((tmp_path / "room/name.json").read_text())
    assert written["question"] == "which?"
    assert "torch" in written["environment"]
    assert [path.name for path in (tmp_path / "room").iterdir()] == ["name.json"]

    later = record.Record("room/name", question="which?")
    found = {"model": "a", "seed": 0, "score": 0.5, "commit": first.commit}
    assert later.find(model="a", seed=0) == found
    assert later.find(model="a", seed=1) is None
    later.add(model="a", seed=1, score=0.6)
    assert [run["seed"] for run in record.runs_of("room/name")] == [0, 1]


def test_a_benchmark_that_never_ran_has_no_runs(record):
    assert record.runs_of("room/other") == []


def test_sides_take_turns(load_benchmark):
    calls = []
    sides = {name: lambda name=name: calls.append(name) for name in ("a", "b")}
    seconds = load_benchmark("_shared.timing").take_turns(sides, repeats=3)
    assert calls == ["a", "b"] * 3
    assert {name: len(values) for name, values in seconds.items()} == {"a": 3, "b": 3}


def test_cells_of_a_table_stand_below_each_other(load_benchmark):
    table = load_benchmark("_shared.tables").simple_table([["a", 1.5], ["long", 10]], ["", "n"])
    rule = "====  ==="
    assert table.splitlines() == [rule, "        n", rule, "a     1.5", "long   10", rule]


def test_errors_of_differences_in_auc_are_those_of_a_bootstrap(load_benchmark):
    module = load_benchmark("accuracy._delong")
    rng = np.random.default_rng(0)
    y = rng.random(1500) < 0.3
    scores = y + rng.normal(size=(2, len(y)))
    scores[1] = (scores[0] + scores[1]).round(1)  # related to the other, and with ties
    aucs, covariances = module.delong(y, scores)
    assert_allclose(aucs, [roc_auc_score(y, own) for own in scores])
    draws = rng.integers(len(y), size=(400, len(y)))
    drawn = [[roc_auc_score(y[rows], own[rows]) for own in scores] for rows in draws]
    assert_allclose(np.cov(np.transpose(drawn)), covariances, rtol=0.25)
    differences = np.diff(drawn, axis=1)
    error = np.sqrt(covariances[0, 0] + covariances[1, 1] - 2 * covariances[0, 1])
    assert_allclose(differences.std(), error, rtol=0.15)


def test_intervals_count_errors_over_rows_and_over_seeds(load_benchmark):
    combine = load_benchmark("accuracy._delong").combine
    run = {"difference": 0.3, "standard_error": 0.1}
    assert_allclose(combine([run]), [0.3, 0.3 - 0.196, 0.3 + 0.196], atol=1e-4)
    assert_allclose(combine([run, run]), combine([run]))
    mean, low, high = combine([run, run | {"difference": 0.5}])
    half = 1.96 * np.sqrt(0.1**2 + 0.02 / 2)
    assert_allclose([mean, low, high], [0.4, 0.4 - half, 0.4 + half], atol=1e-4)


def test_the_network_of_few_operations_computes_what_ours_does(load_benchmark):
    few = load_benchmark("speed._flat_mmoe").FlatMMoE(5, 3, 4, 6)
    ours = MMoE(5, [1, 1], n_experts=3, expert_hidden_layer_sizes=4, tower_hidden_layer_sizes=6)
    assert count_parameters(few) == count_parameters(ours)
    experts, gates = ours.levels[0].experts.layers[0], ours.levels[0].gates
    towers, heads = ours.heads.towers.layers[0], ours.heads
    with torch.no_grad():
        few.weight.copy_(torch.cat([experts.weight.flatten(0, 1), gates.weight.flatten(0, 1)]))
        few.bias.copy_(experts.bias.flatten())
        few.tower_weight.copy_(towers.weight.mT)
        few.tower_bias.copy_(towers.bias.unsqueeze(1))
        few.head_weight.copy_(heads.weight.unsqueeze(-1))
        few.head_bias.copy_(heads.bias.view(2, 1, 1))
    x = torch.randn(7, 5)
    assert_close(few(x), torch.cat(ours(x), dim=1).T)


def test_the_table_of_scripts_has_every_script_and_every_raw_result():
    page = (BENCHMARKS / "README.md").read_text()
    scripts = {p.relative_to(BENCHMARKS).as_posix() for p in BENCHMARKS.glob("[a-z]*/[a-z]*.py")}
    assert set(re.findall(r"\]\(([a-z]+/\w+\.py)\)", page)) == scripts
    results = BENCHMARKS / "results"
    patterns = re.findall(r"`(?:results/)?([a-z]+/[\w*.]+\.(?:jsonl?|csv))`", page)
    assert {path for pattern in patterns for path in results.glob(pattern)} == {
        path for path in results.glob("*/*") if path.suffix in {".json", ".jsonl", ".csv"}
    }
