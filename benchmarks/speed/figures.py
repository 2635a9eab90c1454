"""Draw the pictures of the page on speed, from the raw results.

    python benchmarks/speed/figures.py

A test compares the numbers of the pictures with the raw results.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from benchmarks._shared.pictures import LIGHT, OTHERS, OURS, draw_all
from benchmarks._shared.record import read, runs_of
from benchmarks.speed.report import SIDES, TASKS, short


def epochs(*cases):
    """Return the seconds of an epoch of all sides: the median of the rounds, and their range."""
    rows = []
    for run in runs_of("speed/speed"):
        if run["case"] in cases:
            seconds = [turn["seconds_per_epoch"] for turn in run["rounds"]]
            side = SIDES.get(run["side"], run["side"])
            median = run["medians"]["seconds_per_epoch"]
            rows.append((run["case"], side, run["threads"], median, min(seconds), max(seconds)))
    return pd.DataFrame(rows, columns=["case", "side", "threads", "seconds", "low", "high"])


def packages():
    """Return the epochs of all packages."""
    return epochs("embedded, paper: 8 experts of 16, towers of 8")


def one_hot():
    """Return the epochs on one-hot columns."""
    cases = ("defaults: 8 experts of 64, towers of 32", "paper: 8 experts of 16, towers of 8")
    return epochs(*(f"one-hot, {case}" for case in cases))


def draw_epochs(numbers):
    """Draw a panel for each case: two bars for each side, for one thread and two."""
    cases = numbers.groupby("case", sort=False)
    figure, axes = plt.subplots(
        *(1, len(cases)), figsize=(8, 3.4), sharey=True, squeeze=False, layout="constrained"
    )
    for ax, (case, part) in zip(axes.flat, cases, strict=True):
        sides = list(dict.fromkeys(part["side"]))[::-1]
        for threads, shift, alpha in ((1, 0.2, 1.0), (2, -0.2, 0.55)):
            own = part[part["threads"] == threads].set_index("side").loc[sides]
            colours = [OURS if side.startswith("sk_mmoe") else OTHERS[3] for side in sides]
            bars = ax.barh(
                np.arange(len(sides)) + shift,
                own["seconds"],
                height=0.38,
                color=colours,
                alpha=alpha,
                xerr=[own["seconds"] - own["low"], own["high"] - own["seconds"]],
                ecolor="0.2",
            )
            ax.bar_label(bars, fmt="%.2f", padding=4, fontsize=8.5)
        ax.set_yticks(range(len(sides)), sides)
        ax.set_xlabel("seconds per epoch")
        ax.margins(x=0.12)
        ax.grid(axis="x", alpha=0.3)
        ax.set_axisbelow(True)
        if len(cases) > 1:
            ax.set_title(f'network "{short(case.split(", ", 1)[1])}"')
    for threads, alpha in (("one thread", 1.0), ("two threads", 0.55)):
        axes.flat[-1].barh([0], [0], color=OTHERS[3], alpha=alpha, label=threads)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def scale():
    """Return the seconds of an epoch by rows, and microseconds of a row by tasks and experts."""
    raw = read("speed/scale")
    rows = [
        {"curve": "partial_fit of a stream", "x": run["n_rows"], "y": run["seconds"]}
        for run in raw["streams"]
    ]
    smallest = min(fit["n_rows"] for fit in raw["fits"])
    for fit in raw["fits"]:
        curve = "fit, with early stopping" if fit["early_stopping"] else "fit"
        if (fit["n_tasks"], fit["n_experts"]) == (2, 8):
            rows.append({"curve": curve, "x": fit["n_rows"], "y": fit["seconds"]})
        if fit["n_rows"] == smallest and not fit["early_stopping"]:
            cost = fit["microseconds_per_row"]
            if fit["n_experts"] == 8:
                rows.append({"curve": "tasks, with 8 experts", "x": fit["n_tasks"], "y": cost})
            if fit["n_tasks"] == 2:
                rows.append({"curve": "experts, with 2 tasks", "x": fit["n_experts"], "y": cost})
    return pd.DataFrame(rows).sort_values(["curve", "x"])


def draw_scale(numbers):
    """Draw time by rows on the left, and by the size of the network on the right."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
    curves = dict(list(numbers.groupby("curve")))
    styles = {
        "fit": (OURS, "o-"),
        "fit, with early stopping": (LIGHT, "o-"),
        "partial_fit of a stream": (OTHERS[0], "s-"),
    }
    for name, (colour, style) in styles.items():
        left.plot(curves[name]["x"] / 1e6, curves[name]["y"], style, color=colour, label=name)
    left.set(xlabel="million rows", ylabel="seconds per epoch", ylim=0, xlim=0)
    for name, colour in (("tasks, with 8 experts", OURS), ("experts, with 2 tasks", OTHERS[0])):
        right.plot(curves[name]["x"], curves[name]["y"], "o-", color=colour, label=name)
    # What a network would take whose time is proportional to its tasks.
    few, cost = curves["tasks, with 8 experts"][["x", "y"]].iloc[0]
    many = curves["tasks, with 8 experts"]["x"].max()
    style = {"color": "0.6", "ls": ":", "label": "in proportion to the tasks"}
    right.plot([few, many], [cost, cost * many / few], **style)
    right.set(xlabel="number of tasks or experts", ylabel="microseconds per row", ylim=0)
    right.set_xscale("log", base=2)
    right.xaxis.set_major_formatter("{x:g}")
    for ax in (left, right):
        ax.grid(alpha=0.3)
        ax.legend(frameon=False, fontsize=9)
    return figure


def many_networks():
    """Return fits per second by the number of networks and the way to train them."""
    return pd.DataFrame(
        {"network": short(run["architecture"]), "runs": run["n_runs"], "way": way, "rate": rate}
        for run in runs_of("speed/many_networks")
        for way, rate in run["fits_per_second"].items()
    )


def draw_many_networks(numbers):
    """Draw a panel for each network: groups of bars for each number of runs."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.4), sharey=True, layout="constrained")
    labels = {
        "in_turn": ("one after the other", "0.75"),
        "processes": ("two processes", OTHERS[3]),
        "stacked, 1 thread": ("fit_runs, one thread", LIGHT),
        "stacked, 2 threads": ("fit_runs, two threads", OURS),
    }
    for ax, (network, part) in zip(axes, numbers.groupby("network", sort=False), strict=True):
        runs = sorted(part["runs"].unique())
        for place, (way, (label, colour)) in enumerate(labels.items()):
            rates = part[part["way"] == way].set_index("runs").loc[runs, "rate"]
            shift = 0.2 * (place - 1.5)
            ax.bar(np.arange(len(runs)) + shift, rates, width=0.19, color=colour, label=label)
        ax.set(title=f'network "{network}"', xlabel="number of networks")
        ax.set_xticks(range(len(runs)), runs)
        ax.grid(axis="y", alpha=0.3)
        ax.set_axisbelow(True)
    axes[0].set_ylabel("fits per second")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure


def lookups():
    """Return the milliseconds of a first layer by how categories come, for batches of 1024."""
    return pd.DataFrame(
        {"categories": layer["categories"], "width": layer["width"], "form": form, "ms": ms}
        for layer in read("speed/lookups")["first_layers"]
        if layer["batch_size"] == 1024
        for form, ms in layer["milliseconds"].items()
    )


def draw_lookups(numbers):
    """Draw groups of bars, on a logarithmic axis."""
    figure, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
    forms = {
        "dense one-hot": ("dense one-hot columns", "0.75"),
        "codes, embeddings of 8": ("embeddings of length 8", OTHERS[3]),
        "sparse one-hot, with its batch": ("CSR matrix, with making the batch", LIGHT),
        "sparse one-hot": ("CSR matrix", OURS),
    }
    groups = numbers[["categories", "width"]].drop_duplicates().itertuples(index=False)
    groups = [tuple(group) for group in groups]
    for place, (form, (label, colour)) in enumerate(forms.items()):
        own = numbers[numbers["form"] == form].set_index(["categories", "width"]).loc[groups, "ms"]
        shift = 0.2 * (place - 1.5)
        bars = ax.bar(np.arange(len(own)) + shift, own, width=0.19, color=colour, label=label)
        ax.bar_label(bars, fmt="%.1f", fontsize=8, padding=1)
    labels = [f"{count:,} categories,\n{width} units" for count, width in groups]
    ax.set_xticks(range(len(groups)), labels)
    ax.set(yscale="log", ylabel="milliseconds")
    ax.margins(y=0.12)
    ax.yaxis.set_major_formatter("{x:g}")
    ax.legend(frameon=False, fontsize=9)
    return figure


def time_to_accuracy():
    """Return the AUC on validation data by seconds of one processor, for each run and task."""
    rows = [
        (run["data"], run["model"], run["seed"], task, seconds, auc)
        for run in runs_of("speed/time_to_accuracy")
        if run["threads"] == 1
        for seconds, *aucs in run["curve"]
        for task, auc in zip(TASKS[run["data"]], aucs, strict=True)
    ]
    return pd.DataFrame(rows, columns=["data", "model", "seed", "task", "seconds", "auc"])


def draw_time_to_accuracy(numbers):
    """Draw a panel for each task, with a line for each run and a point where it ends."""
    panels = list(numbers.groupby(["data", "task"], sort=False))
    figure, axes = plt.subplots(2, 3, figsize=(9, 5.2), layout="constrained")
    colours = dict(zip(numbers["model"].unique(), (OURS, LIGHT, *OTHERS), strict=False))
    for ax, ((data, task), part) in zip(axes.flat, panels, strict=False):
        for (model, seed), run in part.groupby(["model", "seed"], sort=False):
            label = model if seed == 0 else None
            ax.plot(run["seconds"], run["auc"], color=colours[model], alpha=0.6, label=label)
            ax.plot(*run[["seconds", "auc"]].iloc[-1], "o", color=colours[model], ms=4)
        # The first points are far below what matters.
        ends = part.groupby(["model", "seed"])["auc"].max()
        spread = ends.max() - ends.min()
        ax.set(xscale="log", ylim=(ends.min() - 2 * spread, ends.max() + 0.3 * spread))
        ax.set_title(f"{task.replace('_', ' ')} ({data.rstrip('12')})", fontsize=10)
        ax.xaxis.set_major_formatter("{x:g}")
        ax.grid(alpha=0.3)
    for ax in axes[1]:
        ax.set_xlabel("seconds of a processor")
    for ax in axes[:, 0]:
        ax.set_ylabel("AUC on validation data")
    for ax in axes.flat[len(panels) :]:
        ax.axis("off")
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False)
    return figure


def step_parts():
    """Return the shares of a step on dense rows with two tasks and one thread, and its time."""
    rows = pd.DataFrame(
        {"batch_size": run["batch_size"], "n_experts": run["n_experts"], "ms": run["ms_of_a_step"]}
        | run["shares"]
        for run in runs_of("speed/epoch_profile")
        if (run["threads"], run["density"], run["n_tasks"]) == (1, 1, 2)
    )
    return rows.sort_values(["batch_size", "n_experts"])


def draw_step_parts(numbers):
    """Draw a bar for each case, cut into the parts of a step."""
    numbers = numbers.iloc[::-1].reset_index(drop=True)
    colours = {
        "batch": (OTHERS[4], "taking the batch"),
        "forward": (LIGHT, "forward pass and losses"),
        "backward": (OURS, "backward pass"),
        "optimizer": (OTHERS[2], "optimizer"),
        "rest": ("0.75", "rest of fit"),
    }
    figure, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
    left = np.zeros(len(numbers))
    for part, (colour, label) in colours.items():
        width = 100 * numbers[part]
        ax.barh(numbers.index, width, left=left, color=colour, label=label, height=0.75)
        left += width
    for place, ms in enumerate(numbers["ms"]):
        ax.text(left[place] + 1, place, f"{ms:.3g} ms", va="center", fontsize=9)
    cases = zip(numbers["batch_size"], numbers["n_experts"], strict=True)
    labels = [f"batch of {size:,}, {n} expert{'s' if n > 1 else ''}" for size, n in cases]
    ax.set_yticks(numbers.index, labels)
    ax.set(xlabel="% of a training step", xlim=(0, 114))
    ax.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    return figure


def compiled():
    """Return the factors by which compilation changes the time of an epoch."""
    return pd.DataFrame(
        {
            "network": short(run["architecture"]),
            "batch_size": run["batch_size"],
            "factor": run["ratio_of_later_epochs"],
        }
        for run in runs_of("speed/compiled")
    )


def draw_compiled(numbers):
    """Draw a group of bars for each batch size, and a line where nothing changes."""
    figure, ax = plt.subplots(figsize=(8, 2.8), layout="constrained")
    sizes = sorted(numbers["batch_size"].unique())
    networks = numbers.groupby("network", sort=False)
    for shift, colour, (network, own) in zip((-0.2, 0.2), (OURS, LIGHT), networks, strict=True):
        factors = own.set_index("batch_size").loc[sizes, "factor"]
        bars = ax.bar(
            np.arange(len(sizes)) + shift, factors, width=0.38, color=colour, label=f'"{network}"'
        )
        ax.bar_label(bars, fmt="%.1f", fontsize=9, padding=1)
    ax.axhline(1, color="0.3", lw=1, ls=":", label="without compilation")
    ax.set_xticks(range(len(sizes)), [f"batch of {size:,}" for size in sizes])
    ax.set(ylabel="time of an epoch")
    ax.margins(y=0.14)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9, loc="upper left")
    return figure


FIGURES = {
    "time_to_accuracy": (time_to_accuracy, draw_time_to_accuracy),
    "packages": (packages, draw_epochs),
    "one_hot": (one_hot, draw_epochs),
    "scale": (scale, draw_scale),
    "many_networks": (many_networks, draw_many_networks),
    "lookups": (lookups, draw_lookups),
    "step_parts": (step_parts, draw_step_parts),
    "compiled": (compiled, draw_compiled),
}

if __name__ == "__main__":
    draw_all(FIGURES)
