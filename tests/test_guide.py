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
