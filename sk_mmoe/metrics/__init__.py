"""Scorers per task and metrics, for estimators with several targets."""

from sk_mmoe.metrics._count import d2_poisson_score
from sk_mmoe.metrics._ordinal import quadratic_kappa_score, ranked_probability_score
from sk_mmoe.metrics._proba import predict_positive_proba
from sk_mmoe.metrics._scorers import make_mean_scorer, make_task_scorer, multitask_scoring

__all__ = [
    "d2_poisson_score",
    "make_mean_scorer",
    "make_task_scorer",
    "multitask_scoring",
    "predict_positive_proba",
    "quadratic_kappa_score",
    "ranked_probability_score",
]
