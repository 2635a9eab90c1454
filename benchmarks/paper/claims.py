"""The four claims of the paper, judged on the runs of figures 4 and 5.

Each claim has statistics with 95 % bootstrap intervals over runs, and a verdict, under every choice
that the paper leaves open: one learning rate for all models, the best rate of each by mean or by
its best run, another initialisation, other sines. ``--quick`` takes few resamples and writes
nothing.

    python -m benchmarks.paper.claims
"""

import numpy as np

from benchmarks._shared.record import write
from benchmarks.paper._common import CORRELATIONS, arguments, rounded
from benchmarks.paper._matches import match_fig2, match_fig3, match_fig4, match_fig5
from benchmarks.paper._statistics import (
    FEWEST_RUNS,
    MODELS,
    Bootstrap,
    complete_rates,
    interval,
    judge,
    measured,
    read_losses,
    resample,
    verdict,
)

PAPER_SETTING = {"calibration": "two sines", "init": "glorot_uniform", "n_rows": None}
TABLE_SETTING = PAPER_SETTING | {"n_rows": 10_000}
SETTINGS = {
    "Glorot, two sines": PAPER_SETTING,
    "a table of 10,000 rows": TABLE_SETTING,
    "torch's initialisation": PAPER_SETTING | {"init": "torch"},
    "ten random sines": PAPER_SETTING | {"calibration": "ten random sines"},
}


def choices(setting):
    """Yield the name of each choice of learning rates, and what it needs."""
    losses = read_losses(**setting)
    rates = complete_rates(losses)
    for rate in rates:
        yield f"{rate:g} for all", losses, [rate], "mean"
    if len(rates) > 1:
        yield "best by mean", losses, rates, "mean"
        yield "best by best run", losses, rates, "best run"


def points(of):
    """Return the mean loss and what else is known of each of the nine points."""
    return [
        {
            "model": model,
            "p": p,
            "rate": of.rate[model, p],
            "n_runs": of.n_runs[model, p],
            "mean": interval(of.mean[model, p]),
            "sd": interval(of.sd[model, p]),
            "least": rounded(of.least[model, p], 3),
        }
        for p in CORRELATIONS
        for model in MODELS
    ]


def means(n_resamples=4000):
    """Return the mean losses of all points that have runs enough, in the paper's setting."""
    rng = np.random.default_rng(1)
    losses = read_losses(**PAPER_SETTING)
    return [
        {
            "model": model,
            "p": p,
            "rate": rate,
            "n_runs": len(values),
            "mean": interval(measured(values, resample(values, rng, n_resamples), np.mean)),
        }
        for (model, p, rate), values in sorted(losses.items())
        if len(values) >= FEWEST_RUNS
    ]


def judged(n_resamples):
    """Return the claims under all choices for which there are runs."""
    found = []
    for name, setting in SETTINGS.items():
        for choice, losses, rates, by in choices(setting):
            of = Bootstrap(losses, rates, by, n_resamples=n_resamples)
            found.append(
                {"setting": name, "rates": choice, "points": points(of), "claims": judge(of)}
            )
    return found


def figures_judged(setting):
    """Return how far each figure comes out with the paper's numbers, by learning rate."""
    losses, small = read_losses(**setting), read_losses("fig3", **setting)
    small_rates = complete_rates(small, models=["Shared-Bottom 16"])
    figures = {
        "2": {"": match_fig2()},
        "3": {f"{rate:g}": match_fig3(small, rate) for rate in small_rates},
    }
    for number, match in (("4", match_fig4), ("5", match_fig5)):
        figures[number] = {f"{rate:g}": match(losses, rate) for rate in complete_rates(losses)}
    return {
        number: {
            rate: {"verdict": verdict(parts), "parts": parts} for rate, parts in by_rate.items()
        }
        for number, by_rate in figures.items()
    }


def main():
    """Judge, write and print."""
    options = arguments(__doc__).parse_args()
    found = judged(200 if options.quick else 4000)
    for entry in found:
        verdicts = {number: claim["verdict"] for number, claim in entry["claims"].items()}
        print(entry["setting"], "|", entry["rates"], "|", verdicts)
    if not options.quick:
        write(
            "paper/claims",
            means=means(),
            figures=figures_judged(PAPER_SETTING),
            figures_on_a_table=figures_judged(TABLE_SETTING),
            runs=found,
        )


if __name__ == "__main__":
    main()
