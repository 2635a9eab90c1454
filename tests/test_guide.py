"""The numbers of the user guide are those that the benchmarks wrote."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

ROOT = Path(__file__).parents[1]


def test_costs_of_models_are_those_of_the_benchmark():
    results = json.loads((ROOT / "benchmarks/results/speed/architectures.json").read_text())
    guide = (ROOT / "docs/user_guide/models.rst").read_text()
    rows = re.findall(r"^(\w[\w, -]*?) {2,}([\d,]+) +(\d+\.\d\d)$", guide, flags=re.MULTILINE)
    found = {name: (int(count.replace(",", "")), float(time)) for name, count, time in rows}
    assert found == {
        row["model"]: (row["parameters"], row["time_over_mmoe"]) for row in results["runs"]
    }


SPEED = ROOT / "docs/measurements/speed.rst"


def raw_result(name):
    return json.loads((ROOT / f"benchmarks/results/speed/{name}.json").read_text())


def test_tables_of_speed_are_those_of_the_raw_results(load_benchmark):
    page = SPEED.read_text()
    tables = load_benchmark("speed.report").tables()
    assert len(tables) == 14
    for table in tables.values():
        assert table in page


def test_the_rest_of_the_speed_page_is_of_the_benchmarks():
    page = SPEED.read_text()
    runs = raw_result("training_cost")["runs"]
    for ratios in (
        [run["ratio_of_medians"] for run in runs],
        [run["ratios"]["same module by hand"] for run in runs],
    ):
        assert f"between {min(ratios):.2f} and {max(ratios):.2f} times" in page
    for size in raw_result("lookups")["megabytes"].values():
        assert f"{size:,} MB" in page
    rates = raw_result("epoch_profile")["matmul_gflops"]
    assert f"{rates['1']:.0f} GFLOP/s" in page


def test_tables_of_accuracy_are_those_of_the_raw_results(load_benchmark):
    page = (ROOT / "docs/measurements/accuracy.rst").read_text()
    tables = load_benchmark("accuracy.report").tables()
    assert len(tables) == 11
    for table in tables.values():
        assert table in page


def test_which_intervals_are_above_zero_follows_from_the_raw_results(load_benchmark):
    combine = load_benchmark("accuracy._delong").combine
    runs_of = load_benchmark("_shared.record").runs_of
    above, n_intervals = {}, 0
    for name in ("census1", "census2", "kuairand"):
        runs = pd.DataFrame(runs_of(f"accuracy/paired_{name}"))
        for (task, booster), group in runs.groupby(["task", "booster"]):
            _, low, high = combine(group.to_dict("records"))
            n_intervals += 1
            assert high > 0
            if low > 0:
                above.setdefault((name, task), []).append(booster)
    n_above = sum(map(len, above.values()))
    page = (ROOT / "docs/measurements/accuracy.rst").read_text()
    assert f"Of the {n_intervals} intervals, {n_above} are above zero, and none is below" in page
    all_three = [("census1", "never_married"), ("census2", "never_married")]
    all_three += [("kuairand", "like"), ("kuairand", "long_view")]
    assert sorted(task for task, boosters in above.items() if len(boosters) == 3) == all_three
    first_only = {task: boosters for task, boosters in above.items() if len(boosters) < 3}
    first = ["HistGradientBoosting"]
    assert first_only == {("census1", "income"): first, ("kuairand", "click"): first}


def test_the_lead_on_kuairand_is_that_of_the_raw_result(load_benchmark):
    runs = pd.DataFrame(load_benchmark("_shared.record").runs_of("accuracy/paired_kuairand"))
    leads = runs.groupby(["task", "booster"])["difference"].mean()
    by = f"by {leads.min():.4f} to {leads.max():.4f}".replace("0.", ".")
    assert by in (ROOT / "README.md").read_text()


def test_the_errors_on_small_tables_are_those_of_the_raw_results(load_benchmark):
    ratios = load_benchmark("accuracy.report").small_table_ratios()
    by_model = ratios.pivot_table(index="table", columns="model", values="ratio")
    ours, one = by_model["MMoE"], by_model["MMoE, one network"]
    below = f"{100 - 100 * np.exp(np.log(ours).mean()):.0f} %"
    above = f"{100 * ours.max() - 100:.0f} %"
    readme = (ROOT / "README.md").read_text()
    assert f"The error is {below} below" in readme
    assert f"at most {above} above" in readme
    page = (ROOT / "docs/measurements/accuracy.rst").read_text()
    assert f"lower by {below} in the geometric mean, and at most {above} higher" in page
    worse = f"{100 * np.exp(np.log(one / ours).mean()) - 100:.0f} %"
    assert f"A single network is {worse} worse than five" in page
    assert f"is {below} below" in (ROOT / "docs/user_guide/small_tables.rst").read_text()


@pytest.mark.parametrize(
    ("data", "part", "changes"),
    [("census1", 1 / 3, [-0.0003, 0]), ("kuairand", 0.26, [0.0007, 0.0006, 0.003])],
)
@pytest.mark.parametrize(("threads", "clock"), [(1, "seconds"), (2, "wall")])
def test_trainings_take_a_part_of_the_earlier_time(
    load_benchmark, data, part, changes, threads, clock
):
    runs = pd.DataFrame(load_benchmark("_shared.record").runs_of("speed/time_to_accuracy"))
    runs = runs[(runs["data"] == data) & (runs["threads"] == threads)]
    ours, before = (runs[runs["model"] == name] for name in ("MMoE", "MMoE, before"))
    assert set(ours["seed"]) == set(before["seed"]) == set(range(5))
    assert ours[clock].median() < part * before[clock].median()
    means = {name: np.mean(list(own["test"]), axis=0) for name, own in runs.groupby("model")}
    assert_allclose(means["MMoE"] - means["MMoE, before"], changes, atol=1e-4, rtol=0.15)
    if data == "kuairand":
        assert (means["MMoE"] == np.max(list(means.values()), axis=0)).all()


@pytest.mark.parametrize("room", ["accuracy", "speed"])
def test_pictures_show_the_raw_results(load_benchmark, room):
    page = (ROOT / f"docs/measurements/{room}.rst").read_text()
    pictures = load_benchmark("_shared.pictures")
    numbers = {
        name: read() for name, (read, _) in load_benchmark(f"{room}.figures").FIGURES.items()
    }
    drawn = {name: pictures.mark(found) for name, found in numbers.items() if not found.empty}
    assert len(drawn) >= 4
    assert {name: pictures.mark_of(name) for name in drawn} == drawn
    assert [name for name in drawn if f"measurements/{name}.png" not in page] == []


def test_the_mark_of_a_picture_changes_with_its_numbers(load_benchmark):
    mark = load_benchmark("_shared.pictures").mark
    numbers = pd.DataFrame({"model": ["a", "b"], "auc": [0.91234, 0.0]})
    assert mark(numbers) == mark(numbers + pd.DataFrame({"model": ["", ""], "auc": [0, -1e-15]}))
    assert mark(numbers) != mark(numbers.assign(auc=[0.91254, 0.0]))
    assert mark(numbers) != mark(numbers.assign(model=["a", "c"]))


def test_the_table_of_balancing_is_that_of_the_raw_results(load_benchmark):
    page = (ROOT / "docs/user_guide/balancing.rst").read_text()
    assert load_benchmark("accuracy.balancing").tables()["balancing"] in page


def test_the_table_of_sharing_is_that_of_the_raw_results(load_benchmark):
    page = (ROOT / "docs/user_guide/learning_together.rst").read_text()
    assert load_benchmark("accuracy.sharing").tables()["sharing"] in page


def test_pages_name_files_that_exist():
    paths = set()
    for page in (ROOT / "docs").rglob("*.rst"):
        found = re.findall(r"``((?:benchmarks|docs|sk_mmoe|tests)/[\w./]+)``", page.read_text())
        paths.update(found)
    assert "sk_mmoe/nn/balancing/_famo.py" in paths
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_messages_of_the_errors_page_are_those_of_the_code():
    page, _ = (ROOT / "docs/user_guide/errors.rst").read_text().split("Messages of scikit-learn")
    source = "".join(path.read_text() for path in sorted((ROOT / "sk_mmoe").rglob("*.py")))
    # A message that runs over several lines of code is one text.
    source = re.sub(r'"\s*\n\s*f?"', "", source)
    messages = re.findall(r"^``(.*?)``$", page, flags=re.MULTILINE)
    assert len(messages) > 20
    parts = {part.strip() for message in messages for part in message.split("…")}
    assert [part for part in sorted(parts) if part not in source] == []


def test_costs_of_large_tables_are_those_of_the_benchmark():
    page = (ROOT / "docs/user_guide/large_tables.rst").read_text()
    runs = [run for run in raw_result("parquet")["runs"] if run["table"] == "made_up"]
    runs.sort(key=lambda run: run["n_rows"])
    rows = re.findall(
        r"^([\d,]+) +(in memory|LazyTable) +([\d.]+) +(\d+)$", page, flags=re.MULTILINE
    )
    places = {"memory": "in memory", "file": "LazyTable"}
    assert rows == [
        (
            f"{run['n_rows']:,}",
            places[run["source"]],
            f"{run['cpu_seconds']:.2f}",
            str(run["peak_mib"]),
        )
        for run in runs
    ]
    assert f"{runs[-1]['mib_before']} MiB of it" in page
    for run in raw_result("parquet")["runs"]:
        if run["table"] == "census":
            aucs = f"{run['auc_income']:.4f}        {run['auc_never_married']:.4f}"
            assert f"{places[run['source']]:19}{run['cpu_seconds']:<11.2f}{aucs}" in page
    census = pd.DataFrame(raw_result("parquet")["runs"]).query("table == 'census'")
    census = census.pivot(index="seed", columns="source")
    assert (census["cpu_seconds", "file"] / census["cpu_seconds", "memory"]).max() <= 1.2
    for task in ("auc_income", "auc_never_married"):
        assert (census[task, "file"] - census[task, "memory"]).abs().max() <= 3e-4


def test_answers_of_the_service_are_those_of_the_benchmark():
    page = (ROOT / "docs/user_guide/production.rst").read_text()
    pattern = r"^of `(\w+)` +(\d+) +([\d,]+) +(\d+) +(\d+) +(\d+)$"
    rows = re.findall(pattern, page, flags=re.MULTILINE)
    files = {"safetensors": "save_model", "onnx": "to_onnx"}
    names = ["rows_of_a_request", "rows_per_second", "p50_ms", "p99_ms", "errors"]
    runs = raw_result("serving")["runs"]
    assert rows == [(files[run["file"]], *(f"{run[name]:,.0f}" for name in names)) for run in runs]
