"""A warning at the end of training when a task has settled on one expert."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_matrix

from sk_mmoe import MMoEClassifier, OMoEClassifier, PLEClassifier, SharedBottomClassifier

FAST = {
    "early_stopping": False,
    "max_iter": 2,
    "n_members": 1,
    "numeric_encoding": None,
    "random_state": 0,
}
ALONE = {"n_shared_experts": 0, "n_task_experts": 1}


@pytest.fixture
def far(X):
    """Return inputs whose size alone settles a gate that is linear in them."""
    return np.abs(X.to_numpy()) * 250


@pytest.mark.parametrize("cls", [MMoEClassifier, OMoEClassifier, PLEClassifier])
@pytest.mark.parametrize("form", [np.asarray, csr_matrix])
def test_a_polarised_gate_is_told_with_what_to_do(cls, form, far, y):
    with pytest.warns(UserWarning, match="all their weight on one expert.*gate_dropout=0.1"):
        model = cls(learning_rate_init=0.1, **FAST | {"max_iter": 8}).fit(form(far), y)
    assert model.gate_weights(far).mean(axis=0).max() >= 0.99


@pytest.mark.parametrize("cls", [MMoEClassifier, PLEClassifier, SharedBottomClassifier])
def test_standardised_inputs_give_no_warning(cls, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cls(**FAST).fit(X, y)


@pytest.mark.parametrize(
    "model", [MMoEClassifier(n_experts=1, **FAST), PLEClassifier(**ALONE, **FAST)]
)
def test_the_only_expert_of_a_task_is_no_polarised_gate(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, y)


def test_a_warning_made_an_error_leaves_the_fitted_state_alone(X, far, y):
    model = MMoEClassifier(learning_rate_init=0.1, **FAST | {"max_iter": 8}).fit(X, y)
    before = model.predict(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="all their weight on one expert"):
            model.fit(far, y)
    assert_array_equal(model.predict(X), before)
