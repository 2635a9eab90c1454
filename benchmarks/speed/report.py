"""Print the tables of the user guide's page on speed, from the raw results.

    python benchmarks/speed/report.py

A test holds the page to what this prints.
"""

from functools import partial

import pandas as pd

from benchmarks._shared.record import read, runs_of
from benchmarks._shared.tables import show, simple_table
from benchmarks.accuracy.report import spread

SIDES = {
    "ours": "sk_mmoe",
    "ours_csr": "sk_mmoe, CSR",
    "hand_written": "hand-written loop",
    "naive_skorch": "skorch, its DataLoader",
    "mlp": "MLPClassifier",
    "mlp_csr": "MLPClassifier, CSR",
}

TASKS = {
    "census1": ["income", "never_married"],
    "kuairand": ["click", "long_view", "like"],
}


def short(architecture):
    """Return the first word of an architecture's description."""
    return architecture.split(":")[0]


def peers(case):
    """Return the table of all packages on one network."""
    raw = read("speed/speed")
    found = [run for run in raw["runs"] if run["case"] == case]
    runs = {(run["side"], run["threads"]): run["medians"] for run in found}
    rows = []
    for side in raw["sides"]:
        if side["case"] != case:
            continue
        one, two = (runs[side["side"], threads] for threads in (1, 2))
        rows.append(
            [
                SIDES.get(side["side"], side["side"]),
                f"{one['seconds_per_epoch']:.2f}",
                f"{two['seconds_per_epoch']:.2f}",
                f"{two['rows_per_second']:,.0f}",
                f"{side['peak_memory_mib']:.0f}",
                f"{two['predict_rows_per_second']:,.0f}",
                f"{two['predict_one_ms']:.2f}",
                f"{two['auc_income']:.4f}",
                f"{two['auc_never_married']:.4f}",
            ]
        )
    columns = ["1 thread", "2 threads", "rows/s", "MiB", "predicts", "1 row", "income", "married"]
    return simple_table(rows, ["Side", *columns])


def profile():
    """Return the table of where a training step's time goes, with one thread."""
    rows = []
    for run in runs_of("speed/epoch_profile"):
        if run["threads"] > 1:
            continue
        kind = "dense" if run["density"] == 1 else "sparse"
        name = f"batch {run['batch_size']}, {run['n_tasks']} tasks, {run['n_experts']} experts, "
        rate = run.get("part_of_matmul_rate")
        rows.append(
            [
                name + kind,
                f"{run['ms_of_a_step']:.2f}",
                *(f"{100 * share:.0f}" for share in run["shares"].values()),
                "" if rate is None else f"{100 * rate:.0f}",
            ]
        )
    shares = ["batch", "forward", "backward", "optimizer", "rest"]
    return simple_table(rows, ["Case", "ms", *shares, "rate"])


def first_layers():
    """Return the table of one layer on categories, by how they come."""
    forms = {
        "dense one-hot": "dense",
        "sparse one-hot": "sparse",
        "sparse one-hot, with its batch": "with batch",
        "codes, embeddings of 8": "embeddings of 8",
    }
    rows = [
        [
            f"{layer['categories']:,}, {layer['width']} units, batch {layer['batch_size']}",
            *(f"{layer['milliseconds'][form]:.2f}" for form in forms),
        ]
        for layer in read("speed/lookups")["first_layers"]
    ]
    return simple_table(rows, ["Categories, layer of 8 experts", *forms.values()])


def lookups():
    """Return the table of epochs on categories, by how they come."""
    fits = read("speed/lookups")["fits"]
    rows = [
        [
            f"{fit['width']} units, batch {fit['batch_size']}",
            *(f"{seconds:.2f}" for seconds in fit["seconds_of_an_epoch"].values()),
        ]
        for fit in fits
    ]
    forms = ["dense", "sparse", "DataFrame, one-hot", "DataFrame, embeddings"]
    return simple_table(rows, ["Experts", *forms])


def rates():
    """Return the table of fits per second of many networks."""
    rows = [
        [
            f"{short(run['architecture'])}, {run['n_runs']} runs",
            *(f"{rate:.1f}" for rate in run["fits_per_second"].values()),
        ]
        for run in runs_of("speed/many_networks")
    ]
    sides = ["in turn", "2 processes", "stacked, 1 thread", "stacked, 2 threads"]
    return simple_table(rows, ["Runs", *sides])


def stacks():
    """Return the table of a training step of two kinds of stacks."""
    rows = [
        [
            f"{short(step['architecture'])}, {count(step['n_members'], 'network')}, "
            f"{count(step['threads'], 'thread')}",
            *(f"{ms:.2f}" for ms in step["ms_of_a_step_per_network"].values()),
        ]
        for step in read("speed/many_networks")["steps"]
    ]
    return simple_table(rows, ["Networks", "vmap", "by hand"])


def scale():
    """Return the table of time and memory by the number of rows."""
    raw = read("speed/scale")
    fits = {
        (fit["n_rows"], fit["early_stopping"]): fit
        for fit in raw["fits"]
        if (fit["n_tasks"], fit["n_experts"]) == (2, 8)
    }
    rows = []
    for stream in raw["streams"]:
        cells = [f"{stream['n_rows']:,}"]
        for early_stopping in (False, True):
            fit = fits[stream["n_rows"], early_stopping]
            cells += [f"{fit['seconds']:.2f}", f"{fit['peak_in_multiples_of_X']:.2f}"]
        rows.append([*cells, f"{stream['seconds']:.2f}", f"{stream['peak_mib']:.0f}"])
    columns = ["seconds", "memory", "with stop", "memory", "stream", "MiB"]
    return simple_table(rows, ["Rows", *columns])


def widths():
    """Return the table of the time of a row by the numbers of tasks and experts."""
    fits = [fit for fit in read("speed/scale")["fits"] if not fit["early_stopping"]]
    n_rows = min(fit["n_rows"] for fit in fits)
    rows = [
        [
            f"{fit['n_tasks']} tasks, {fit['n_experts']} experts",
            f"{fit['microseconds_per_row']:.2f}",
        ]
        for fit in fits
        if fit["n_rows"] == n_rows
    ]
    return simple_table(rows, ["Network", "time"])


def compiled():
    """Return the table of what compilation brings."""
    rows = [
        [
            f"{short(run['architecture'])}, batch {run['batch_size']}, "
            f"{count(run['threads'], 'thread')}",
            f"{run['seconds_of_an_epoch']:.2f}",
            f"{run['ratio_of_later_epochs']:.2f}",
        ]
        for run in runs_of("speed/compiled")
    ]
    return simple_table(rows, ["Case", "epoch", "compiled"])


def time_to_accuracy(data):
    """Return the table of times and test AUCs of whole trainings on a data set."""
    frame = pd.DataFrame(run for run in runs_of("speed/time_to_accuracy") if run["data"] == data)
    rows = []
    for (threads, model), group in frame.groupby(["threads", "model"], sort=False):
        aucs = pd.DataFrame(group["test"].tolist(), columns=TASKS[data])
        cells = [spread(aucs[task], 4) for task in aucs]
        seconds = group["seconds" if threads == 1 else "wall"].median()
        rows.append([f"{model}, {count(threads, 'thread')}", f"{seconds:.0f}", *cells, len(group)])
    return simple_table(rows, ["Model", "s", *TASKS[data], "seeds"])


def single_rows():
    """Return the table of the milliseconds that a row alone takes."""
    cases = read("speed/single_rows")["cases"]
    of_arrays, of_frames = (cases[name] for name in sorted(cases, key=lambda n: "embedded" in n))
    sides = dict.fromkeys([*of_frames, *of_arrays])
    rows = [
        [SIDES.get(side, side)]
        + [f"{c[side]['median_ms']:.2f}" if side in c else "" for c in (of_frames, of_arrays)]
        for side in sides
    ]
    return simple_table(rows, ["Side", "frame", "array"])


def count(number, noun):
    """Return a number of things in words."""
    return f"{number} {noun}{'s' * (number > 1)}"


def tables():
    """Return all tables, by name."""
    made = {f"peers, {case}": partial(peers, case) for case in read("speed/speed")["cases"]}
    others = (profile, first_layers, lookups, rates, stacks, scale, widths, compiled, single_rows)
    made |= {make.__name__: make for make in others}
    done = {run["data"] for run in runs_of("speed/time_to_accuracy")}
    made |= {f"time to accuracy, {data}": partial(time_to_accuracy, data) for data in sorted(done)}
    return {name: make() for name, make in made.items()}


if __name__ == "__main__":
    show(tables())
