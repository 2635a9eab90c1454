"""What benchmarks share: records that are resumed, sides that take turns, a table of scripts."""

import json
import re
from pathlib import Path

import pytest

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
    assert later.find(model="a", seed=0) == {"model": "a", "seed": 0, "score": 0.5}
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


def test_the_table_of_scripts_has_every_script_and_every_raw_result():
    page = (BENCHMARKS / "README.md").read_text()
    scripts = {p.relative_to(BENCHMARKS).as_posix() for p in BENCHMARKS.glob("[a-z]*/[a-z]*.py")}
    assert set(re.findall(r"\]\(([a-z]+/\w+\.py)\)", page)) == scripts
    results = BENCHMARKS / "results"
    patterns = re.findall(r"`(?:results/)?([a-z]+/[\w*]+\.(?:jsonl?|csv))`", page)
    assert {path for pattern in patterns for path in results.glob(pattern)} == {
        path for path in results.glob("*/*") if path.suffix in {".json", ".jsonl", ".csv"}
    }
