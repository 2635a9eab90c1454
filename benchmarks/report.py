"""Print the tables of the user guide's page on accuracy, from the raw results.

    python benchmarks/report.py

A test holds the page to what this prints.
"""

import json
from functools import partial
from pathlib import Path

import pandas as pd

RESULTS = Path(__file__).parent / "results"
BOOSTERS = ["HistGradientBoosting", "LightGBM", "XGBoost"]
MODELS = [
    "MMoE, one task",
    "MMoE, defaults",
    "MMoE, defaults, members",
    "MMoE, no cross",
    "MMoE, no cross, members",
    "MMoE",
    "MMoE, members",
    *BOOSTERS,
]
METRICS = {"auc": "AUC", "log_loss": "Log loss", "calibration_error": "Calibration"}


def result(name):
    """Return a raw result."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def runs_of(name):
    """Return the runs of a raw result."""
    return result(name)["runs"]


def simple_table(rows, header):
    """Return rows of cells as a table of reStructuredText."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    rule = "  ".join("=" * width for width in widths)

    def line(cells):
        first, *others = zip(cells, widths, strict=True)
        aligned = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        return "  ".join(aligned).rstrip()

    return "\n".join([rule, line(header), rule, *map(line, rows), rule])


def spread(values, digits):
    """Return mean and standard deviation, of one value the value alone."""
    mean, deviation = (
        f"{value:.{digits}f}".removeprefix("0") for value in (values.mean(), values.std())
    )
    return mean if len(values) == 1 else f"{mean} ± {deviation}"


def seconds(group):
    """Return the median time to fit all tasks once."""
    return f"{group.groupby('task')['seconds'].median().sum():.0f}"


def accuracy(name):
    """Return the table of a data set's final runs on the test rows."""
    final = [run for run in runs_of(f"accuracy_{name}") if run["stage"] == "seeds"]
    rows = []
    for run in final:
        # A network's time is that of all its tasks.
        share = len(run["test"])
        rows += [
            {"model": run["model"], "seed": run["seed"], "task": task}
            | {"seconds": run["seconds"] / share, **scores}
            for task, scores in run["test"].items()
        ]
    frame = pd.DataFrame(rows)
    tasks = list(max((run["test"] for run in final), key=len))
    table = []
    for model in MODELS:
        group = frame[frame["model"] == model]
        if len(group) == 0:
            continue
        for metric, title in METRICS.items():
            cells = [spread(group[group["task"] == task][metric], 4) for task in tasks]
            # An empty first cell would go on with the row above.
            table.append([model, title, *cells, group["seed"].nunique(), seconds(group)])
    return simple_table(table, ["Model", "Score", *tasks, "seeds", "s"])


def blend(name):
    """Return the table of what the mean of all models scores on a data set."""
    frame = pd.json_normalize(runs_of(f"blend_{name}"))
    tasks = [c.split(".")[1] for c in frame if c.startswith("test.") and c.endswith(".auc")]
    rows = []
    for model, group in frame.groupby("model", sort=False):
        for metric in ("auc", "log_loss"):
            cells = [spread(group[f"test.{task}.{metric}"], 4) for task in tasks]
            rows.append([model, METRICS[metric], *cells, len(group)])
    return simple_table(rows, ["Mean of", "Score", *tasks, "seeds"])


def ablation(name):
    """Return the table of what each part is worth on a data set."""
    frame = pd.json_normalize(runs_of(f"ablation_{name}"))
    tasks = [column.removeprefix("auc.") for column in frame if column.startswith("auc.")]
    rows = []
    for variant, group in frame.groupby("variant", sort=False):
        loss = group[[f"log_loss.{task}" for task in tasks]].mean().mean()
        rows.append(
            [
                variant,
                *(spread(group[f"auc.{task}"], 4) for task in tasks),
                f"{loss:.4f}",
                f"{group['n_parameters'].iloc[0]:,}",
                f"{group['epochs'].mean():.0f}",
                len(group),
            ]
        )
    return simple_table(rows, ["Variant", *tasks, "log loss", "weights", "epochs", "seeds"])


def sizes():
    """Return the table of scores by the number of rows."""
    frame = pd.json_normalize(runs_of("sizes"))
    networks = ["MMoE", "no cross", "normalised", "encoded"]
    models = [*networks, *(m for m in dict.fromkeys(frame["model"]) if m not in networks)]
    rows = []
    for task in ("income", "never_married"):
        for n_rows, group in frame.groupby("n_rows"):
            scores = [spread(group.loc[group["model"] == m, f"auc.{task}"], 4) for m in models]
            rows.append([f"{task}, {n_rows:,}", *scores])
    short = {"HistGradientBoosting": "HGB", "LogisticRegression": "logistic"}
    return simple_table(rows, ["Task, rows", *(short.get(model, model) for model in models)])


def regression():
    """Return the table of small and synthetic tables."""
    frame = pd.DataFrame(runs_of("regression"))
    models = list(dict.fromkeys(frame["model"]))
    rows = [
        [f"{table}, {n_samples}"]
        + [f"{group.loc[group['model'] == model, 'r2'].mean():.3f}" for model in models]
        for (table, n_samples), group in frame.groupby(["table", "n_samples"], sort=False)
    ]
    short = {"MMoE, knots": "knots", "MMoE, standardised array": "scaled"}
    short |= {"MLPRegressor": "MLP", "HistGradientBoosting": "HGB", "RandomForest": "forest"}
    return simple_table(rows, ["Table, rows", *(short.get(model, model) for model in models)])


def tables():
    """Return all tables, by name, of which there are results."""
    made = {"regression": regression, "sizes": sizes}
    for name in ("census1", "census2", "kuairand"):
        made[f"accuracy_{name}"] = partial(accuracy, name)
    for name in ("census1", "census2"):
        made[f"blend_{name}"] = partial(blend, name)
    for name in ("census1", "kuairand"):
        made[f"ablation_{name}"] = partial(ablation, name)
    return {name: make() for name, make in made.items() if (RESULTS / f"{name}.json").exists()}


if __name__ == "__main__":
    for name, table in tables().items():
        print(f"{name}\n\n{table}\n")
