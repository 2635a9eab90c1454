"""Draw all that the accuracy benchmarks tried: AUC on validation data, by the time to fit.

    python benchmarks/accuracy/plot_tried.py

Reads the raw results of ``accuracy.py``, writes ``docs/_static/tried.png``.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from benchmarks._shared.record import runs_of
from benchmarks.accuracy.report import BOOSTERS

PANELS = [("census1", "income"), ("census2", "college"), ("kuairand", "long_view")]
NETWORKS = ["MMoE", "MMoE, members"]
MARKERS = dict(zip([*NETWORKS, *BOOSTERS], "oDs^v", strict=True))


def tried(data, task):
    """Return model, stage, seconds and AUC of all runs that had learned a task."""
    return pd.DataFrame(
        {
            "model": run["model"],
            "stage": run["stage"],
            "seconds": run["seconds"],
            "auc": run["validation"][task]["auc"],
        }
        for run in runs_of(f"accuracy/accuracy_{data}")
        if task in run["validation"]
    )


def draw(ax, data, task):
    """Draw the runs of a task: small what was drawn, large the mean over seeds of the choice."""
    runs = tried(data, task)
    for k, (model, marker) in enumerate(MARKERS.items()):
        own = runs[runs["model"] == model]
        draws = own[own["stage"] == "search"]
        ax.scatter(draws["seconds"], draws["auc"], s=18, marker=marker, color=f"C{k}", alpha=0.6)
        chosen = own.loc[own["stage"] == "seeds", ["seconds", "auc"]].mean()
        style = {"s": 90, "marker": marker, "color": f"C{k}", "edgecolor": "black"}
        ax.scatter(chosen["seconds"], chosen["auc"], label=model, **style)
    ax.set(xscale="log", title=f"{task.replace('_', ' ')} ({data.rstrip('12')})")
    ax.set_xlabel("seconds to fit")
    ax.grid(alpha=0.3)


def main():
    """Draw a panel for each data set."""
    fig, axes = plt.subplots(1, len(PANELS), figsize=(11, 4), layout="constrained")
    for ax, panel in zip(axes, PANELS, strict=True):
        draw(ax, *panel)
    axes[0].set_ylabel("AUC on validation data")
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    path = Path(__file__).parents[2] / "docs" / "_static" / "tried.png"
    fig.savefig(path, dpi=110)
    print(f"written: docs/_static/{path.name}")


if __name__ == "__main__":
    main()
