"""The picture of tables 1 and 2: the mean of the main task of every method, beside the paper's."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

from benchmarks.paper._cells import fixed
from benchmarks.paper._census_summary import (
    GROUPS,
    INPUTS,
    PAPER,
    paper_mean,
    read_fits,
    scores,
    tasks_of,
)
from benchmarks.paper._intervals import mean_interval

SHOWN_INPUTS = {"plain": "plain inputs, as in the paper", "own": "the package's inputs"}
# What lies further from MMoE is off the scale, and its value is written at the edge.
FURTHEST = 0.012


def fill(axes, group, fits, methods):
    """Draw the methods of a table into a panel, on a scale for here and one for the paper.

    Both scales have the same unit, and MMoE's means at the same place.
    """
    aucs = scores(fits)
    centre, of_paper = aucs["MMoE"][:, 0].mean(), paper_mean(group, "MMoE", 0)
    shift = centre - of_paper
    places = [centre]
    for place, method in enumerate(methods):
        if method not in aucs:
            continue
        found = aucs[method][:, 0]
        if len(found) > 1:
            mean, low, high = mean_interval(found, digits=8)
            errors = [[mean - low], [high - mean]]
        else:
            mean, low, high, errors = found[0], found[0], found[0], None
        if mean > centre - FURTHEST:
            colour = "C2" if method == "MMoE" else "C0"
            marker = "o" if errors else "s"
            axes.errorbar(mean, place, xerr=errors, fmt=marker, color=colour, ms=5, capsize=3)
            places += [low, high]
        else:
            write_at_edge(axes, place + 0.3, f"here {fixed(mean)}", "C0")
        if method in PAPER[group]:
            paper = paper_mean(group, method, 0)
            if paper > of_paper - FURTHEST:
                axes.plot(paper + shift, place, "kx", ms=7)
                places.append(paper + shift)
            else:
                write_at_edge(axes, place - 0.3, f"paper {fixed(paper)}", "k")
    margin = 0.06 * np.ptp(places)
    axes.set_xlim(min(places) - margin, max(places) + margin)
    axes.axvline(centre, color="0.6", linestyle=":", linewidth=1, zorder=0)
    above = axes.secondary_xaxis("top", functions=(lambda x: x - shift, lambda x: x + shift))
    above.tick_params(labelsize=8)
    for scale in (axes.xaxis, above.xaxis):
        scale.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    above.set_xlabel("mean AUC in the paper", fontsize=8)


def write_at_edge(axes, place, text, colour):
    """Write a value that is off the scale, with an arrow to the left."""
    axes.annotate(
        text,
        (0, place),
        (0.05, place),
        xycoords=axes.get_yaxis_transform(),
        color=colour,
        va="center",
        fontsize=8,
        arrowprops={"arrowstyle": "->", "color": colour},
    )


def draw():
    """Draw a panel for each table and kind of inputs that has been run; None if none has."""
    keys = [(group, inputs) for inputs in INPUTS for group in GROUPS]
    fits = {key: found for key in keys if (found := read_fits(*key))}
    if not fits:
        return None
    methods = list(dict.fromkeys(method for found in fits.values() for method in found))
    n_rows, n_columns = -(-len(fits) // 2), min(len(fits), 2)
    figure, grid = plt.subplots(
        n_rows,
        n_columns,
        figsize=(1 + 4.2 * n_columns, 0.4 + 3.1 * n_rows),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axes, ((group, inputs), found) in zip(grid.flat, fits.items(), strict=False):
        fill(axes, group, found, methods)
        axes.set_title(f"Table {group}, {SHOWN_INPUTS[inputs]}", fontsize=9)
        label = f"mean test AUC of {tasks_of(found)[0]}, {len(found['MMoE'])} seeds"
        axes.set_xlabel(label, fontsize=8)
        axes.tick_params(axis="x", labelsize=8)
    for axes in grid.flat[len(fits) :]:
        axes.axis("off")
    for row in grid:
        row[0].set_yticks(range(len(methods)), methods, fontsize=8)
    grid[0, 0].invert_yaxis()
    marks = [
        plt.Line2D([], [], color="C0", marker="o", ms=5, label="here, mean with its 95 % interval"),
        plt.Line2D([], [], color="k", marker="x", ms=7, linestyle="", label="paper, upper scale"),
    ]
    if any(len(runs) == 1 for found in fits.values() for runs in found.values()):
        one = plt.Line2D([], [], color="C0", marker="s", ms=5, linestyle="", label="here, one fit")
        marks.insert(1, one)
    figure.legend(handles=marks, frameon=False, fontsize=8, loc="outside upper center", ncols=3)
    return figure
