"""The scores of the best constant prediction, from which training begins."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.tasks._targets import read_targets

N_ROWS = 60
RNG = np.random.default_rng(0)
LABELS = {
    "binary": np.r_[np.zeros(50), np.ones(10)],
    "multiclass": np.repeat([0, 1, 2, 3], [30, 20, 7, 3]),
    "ordinal": np.repeat([0, 1, 2, 3], [5, 30, 24, 1]),
    "regression": RNG.normal(5, 2, N_ROWS),
    "count": RNG.poisson(3, N_ROWS),
}
WEIGHTS = {
    "all weights equal": np.ones(N_ROWS),
    "weights": RNG.uniform(0.1, 2, N_ROWS),
    "missing labels": np.where(np.arange(N_ROWS) % 5 == 0, 0.0, 1.0),
}


def learn(kind, labels, weights=None):
    """Return the encoder of a task, and its encoded targets."""
    targets = read_targets(labels, estimator_name="Estimator")
    encoder = TaskEncoder.learn(targets, weights, kinds=[kind])
    return encoder, encoder.encode(targets, dtype=torch.float64)


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
@pytest.mark.parametrize("kind", LABELS)
def test_no_other_constant_has_a_lower_loss(kind, weights):
    encoder, encoded = learn(kind, LABELS[kind], weights[:, None])
    weights = torch.from_numpy(weights)
    scores = encoder.constant_scores(encoded, weights[:, None]).requires_grad_()
    losses = encoder.losses[0](scores.expand(N_ROWS, -1), encoded[:, 0])
    (gradient,) = torch.autograd.grad((weights * losses).sum(), scores)
    assert_allclose(gradient, 0, atol=1e-10)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "ordinal"])
def test_they_are_the_scores_of_the_shares_of_the_classes(kind):
    encoder, encoded = learn(kind, LABELS[kind])
    proba = encoder.tasks[0].log_proba(encoder.constant_scores(encoded, None)[None]).exp()[0]
    assert_allclose(proba, np.unique(LABELS[kind], return_counts=True)[1] / N_ROWS)


@pytest.mark.parametrize("rarest", [0, 1, -1])
@pytest.mark.parametrize(("kind", "n_classes"), [("binary", 2), ("multiclass", 4), ("ordinal", 4)])
def test_they_are_exact_where_a_class_has_next_to_no_weight(kind, n_classes, rarest):
    codes = np.arange(float(n_classes))
    weights = np.ones((n_classes, 1))
    weights[rarest] = 1e-25
    encoder, encoded = learn(kind, codes)
    scores = encoder.constant_scores(encoded, torch.from_numpy(weights))
    log_proba = encoder.tasks[0].log_proba(scores[None])[0]
    assert_allclose(log_proba, np.log(weights / weights.sum())[:, 0], atol=1e-12)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "ordinal"])
def test_they_are_zero_where_a_class_has_no_label(kind):
    encoder, encoded = learn(kind, LABELS[kind])
    without_last = encoded[encoded[:, 0] < encoded.max()]
    assert_array_equal(encoder.constant_scores(without_last, None), np.zeros(encoder.n_outputs))
