"""D² of counts."""

import numpy as np
import pytest
from sklearn.metrics import d2_tweedie_score

from sk_mmoe.metrics import d2_poisson_score

RNG = np.random.default_rng(0)
COUNTS = RNG.poisson(2.0, 50)
RATES = RNG.uniform(0.5, 4, 50)


@pytest.mark.parametrize("weights", [None, RNG.uniform(0.1, 3, 50)])
def test_d2_is_that_of_scikit_learn(weights):
    expected = d2_tweedie_score(COUNTS, RATES, sample_weight=weights, power=1)
    assert d2_poisson_score(COUNTS, RATES, sample_weight=weights) == expected


def test_the_mean_scores_zero_and_the_truth_one():
    counts = COUNTS + 1.0
    assert d2_poisson_score(counts, np.full(50, counts.mean())) == pytest.approx(0)
    assert d2_poisson_score(counts, counts) == 1


@pytest.mark.parametrize("value", [0.0, 0.1, 3.0])
def test_targets_that_are_all_the_same_score_as_with_r2(value):
    counts = np.full(7, value)
    assert d2_poisson_score(counts, counts + 1) == 0
    if value:
        assert d2_poisson_score(counts, counts) == 1


def test_rates_must_be_positive():
    with pytest.raises(ValueError, match="strictly positive y_pred"):
        d2_poisson_score([1, 2], [0, 1])
