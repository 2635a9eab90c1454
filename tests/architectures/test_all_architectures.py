"""What holds for the estimators of every architecture."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import accuracy_score, r2_score

import sk_mmoe
from sk_mmoe import load_model, save_model

FAST = {
    "early_stopping": False,
    "max_iter": 15,
    "learning_rate_init": 0.02,
    "batch_size": 64,
    "random_state": 0,
}


def estimators(kind):
    """Return all public estimators of a kind."""
    return [getattr(sk_mmoe, name) for name in sk_mmoe.__all__ if name.endswith(kind)]


@pytest.mark.parametrize("cls", estimators("Classifier"))
def test_classifiers_learn_both_tasks(cls, X, y):
    predictions = cls(**FAST).fit(X, y).predict(X)
    assert accuracy_score(y["click"], predictions[:, 0].astype(int)) > 0.85
    assert accuracy_score(y["level"], predictions[:, 1]) > 0.85


@pytest.mark.parametrize("cls", estimators("Regressor"))
def test_regressors_learn_both_tasks(cls, X):
    y = np.column_stack([X["x0"], 100 + 10 * X["x1"] * X["x2"]])
    model = cls(**FAST | {"max_iter": 24}).fit(X, y)
    assert r2_score(y, model.predict(X), multioutput="raw_values").min() > 0.8


@pytest.mark.parametrize("cls", estimators("MixedPredictor"))
def test_mixed_predictors_learn_all_tasks(cls, X, y_mixed):
    assert cls(**FAST).fit(X, y_mixed).score(X, y_mixed) > 0.85


@pytest.mark.parametrize("cls", estimators("Classifier"))
def test_a_saved_model_is_the_same(cls, X, y, tmp_path):
    model = cls(**FAST | {"max_iter": 2}).fit(X, y)
    save_model(model, tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors")
    assert type(again) is cls
    assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize("cls", [c for c in estimators("Classifier") if hasattr(c, "gate_weights")])
def test_gates_sum_to_one(cls, X, y):
    # Of two tasks and a shared one, three experts in PLE as well.
    sizes = {"n_experts": 3, "n_shared_experts": 1, "n_task_experts": 1}
    sizes = {name: sizes[name] for name in sizes.keys() & cls().get_params().keys()}
    weights = cls(**sizes, **FAST | {"max_iter": 3}).fit(X, y).gate_weights(X)
    assert weights.shape == (400, 2, 3)
    assert_allclose(weights.sum(axis=-1), 1, rtol=1e-5)
