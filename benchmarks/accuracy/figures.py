"""Draw the pictures of the page on accuracy, from the raw results.

    python benchmarks/accuracy/figures.py

A test compares the numbers of the pictures with the raw results.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import LogLocator

from benchmarks._shared.pictures import LIGHT, OTHERS, OURS, draw_all, interval
from benchmarks._shared.record import runs_of
from benchmarks.accuracy.report import BOOSTERS, small_table_ratios

NAMES = {
    "MMoE, defaults": "one network, defaults",
    "MMoE": "one network, searched",
    "MMoE, defaults, members": "four members, defaults",
    "MMoE, members": "four members, searched",
}
SETS = {"census1": "group 1", "census2": "group 2", "kuairand": "KuaiRand"}


def ranking():
    """Return the mean AUC on test rows of every model and task, with its interval over seeds."""
    rows = []
    for name in SETS:
        final = [run for run in runs_of(f"accuracy/accuracy_{name}") if run["stage"] == "seeds"]
        frame = pd.DataFrame(
            {"model": run["model"], "task": task, "auc": scores["auc"]}
            for run in final
            for task, scores in run["test"].items()
        )
        for task in max((run["test"] for run in final), key=len):
            for model in [*NAMES, *BOOSTERS]:
                values = frame.query("model == @model and task == @task")["auc"]
                if len(values):
                    auc, half = interval(values)
                    rows.append((name, task, model, auc, half))
    return pd.DataFrame(rows, columns=["set", "task", "model", "auc", "half"])


def draw_ranking(numbers):
    """Draw a panel for each task: models from the best down, our networks in blue."""
    figure, axes = plt.subplots(4, 2, figsize=(8, 8), layout="constrained")
    panels = numbers.groupby(["set", "task"], sort=False)
    for ax, ((name, task), part) in zip(axes.flat, panels, strict=False):
        part = part.sort_values("auc")
        ax.axvline(part.loc[part["model"].isin(BOOSTERS), "auc"].max(), color="0.6", ls=":", lw=1)
        for place, row in enumerate(part.itertuples()):
            colour = LIGHT if row.model in ("MMoE", "MMoE, defaults") else OURS
            colour = OTHERS[0] if row.model in BOOSTERS else colour
            ax.errorbar(row.auc, place, xerr=row.half, fmt="o", color=colour, capsize=3)
        ax.set_yticks(range(len(part)), [NAMES.get(model, model) for model in part["model"]])
        ax.set_title(f"{task.replace('_', ' ')}, {SETS[name]}", fontsize=11)
        ax.set_ylim(-0.6, len(part) - 0.4)
        ax.locator_params(axis="x", nbins=4)
        ax.grid(axis="x", alpha=0.3)
    for ax in axes.flat[len(panels) :]:
        ax.axis("off")
        for colour, label in (
            (OURS, "MMoE, an ensemble for all tasks"),
            (LIGHT, "MMoE, one network for all tasks"),
            (OTHERS[0], "boosting, a model for each task"),
        ):
            ax.errorbar([], [], xerr=[], fmt="o", color=colour, capsize=3, label=label)
        ax.plot([], [], color="0.6", ls=":", label="best booster")
        ax.legend(loc="center", frameon=False, title="AUC on test rows (right is better)")
    return figure


def sizes():
    """Return 1 - AUC by the number of rows, with its interval over seeds."""
    frame = pd.json_normalize(runs_of("accuracy/sizes"))
    rows = []
    for task in ("income", "never_married"):
        for model in ["MMoE", *BOOSTERS, "LogisticRegression"]:
            for n_rows, part in frame[frame["model"] == model].groupby("n_rows"):
                error, half = interval(1 - part[f"auc.{task}"])
                rows.append((task, model, n_rows, error, half))
    return pd.DataFrame(rows, columns=["task", "model", "rows", "error", "half"])


def draw_curves(numbers, panels, colours, *, ylabel, shifted=1.0):
    """Draw errors by the number of rows, a panel for each value of a column; both axes in logs."""
    parts = numbers.groupby(panels, sort=False)
    figure, axes = plt.subplots(1, len(parts), figsize=(8, 3.6), layout="constrained")
    for ax, (title, part) in zip(axes, parts, strict=True):
        for place, (model, colour) in enumerate(colours.items()):
            own = part[part["model"] == model]
            # Beside each other, so that intervals can be told apart.
            ax.errorbar(
                own["rows"] * shifted ** (place - len(colours) / 2),
                own["error"],
                yerr=own["half"],
                color=colour,
                fmt="o-",
                ms=4,
                lw=2.4 if model.startswith("MMoE") else 1.2,
                capsize=2,
                elinewidth=1.2,
                zorder=3 if model.startswith("MMoE") else 2,
                label=model,
            )
        ax.set(xscale="log", yscale="log", title=title.replace("_", " "), xlabel="training rows")
        ticks = part["rows"].unique()
        ax.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        ax.set_xticks([], minor=True)
        low, high = part["error"].min(), part["error"].max()
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high > 5 * low else range(1, 10)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.set_yticks([], minor=True)
        ax.tick_params(axis="y", labelsize=8.5)
        ax.grid(alpha=0.3)
    axes[0].set_ylabel(ylabel)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


def draw_sizes(numbers):
    """Draw both tasks of group 1."""
    models = [*BOOSTERS, "LogisticRegression"]
    colours = {"MMoE": OURS, **dict(zip(models, OTHERS, strict=False))}
    return draw_curves(numbers, "task", colours, ylabel="1 - AUC", shifted=1.03)


def regression():
    """Return 1 - R² by the number of rows on made-up tables, with its interval over seeds."""
    frame = pd.DataFrame(runs_of("accuracy/regression"))
    frame = frame[frame["table"].isin(["friedman", "steps", "linear"])]
    rows = []
    for key, part in frame.groupby(["table", "model", "n_samples"], sort=False):
        rows.append((*key, *interval(1 - part["r2"])))
    return pd.DataFrame(rows, columns=["table", "model", "rows", "error", "half"])


def draw_regression(numbers):
    """Draw three tables; only the networks that people choose from, and trees and ridge."""
    models = ["HistGradientBoosting", "RandomForest", "MLPRegressor", "Ridge"]
    colours = {"MMoE, knots": OURS, "MMoE, standardised array": LIGHT}
    colours |= dict(zip(models, OTHERS, strict=False))
    return draw_curves(numbers, "table", colours, ylabel="1 - R²", shifted=1.03)


def parts():
    """Return what a change of the defaults does to the AUC, with the interval of paired seeds."""
    rows = []
    for name, task in (("census1", "income"), ("kuairand", "click")):
        frame = pd.json_normalize(runs_of(f"accuracy/ablation_{name}"))
        aucs = frame.pivot_table(index="seed", columns="variant", values=f"auc.{task}", sort=False)
        for variant in aucs.columns.drop("defaults"):
            effect, half = interval(1000 * (aucs[variant] - aucs["defaults"]).dropna())
            rows.append((task, variant, effect, half))
    return pd.DataFrame(rows, columns=["task", "variant", "effect", "half"])


def draw_parts(numbers):
    """Draw a row for each change, the most harmful on top."""
    effects = numbers.pivot_table(index="variant", columns="task", values="effect")
    order = list(effects.mean(axis=1).sort_values(ascending=False).index)
    figure, axes = plt.subplots(1, 2, figsize=(8, 7), sharey=True, layout="constrained")
    titles = {"income": "income, Census-Income", "click": "click, KuaiRand"}
    for ax, (task, title) in zip(axes, titles.items(), strict=True):
        part = numbers[numbers["task"] == task]
        places = [order.index(variant) for variant in part["variant"]]
        for place, row in zip(places, part.itertuples(), strict=True):
            clear = abs(row.effect) > row.half
            colour = (OURS if row.effect > 0 else OTHERS[0]) if clear else "0.6"
            ax.errorbar(row.effect, place, xerr=row.half, fmt="o", ms=4, color=colour, capsize=2)
        ax.axvline(0, color="0.5", lw=1)
        ax.set(title=title, xlabel="change of the AUC, in thousandths")
        ax.grid(alpha=0.3)
    axes[0].set_yticks(range(len(order)), order, fontsize=8.5)
    axes[0].set_ylim(-0.8, len(order) - 0.2)
    return figure


def small_tables():
    """Return the errors of all models over those of each table's best tree ensemble."""
    return small_table_ratios() if runs_of("accuracy/small_tables") else pd.DataFrame()


def draw_small_tables(numbers):
    """Draw a row for each table: networks with intervals, and the other trees as ticks."""
    figure, ax = plt.subplots(figsize=(8, 3.8), layout="constrained")
    tables = list(dict.fromkeys(numbers["table"]))[::-1]
    colours = {"MMoE": OURS, "MMoE, one network": LIGHT}
    for model, part in numbers.groupby("model", sort=False):
        places = np.array([tables.index(table) for table in part["table"]], dtype=float)
        if model in colours:
            places += 0.12 if model == "MMoE" else -0.12
            bars = np.array([part["ratio"] - part["low"], part["high"] - part["ratio"]])
            style = {"fmt": "o", "color": colours[model], "capsize": 3, "label": model}
            ax.errorbar(part["ratio"], places, xerr=bars, **style)
        else:
            label = "five tree ensembles" if model == "RandomForest" else None
            ax.plot(part["ratio"], places, "|", ms=14, color=OTHERS[0], alpha=0.7, label=label)
    ax.axvline(1, color="0.5", lw=1)
    n_rows = numbers.groupby("table")["rows"].first()
    ax.set_yticks(range(len(tables)), [f"{table}, {n_rows[table]:,} rows" for table in tables])
    ax.set_xscale("log")
    ax.set_xticks([0.5, 0.7, 1, 1.4, 2], ["0.5", "0.7", "1", "1.4", "2"])
    ax.set_xticks([], minor=True)
    ax.set_xlabel("error, relative to the best tree ensemble of the table (left is better)")
    ax.grid(axis="x", alpha=0.3)
    ax.legend(loc="best", fontsize=9)
    return figure


FIGURES = {
    "ranking": (ranking, draw_ranking),
    "sizes": (sizes, draw_sizes),
    "regression": (regression, draw_regression),
    "parts": (parts, draw_parts),
    "small_tables": (small_tables, draw_small_tables),
}

if __name__ == "__main__":
    draw_all(FIGURES)
