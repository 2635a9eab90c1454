"""Metrics of classes that have an order."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, cohen_kappa_score, log_loss

from sk_mmoe import MMoEClassifier
from sk_mmoe.metrics import (
    make_task_scorer,
    multitask_scoring,
    quadratic_kappa_score,
    ranked_probability_score,
)

RNG = np.random.default_rng(0)
ORDER = ["low", "middle", "high"]
CODES = RNG.integers(0, 3, 60)
TRUTH = np.array(ORDER)[CODES]
PROBA = RNG.dirichlet([1, 1, 1], 60)
WEIGHTS = RNG.uniform(0.1, 3, 60)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_ranked_probability_score_is_the_mean_over_samples_and_thresholds(weights):
    distances = [
        np.mean([(row[: k + 1].sum() - (code <= k)) ** 2 for k in range(2)])
        for row, code in zip(PROBA, CODES, strict=True)
    ]
    score = ranked_probability_score(TRUTH, PROBA, labels=ORDER, sample_weight=weights)
    assert score == pytest.approx(np.average(distances, weights=weights))


def test_ranked_probability_score_of_two_classes_is_the_brier_score():
    y, proba = CODES > 0, PROBA[:, :2] / PROBA[:, :2].sum(axis=1, keepdims=True)
    assert ranked_probability_score(y, proba) == pytest.approx(brier_score_loss(y, proba[:, 1]))


def test_ranked_probability_score_is_zero_for_the_truth_and_one_for_its_opposite():
    sure = np.eye(3)
    assert ranked_probability_score(ORDER, sure, labels=ORDER) == 0
    assert ranked_probability_score(["low", "high"], sure[[2, 0]], labels=ORDER) == 1


def test_reversing_the_order_changes_no_score():
    forward = ranked_probability_score(TRUTH, PROBA, labels=ORDER)
    assert ranked_probability_score(TRUTH, PROBA[:, ::-1], labels=ORDER[::-1]) == pytest.approx(
        forward
    )


@pytest.mark.parametrize(
    ("truth", "proba", "message"),
    [
        (["low", "top"], np.eye(3)[:2], r"y_true has \['top'\], which are not among the labels"),
        (["low"], np.ones((1, 2)), r"shape \(1, 3\), got \(1, 2\)"),
    ],
)
def test_labels_and_columns_must_be_those_of_the_classes(truth, proba, message):
    with pytest.raises(ValueError, match=message):
        ranked_probability_score(truth, proba, labels=ORDER)


def test_quadratic_kappa_is_that_of_scikit_learn_for_codes():
    predicted = RNG.integers(0, 3, 60)
    expected = cohen_kappa_score(CODES, predicted, weights="quadratic", sample_weight=WEIGHTS)
    score = quadratic_kappa_score(
        TRUTH, np.array(ORDER)[predicted], labels=ORDER, sample_weight=WEIGHTS
    )
    assert score == pytest.approx(expected)


@pytest.fixture(scope="module")
def graded():
    X = np.random.default_rng(1).normal(size=(300, 3))
    y = np.array(ORDER)[np.digitize(X[:, 0] + X[:, 1], [-0.5, 0.5])]
    model = MMoEClassifier(tasks=[ORDER], max_iter=30, random_state=0)
    return model.fit(X[:200], y[:200]), X[200:], y[200:]


def test_scorers_read_the_classes_of_the_task_in_their_order(graded):
    model, X, y = graded
    proba, predicted = model.predict_proba(X), model.predict(X)
    scores = multitask_scoring(
        ["neg_ranked_probability_score", "quadratic_kappa_score"], mean=False
    )(model, X, y)
    assert scores == pytest.approx(
        {
            "task0_neg_ranked_probability_score": -ranked_probability_score(y, proba, labels=ORDER),
            "task0_quadratic_kappa_score": quadratic_kappa_score(y, predicted, labels=ORDER),
        }
    )


def test_scikit_learns_scorers_get_the_columns_sorted_as_they_expect(graded):
    model, X, y = graded
    by_name = np.argsort(ORDER)
    expected = -log_loss(y, model.predict_proba(X)[:, by_name], labels=np.sort(ORDER))
    assert make_task_scorer("neg_log_loss", 0)(model, X, y) == pytest.approx(expected)
    assert expected > -np.log(3)  # better than a guess, which columns in another order are not
