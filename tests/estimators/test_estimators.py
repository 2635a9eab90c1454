"""What the estimators learn and return, for every form of y."""

from resource import RUSAGE_SELF, getrusage

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, r2_score

from sk_mmoe import MMoEClassifier, MMoEMixedPredictor, MMoERegressor

FAST = {
    "early_stopping": False,
    "max_iter": 12,
    "learning_rate_init": 0.03,
    "batch_size": 64,
    "n_members": 1,
    "random_state": 0,
}


def test_classifier_learns_binary_and_string_tasks_side_by_side(X, y):
    model = MMoEClassifier(**FAST).fit(X, y)
    predictions = model.predict(X)
    assert predictions.shape == (400, 2)
    assert accuracy_score(y["click"], predictions[:, 0].astype(int)) > 0.8
    assert accuracy_score(y["level"], predictions[:, 1]) > 0.9
    assert model.score(X, y) == pytest.approx(
        np.mean(
            [(predictions[:, 0] == y["click"]).mean(), (predictions[:, 1] == y["level"]).mean()]
        )
    )


def test_fitted_attributes_describe_the_fit(X, y):
    model = MMoEClassifier(n_iter_no_change=12, **FAST).fit(X, y)
    assert model.task_names_ == ["click", "level"]
    assert model.n_tasks_ == 2
    assert model.n_features_in_ == 8
    assert_array_equal(model.feature_names_in_, X.columns)
    assert_array_equal(model.classes_[0], [0, 1])
    assert_array_equal(model.classes_[1], ["high", "low", "middle"])
    assert model.n_iter_ == len(model.loss_curve_) == 12
    assert model.best_loss_ == min(model.loss_curve_)
    assert model.task_loss_curve_.shape == (12, 2)
    assert_allclose(model.task_loss_curve_.mean(axis=1), model.loss_curve_, rtol=1e-5)
    assert model.validation_scores_ is None
    assert model.best_validation_score_ is None


def test_probabilities_sum_to_one_and_lead_to_the_predictions(X, y):
    model = MMoEClassifier(**FAST).fit(X, y)
    probabilities = model.predict_proba(X)
    logs = model.predict_log_proba(X)
    for k, (proba, log) in enumerate(zip(probabilities, logs, strict=True)):
        assert proba.shape == (400, [2, 3][k])
        assert_allclose(proba.sum(axis=1), 1)
        assert_allclose(np.exp(log), proba)
        chosen = model.classes_[k][proba.argmax(axis=1)]
        assert_array_equal(chosen, model.predict(X)[:, k])


LABELS = {
    "integers": np.array([3, 7]),
    "negative integers": np.array([-1, 1]),
    "whole floats": np.array([0.0, 1.0]),
    "booleans": np.array([False, True]),
    "strings": np.array(["no", "yes"]),
    "objects": np.array(["no", "yes"], dtype=object),
    "three strings": np.array(["a", "b", "c"]),
    "five integers": np.arange(5),
}


@pytest.mark.parametrize("classes", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("n_tasks", [None, 1, 3])
def test_labels_come_back_in_their_own_dtype(X, classes, n_tasks):
    codes = pd.qcut(X["x0"], len(classes), labels=False).to_numpy()
    y = classes[codes] if n_tasks is None else np.column_stack([classes[codes]] * n_tasks)
    model = MMoEClassifier(numeric_encoding=None, **FAST).fit(X, y)
    predictions = model.predict(X)
    assert predictions.dtype == classes.dtype
    assert predictions.shape == y.shape
    assert (predictions == y).mean() > 0.8
    task_classes = [model.classes_] if n_tasks is None else model.classes_
    for found in task_classes:
        assert_array_equal(found, classes)
    proba = model.predict_proba(X)
    shapes = [proba.shape] if n_tasks is None else [p.shape for p in proba]
    assert shapes == [(400, len(classes))] * (n_tasks or 1)


@pytest.mark.parametrize("dtype", ["category", "string", "boolean", "Int64"])
def test_pandas_dtypes_are_accepted_as_labels(X, dtype):
    values = X["x0"] > 0
    labels = np.where(values, "yes", "no") if dtype in ("category", "string") else values
    y = pd.Series(labels, name="click").astype("category" if dtype == "category" else dtype)
    model = MMoEClassifier(**FAST).fit(X, y)
    assert model.task_names_ == ["click"]
    assert accuracy_score(list(y), list(model.predict(X))) > 0.9


def test_unused_categories_are_no_classes(X):
    y = pd.Series(np.where(X["x0"] > 0, "yes", "no")).astype(
        pd.CategoricalDtype(["maybe", "no", "yes"])
    )
    assert_array_equal(MMoEClassifier(max_iter=1).fit(X, y).classes_, ["no", "yes"])


def test_regression_predictions_come_back_in_the_users_units(X):
    seconds = 60 + 100 * X["x1"] + 20 * X["x2"] ** 2
    y = pd.DataFrame({"seconds": seconds, "days": seconds / 86_400})
    model = MMoERegressor(**FAST).fit(X, y)
    predictions = model.predict(X)
    assert r2_score(y, predictions, multioutput="raw_values").min() > 0.95
    assert_allclose(predictions.mean(axis=0), y.mean(), rtol=0.05)
    assert model.score(X, y) == pytest.approx(r2_score(y, predictions))


def test_units_of_targets_do_not_change_what_is_learned(X):
    y = np.column_stack([X["x0"], X["x1"] ** 2])
    # At a high rate, the rounding of the scaled targets would grow from step to step.
    model = MMoERegressor(dtype="float64", **FAST | {"learning_rate_init": 0.01})
    plain = model.fit(X, y).predict(X)
    scaled = model.fit(X, y * [1e6, 1e-6] + [5e6, -3]).predict(X)
    assert_allclose((scaled - [5e6, -3]) / [1e6, 1e-6], plain, rtol=1e-6, atol=1e-6)


def test_a_constant_target_is_predicted_as_it_is(X):
    y = np.column_stack([X["x0"], np.full(400, 7.0)])
    predictions = MMoERegressor(**FAST).fit(X, y).predict(X)
    assert_allclose(predictions[:, 1], 7, atol=0.2)


def test_mixed_tasks_are_learned_by_one_network(X, y_mixed):
    kinds = {"click": "binary", "level": "multiclass", "watch_time": "regression"}
    model = MMoEMixedPredictor(tasks=kinds, **FAST).fit(X, y_mixed)
    click, level, watch_time = model.predict(X).T
    assert accuracy_score(y_mixed["click"], click.astype(int)) > 0.9
    assert accuracy_score(y_mixed["level"], level.astype(str)) > 0.9
    assert r2_score(y_mixed["watch_time"], watch_time.astype(float)) > 0.9
    assert [proba is None for proba in model.predict_proba(X)] == [False, False, True]
    assert model.classes_[2] is None
    assert model.score(X, y_mixed) > 0.9


def test_kinds_of_mixed_tasks_are_inferred(X, y_mixed):
    options = FAST | {"max_iter": 3}
    inferred = MMoEMixedPredictor(**options).fit(X, y_mixed)
    declared = MMoEMixedPredictor(tasks=["binary", "multiclass", "regression"], **options)
    assert_array_equal(inferred.predict(X), declared.fit(X, y_mixed).predict(X))


def test_whole_numbers_can_be_declared_a_regression(X):
    counts = np.round(10 + 3 * X["x0"]).astype(int)
    model = MMoEMixedPredictor(tasks=["regression"], **FAST).fit(X, counts)
    assert model.classes_ is None
    assert r2_score(counts, model.predict(X)) > 0.9


@pytest.mark.parametrize("cls", [MMoEClassifier, MMoEMixedPredictor])
def test_mixed_predictor_and_classifier_are_one_network(cls, X, y):
    options = FAST | {"max_iter": 3}
    expected = MMoEClassifier(**options).fit(X, y).predict_proba(X)
    for found, proba in zip(cls(**options).fit(X, y).predict_proba(X), expected, strict=True):
        assert_array_equal(found, proba)


def test_without_hidden_layers_one_expert_is_logistic_regression(X, y):
    # Noise leaves no task without a finite solution.
    noisy = X["x0"] + np.random.default_rng(0).normal(size=400) > 0
    both = np.column_stack([y["click"], noisy])
    # alpha is AdamW's decay here and C there, so both fits go without a penalty.
    model = MMoEClassifier(
        n_experts=1,
        expert_hidden_layer_sizes=(),
        tower_hidden_layer_sizes=(),
        numeric_encoding=None,
        alpha=0.0,
        batch_size=400,
        early_stopping=False,
        max_iter=300,
        learning_rate_init=0.05,
        tol=0.0,
        n_iter_no_change=300,
        dtype="float64",
        random_state=0,
    )
    found = model.fit(X, both).predict_proba(X)
    for k, proba in enumerate(found):
        reference = LogisticRegression(C=np.inf, max_iter=10_000, tol=1e-10).fit(X, both[:, k])
        assert_allclose(proba, reference.predict_proba(X), atol=0.01)


def test_gate_weights_sum_to_one_for_each_sample_and_task(X, y):
    model = MMoEClassifier(n_experts=3, gate_dropout=0.5, numeric_encoding=None, **FAST).fit(X, y)
    weights = model.gate_weights(X)
    assert weights.shape == (400, 2, 3)
    assert_allclose(weights.sum(axis=-1), 1, rtol=1e-5)
    # The gates as the paper writes them: softmax of a linear map without bias.
    W = model.net_.module_.levels[0].gates.weight.detach().numpy()
    logits = np.einsum("nd,ked->nke", X.to_numpy(), W)
    expected = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    assert_allclose(weights, expected, rtol=1e-4, atol=1e-6)


# With many values sparse rows are made dense; with few their products round differently.
@pytest.mark.parametrize(("smallest", "tolerance"), [(0.3, 0), (1, 1e-3)])
def test_sparse_and_dense_inputs_give_the_same_model(smallest, tolerance, X, y):
    dense = np.where(np.abs(X) > smallest, X, 0.0)
    model = MMoEClassifier(numeric_encoding=None, **FAST | {"max_iter": 5})
    expected = clone(model).fit(dense, y)
    found = clone(model).fit(csr_matrix(dense), y)
    for a, b in zip(
        (*expected.predict_proba(dense), expected.gate_weights(dense)),
        (*found.predict_proba(csr_matrix(dense)), found.gate_weights(csr_matrix(dense))),
        strict=True,
    ):
        assert_allclose(a, b, rtol=tolerance, atol=tolerance / 100)


def test_a_sparse_table_is_never_dense_as_a_whole():
    n_samples, n_features = 8_000, 50_000  # 1.6 GB if it were dense
    columns = np.random.default_rng(0).integers(0, n_features, size=n_samples)
    X = csr_matrix((np.ones(n_samples), (np.arange(n_samples), columns)), (n_samples, n_features))
    y = np.column_stack([columns % 2, columns % 3])
    model = MMoEClassifier(
        n_experts=1, expert_hidden_layer_sizes=(4,), tower_hidden_layer_sizes=(), max_iter=1
    )
    before = getrusage(RUSAGE_SELF).ru_maxrss
    assert model.fit(X, y).predict(X).shape == (n_samples, 2)
    assert getrusage(RUSAGE_SELF).ru_maxrss - before < 0.6e6  # kilobytes


def test_dtype_is_that_of_the_weights(X, y):
    for dtype in ("float32", "float64"):
        model = MMoEClassifier(dtype=dtype, max_iter=1).fit(X, y)
        dtypes = {parameter.dtype for parameter in model.net_.module_.parameters()}
        assert dtypes == {getattr(torch, dtype)}
        assert model.predict_proba(X)[0].dtype == np.float64


def test_layers_may_be_none_or_several(X, y):
    for experts, towers in [((), ()), (8, 4), ([8, 6], (5, 4, 3)), (np.array([8]), ())]:
        model = MMoEClassifier(
            expert_hidden_layer_sizes=experts, tower_hidden_layer_sizes=towers, max_iter=2
        )
        assert model.fit(X, y).predict(X).shape == (400, 2)


def test_fifteen_tasks_with_different_numbers_of_classes(X):
    y = np.column_stack([pd.qcut(X["x0"], k, labels=False) for k in range(2, 17)])
    model = MMoEClassifier(**FAST | {"max_iter": 2}).fit(X, y)
    assert [len(classes) for classes in model.classes_] == list(range(2, 17))
    assert model.predict(X).shape == (400, 15)


@pytest.mark.parametrize("cls", [MMoEClassifier, MMoERegressor])
def test_same_seed_gives_the_same_model_and_leaves_the_global_generator_alone(cls, X, y):
    y = y[["click"]].assign(again=y["click"])
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    options = FAST | {"dropout": 0.1, "max_iter": 3}
    first = cls(**options).fit(X, y)
    assert_array_equal(torch.rand(3), expected)
    assert_array_equal(cls(**options).fit(X, y).predict(X), first.predict(X))
    assert cls(**options | {"random_state": 1}).fit(X, y).net_.seed != first.net_.seed


def test_kinds_of_tasks_are_told(X, y_mixed):
    assert MMoEMixedPredictor(**FAST | {"max_iter": 1}).fit(X, y_mixed).task_kinds_ == [
        "binary",
        "multiclass",
        "regression",
    ]


def test_many_whole_numbers_without_a_declared_kind_are_warned_of(X):
    counts = np.arange(400) % 60
    with pytest.warns(
        UserWarning, match="'task0' has 60 different whole numbers, taken as classes"
    ):
        MMoEMixedPredictor(max_iter=1).fit(X, counts)


def test_parameters_set_after_the_fit_do_not_change_how_a_model_predicts(X, y):
    model = MMoEClassifier(**FAST | {"max_iter": 1}).fit(X, y)
    before = model.predict_proba(X)[0]
    model.set_params(dtype="float64", n_experts=1)
    assert_array_equal(model.predict_proba(X)[0], before)


def test_names_of_a_single_target_do_not_matter(X, y):
    model = MMoEClassifier(**FAST | {"max_iter": 2}).fit(X, y["click"])
    assert model.score(X, y["click"].rename("truth")) == model.score(X, y["click"])


def test_integers_of_numpy_are_parameters_too(X, y):
    grid = {"batch_size": np.int64(16), "n_experts": np.int32(2), "max_iter": np.int64(2)}
    assert MMoEClassifier(main_task=np.int64(1), **grid).fit(X, y).n_iter_ == 2
