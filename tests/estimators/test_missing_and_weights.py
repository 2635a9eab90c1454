"""Missing labels and weights: what counts, and for how much."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import accuracy_score

from sk_mmoe import MMoEClassifier, MMoEMixedPredictor, MMoERegressor

FAST = {
    "early_stopping": False,
    "max_iter": 20,
    "learning_rate_init": 0.01,
    "batch_size": 400,
    "n_members": 1,
    # Scales and knots are those of all rows, whatever their labels and weights.
    "numeric_encoding": None,
    "random_state": 0,
}


def scores(model, X):
    """Return the raw scores of all tasks side by side."""
    return np.column_stack(model.net_.predict_scores(X.to_numpy().astype(model.dtype)))


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA])
def test_missing_labels_of_any_form_are_left_out(X, y, missing):
    holes = y.astype(object)
    holes.loc[::3, "click"] = missing
    holes.loc[1::3, "level"] = missing
    model = MMoEClassifier(**FAST).fit(X, holes)
    assert_array_equal(model.classes_[0], [0, 1])
    assert_array_equal(model.classes_[1], ["high", "low", "middle"])
    predictions = model.predict(X)
    expected = np.mean(
        [
            accuracy_score(list(y[name][known]), list(predictions[known, k]))
            for k, name in enumerate(y)
            for known in [holes[name].notna().to_numpy()]
        ]
    )
    assert model.score(X, holes) == pytest.approx(expected)


def test_value_behind_a_missing_label_does_not_matter(X, y):
    click = np.array(y["click"], dtype=float)
    click[::2] = np.nan
    targets = np.column_stack([click, y["level"] == "low"])
    model = MMoEClassifier(dtype="float64", **FAST).fit(X, targets)
    # Weight zero says the same as missing, whatever the label is.
    weight = np.ones((400, 2))
    weight[::2, 0] = 0
    same = MMoEClassifier(dtype="float64", **FAST)
    same.fit(X, np.column_stack([1 - y["click"], y["level"] == "low"]) * 1.0, sample_weight=weight)
    flipped = np.where(np.isnan(click), 1 - y["click"], y["click"])
    same.fit(X, np.column_stack([flipped, y["level"] == "low"]), sample_weight=weight)
    assert_allclose(scores(same, X), scores(model, X), rtol=1e-9)


def test_rows_without_any_label_are_as_if_they_were_not_there(X, y):
    holes = y.astype(object)
    holes.iloc[100:] = None
    model = MMoEClassifier(**FAST).fit(X, holes)
    assert_array_equal(scores(model, X), scores(MMoEClassifier(**FAST).fit(X[:100], y[:100]), X))


def test_rows_without_weight_are_as_if_they_were_not_there(X, y):
    weight = (np.arange(400) < 100).astype(float)
    model = MMoEClassifier(dtype="float64", **FAST).fit(X, y, sample_weight=weight)
    expected = MMoEClassifier(dtype="float64", **FAST).fit(X[:100], y[:100])
    assert_allclose(scores(model, X), scores(expected, X), rtol=1e-9)


def test_missing_regression_targets_do_not_move_the_scale(X):
    y = np.column_stack([X["x0"], 100 * X["x1"]])
    y[200:, 1] = np.nan
    task = MMoERegressor(**FAST).fit(X, y).model_.tasks.tasks[1]
    assert task.mean == pytest.approx(y[:200, 1].mean())
    assert task.scale == pytest.approx(y[:200, 1].std())


def test_a_task_with_few_labels_counts_as_much_as_one_with_many(X, y):
    """The loss of a task is the mean over its known labels."""
    targets = np.column_stack([y["click"], y["click"]]).astype(float)
    targets[40:, 1] = np.nan
    model = MMoEClassifier(dtype="float64", **FAST | {"max_iter": 1}).fit(X, targets)
    start = MMoEClassifier(
        dtype="float64", **FAST | {"max_iter": 1, "learning_rate_init": 1e-12}
    ).fit(X, targets)
    log_proba = start.predict_log_proba(X)
    click = y["click"].to_numpy()
    losses = [
        -log_proba[0][np.arange(400), click].mean(),
        -log_proba[1][np.arange(40), click[:40]].mean(),
    ]
    assert_allclose(model.task_loss_curve_[0], losses, rtol=1e-6)


@pytest.mark.parametrize("cls", [MMoEClassifier, MMoERegressor])
def test_weights_count_as_repetitions(cls, X, y):
    targets = np.column_stack([y["click"], X["x0"] > 0]).astype(float)
    weight = np.random.default_rng(0).integers(0, 4, size=400)
    options = FAST | {"batch_size": 2000, "dtype": "float64"}
    weighted = cls(**options).fit(X, targets, sample_weight=weight)
    rows = np.repeat(np.arange(400), weight)
    repeated = cls(**options).fit(X.iloc[rows], targets[rows])
    assert_allclose(scores(weighted, X), scores(repeated, X), rtol=1e-6, atol=1e-9)


def test_one_weight_for_a_sample_is_that_weight_for_all_its_labels(X, y):
    weight = np.random.default_rng(0).uniform(size=400)
    one = MMoEClassifier(**FAST).fit(X, y, sample_weight=weight)
    two = MMoEClassifier(**FAST).fit(X, y, sample_weight=np.column_stack([weight, weight]))
    assert_array_equal(scores(one, X), scores(two, X))


def test_only_ratios_of_weights_matter(X, y):
    weight = np.random.default_rng(0).uniform(size=(400, 2))
    one = MMoEClassifier(dtype="float64", **FAST).fit(X, y, sample_weight=weight)
    two = MMoEClassifier(dtype="float64", **FAST).fit(X, y, sample_weight=weight * [1, 1000])
    assert_allclose(scores(one, X), scores(two, X), rtol=1e-9)


def test_balanced_class_weight_is_the_sample_weight_of_scikit_learn(X, y):
    from sklearn.utils.class_weight import compute_sample_weight

    weight = np.column_stack([compute_sample_weight("balanced", y[name]) for name in y])
    options = FAST | {"dtype": "float64"}
    balanced = MMoEClassifier(class_weight="balanced", **options).fit(X, y)
    weighted = MMoEClassifier(**options).fit(X, y, sample_weight=weight)
    assert_allclose(scores(balanced, X), scores(weighted, X), rtol=1e-9)


def test_class_weights_go_by_task_or_by_label(X, y):
    weights = {"low": 5.0, "middle": 1.0, "high": 1.0}
    options = FAST | {"dtype": "float64"}
    by_task = MMoEClassifier(class_weight={"level": weights}, **options).fit(X, y)
    in_order = MMoEClassifier(class_weight=[None, weights], **options).fit(X, y)
    sample_weight = np.column_stack([np.ones(400), y["level"].map(weights)])
    expected = MMoEClassifier(**options).fit(X, y, sample_weight=sample_weight)
    for model in (by_task, in_order):
        assert_allclose(scores(model, X), scores(expected, X), rtol=1e-9)
    by_label = MMoEClassifier(class_weight=weights, **options).fit(X, y["level"])
    expected = MMoEClassifier(**options).fit(X, y["level"], sample_weight=sample_weight[:, 1])
    assert_allclose(scores(by_label, X), scores(expected, X), rtol=1e-9)


def test_a_heavy_task_is_learned_at_the_expense_of_a_light_one(X):
    rng = np.random.default_rng(0)
    y = np.column_stack([X["x0"] > 0, rng.integers(0, 2, 400)])
    options = {"n_experts": 1, "expert_hidden_layer_sizes": (1,), "tower_hidden_layer_sizes": ()}
    losses = {
        weight: MMoEClassifier(task_weights=[weight, 1.0], **options, **FAST)
        .fit(X, y)
        .task_loss_curve_[-1, 0]
        for weight in (0.01, 100.0)
    }
    assert losses[100.0] < losses[0.01]


def test_task_weights_enter_the_loss_as_a_weighted_mean(X, y):
    model = MMoEClassifier(task_weights={"click": 3}, **FAST).fit(X, y)
    assert_allclose(model.task_loss_curve_ @ [0.75, 0.25], model.loss_curve_, rtol=1e-5)


def test_mixed_tasks_may_miss_labels(X, y_mixed):
    holes = y_mixed.copy()
    holes.loc[::2, "watch_time"] = np.nan
    holes.loc[1::2, "level"] = None
    model = MMoEMixedPredictor(**FAST).fit(X, holes)
    assert model.task_kinds_ == ["binary", "multiclass", "regression"]
    assert np.isfinite(model.score(X, holes))


def test_columns_without_names_are_taken_by_their_place(X, y):
    model = MMoEClassifier(class_weight={"click": "balanced"}, **FAST).fit(X, y)
    assert model.score(X, y.to_numpy()) == model.score(X, y)
    unnamed = MMoEClassifier(**FAST).fit(X, y.to_numpy())
    assert unnamed.score(X, y) == unnamed.score(X, y.to_numpy())
    with pytest.raises(ValueError, match="must have the tasks"):
        model.score(X, y.rename(columns={"click": "buy"}))


def test_class_weight_leaves_regressions_alone(X, y_mixed):
    plain = MMoEMixedPredictor(**FAST).fit(X, y_mixed[["watch_time"]])
    balanced = MMoEMixedPredictor(class_weight="balanced", **FAST).fit(X, y_mixed[["watch_time"]])
    assert_array_equal(scores(plain, X), scores(balanced, X))
    with pytest.raises(
        ValueError, match="'watch_time' is a regression: class_weight is for classes"
    ):
        MMoEMixedPredictor(class_weight={"watch_time": {0: 1}}).fit(X, y_mixed)


def test_class_weights_hold_where_a_class_does_not_occur(X, y):
    weights = {"level": {"low": 5.0}}
    model = MMoEClassifier(class_weight=weights, **FAST | {"early_stopping": True})
    high = y["level"] == "high"
    model.fit(X, y, X_val=X[high], y_val=y[high])
    assert model.n_iter_ == 20


def test_classes_of_a_regression_are_refused(X, y_mixed):
    classes = {"click": [0, 1], "watch_time": [0, 1]}
    model = MMoEMixedPredictor(tasks={"watch_time": "regression"}, **FAST)
    with pytest.raises(ValueError, match="classes of task 'watch_time' must be None"):
        model.partial_fit(X, y_mixed, classes=classes)


def test_a_declared_kind_holds_for_declared_classes_too(X, y):
    model = MMoEMixedPredictor(tasks={"level": "binary"}, **FAST)
    with pytest.raises(ValueError, match="'level' is declared binary, but has 3 classes"):
        model.partial_fit(X, y, classes={"level": ["low", "middle", "high"]})


def test_a_task_without_a_known_label_is_left_out_of_the_score(X, y):
    model = MMoEClassifier(**FAST).fit(X, y)
    expected = accuracy_score(y["click"], model.predict(X)[:, 0].astype(int))
    assert model.score(X, y.assign(level=None)) == pytest.approx(expected)
    assert np.isnan(model.score(X, y.assign(level=None, click=None)))
