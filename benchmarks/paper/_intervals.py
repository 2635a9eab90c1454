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


def positive_part(name, values, digits=3):
    """Return a statistic of runs with its interval, and whether it is above zero."""
    value, low, high = mean_interval(values, digits)
    return {
        "statistic": name,
        "value": value,
        "low": low,
        "high": high,
        "expected": "> 0",
        "shown": True if low > 0 else False if high < 0 else None,
    }
