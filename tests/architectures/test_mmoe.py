"""Trunk, levels and gates of the MMoE and OMoE estimators."""

import pickle
from copy import deepcopy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import accuracy_score

from sk_mmoe import (
    MMoEClassifier,
    MMoEMixedPredictor,
    MMoERegressor,
    OMoEClassifier,
    PLEClassifier,
    load_model,
    save_model,
)
from sk_mmoe.datasets import make_multitask_sinusoid
from sk_mmoe.nn import count_parameters
from sk_mmoe.nn._gates import GATES

# Trainings this short and fast often leave a gate with one expert.
pytestmark = pytest.mark.filterwarnings("ignore:the gates of the tasks")

FAST = {
    "early_stopping": False,
    "max_iter": 3,
    "learning_rate_init": 0.01,
    "batch_size": 64,
    "n_members": 1,
    "numeric_encoding": None,
    "random_state": 0,
    "n_experts": 3,
}


@pytest.mark.parametrize("cls", [MMoEClassifier, OMoEClassifier])
@pytest.mark.parametrize("gate", GATES)
def test_gates_of_all_kinds_learn_above_a_trunk_and_in_levels(cls, gate, X, y):
    options = FAST | {
        "max_iter": 15,
        "learning_rate_init": 0.02,
        "gate": gate,
        "gate_dropout": 0.1,
        "n_levels": 2,
    }
    model = cls(trunk_hidden_layer_sizes=(32,), **options).fit(X, y)
    predictions = model.predict(X)
    assert accuracy_score(y["click"], predictions[:, 0].astype(int)) > 0.85
    assert accuracy_score(y["level"], predictions[:, 1]) > 0.85


@pytest.mark.parametrize("cls", [MMoEClassifier, OMoEClassifier])
@pytest.mark.parametrize("gate", GATES)
def test_every_level_has_gate_weights_of_the_tasks(cls, gate, X, y):
    model = cls(n_levels=2, gate=gate, **FAST).fit(X, y)
    for level in (0, 1, -1):
        weights = model.gate_weights(X, level=level)
        assert weights.shape == (400, 2, 3)
        assert_allclose(weights.sum(axis=-1), 1, rtol=1e-5)
    assert_array_equal(model.gate_weights(X), model.gate_weights(X, level=1))
    assert (model.gate_weights(X) != model.gate_weights(X, level=0)).any()
    with pytest.raises(IndexError, match="level must be from -2 to 1"):
        model.gate_weights(X, level=2)


@pytest.mark.parametrize("cls", [MMoEClassifier, OMoEClassifier, PLEClassifier])
@pytest.mark.parametrize("n_members", [1, 2])
def test_normalised_experts_learn_as_many_factors_and_shifts_as_units(cls, n_members, X, y):
    options = FAST | {"n_members": n_members}
    del options["n_experts"]
    plain, normalised = (
        cls(normalize_experts=normalize, **options).fit(X, y) for normalize in (False, True)
    )
    counts = [count_parameters(model.net_.module_) for model in (plain, normalised)]
    assert counts[1] - counts[0] == n_members * 2 * 64
    assert (plain.predict_proba(X)[0] != normalised.predict_proba(X)[0]).any()


@pytest.mark.parametrize("gate", GATES)
def test_fitted_models_with_gates_of_all_kinds_can_be_saved_copied_and_cloned(
    gate, X, y_mixed, tmp_path
):
    options = FAST | {"gate": gate, "gate_entropy": 0.01, "n_levels": 2}
    model = MMoEMixedPredictor(trunk_hidden_layer_sizes=16, **options).fit(X, y_mixed)
    expected = model.predict(X)
    save_model(model, tmp_path / "model.safetensors")
    copies = (
        load_model(tmp_path / "model.safetensors"),
        pickle.loads(pickle.dumps(model)),
        deepcopy(model),
        clone(model).fit(X, y_mixed),
    )
    for again in copies:
        assert_array_equal(again.predict(X), expected)
        assert again.get_params() | {"device": "auto"} == model.get_params() | {"device": "auto"}


@pytest.mark.parametrize("n_active", [1, 2, 3])
def test_a_top_k_gate_hears_the_number_of_experts_it_was_given(n_active, X, y):
    model = MMoEClassifier(gate="top_k", n_active_experts=n_active, **FAST).fit(X, y)
    assert ((model.gate_weights(X) > 0).sum(axis=-1) == n_active).all()


@pytest.mark.parametrize("gate", ["top_k", "dselect_k"])
def test_more_active_experts_than_there_are_is_an_error_of_fit(gate, X, y):
    model = MMoEClassifier(gate=gate, n_active_experts=4, **FAST)
    with pytest.raises(ValueError, match="n_active_experts must be from 1 to n_experts=3"):
        model.fit(X, y)


@pytest.mark.parametrize(
    "bad",
    [
        {"gate": "topk"},
        {"n_levels": 0},
        {"n_active_experts": 0},
        {"gate_entropy": -0.1},
        {"trunk_hidden_layer_sizes": "wide"},
        {"trunk_hidden_layer_sizes": (8, 0)},
    ],
    ids=str,
)
def test_parameters_out_of_range_are_errors_of_fit(bad, X, y):
    with pytest.raises(ValueError, match=r"must be|positive integers"):
        MMoEClassifier(**FAST | bad).fit(X, y)


def test_the_entropy_is_a_part_of_the_training_loss_alone(X, y):
    model = MMoEClassifier(gate="dselect_k", gate_entropy=10.0, **FAST).fit(X, y)
    free = MMoEClassifier(gate="dselect_k", gate_entropy=0.0, **FAST).fit(X, y)
    # Near equal weights at first: two digits of an entropy of ln 2 each.
    surplus = model.loss_curve_[0] - model.task_loss_curve_[0].mean()
    assert 0 < surplus < 10 * 2 * np.log(2)
    assert_allclose(free.loss_curve_, free.task_loss_curve_.mean(axis=1), rtol=1e-5)


@pytest.mark.parametrize("balancing", ["uncertainty", "pcgrad", "gradnorm"])
def test_balancing_of_losses_works_with_the_entropy(balancing, X, y):
    options = FAST | {"gate": "dselect_k", "loss_balancing": balancing}
    digits = [
        MMoEClassifier(gate_entropy=entropy, **options)
        .fit(X, y)
        .net_.module_.levels[0]
        .gates.digits.bias.detach()
        .numpy()
        for entropy in (0.0, 1.0)
    ]
    assert np.isfinite(digits[1]).all()
    assert (digits[0] != digits[1]).any()


def test_learned_selections_become_sparse_in_training_the_more_the_entropy_weighs():
    X, y = make_multitask_sinusoid(1000, n_features=10, random_state=0)
    options = FAST | {"n_experts": 8, "expert_hidden_layer_sizes": (16,), "max_iter": 25}
    options |= {"batch_size": 128, "learning_rate_init": 0.03}
    heard = []
    for entropy in (0.0, 0.01, 0.3):
        model = MMoERegressor(gate="dselect_k", gate_entropy=entropy, **options).fit(X, y)
        weights = model.gate_weights(X)
        assert np.sort(weights, axis=-1)[..., -2:].sum(axis=-1).mean() > 0.8
        heard.append((weights > 0).sum(axis=-1).mean())
    assert heard[0] > heard[1] > heard[2]
    assert heard[1] < 6
    assert heard[2] < 4
