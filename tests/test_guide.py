"""The numbers of the user guide are those that the benchmarks wrote."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_costs_of_models_are_those_of_the_benchmark():
    results = json.loads((ROOT / "benchmarks/results/architectures.json").read_text())
    guide = (ROOT / "docs/user_guide/models.rst").read_text()
    rows = re.findall(r"^(\w[\w, -]*?) {2,}([\d,]+) +(\d+\.\d\d)$", guide, flags=re.MULTILINE)
    found = {name: (int(count.replace(",", "")), float(time)) for name, count, time in rows}
    assert found == {
        row["model"]: (row["parameters"], row["time_over_mmoe"]) for row in results["runs"]
    }


def rows_of(page):
    """Return the cells of every line of a page that could be a table's row."""
    return [re.split(r" {2,}", line.strip()) for line in page.splitlines()]


SPEED = ROOT / "docs/user_guide/speed.rst"
NAMES = {
    "ours": "sk_mmoe",
    "hand_written": "hand-written loop",
    "naive_skorch": "skorch, its DataLoader",
}


def raw_result(name):
    return json.loads((ROOT / f"benchmarks/results/{name}.json").read_text())


def test_the_table_of_peers_is_that_of_the_benchmark():
    result, found = raw_result("speed"), rows_of(SPEED.read_text())
    runs = {(run["case"], run["side"], run["threads"]): run["medians"] for run in result["runs"]}
    assert len(result["sides"]) > 10
    for side in result["sides"]:
        one, two = (runs[side["case"], side["side"], threads] for threads in (1, 2))
        assert [
            NAMES.get(side["side"], side["side"]),
            f"{one['seconds_per_epoch']:.2f}",
            f"{two['seconds_per_epoch']:.2f}",
            f"{two['rows_per_second']:,.0f}",
            f"{side['peak_memory_mib']:.0f}",
            f"{two['predict_rows_per_second']:,.0f}",
            f"{two['predict_one_ms']:.2f}",
            f"{two['auc_income']:.4f}",
            f"{two['auc_never_married']:.4f}",
        ] in found


def test_rates_of_many_networks_are_those_of_the_benchmark():
    found = rows_of(SPEED.read_text())
    for run in raw_result("many_networks")["runs"]:
        name = f"{run['architecture'].split(':')[0]}, {run['n_runs']} runs"
        assert [name, *(f"{rate:.1f}" for rate in run["fits_per_second"].values())] in found


def test_scale_is_that_of_the_benchmark():
    result, found = raw_result("scale"), rows_of(SPEED.read_text())
    fits = {
        (f["n_rows"], f["early_stopping"]): [
            f"{f['seconds']:.2f}",
            f"{f['peak_in_multiples_of_X']:.2f}",
        ]
        for f in result["fits"]
        if (f["n_tasks"], f["n_experts"]) == (2, 8)
    }
    for stream in result["streams"]:
        n_rows = stream["n_rows"]
        memory = [f"{stream['seconds']:.2f}", f"{stream['peak_mib']:.0f}"]
        assert [f"{n_rows:,}", *fits[n_rows, False], *fits[n_rows, True], *memory] in found


def test_lookups_are_those_of_the_benchmark():
    result, page = raw_result("lookups"), SPEED.read_text()
    forms = ("dense one-hot", "sparse one-hot", "codes, embeddings of 8")
    for layer in result["first_layers"]:
        times = [f"{layer['milliseconds'][form]:.1f}" for form in forms]
        name = f"{layer['width']} units, batch {layer['batch_size']}"
        assert [name, *times] in rows_of(page)
    for size in result["megabytes"].values():
        assert f"{size:,} MB" in page


def test_the_rest_of_the_speed_page_is_of_the_benchmarks():
    page = SPEED.read_text()
    ratios = [run["ratio_of_medians"] for run in raw_result("training_cost")["runs"]]
    assert f"between {min(ratios):.2f} and {max(ratios):.2f} times" in page
    for run in raw_result("compiled")["runs"]:
        assert f"{run['ratio_of_later_epochs']:.2f}" in page
    rates = raw_result("epoch_profile")["matmul_gflops"]
    assert f"{rates['1']:.0f} GFLOP/s" in page


def test_tables_of_accuracy_are_those_of_the_raw_results(load_benchmark):
    page = (ROOT / "docs/user_guide/accuracy.rst").read_text()
    tables = load_benchmark("report").tables()
    assert len(tables) == 10
    for table in tables.values():
        assert table in page
