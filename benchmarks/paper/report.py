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
RATES_OF_FIGURES = {"3": "0.001", "4": "0.01", "5": "0.01"}
BEST = "best by mean"


def entries():
    """Return the judged choices by (setting, rates)."""
    return {(entry["setting"], entry["rates"]): entry for entry in read("paper/claims")["runs"]}


def overview():
    """Return the table of all figures, tables and claims."""
    results = read("paper/claims")
    claims = entries()["Glorot, two sines", FOR_ALL]["claims"]
    figures = results["figures"]
    rows = [
        ["Fig. 2", "labels' correlation by p", counted(figures["2"][""]), "fig2", "fig2.json"],
        ["Fig. 3", "small Shared-Bottom", counted(figures["3"]["0.001"]), "fig3", "fig3.jsonl"],
        ["Fig. 4", "mean losses", counted(figures["4"]["0.01"]), "fig4_5", "fig4_5.jsonl"],
        ["Fig. 5", "most frequent losses", counted(figures["5"]["0.01"]), "fig4_5", "fig4_5.jsonl"],
        *(
            [f"Claim {number}", claim, counted(claims[str(number)]), "claims", "claims.json"]
            for number, claim in CLAIMS.items()
        ),
        *_census_tables.overview(),
        *_recommender_tables.overview(),
        *_trainability_tables.overview(),
    ]
    return simple_table(rows, ["In the paper", "What", "Verdict", "Script", "Raw file"])


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


def on_a_table():
    """Return the verdicts on fresh samples, and on a table of 10,000 rows."""
    results, judged = read("paper/claims"), entries()
    sides = [
        (results["figures"], judged["Glorot, two sines", FOR_ALL]["claims"]),
        (results["figures_on_a_table"], judged[ON_A_TABLE, FOR_ALL]["claims"]),
    ]
    rows = [
        [f"Fig. {number}", *(counted(figures[number][rate]) for figures, _ in sides)]
        for number, rate in RATES_OF_FIGURES.items()
    ]
    rows += [
        [f"Claim {number}", *(counted(claims[str(number)]) for _, claims in sides)]
        for number in CLAIMS
    ]
    return simple_table(rows, ["In the paper", "Fresh samples", "A table"])


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
    figures = read("paper/claims")["figures"]
    found = {
        "overview": overview(),
        "open settings": open_settings(),
        "on a table": on_a_table(),
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
    for number, rate in RATES_OF_FIGURES.items():
        judged = read("paper/claims")["figures_on_a_table"][number][rate]
        title = f"Fig. {number}, a table"
        found[f"figure {number} on a table"] = parts_table(judged["parts"], title)
    for rate, judged in figures["3"].items():
        found[f"figure 3, rate {rate}"] = parts_table(judged["parts"], f"Rate {rate}")
    if ("Glorot, two sines", BEST) in entries():
        found |= statistics(BEST)
    return found


if __name__ == "__main__":
    show(tables())
