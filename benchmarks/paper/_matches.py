"""How far figures 2 to 5 come out with the paper's numbers, not only with its order."""

import json

import numpy as np

from benchmarks.paper._common import CORRELATIONS, RESULTS, rounded
from benchmarks.paper._read_off import FIG2, FIG3, FIG4, FIG5_MODES, READING_ERROR
from benchmarks.paper._statistics import MODELS, interval, measured, part, resample

BIN = 0.035


def mean_within(name, values, paper, rng, n_resamples):
    """Return whether the interval of a mean reaches the value read off the paper."""
    value, low, high = interval(measured(values, resample(values, rng, n_resamples), np.mean))
    return {
        "statistic": name,
        "value": value,
        "low": low,
        "high": high,
        "expected": f"{paper:g}",
        "shown": bool(low - READING_ERROR <= paper <= high + READING_ERROR),
    }


def match_fig2():
    """Return how the labels' correlations lie to the paper's, for the sines of figures 3 to 5."""
    measured = json.loads((RESULTS / "fig2.json").read_text())["results"]["two sines"]
    parts = []
    for point in measured:
        paper = FIG2[point["p"]]
        low, high = point["mean"] - 2 * point["sd"], point["mean"] + 2 * point["sd"]
        parts.append(
            {
                "statistic": f"p = {point['p']:g}",
                "value": rounded(point["mean"], 3),
                "low": rounded(low, 3),
                "high": rounded(high, 3),
                "expected": f"{paper:g}",
                "shown": bool(abs(point["mean"] - paper) <= READING_ERROR),
            }
        )
    return parts


def match_fig3(losses, rate, n_resamples=4000):
    """Return how the last losses of the small network lie to the paper's, and their order."""
    rng = np.random.default_rng(3)
    of_p = {p: losses["Shared-Bottom 16", p, rate] for p in CORRELATIONS}
    parts = [mean_within(f"p = {p:g}", of_p[p], FIG3[p], rng, n_resamples) for p in CORRELATIONS]
    means = {
        p: measured(values, resample(values, rng, n_resamples), np.mean)
        for p, values in of_p.items()
    }
    return [*parts, part("p = 0.5 minus p = 1", means[0.5] - means[1.0], above=0)]


def match_fig4(losses, rate, n_resamples=4000):
    """Return how the mean losses of the nine points lie to the paper's."""
    rng = np.random.default_rng(4)
    return [
        mean_within(f"{model}, p = {p:g}", losses[model, p, rate], FIG4[p][model], rng, n_resamples)
        for p in CORRELATIONS
        for model in MODELS
    ]


def match_fig5(losses, rate, n_resamples=4000):
    """Return whether the most frequent final losses of both mixtures are those of the paper."""
    rng = np.random.default_rng(5)
    parts = []
    for model, modes in FIG5_MODES.items():
        for p, left in modes.items():
            values = losses[model, p, rate]
            bins = np.floor(values / BIN).astype(int)
            samples = resample(bins, rng, n_resamples)
            own = round(left / BIN)
            shares = (samples == own).mean(axis=1)
            largest = [np.bincount(sample).max() / len(sample) for sample in samples]
            agreeing = np.isclose(shares, largest).mean()
            value, low, high = interval(np.concatenate([[(bins == own).mean()], shares]))
            parts.append(
                {
                    "statistic": f"{model}, p = {p:g}: share from {left:g} to {left + BIN:g}",
                    "value": value,
                    "low": low,
                    "high": high,
                    "expected": "most frequent",
                    "shown": True if agreeing > 0.975 else False if agreeing < 0.025 else None,
                }
            )
    return parts
