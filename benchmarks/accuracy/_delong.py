"""Differences in AUC on the same rows, with their errors."""

import numpy as np
from scipy.stats import norm, rankdata


def delong(y, scores):
    """Return the AUC of each model on the same rows, and their covariances over the rows.

    Parameters
    ----------
    y : ndarray of bool of shape (n_rows,)
        The labels.
    scores : ndarray of shape (n_models, n_rows)
        The scores of each model.

    Returns
    -------
    aucs : ndarray of shape (n_models,)
        The areas under the curves.
    covariances : ndarray of shape (n_models, n_models)
        Their covariances, as DeLong, DeLong and Clarke-Pearson, Biometrics 1988, estimate them.
    """
    positive, negative = scores[:, y], scores[:, ~y]
    n_positive, n_negative = positive.shape[1], negative.shape[1]
    ranks = rankdata(scores, axis=1)
    # The share of the negative rows below each positive row, and of the positive ones above each
    # negative row; ties count half.
    below = (ranks[:, y] - rankdata(positive, axis=1)) / n_negative
    above = 1 - (ranks[:, ~y] - rankdata(negative, axis=1)) / n_positive
    covariances = np.cov(below) / n_positive + np.cov(above) / n_negative
    return below.mean(axis=1), covariances


def combine(runs):
    """Return the mean difference over seeds and its 95 % interval.

    Parameters
    ----------
    runs : list of dict
        The "difference" and "standard_error" (over test rows) of each seed.

    Returns
    -------
    tuple of three floats
        The difference, and the ends of the interval. Errors over rows are counted in full, though
        the mean over several seeds has smaller ones.
    """
    differences = np.array([run["difference"] for run in runs])
    of_rows = np.mean([run["standard_error"] ** 2 for run in runs])
    of_seeds = differences.var(ddof=1) / len(runs) if len(runs) > 1 else 0.0
    half = norm.ppf(0.975) * np.sqrt(of_rows + of_seeds)
    return differences.mean(), differences.mean() - half, differences.mean() + half
