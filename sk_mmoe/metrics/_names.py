"""Scorers by name: scikit-learn's and this package's."""

from __future__ import annotations

from typing import Any

from sklearn.metrics import get_scorer, make_scorer

from sk_mmoe.metrics._count import d2_poisson_score
from sk_mmoe.metrics._ordinal import quadratic_kappa_score, ranked_probability_score

_SCORERS = {
    "d2_poisson_score": make_scorer(d2_poisson_score),
    "quadratic_kappa_score": make_scorer(quadratic_kappa_score),
    "neg_ranked_probability_score": make_scorer(
        ranked_probability_score, greater_is_better=False, response_method="predict_proba"
    ),
}
_OF_ORDERED_CLASSES = (quadratic_kappa_score, ranked_probability_score)


def find_scorer(scoring: Any) -> Any:
    """Return the scorer of a name; a scorer stays what it is.

    Raises
    ------
    ValueError
        If there is no scorer of this name.
    """
    if isinstance(scoring, str) and scoring in _SCORERS:
        return _SCORERS[scoring]
    return get_scorer(scoring)


def reads_the_order(scorer: Any) -> bool:
    """Return whether a scorer's metric needs the classes in the order of the task."""
    return getattr(scorer, "_score_func", None) in _OF_ORDERED_CLASSES
