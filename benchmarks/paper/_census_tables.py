"""The tables of the page on the paper about Census-Income: tables 1 and 2."""

from benchmarks._shared.tables import simple_table
from benchmarks.paper._cells import (
    NOT_RUN,
    counted,
    fixed,
    parts_table,
    with_verdict,
)
from benchmarks.paper._census_summary import (
    GROUPS,
    INPUTS,
    PAPER,
    all_parts,
    claims,
    differences,
    name_of,
    paper_mean,
    read_fits,
    scores,
    tasks_of,
)
from benchmarks.paper._intervals import mean_interval

MAIN = {1: "income", 2: "education"}
# What is searched beside learning rate and length, as the table of settings has it.
OWN = {
    "hidden_layer_sizes": "units",
    "coupling": "coupling",
    "stitch_learning_rate_factor": "rate of stitches times",
    "ranks": "ranks",
    "n_experts": "experts",
    "n_shared_experts": "shared experts",
    "n_task_experts": "experts a task",
    "n_levels": "levels",
    "expert_hidden_layer_sizes": "units of an expert",
    "estimator__max_leaf_nodes": "leaves",
    "estimator__min_samples_leaf": "rows of a leaf",
    "estimator__l2_regularization": "L2",
}


def overview():
    """Return the rows of the overview, two for each table: the paper's inputs and ours."""
    rows = []
    for group in GROUPS:
        for inputs in INPUTS:
            fits = read_fits(group, inputs)
            name = f"Table {group}" if inputs == "plain" else f"Table {group}, own inputs"
            what = f"Census-Income, {MAIN[group]}"
            if fits:
                found = counted(with_verdict(all_parts(_claims(group, fits))))
                file = f"{name_of(group, inputs).removeprefix('paper/')}.json"
                rows.append([name, what, found, "tables12", file])
            else:
                rows.append([name, what, NOT_RUN, "", ""])
    return rows


def _claims(group, fits):
    return claims(group, scores(fits), tasks_of(fits))


def _spelt(task):
    return task.replace("_", " ")


def _value(value):
    """Return a parameter that a search chose, as a cell has it."""
    if isinstance(value, list):
        return "-".join(_value(part) for part in value)
    return f"{value}" if isinstance(value, int) else f"{value:.3g}"


def settings(fits):
    """Return what the searches chose, and the sizes of the networks."""
    rows = []
    for method, runs in fits.items():
        best = {
            name.removeprefix("estimator__") if "rate" in name or "iter" in name else name: value
            for name, value in runs[0]["parameters"].items()
        }
        rate = best.get("learning_rate_init", best.get("learning_rate"))
        own = [f"{label} {_value(best[name])}" for name, label in OWN.items() if name in best]
        count = runs[0].get("n_parameters")
        rows.append(
            [method, f"{rate:.2g}", best["max_iter"], f"{count:,}" if count else "", ", ".join(own)]
        )
    return simple_table(rows, ["Method", "Learning rate", "Epochs", "Parameters", "Its own"])


def aucs(group, fits, task):
    """Return the AUC of a task: of the run with the best main task, and on average."""
    rows = []
    for method, found in scores(fits).items():
        best, values = found[found[:, 0].argmax(), task], found[:, task]
        paper = PAPER[group].get(method)
        of_paper = [fixed(value) for value in paper[2 * task : 2 * task + 2]] if paper else ["", ""]
        if len(values) > 1:
            mean, low, high = (fixed(number) for number in mean_interval(values, digits=8))
            here = [f"{mean} [{low}, {high}]", fixed(values.std(ddof=1), 5)]
        else:
            here = [f"{fixed(values.mean())} (one fit)", ""]
        rows.append([method, *of_paper, fixed(best), *here])
    title = _spelt(tasks_of(fits)[task])
    best = "best" if task == 0 else "in that run"
    mean = f"Here, mean of {len(fits['MMoE'])} [95 %]"
    header = [f"Paper, {best}", "Paper, mean", f"Here, {best}", mean, "sd"]
    return simple_table(rows, [f"AUC, {title}", *header])


def gains(group, fits):
    """Return what MMoE has more than the others in both tasks, beside what it has in the paper."""
    found = [differences(scores(fits), task) for task in (0, 1)]
    tasks = [_spelt(task) for task in tasks_of(fits)]
    rows = []
    for method in found[0]:
        cells = []
        for task in (0, 1):
            value, low, high = (fixed(number, 5) for number in found[task][method])
            paper = ""
            if method in PAPER[group]:
                more = paper_mean(group, "MMoE", task) - paper_mean(group, method, task)
                paper = fixed(more)
            cells += [paper, f"{value} [{low}, {high}]"]
        rows.append([f"MMoE minus {method}", *cells])
    header = [column for task in tasks for column in (f"Paper, {task}", f"Here, {task} [95 %]")]
    return simple_table(rows, ["Mean AUC", *header])


def verdicts(group, of_inputs):
    """Return the verdicts on what the paper's table says, from each kind of inputs."""
    judged = {inputs: _claims(group, fits) for inputs, fits in of_inputs.items()}
    names = next(iter(judged.values()))
    rows = [[name, *(counted(found[name]) for found in judged.values())] for name in names]
    return simple_table(
        rows, [f"Table {group}", *(f"{inputs.title()} inputs" for inputs in judged)]
    )


def tables():
    """Return all tables by name, of what has been run."""
    found = {}
    for group in GROUPS:
        of_inputs = {inputs: read_fits(group, inputs) for inputs in INPUTS}
        of_inputs = {inputs: fits for inputs, fits in of_inputs.items() if fits}
        if of_inputs:
            found[f"table {group}, verdicts"] = verdicts(group, of_inputs)
        for inputs, fits in of_inputs.items():
            name = f"table {group}, {inputs} inputs"
            parts = all_parts(_claims(group, fits))
            found |= {
                f"{name}, main task": aucs(group, fits, 0),
                f"{name}, other task": aucs(group, fits, 1),
                f"{name}, differences": gains(group, fits),
                f"{name}, parts": parts_table(parts, f"Table {group}, {inputs} inputs"),
                f"{name}, settings": settings(fits),
            }
    return found
