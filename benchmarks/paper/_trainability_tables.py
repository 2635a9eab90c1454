"""The tables of the page on the paper about trainability."""

from benchmarks._shared.tables import simple_table
from benchmarks.paper._cells import counted, parts_table, short, with_interval, with_verdict
from benchmarks.paper.trainability import EVENTS, parts, read_events, read_runs, shares


def overview():
    """Return the row of the overview."""
    found = counted(with_verdict(parts(read_events())))
    return [["Sec. 5", "trainability", found, "trainability", "trainability.jsonl"]]


def tables():
    """Return all tables by name."""
    events, runs = read_events(), read_runs()
    rows = [
        [
            network,
            start,
            f"{dropout:g}",
            len(runs[network, dropout, start]),
            *(with_interval(*found[event]) for event in EVENTS),
            short(min(min(run["auc"]) for run in runs[network, dropout, start])),
        ]
        for (network, dropout, start), found in shares(events).items()
    ]
    header = ["Network", "Start", "Gate dropout", "Runs", *EVENTS, "Lowest AUC"]
    return {
        "trainability": simple_table(rows, header),
        "trainability, parts": parts_table(parts(events), "Trainability", "Goal"),
    }
