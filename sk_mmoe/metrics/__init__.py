"""Scores of single tasks: scikit-learn's scorers for targets of several columns."""

from sk_mmoe.metrics._count import d2_poisson_score
from sk_mmoe.metrics._ordinal import quadratic_kappa_score, ranked_probability_score
from sk_mmoe.metrics._scorers import make_mean_scorer, make_task_scorer, multitask_scoring

__all__ = [
    "d2_poisson_score",
    "make_mean_scorer",
    "make_task_scorer",
    "multitask_scoring",
    "quadratic_kappa_score",
    "ranked_probability_score",
]
