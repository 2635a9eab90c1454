"""Intervals over runs and shares of runs, as the tables of the page on the paper have them."""

import numpy as np
from scipy.stats import binomtest
from scipy.stats import t as student

from benchmarks.paper._common import rounded


def mean_interval(values, digits=3):
    """Return the mean of runs and the bounds of its 95 % interval of Student's t."""
    values = np.asarray(values, dtype=float)
    mean = values.mean()
    half = student.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return rounded([mean, mean - half, mean + half], digits)


def share_interval(count, total, digits=3):
    """Return a share and the bounds of its 95 % interval of Clopper and Pearson."""
    bounds = binomtest(int(count), int(total)).proportion_ci(0.95, method="exact")
    return rounded([count / total, *bounds], digits)


def share_difference(one, other, digits=3):
    """Return the difference of two shares of the same runs, and its 95 % interval.

    The interval is that of Agresti and Min: half a run is added to each pair of outcomes, so that
    it does not vanish where no event came about.
    """
    one, other = np.asarray(one, dtype=bool), np.asarray(other, dtype=bool)
    only_one, only_other = (one & ~other).sum() + 0.5, (other & ~one).sum() + 0.5
    total = len(one) + 2
    centre = (only_one - only_other) / total
    half = 1.96 * np.sqrt(only_one + only_other - total * centre**2) / total
    return rounded([one.mean() - other.mean(), centre - half, centre + half], digits)


def positive_part(name, values, above=0):
    """Return the mean of runs with its interval, and whether it is above zero or another bound."""
    return above_bound(name, *mean_interval(values), above)


def above_bound(name, value, low, high, above=0):
    """Return a statistic with its interval, and whether it is above a bound."""
    return {
        "statistic": name,
        "value": value,
        "low": low,
        "high": high,
        "expected": f"> {above:g}",
        "shown": True if low > above else False if high < above else None,
    }
