"""Print the tables of the page "The paper, claim by claim", from the raw results.

    python -m benchmarks.paper.report

A test holds the page to what this prints.
"""

from benchmarks._shared.record import read
from benchmarks._shared.tables import show, simple_table
from benchmarks.paper import _census_tables, _recommender_tables, _trainability_tables, settings
from benchmarks.paper._cells import NOT_RUN, counted, parts_table, short, with_interval
from benchmarks.paper._common import CORRELATIONS
from benchmarks.paper._read_off import FIG4
from benchmarks.paper._statistics import CLAIMS, MODELS

FOR_ALL = "0.01 for all"
ON_A_TABLE = "a table of 10,000 rows"
# What a figure shows, the learning rate by which it is judged, and its script.
FIGURES = {
    "3": ("small Shared-Bottom", "0.001", "fig3"),
    "4": ("mean losses", "0.01", "fig4_5"),
    "5": ("most frequent losses", "0.01", "fig4_5"),
}
BEST = "best by mean"


def entries():
    """Return the judged choices by (setting, rates)."""
    return {(entry["setting"], entry["rates"]): entry for entry in read("paper/claims")["runs"]}


def overview():
    """Return the table of all figures, tables and claims."""
    results, judged = read("paper/claims"), entries()
    figures, on_a_table = results["figures"], results["figures_on_a_table"]
    claims, claims_on_a_table = (
        judged[setting, FOR_ALL]["claims"] for setting in ("Glorot, two sines", ON_A_TABLE)
    )
    correlation = "labels' correlation by p"
    rows = [["Fig. 2", correlation, counted(figures["2"][""]), "", "fig2", "fig2.json"]]
    for number, (what, rate, script) in FIGURES.items():
        sides = (counted(judged[number][rate]) for judged in (figures, on_a_table))
        rows.append([f"Fig. {number}", what, *sides, script, f"{script}.jsonl"])
    for number, claim in CLAIMS.items():
        sides = (counted(judged[str(number)]) for judged in (claims, claims_on_a_table))
        rows.append([f"Claim {number}", claim, *sides, "claims", "claims.json"])
    for row in (
        *_census_tables.overview(),
        *_recommender_tables.overview(),
        *_trainability_tables.overview(),
    ):
        rows.append([*row[:3], "", *row[3:]])
    title = ["In the paper", "What", "Verdict", "On a table", "Script", "Raw file"]
    return simple_table(rows, title)


def open_settings():
    """Return how far each combination of the open settings is from the paper's figures."""
    initialisations = {"glorot_uniform": "Glorot's", "torch": "torch's"}
    rows = [
        [
            initialisations[entry["init"]],
            entry["batch"],
            f"{entry['n_rows']:,} rows" if entry["n_rows"] else "fresh",
            "of training" if entry["losses"] == "training" else "on fresh samples",
            *(short(entry[figure][0]) for figure in ("Fig. 3", "Fig. 4", "Fig. 5")),
            with_interval(*entry["together"]),
        ]
        for entry in settings.judged()
    ]
    title = ["Initialisation", "Batch", "Data", "Losses", "Fig. 3", "Fig. 4", "Fig. 5"]
    return simple_table(rows, [*title, "Together [95 %]"])


def points():
    """Return the mean losses of the nine points at each learning rate, beside the paper's."""
    found = {(x["p"], x["model"], x["rate"]): x for x in read("paper/claims")["means"]}
    rates = sorted({rate for _, _, rate in found}, reverse=True)
    rows = []
    for p in CORRELATIONS:
        for model in MODELS:
            cells = [
                f"{with_interval(*x['mean'])} ({x['n_runs']})" if x else NOT_RUN
                for x in (found.get((p, model, rate)) for rate in rates)
            ]
            rows.append([f"p = {p:g}, {model}", short(FIG4[p][model]), *cells])
    return simple_table(rows, ["Point", "Paper", *(f"Rate {rate:g} (runs)" for rate in rates)])


def spreads():
    """Return standard deviation and lowest loss of the runs of each point, at the rate of 0.01."""
    rows = [
        [
            f"p = {point['p']:g}, {point['model']}",
            point["n_runs"],
            with_interval(*point["sd"]),
            short(point["least"]),
        ]
        for point in entries()["Glorot, two sines", FOR_ALL]["points"]
    ]
    return simple_table(rows, ["Point", "Runs", "Standard deviation", "Lowest"])


def choices():
    """Return the verdicts under all choices."""
    rows = [
        [
            setting,
            rates,
            min(point["n_runs"] for point in entry["points"]),
            *(counted(claim) for claim in entry["claims"].values()),
        ]
        for (setting, rates), entry in entries().items()
    ]
    return simple_table(
        rows, ["Setting", "Learning rate", "Runs", *(f"Claim {number}" for number in CLAIMS)]
    )


def statistics(rates, setting="Glorot, two sines"):
    """Return the table of all statistics of the claims under a choice of the rates, if run."""
    claims = entries()[setting, rates]["claims"]
    return {
        f"claim {number}, {setting}, {rates}": parts_table(claim["parts"], f"Claim {number}")
        for number, claim in claims.items()
    }


def tables():
    """Return all tables by name."""
    results = read("paper/claims")
    figures, on_a_table = results["figures"], results["figures_on_a_table"]
    found = {
        "overview": overview(),
        "open settings": open_settings(),
        "figure 2": parts_table(figures["2"][""]["parts"], "Two sines"),
        "points": points(),
        "spreads": spreads(),
        "figure 5": parts_table(figures["5"]["0.01"]["parts"], "Rate 0.01"),
        "choices": choices(),
        **statistics(FOR_ALL),
        **statistics(FOR_ALL, ON_A_TABLE),
        **_census_tables.tables(),
        **_recommender_tables.tables(),
        **_trainability_tables.tables(),
    }
    for number, (_, rate, _) in FIGURES.items():
        parts = on_a_table[number][rate]["parts"]
        found[f"figure {number} on a table"] = parts_table(parts, f"Fig. {number}, a table")
    for rate, judged in figures["3"].items():
        found[f"figure 3, rate {rate}"] = parts_table(judged["parts"], f"Rate {rate}")
    if ("Glorot, two sines", BEST) in entries():
        found |= statistics(BEST)
    return found


if __name__ == "__main__":
    show(tables())
