"""The four claims of the paper as statistics over runs, with bootstrap intervals and verdicts."""

import json
from functools import partial

import numpy as np

from benchmarks.paper._common import CORRELATIONS, RESULTS, rounded

MODELS = ("Shared-Bottom", "OMoE", "MMoE")
RATES = (1e-2, 1e-3, 1e-4)
# Fewer runs of a point say too little to count it.
FEWEST_RUNS = 5
# Mean losses count as equal if the interval of their ratio lies within these bounds.
EQUAL = (0.8, 1.25)
# The lowest losses count as comparable if the interval of their ratio lies within these bounds.
COMPARABLE = (1 / 1.5, 1.5)
HOLDS, IN_PART, FAILS, OPEN = "holds", "holds in part", "does not hold", "cannot be told"

CLAIMS = {
    1: "Every model does better on more related tasks",
    2: "MMoE depends far less on relatedness, and equals OMoE at p = 1",
    3: "Both mixtures beat Shared-Bottom on average, at every p",
    4: "Shared-Bottom varies more; the lowest losses are comparable",
}


def read_losses(name="fig4_5", **setting):
    """Return the losses of the runs of a setting, means of both tasks, by (model, p, rate).

    They are those on fresh samples. Of runs on a table they are those of training, which come far
    closer to the paper's.
    """
    losses = {}
    for line in (RESULTS / f"{name}.jsonl").read_text().splitlines():
        chunk = json.loads(line)
        if setting.items() <= chunk.items():
            key = chunk["model"], chunk["p"], chunk["rate"]
            # Of tasks whose labels vary differently, the part that is not explained.
            of_runs = np.array(chunk["training_losses" if chunk["n_rows"] else "test_losses"])
            if chunk["calibration"] == "ten random sines":
                of_runs = of_runs / chunk["variances"]
            losses.setdefault(key, []).extend(of_runs.mean(axis=1))
    return {key: np.array(values) for key, values in losses.items()}


def complete_rates(losses, models=MODELS):
    """Return the learning rates for which the models have runs enough at every correlation."""
    return [
        rate
        for rate in RATES
        if all(
            len(losses.get((model, p, rate), ())) >= FEWEST_RUNS
            for model in models
            for p in CORRELATIONS
        )
    ]


def resample(values, rng, n_resamples):
    """Draw resamples of values, one value short: else their means would vary too little by 1/n."""
    return values[rng.integers(len(values), size=(n_resamples, len(values) - 1))]


def measured(values, samples, statistic):
    """Return a statistic of values, followed by that of each resample."""
    return np.concatenate([[statistic(values)], statistic(samples, axis=1)])


class Bootstrap:
    """Statistics of the nine points, as measured and in resamples of the runs.

    Each entry of `mean`, `sd` and `low` (the tenth percentile) is an array of the value as measured
    and of those of all resamples. Where a point has several learning rates to choose from, it is
    chosen anew in each resample, so that intervals contain what the choice adds.

    Parameters
    ----------
    losses : dict
        The losses of the runs, by (model, p, rate).
    rates : list of float
        The learning rates to choose from.
    choose : {"mean", "best run"}
        What decides: the lowest mean of the runs' losses, or the lowest loss of a run.
    """

    def __init__(self, losses, rates, choose="mean", *, n_resamples=4000, seed=0):
        rng = np.random.default_rng(seed)
        self.mean, self.sd, self.low, self.rate, self.n_runs = {}, {}, {}, {}, {}
        self.least = {}
        for model in MODELS:
            for p in CORRELATIONS:
                means, sds, lows, leasts = [], [], [], []
                for rate in rates:
                    values = losses[model, p, rate]
                    samples = resample(values, rng, n_resamples)
                    means.append(measured(values, samples, np.mean))
                    sds.append(measured(values, samples, partial(np.std, ddof=1)))
                    lows.append(measured(values, samples, partial(np.percentile, q=10)))
                    leasts.append(measured(values, samples, np.min))
                by = np.array(means if choose == "mean" else leasts)
                chosen = by.argmin(axis=0)
                pick = chosen, np.arange(len(chosen))
                key = model, p
                self.mean[key] = np.array(means)[pick]
                self.sd[key] = np.array(sds)[pick]
                self.low[key] = np.array(lows)[pick]
                self.least[key] = np.array(leasts)[pick][0]
                self.rate[key] = rates[chosen[0]]
                self.n_runs[key] = len(losses[model, p, self.rate[key]])


def interval(values):
    """Return what was measured, and the bounds of its 95 % interval."""
    return rounded([values[0], *np.nanpercentile(values[1:], [2.5, 97.5])], 3)


def ratio(above, below):
    """Return a ratio; of a few runs all may be one in a resample, and their deviation zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return above / below


def part(name, values, *, above=None, within=None):
    """Return a statistic with its interval, and whether what it should show is so."""
    value, low, high = interval(values)
    if above is not None:
        shown = True if low > above else False if high < above else None
        expected = f"> {above}"
    else:
        inside = within[0] < low and high < within[1]
        shown = True if inside else False if low > within[1] or high < within[0] else None
        expected = f"{within[0]:.2f} to {within[1]:.2f}"
    return {
        "statistic": name,
        "value": value,
        "low": low,
        "high": high,
        "expected": expected,
        "shown": shown,
    }


def verdict(parts):
    """Return the verdict on a claim from all its parts."""
    shown = [part["shown"] for part in parts]
    if all(shown):
        return HOLDS
    if any(shown):
        return IN_PART
    return FAILS if any(value is False for value in shown) else OPEN


def judge(of):
    """Return the parts of the four claims, from the statistics of the nine points."""
    gains = {model: of.mean[model, 0.5] - of.mean[model, 1.0] for model in MODELS}
    claims = {
        1: [
            part(f"{model}: loss at p = 0.5 minus loss at p = 1", gains[model], above=0)
            for model in MODELS
        ],
        2: [
            *(
                part(
                    f"the same difference, {other} minus MMoE",
                    gains[other] - gains["MMoE"],
                    above=0,
                )
                for other in ("OMoE", "Shared-Bottom")
            ),
            part(
                "loss at p = 1, OMoE over MMoE",
                ratio(of.mean["OMoE", 1.0], of.mean["MMoE", 1.0]),
                within=EQUAL,
            ),
        ],
        3: [
            part(
                f"p = {p:g}: loss of Shared-Bottom over {model}",
                ratio(of.mean["Shared-Bottom", p], of.mean[model, p]),
                above=1,
            )
            for p in CORRELATIONS
            for model in ("OMoE", "MMoE")
        ],
        4: [
            *(
                part(
                    f"p = {p:g}: standard deviation, Shared-Bottom over {model}",
                    ratio(of.sd["Shared-Bottom", p], of.sd[model, p]),
                    above=1,
                )
                for p in CORRELATIONS
                for model in ("OMoE", "MMoE")
            ),
            *(
                part(
                    f"p = {p:g}: tenth percentile, Shared-Bottom over {model}",
                    ratio(of.low["Shared-Bottom", p], of.low[model, p]),
                    within=COMPARABLE,
                )
                for p in CORRELATIONS
                for model in ("OMoE", "MMoE")
            ),
        ],
    }
    return {
        str(number): {"claim": CLAIMS[number], "verdict": verdict(parts), "parts": parts}
        for number, parts in claims.items()
    }
