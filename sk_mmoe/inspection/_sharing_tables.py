"""The tables, the verdicts and the sentences of a comparison of shared and separate models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sk_mmoe.inspection._intervals import corrected_interval
from sk_mmoe.inspection._sharing_fits import Fit

TOGETHER, APART, UNKNOWN = "together", "apart", "cannot be told"


def verdict_of(lower: float, upper: float) -> str:
    """Return what an interval of joint minus separate scores says."""
    if lower > 0:
        return TOGETHER
    return APART if upper < 0 else UNKNOWN


def fold_table(fits: Sequence[Fit]) -> pd.DataFrame:
    """Return one row for each fold, set of tasks learned together, and task."""
    rows = [
        (fit.fold, fit.tasks, task, score, fit.seconds, fit.n_parameters)
        for fit in fits
        for task, score in fit.scores.items()
    ]
    columns = ["fold", "learned", "task", "score", "fit_time", "n_parameters"]
    return pd.DataFrame(rows, columns=columns)


def scores_of(folds: pd.DataFrame, task: str, learned: tuple[str, ...]) -> pd.Series:
    """Return the score of a task in each fold, where it was learned with these tasks."""
    rows = (folds["task"] == task) & folds["learned"].map(lambda tasks: tasks == learned)
    return folds[rows].set_index("fold")["score"].astype(np.float64)


def task_table(
    folds: pd.DataFrame,
    scoring: Mapping[str, Any],
    ratios: Mapping[str, float],
    confidence_level: float,
) -> tuple[pd.DataFrame, pd.Series]:
    """Return the joint and the separate score of each task, with intervals, and of their mean."""
    names = tuple(scoring)
    joint = pd.DataFrame({name: scores_of(folds, name, names) for name in names})
    separate = pd.DataFrame({name: scores_of(folds, name, (name,)) for name in names})
    tasks = pd.DataFrame(
        [
            {"scoring": str(scoring[name])}
            | compare(joint[name], separate[name], ratios[name], confidence_level)
            for name in names
        ],
        index=pd.Index(names, name="task"),
    )
    # A fold without the score of one task has no mean over all tasks.
    overall = compare(
        joint.mean(axis=1, skipna=False),
        separate.mean(axis=1, skipna=False),
        float(np.mean(list(ratios.values()))),
        confidence_level,
    )
    return tasks, pd.Series(overall, name="mean over tasks")


def pair_table(
    folds: pd.DataFrame,
    pairs: Sequence[tuple[str, str]],
    ratios: Mapping[str, float],
    confidence_level: float,
) -> pd.DataFrame | None:
    """Return the score of each task with one partner, with intervals; `None` without pairs."""
    rows = {}
    for pair in pairs:
        for task, partner in (pair, pair[::-1]):
            together, alone = scores_of(folds, task, pair), scores_of(folds, task, (task,))
            rows[task, partner] = compare(together, alone, ratios[task], confidence_level)
    if not rows:
        return None
    index = pd.MultiIndex.from_tuples(rows, names=["task", "partner"])
    return pd.DataFrame(list(rows.values()), index=index)


def compare(
    joint: pd.Series, separate: pd.Series, ratio: float, confidence_level: float
) -> dict[str, Any]:
    """Return the mean scores over the folds, their difference, its interval and the verdict."""
    found = corrected_interval((joint - separate).to_numpy(), ratio, confidence_level)
    return {
        "separate": separate.mean(),
        "joint": joint.mean(),
        "difference": found.estimate,
        "lower": found.lower,
        "upper": found.upper,
        "verdict": verdict_of(found.lower, found.upper),
    }


def cost_table(folds: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return seconds of a fold and numbers of parameters of the models of each kind in total."""
    fits = folds.drop_duplicates(["fold", "learned"]).copy()
    size = fits["learned"].map(len)
    fits["models"] = np.select([size == len(names), size == 1], ["joint", "separate"], "pairs")
    totals = fits.groupby(["models", "fold"], sort=False)[["fit_time", "n_parameters"]].sum(
        min_count=1
    )
    # The very first fit takes longer than the others, and it is one of the joint model.
    table = totals.groupby("models", sort=False).median()
    table.insert(0, "n_models", fits.groupby("models", sort=False)["learned"].nunique())
    return table


def summarise(
    tasks: pd.DataFrame,
    overall: pd.Series,
    pairs: pd.DataFrame | None,
    cost: pd.DataFrame,
    confidence_level: float,
) -> str:
    """Return the verdict in sentences: one overall, one for each task, and the cost."""
    verdict = overall["verdict"]
    opening = {
        TOGETHER: "Learn the tasks together.",
        APART: "Learn the tasks apart.",
        UNKNOWN: "It cannot be told whether the tasks should be learned together.",
    }
    lines = [
        f"{opening[verdict]} The joint model changes the mean score by "
        f"{overall['difference']:+.4f} ({100 * confidence_level:g} % interval {_range(overall)})."
    ]
    if verdict == UNKNOWN:
        lines[0] += " More splits or more rows narrow the interval."
        told = {"gains": TOGETHER, "loses": APART}
        single = [
            f"{name} {what}"
            for what, word in told.items()
            for name in tasks.index[tasks["verdict"] == word]
        ]
        if single:
            lines.append(f"Single tasks differ: {', '.join(single)}.")
    other = {TOGETHER: APART, APART: TOGETHER}.get(verdict)
    exceptions = tasks.index[tasks["verdict"] == other].tolist()
    if exceptions:
        lines.append(f"The opposite holds for {', '.join(exceptions)}: learn them {other}.")
    for name, row in tasks.iterrows():
        lines.append(
            f"{name}: {row['verdict']}. {row['scoring']} is {row['separate']:.4f} separate and "
            f"{row['joint']:.4f} joint, a change of {row['difference']:+.4f} ({_range(row)})."
        )
    if pairs is not None:
        helpful = pairs[pairs["verdict"] == TOGETHER].reset_index()
        lines += [
            f"{row['task']} gains from {row['partner']} alone: {row['difference']:+.4f} "
            f"({_range(row)})."
            for _, row in helpful.iterrows()
        ]
    return "\n".join([*lines, _cost_sentence(cost)])


def _range(row: pd.Series) -> str:
    """Return an interval in words."""
    if np.isnan(row["lower"]):
        return "unknown, too few scores"
    return f"{row['lower']:+.4f} to {row['upper']:+.4f}"


def _cost_sentence(cost: pd.DataFrame) -> str:
    """Return what the joint model and the separate ones cost."""
    seconds, n_models = cost["fit_time"], cost["n_models"]
    text = (
        f"Cost: the joint model takes {seconds['joint']:.1f} s to fit, the "
        f"{n_models['separate']:.0f} separate models {seconds['separate']:.1f} s in total."
    )
    numbers = cost["n_parameters"]
    if numbers.isna().any():
        return text
    return f"{text} They have {numbers['joint']:,.0f} and {numbers['separate']:,.0f} parameters."
