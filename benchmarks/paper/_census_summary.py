"""Tables 1 and 2 from the fits on record: scores of the methods, differences and claims."""

from itertools import combinations

import numpy as np

from benchmarks._shared.record import runs_of
from benchmarks.paper._cells import with_verdict
from benchmarks.paper._common import rounded
from benchmarks.paper._intervals import mean_interval, positive_part
from benchmarks.paper._statistics import FEWEST_RUNS

GROUPS, INPUTS = (1, 2), ("plain", "own")
# It has no random numbers, so that one fit says all.
BOOSTING = "HistGradientBoosting"

# Test AUC in the paper: of the main task in the best of 400 runs and on average, and of the other
# task in that same run and on average.
COLUMNS = ("main_best", "main_mean", "other_of_best", "other_mean")
PAPER = {
    1: {
        "Single-Task": (0.9398, 0.9337, 0.9933, 0.9922),
        "Shared-Bottom": (0.9361, 0.9295, 0.9915, 0.9921),
        "L2-Constrained": (0.9389, 0.9359, 0.9922, 0.9918),
        "Cross-Stitch": (0.9406, 0.9361, 0.9917, 0.9922),
        "Tensor-Factorization": (0.7460, 0.6765, 0.8175, 0.8412),
        "OMoE": (0.9387, 0.9319, 0.9928, 0.9923),
        "MMoE": (0.9410, 0.9359, 0.9926, 0.9927),
    },
    2: {
        "Single-Task": (0.8843, 0.8792, 0.9933, 0.9922),
        "Shared-Bottom": (0.8836, 0.8813, 0.9927, 0.9917),
        "L2-Constrained": (0.8855, 0.8823, 0.9923, 0.9918),
        "Cross-Stitch": (0.8855, 0.8819, 0.9919, 0.9921),
        "Tensor-Factorization": (0.7367, 0.7256, 0.7453, 0.7497),
        "OMoE": (0.8852, 0.8813, 0.9915, 0.9912),
        "MMoE": (0.8860, 0.8826, 0.9932, 0.9924),
    },
}
# In both of the paper's tables Tensor-Factorization is behind Shared-Bottom by .15 or more.
FAR = 0.1


def name_of(group, inputs):
    """Return the name of the record of a table."""
    return f"paper/tables12_census{group}_{inputs}"


def read_fits(group, inputs):
    """Return the fits on record of a table, by method; none if there are too few."""
    fits = complete(runs_of(name_of(group, inputs)))
    enough = fits.keys() >= PAPER[group].keys() and len(fits["MMoE"]) >= FEWEST_RUNS
    return fits if enough else {}


def complete(runs):
    """Return the runs by method, each with the same seeds, however many a record has by now.

    If a search was made longer, a method has runs of several parameters: the last ones count.
    """
    last = {run["method"]: run["parameters"] for run in runs}
    by_seed = {
        method: {
            run["seed"]: run
            for run in runs
            if run["method"] == method and run["parameters"] == parameters
        }
        for method, parameters in last.items()
    }
    networks = [set(of) for method, of in by_seed.items() if method != BOOSTING]
    common = set.intersection(*networks) if networks else set()
    return {
        method: [of[seed] for seed in sorted(of if method == BOOSTING else common)]
        for method, of in by_seed.items()
    }


def tasks_of(fits):
    """Return the names of both tasks, the main one first."""
    return list(fits["MMoE"][0]["test"])


def scores(fits):
    """Return the test AUC by method, an array of shape (n_seeds, 2), the main task first."""
    tasks = tasks_of(fits)
    return {
        method: np.array([[run["test"][task] for task in tasks] for run in runs])
        for method, runs in fits.items()
    }


def paper_mean(group, method, task):
    """Return the paper's mean of a method in the main task (0) or the other (1)."""
    return PAPER[group][method][(1, 3)[task]]


def difference(aucs, one, other, task):
    """Return what one method has more than another, seed by seed, with its interval."""
    return mean_interval(aucs[one][:, task] - aucs[other][:, task])


def differences(aucs, task):
    """Return what MMoE has more than each other method."""
    return {other: difference(aucs, "MMoE", other, task) for other in aucs if other != "MMoE"}


def claims(group, aucs, tasks):
    """Return what the paper's table says about the methods, each with parts and a verdict.

    A part is a difference of two means that the paper has, taken seed by seed here. Methods that
    are level with MMoE in the paper, or ahead of it, are no part of its claims.
    """

    def ahead(one, other, task=0, by=0):
        beyond = f" by more than {by:g}" if by else ""
        name = f"{tasks[task].replace('_', ' ')}: {one} ahead of {other}{beyond}"
        return positive_part(name, aucs[one][:, task] - aucs[other][:, task], above=by)

    def ahead_as_in_the_paper(one, other):
        if paper_mean(group, one, 0) < paper_mean(group, other, 0):
            one, other = other, one
        return ahead(one, other)

    found = {
        f"MMoE ahead of the others, {tasks[task].replace('_', ' ')}": [
            ahead("MMoE", method, task)
            for method in PAPER[group]
            if paper_mean(group, "MMoE", task) > paper_mean(group, method, task)
        ]
        for task in (0, 1)
    }
    single = ahead_as_in_the_paper("Single-Task", "Shared-Bottom")
    found[single["statistic"].partition(": ")[2]] = [single]
    found["L2-Constrained and Cross-Stitch ahead of Shared-Bottom"] = [
        ahead(method, "Shared-Bottom") for method in ("L2-Constrained", "Cross-Stitch")
    ]
    found["Tensor-Factorization far behind"] = [
        ahead("Shared-Bottom", "Tensor-Factorization", by=FAR)
    ]
    return {name: with_verdict(parts) for name, parts in found.items()}


def all_parts(judged):
    """Return the parts of all claims."""
    return [part for claim in judged.values() for part in claim["parts"]]


def summarise(group, runs):
    """Return what the paper's table has, spreads, differences and claims, from the runs alone."""
    fits = complete(runs)
    aucs, tasks = scores(fits), tasks_of(fits)
    rows = []
    for method, found in aucs.items():
        best = found[:, 0].argmax()
        values = (found[best, 0], found[:, 0].mean(), found[best, 1], found[:, 1].mean())
        main_sd, other_sd = rounded(found.std(axis=0, ddof=1), 3) if len(found) > 1 else (None,) * 2
        rows.append(
            {
                "method": method,
                "parameters": fits[method][0]["parameters"],
                "n_parameters": fits[method][0].get("n_parameters"),
                "n_seeds": len(found),
                **dict(zip(COLUMNS, rounded(values, 5), strict=True)),
                "main_sd": main_sd,
                "other_sd": other_sd,
                "paper": dict(zip(COLUMNS, PAPER[group].get(method, ()), strict=False)),
            }
        )
    several = [method for method, found in aucs.items() if len(found) > 1]
    return {
        "tasks": tasks,
        "rows": rows,
        "differences": [
            {
                "one": one,
                "other": other,
                "difference": difference(aucs, one, other, task=0),
            }
            for one, other in combinations(several, 2)
        ],
        "claims": claims(group, aucs, tasks),
    }
