"""Which architecture? All eight against networks that share nothing, on two real tables.

A seed draws 10,000 rows to learn from and 10,000 that say when to stop, and sets the network's
random numbers. All architectures learn from the same rows with the same seed, so that their
differences to SingleTask are paired, and are judged by all test rows. All have their default
parameters, so they differ in size. One thread. A run that is on record is not repeated.

    OMP_NUM_THREADS=1 python -m benchmarks.accuracy.architectures       # fits, table and picture
    python -m benchmarks.accuracy.architectures --seeds 0               # only table and picture
"""

import argparse
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from sklearn.metrics import log_loss, roc_auc_score

import sk_mmoe
from benchmarks._shared.record import Record, runs_of
from benchmarks._shared.tables import show, simple_table
from benchmarks.accuracy._data import load
from benchmarks.accuracy.balancing import draw, interval

NAME = "accuracy/architectures"
# Epochs are long here: fewer of those that do not help than by default.
PATIENCE = 3
ALONE = "SingleTask"
ARCHITECTURES = [
    ALONE,
    "SharedBottom",
    "L2Constrained",
    "CrossStitch",
    "TensorFactorization",
    "OMoE",
    "MMoE",
    "PLE",
]
TABLES = {"census1": ["income", "never_married"], "kuairand": ["click", "long_view", "like"]}


def fit(tables, architecture, seed):
    """Fit a network and return how it judges the test rows."""
    (X, y), (X_val, y_val), (X_test, y_test) = tables
    model = getattr(sk_mmoe, f"{architecture}Classifier")(
        n_iter_no_change=PATIENCE, random_state=seed, device="cpu"
    )
    start = time.process_time()
    model.fit(X, y, X_val=X_val, y_val=y_val)
    seconds = time.process_time() - start
    probas = {task: p[:, 1] for task, p in zip(y, model.predict_proba(X_test), strict=True)}
    return {
        "seconds": round(seconds, 2),
        "epochs": model.n_iter_,
        "auc": {task: round(roc_auc_score(y_test[task], p), 5) for task, p in probas.items()},
        "log_loss": {task: round(log_loss(y_test[task], p), 5) for task, p in probas.items()},
    }


def differences():
    """Return the AUCs of SingleTask, and intervals of the others' differences in thousandths."""
    runs = pd.json_normalize(runs_of(NAME)).set_index(["table", "architecture", "seed"])
    runs = runs.sort_index()
    rows = []
    for table, tasks in TABLES.items():
        alone = runs.loc[table, ALONE]
        for architecture in ARCHITECTURES:
            ours = runs.loc[table, architecture]
            for task in tasks:
                mean, half = interval((ours - alone)[f"auc.{task}"].dropna())
                rows.append(
                    {
                        "table": table,
                        "task": task,
                        "architecture": architecture,
                        "auc": ours[f"auc.{task}"].mean(),
                        "mean": 1000 * mean,
                        "half": 1000 * half,
                        "time": (ours["seconds"] / alone["seconds"]).median(),
                    }
                )
    return pd.DataFrame(rows)


def tables():
    """Return the table of the page on architectures."""
    frame = differences()
    tasks = [task for of_table in TABLES.values() for task in of_table]
    rows = []
    for architecture in ARCHITECTURES:
        of_task = frame[frame["architecture"] == architecture].set_index("task")
        cells = [
            f"{of_task.loc[task, 'auc']:.4f}"
            if architecture == ALONE
            else f"{of_task.loc[task, 'mean']:+.1f} ± {of_task.loc[task, 'half']:.1f}"
            for task in tasks
        ]
        rows.append([architecture, *cells])
    return {"architectures": simple_table(rows, ["Architecture", *tasks])}


def draw_picture():
    """Draw the differences to SingleTask: a panel for each task, a bar for each interval."""
    frame = differences()
    tasks = [task for of_table in TABLES.values() for task in of_table]
    others = [name for name in ARCHITECTURES if name != ALONE]
    fig, axes = plt.subplots(1, len(tasks), figsize=(11, 3.2), sharey=True, layout="constrained")
    for ax, task in zip(axes, tasks, strict=True):
        part = frame[frame["task"] == task].set_index("architecture").loc[others]
        ax.axvline(0, color="tab:gray", lw=1, ls=":")
        clear = part["mean"].abs() > part["half"]
        for which, color in ((clear, "tab:blue"), (~clear, "tab:gray")):
            rows = np.flatnonzero(which)
            ax.errorbar(
                part["mean"].iloc[rows], rows, xerr=part["half"].iloc[rows], fmt="o", color=color
            )
        title = task.replace("_", " ")
        ax.set(title=title, yticks=range(len(others)), yticklabels=others, ylim=(-0.6, 6.6))
        ax.grid(axis="x", alpha=0.3)
    axes[0].invert_yaxis()
    fig.supxlabel("difference to SingleTask in AUC, in thousandths", fontsize="medium")
    path = Path(__file__).parents[2] / "docs" / "_static" / "architectures.png"
    fig.savefig(path, dpi=110)
    print(f"written: docs/_static/{path.name}")


def main():
    """Fit all architectures with all seeds, then print the table and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=8)
    options = parser.parse_args()
    torch.set_num_threads(1)
    record = Record(
        NAME,
        question="what each architecture changes against networks that share nothing",
        rows=[10_000, 10_000],
        not_run="other parameters; equal sizes; other numbers of rows; other tables",
    )
    data = {table: load(table) for table in TABLES} if options.seeds else {}
    for seed in range(options.seeds):
        for table, parts in data.items():
            drawn = draw(parts, seed)
            for architecture in ARCHITECTURES:
                key = {"table": table, "architecture": architecture, "seed": seed}
                if record.find(**key) is None:
                    record.add(**key, **fit(drawn, architecture, seed))
    show(tables())
    draw_picture()


if __name__ == "__main__":
    main()
