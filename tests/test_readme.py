"""The README keeps its promises."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

README = Path(__file__).resolve().parents[1] / "README.md"


def blocks(language):
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)


def test_python_blocks_run_one_after_the_other():
    code = blocks("python")
    assert code
    namespace = {}
    for block in code:
        exec(compile(block, README.name, "exec"), namespace)


def test_test_command_is_marked_and_installs_the_tested_versions():
    (command,) = re.findall(
        r"<!-- test-command -->\n```bash\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE
    )
    assert "-c constraints.txt" in command
    assert "pytest" in command


@pytest.mark.parametrize("path", re.findall(r"\]\((?!\w+:|#)([^)#]+)", README.read_text()))
def test_relative_links_lead_somewhere(path):
    assert (README.parent / path).exists()


def raw_result(name):
    """Return what a benchmark wrote."""
    return json.loads((README.parent / "benchmarks" / "results" / f"{name}.json").read_text())


def test_aucs_are_those_of_the_raw_result():
    names = {
        "MMoE, defaults": "MMoE, defaults",
        "MMoE, no cross": "MMoE, no cross layers",
        "MMoE": "MMoE",
        "MMoE, members": "MMoE, 4 members",
        "HistGradientBoosting": "HistGradientBoosting, two models",
        "LightGBM": "LightGBM, two models",
        "XGBoost": "XGBoost, two models",
    }
    runs = [
        run for run in raw_result("accuracy/accuracy_census1")["runs"] if run["stage"] == "seeds"
    ]
    assert {run["model"] for run in runs} == set(names)
    for model, name in names.items():
        (row,) = re.findall(rf"^\| {name} \|.*", README.read_text(), re.MULTILINE)
        for task in ("income", "never_married"):
            tests = [run["test"] for run in runs if run["model"] == model and task in run["test"]]
            scores = pd.Series([test[task]["auc"] for test in tests])
            assert len(scores) == 5
            assert f"{scores.mean():.4f} ± {scores.std():.4f}".replace("0.", ".") in row


def test_cost_of_training_is_that_of_the_raw_result():
    runs = raw_result("speed/training_cost")["runs"]
    for ratios in (
        [run["ratio_of_medians"] for run in runs],
        [run["ratios"]["same module by hand"] for run in runs],
    ):
        text = " ".join(README.read_text().split())
        assert f"between {min(ratios):.2f} and {max(ratios):.2f} times" in text


def test_epochs_beside_peers_are_those_of_the_raw_result():
    text = README.read_text()
    names = {
        "ours": "sk_mmoe, `fit` as a whole",
        "hand_written": "hand-written loop",
        "naive_skorch": "skorch, its DataLoader",
    }
    runs = [
        run
        for run in raw_result("speed/speed")["runs"]
        if run["case"].startswith("embedded") and run["threads"] == 2
    ]
    assert len(runs) == 6
    for run in runs:
        medians = run["medians"]
        name = names.get(run["side"], run["side"])
        seconds, rate = medians["seconds_per_epoch"], medians["rows_per_second"]
        assert f"| {name} | {seconds:.2f} | {rate:,.0f} |" in text
