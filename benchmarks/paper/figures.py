"""Figures 2 to 6 as the paper draws them, with its values marked, and a picture of tables 1 and 2.

They are drawn from what ``fig2.py``, ``fig3.py``, ``fig4_5.py``, ``table3.py`` and ``tables12.py``
have finished. ``--quick`` draws them without keeping them.

    python -m benchmarks.paper.figures
"""

import json

import matplotlib.pyplot as plt
import numpy as np

from benchmarks.paper import _census_figure
from benchmarks.paper._common import CORRELATIONS, PICTURES, RESULTS, arguments
from benchmarks.paper._read_off import FIG2, FIG3, FIG4
from benchmarks.paper._statistics import MODELS, read_losses
from benchmarks.paper.claims import PAPER_SETTING, TABLE_SETTING
from benchmarks.paper.table3 import PAPER_GATES, TASKS, read_gates

COLOURS = {"Shared-Bottom": "C0", "OMoE": "C1", "MMoE": "C2"}
FOR_ALL, SMALL_RATE = 1e-2, 1e-3


def read_curve(name, **setting):
    """Return steps and mean training loss of both tasks, over all runs of a setting; or None."""
    weights, curves, width = [], [], 0
    for line in (RESULTS / f"{name}.jsonl").read_text().splitlines():
        chunk = json.loads(line)
        if setting.items() <= chunk.items():
            weights.append(len(chunk["runs"]))
            curves.append(np.mean(chunk["curve"], axis=1))
            width = chunk["steps_per_point"]
    if not curves:
        return None
    curve = np.average(curves, axis=0, weights=weights)
    return width * (np.arange(len(curve)) + 0.5), curve


def draw_fig2():
    """Draw the labels' correlation against the cosine of the weights, with bars of two sd."""
    figure, axes = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
    results = json.loads((RESULTS / "fig2.json").read_text())["results"]
    for (name, measured), marker in zip(results.items(), "os^", strict=True):
        p, mean, sd = np.array([list(point.values()) for point in measured]).T
        axes.errorbar(p, mean, yerr=2 * sd, label=name, marker=marker, markersize=4, capsize=2)
    axes.plot(list(FIG2), list(FIG2.values()), "kx", markersize=8, label="paper, read off")
    axes.set(xlabel="cosine of the weight vectors, p", ylabel="correlation of the labels")
    axes.legend(frameon=False)
    return figure


def draw_fig3():
    """Draw the loss curves of the small Shared-Bottom network."""
    figure, axes = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
    sides = {"a table": (TABLE_SETTING, "-"), "fresh samples": (PAPER_SETTING, ":")}
    for name, (setting, style) in sides.items():
        losses = read_losses("fig3", **setting)
        for number, p in enumerate(CORRELATIONS):
            curve = read_curve("fig3", p=p, rate=SMALL_RATE, **setting)
            n_runs = len(losses["Shared-Bottom 16", p, SMALL_RATE])
            label = f"p = {p:g}, {name}, {n_runs} runs"
            axes.plot(*curve, f"C{number}{style}", label=label)
    for number, p in enumerate(CORRELATIONS):
        axes.plot(10_250, FIG3[p], f"C{number}x", markersize=8, clip_on=False)
    axes.plot([], [], "kx", markersize=8, label="paper's last value")
    axes.set(xlabel="steps", ylabel="training loss", xlim=(0, 10_300), ylim=(0, 1.2))
    axes.legend(frameon=False, fontsize=8)
    return figure


def fill_fig4(panels):
    """Draw the loss curves of the three models into a panel for each correlation."""
    for axes, p in zip(panels, CORRELATIONS, strict=True):
        for model in MODELS:
            found = read_curve("fig4_5", model=model, p=p, rate=FOR_ALL, **PAPER_SETTING)
            if found is not None:
                axes.plot(*found, COLOURS[model], label=model)
            axes.plot(10_300, FIG4[p][model], COLOURS[model], marker="x", clip_on=False)
        axes.set(title=f"p = {p:g}", xlabel="steps", xlim=(0, 10_400), ylim=(0, 0.8))
    panels[0].set_ylabel("training loss")
    panels[0].plot([], [], "kx", label="paper's last value")
    panels[0].legend(frameon=False)


def draw_fig4():
    """Draw the loss curves of the three models, for each correlation."""
    figure, panels = plt.subplots(1, 3, figsize=(9.6, 3.4), sharey=True, layout="constrained")
    fill_fig4(panels)
    return figure


def fill_fig5(grid):
    """Draw histograms of final losses into a row for each model, a panel for each correlation."""
    losses = read_losses(rate=FOR_ALL, **PAPER_SETTING)
    edges = np.arange(0, 0.71, 0.035)
    for row, model in zip(grid, MODELS, strict=True):
        for axes, p in zip(row, CORRELATIONS, strict=True):
            values = losses.get((model, p, FOR_ALL), np.array([]))
            shares = np.full(len(values), 1 / max(len(values), 1))
            axes.hist(values, edges, weights=shares, color=COLOURS[model])
            axes.axvline(FIG4[p][model], color="k", linestyle="--", linewidth=1)
            axes.set_title(f"{model}, p = {p:g}, {len(values)} runs", fontsize=9)
        row[0].set_ylabel("share of runs")
    for axes in grid[-1]:
        axes.set_xlabel("final test loss; dashed: paper's mean")


def draw_fig5():
    """Draw histograms of the final losses of the runs."""
    figure, grid = plt.subplots(
        3, 3, figsize=(9.6, 6), sharex=True, sharey="row", layout="constrained"
    )
    fill_fig5(grid)
    return figure


def draw_fig4_5():
    """Draw both in one picture, as the README shows them."""
    figure = plt.figure(figsize=(9.6, 8.4), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[3.2, 5.2])
    fill_fig4(above.subplots(1, 3, sharey=True))
    fill_fig5(below.subplots(3, 3, sharex=True, sharey="row"))
    return figure


def draw_fig6():
    """Draw the mean gate of each task, with a dot for each seed, and the paper's."""
    gates = read_gates()
    n_experts = gates.shape[-1]
    experts = np.arange(n_experts)
    figure, axes = plt.subplots(figsize=(6.4, 4), layout="constrained")
    for number, task in enumerate(TASKS):
        of_task, place = gates[:, number], experts + 0.27 * (number - 1)
        label = f"{task.replace('_', ' ')}, mean of {len(gates)} seeds"
        axes.bar(place, of_task.mean(axis=0), 0.25, color=f"C{number}", alpha=0.6, label=label)
        places = np.broadcast_to(place, of_task.shape)
        axes.plot(places.ravel(), of_task.ravel(), f"C{number}o", markersize=3)
    for (task, values), number, mark in zip(PAPER_GATES.items(), (0, 2), "x+", strict=True):
        place = experts + 0.27 * (number - 1)
        axes.plot(place, values, f"k{mark}", markersize=9, label=f"{task}, paper")
    axes.plot([], [], "o", color="0.4", markersize=3, label="a seed")
    axes.axhline(1 / n_experts, color="0.6", linestyle=":", linewidth=1)
    axes.set(
        xlabel="expert, in the order of the weights of satisfaction",
        ylabel="mean gate weight",
        xticks=experts,
        xticklabels=experts + 1,
        ylim=(0, 1.05),
    )
    figure.legend(frameon=False, fontsize=8, loc="outside upper center", ncols=2)
    return figure


def main():
    """Draw all figures that runs have finished for."""
    options = arguments(__doc__).parse_args()
    figures = {
        "fig2": draw_fig2,
        "fig3": draw_fig3,
        "fig4": draw_fig4,
        "fig5": draw_fig5,
        "fig4_5": draw_fig4_5,
        "fig6": draw_fig6,
        "tables12": _census_figure.draw,
    }
    for name, draw in figures.items():
        figure = draw()
        if figure is None:
            print(f"not run yet: {name}")
            continue
        if not options.quick:
            PICTURES.mkdir(parents=True, exist_ok=True)
            figure.savefig(PICTURES / f"{name}.png", dpi=90)
        plt.close(figure)
        print(f"drawn: {name}")


if __name__ == "__main__":
    main()
