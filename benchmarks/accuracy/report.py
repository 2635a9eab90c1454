"""Print the tables of the user guide's page on accuracy, from the raw results.

    python benchmarks/accuracy/report.py

A test holds the page to what this prints.
"""

from functools import partial

import numpy as np
import pandas as pd
from scipy.stats import t as student

from benchmarks._shared.record import runs_of
from benchmarks._shared.tables import show, simple_table
from benchmarks.accuracy._delong import combine

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
PAIRED = {"census1": "Census-Income, 1", "census2": "Census-Income, 2", "kuairand": "KuaiRand"}
METRICS = {"auc": "AUC", "log_loss": "Log loss", "calibration_error": "Calibration"}


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
    final = [run for run in runs_of(f"accuracy/accuracy_{name}") if run["stage"] == "seeds"]
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
    frame = pd.json_normalize(runs_of(f"accuracy/blend_{name}"))
    tasks = [c.split(".")[1] for c in frame if c.startswith("test.") and c.endswith(".auc")]
    rows = []
    for model, group in frame.groupby("model", sort=False):
        for metric in ("auc", "log_loss"):
            cells = [spread(group[f"test.{task}.{metric}"], 4) for task in tasks]
            rows.append([model, METRICS[metric], *cells, len(group)])
    return simple_table(rows, ["Mean of", "Score", *tasks, "seeds"])


def paired():
    """Return the table of differences in AUC between an ensemble and each booster."""
    rows = []
    for name, data in PAIRED.items():
        frame = pd.DataFrame(runs_of(f"accuracy/paired_{name}"))
        for (task, booster), group in frame.groupby(["task", "booster"], sort=False):
            mean, low, high = combine(group.to_dict("records"))
            interval = f"{mean:+.4f} [{low:+.4f}, {high:+.4f}]"
            rows.append([data, task.replace("_", " "), booster, interval, len(group)])
    return simple_table(rows, ["Data", "Task", "Booster", "Difference", "seeds"])


def ablation(name):
    """Return the table of what each part is worth on a data set."""
    frame = pd.json_normalize(runs_of(f"accuracy/ablation_{name}"))
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
    frame = pd.json_normalize(runs_of("accuracy/sizes"))
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
    frame = pd.DataFrame(runs_of("accuracy/regression"))
    models = list(dict.fromkeys(frame["model"]))
    rows = [
        [f"{table}, {n_samples}"]
        + [f"{group.loc[group['model'] == model, 'r2'].mean():.3f}" for model in models]
        for (table, n_samples), group in frame.groupby(["table", "n_samples"], sort=False)
    ]
    short = {"MMoE, knots": "knots", "MMoE, standardised array": "scaled"}
    short |= {"MLPRegressor": "MLP", "HistGradientBoosting": "HGB", "RandomForest": "forest"}
    return simple_table(rows, ["Table, rows", *(short.get(model, model) for model in models)])


def small_table_ratios():
    """Return the errors of all models over those of each table's best tree ensemble.

    The best one has the lowest mean error over the splits. A ratio is a geometric mean over splits;
    the interval of 95 % is that of Student's t for its logarithm.
    """
    runs = pd.DataFrame(runs_of("accuracy/small_tables"))
    errors = runs.pivot_table(index=["table", "split"], columns="model", values="error", sort=False)
    # The table that a benchmark is still at lacks models.
    errors = errors[list(dict.fromkeys(runs["model"]))].dropna()
    ours = [name for name in errors if name.startswith("MMoE")]
    rows = []
    for table, part in errors.groupby("table", sort=False):
        best = part.drop(columns=ours).mean().idxmin()
        logs = np.log(part.div(part[best], axis=0))
        half = student.ppf(0.975, len(part) - 1) * logs.sem()
        facts = {
            "table": table,
            "rows": runs.loc[runs["table"] == table, "rows"].iloc[0],
            "best": best,
            "best_error": part[best].mean(),
        }
        for model in errors:
            low, ratio, high = np.exp(logs[model].mean() + half[model] * np.array([-1, 0, 1]))
            rows.append({**facts, "model": model, "ratio": ratio, "low": low, "high": high})
    return pd.DataFrame(rows)


def small_tables():
    """Return the table of errors over those of each table's best tree ensemble."""
    ratios = small_table_ratios()
    rows = []
    for table, part in ratios.groupby("table", sort=False):
        cells = [
            f"{row.ratio:.2f}" + f" [{row.low:.2f}, {row.high:.2f}]" * row.model.startswith("MMoE")
            for row in part.itertuples()
        ]
        first = part.iloc[0]
        rows.append(
            [f"{table}, {first['rows']:,}", first["best"], f"{first['best_error']:.3f}", *cells]
        )
    logs = np.log(ratios.pivot_table(index="table", columns="model", values="ratio", sort=False))
    for name, value in (("geometric mean", logs.mean()), ("largest", logs.max())):
        rows.append([name, "", "", *(f"{ratio:.2f}" for ratio in np.exp(value))])
    return simple_table(rows, ["Table, rows", "Best trees", "Their error", *logs])


def tables():
    """Return all tables, by name, of which there are results."""
    made = {"regression": regression, "sizes": sizes, "small_tables": small_tables}
    for name in ("census1", "census2", "kuairand"):
        made[f"accuracy_{name}"] = partial(accuracy, name)
    for name in ("census1", "census2"):
        made[f"blend_{name}"] = partial(blend, name)
    for name in ("census1", "kuairand"):
        made[f"ablation_{name}"] = partial(ablation, name)
    found = {name: make() for name, make in made.items() if runs_of(f"accuracy/{name}")}
    return found | {"paired": paired()}


if __name__ == "__main__":
    show(tables())
