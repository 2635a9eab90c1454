"""Data sets of the MMoE paper: synthetic tasks, Census-Income, and a simulated recommender.

Examples
--------
>>> from sk_mmoe.datasets import make_multitask_sinusoid
>>> X, y = make_multitask_sinusoid(1000, correlation=0.9, random_state=0)
>>> X.shape, y.shape
((1000, 100), (1000, 2))
"""

from sk_mmoe.datasets._census import fetch_census_income
from sk_mmoe.datasets._recommendation import make_recommendation_log, simulate_ranking
from sk_mmoe.datasets._sinusoid import make_multitask_sinusoid

__all__ = [
    "fetch_census_income",
    "make_multitask_sinusoid",
    "make_recommendation_log",
    "simulate_ranking",
]
