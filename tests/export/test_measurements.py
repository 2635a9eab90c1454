"""The guide's numbers are those that the benchmark wrote."""

from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/user_guide/export.rst"


def test_the_table_of_times_is_that_of_the_raw_result(load_benchmark):
    assert load_benchmark("speed.exported").tables()["exported"] in PAGE.read_text()


def test_predictions_of_census_income_agreed(load_benchmark):
    benchmark = load_benchmark("speed.exported")
    for found in benchmark.read(benchmark.NAME)["runs"]:
        assert found["labels_that_differ"] == 0
        assert found["largest_difference"] <= 1e-5
