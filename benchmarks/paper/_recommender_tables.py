"""The tables of the page on the paper about recommenders: tables 3 and 4, figure 6."""

import numpy as np

from benchmarks._shared.record import runs_of
from benchmarks._shared.tables import simple_table
from benchmarks.paper import table3, table4
from benchmarks.paper._cells import counted, fixed, parts_table, with_verdict
from benchmarks.paper._intervals import mean_interval

STEPS = ("2M", "4M", "6M")


def overview():
    """Return the rows of the overview."""
    lifts = table4.read_lifts()
    of_table4 = [part for c in table4.CORRELATIONS for part in table4.parts(lifts, c)]
    return [
        [
            "Table 3",
            "engagement, offline",
            _counted(_differences("click")),
            "table3",
            "table3.json",
        ],
        ["Table 4", "live lift, here simulated", _counted(of_table4), "table4", "table4.json"],
        ["Fig. 6", "gates of the recommender", _counted(_of_gates()), "table3", "table3.json"],
    ]


def _counted(parts):
    return counted(with_verdict(parts))


def _differences(task):
    return table3.parts(table3.read_scores(), task)


def _of_gates():
    return table3.gate_parts(table3.read_gates())


def _exact(values):
    """Return a mean with its interval, to the fourth digit behind the point."""
    value, low, high = (fixed(number) for number in mean_interval(values, digits=8))
    return f"{value} [{low}, {high}]"


def settings():
    """Return what the searches of table 3 chose, and the sizes of the networks."""
    runs = runs_of(table3.NAME)
    rows = []
    for name in table3.METHODS:
        search = next(run for run in runs if run["stage"] == "search" and run["method"] == name)
        fit = next(run for run in runs if run["stage"] == "fit" and run["method"] == name)
        best = dict(search["candidates"][0]["parameters"])
        rate = best.pop("learning_rate_init")
        other = ", ".join(f"{value:.2g}" for value in best.values())
        rows.append(
            [
                name,
                f"{fit['n_hidden']:,}",
                f"{fit['n_parameters']:,}",
                f"{rate:.2g}",
                other,
                len(search["candidates"]),
            ]
        )
    header = ["Model", "Without vectors", "Parameters", "Learning rate", "Its own", "Candidates"]
    return simple_table(rows, header)


def scores(task, score):
    """Return a score of all models after each length, beside the paper's for engagement."""
    found = table3.read_scores()
    of_paper = {"AUC": 0, "R²": 1}[score]
    rows = []
    for name in table3.METHODS:
        cells = [_exact(found[name, length, score, task]) for length in table3.LENGTHS]
        if task == "click":
            digits = (4, 5)[of_paper]
            paper = [fixed(value, digits) for value in table3.PAPER[name][of_paper]]
            cells = [" ".join(paper), *cells]
        rows.append([name, *cells])
    header = [f"{length} epochs [95 %]" for length in table3.LENGTHS]
    if task == "click":
        header = [f"Paper ({', '.join(STEPS)})", *header]
    return simple_table(rows, [f"{score}, {task.replace('_', ' ')}", *header])


def gates():
    """Return the mean gates, beside the paper's; experts by what satisfaction gives them."""
    found = table3.read_gates()
    rows = [
        [f"{task}, paper", *(fixed(value, 2) for value in values)]
        for task, values in table3.PAPER_GATES.items()
    ]
    for number, task in enumerate(table3.TASKS):
        cells = [
            f"{fixed(values.mean(), 2)} ({fixed(values.std(ddof=1), 2)})"
            for values in found[:, number].T
        ]
        rows.append([f"{task.replace('_', ' ')}, here", *cells])
    header = ["Mean gate (sd)", *(f"Expert {number}" for number in range(1, found.shape[2] + 1))]
    return simple_table(rows, header)


def earned():
    """Return what all rankings of table 4 earn, in means over seeds."""
    runs = [run for run in runs_of(table4.NAME) if run["stage"] == "fit"]
    names = ["random", *table4.MODELS, "true probabilities"]
    rows = []
    for correlation in table4.CORRELATIONS:
        of_this = [run for run in runs if run["correlation"] == correlation]
        for k, measure in enumerate(table4.MEASURES):
            values = [
                np.mean([run["random"][k] for run in of_this]),
                *(
                    np.mean([run["models"][name]["earned"][k] for run in of_this])
                    for name in table4.MODELS
                ),
                np.mean([run["best"][k] for run in of_this]),
            ]
            name = f"cosine {correlation:g}, {measure}"
            rows.append([name, *(fixed(value, 3) for value in values)])
    return simple_table(rows, ["In a request", *names])


def candidates():
    """Return the losses of the three best candidates of both models with shared layers."""
    losses = {}
    for run in runs_of(table4.NAME):
        if run["stage"] == "search" and run["model"] != "Single-Task":
            key = run["model"], *run["settings"]
            losses.setdefault(key, []).append(run["log_losses"])
    means = {key: np.mean(values, axis=0) for key, values in losses.items()}
    rows = []
    for name in list(table4.MODELS)[1:]:
        best = sorted((key for key in means if key[0] == name), key=lambda key: means[key].sum())
        for _, rate, weight in best[:3]:
            values = means[name, rate, weight]
            cells = (fixed(value) for value in (*values, values.sum()))
            rows.append([name, f"{rate:g}", f"{weight:g}", *cells])
    header = ["Candidate", "Rate", "Weight", "Loss of engagement", "Of satisfaction", "Sum"]
    return simple_table(rows, header)


def tables():
    """Return all tables by name."""
    lifts = table4.read_lifts()
    return {
        "table 3, settings": settings(),
        **{
            f"table 3, {score} of {task}": scores(task, score)
            for task in table3.TASKS
            for score in table3.SCORES
        },
        **{
            f"table 3, differences of {task}": parts_table(
                _differences(task), f"Table 3, {task.replace('_', ' ')}"
            )
            for task in table3.TASKS
        },
        "figure 6": gates(),
        "figure 6, parts": parts_table(_of_gates(), "Fig. 6"),
        "table 4, candidates": candidates(),
        "table 4, earned": earned(),
        **{
            f"table 4, cosine {c:g}": parts_table(
                table4.parts(lifts, c), f"Lift in %, cosine {c:g}"
            )
            for c in table4.CORRELATIONS
        },
    }
