"""The curves, matrices and errors of all tasks in one figure."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import calibration_curve
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mmoe import MMoEMixedPredictor
from sk_mmoe.inspection import (
    CalibrationCurvesDisplay,
    ConfusionMatricesDisplay,
    PrecisionRecallCurvesDisplay,
    PredictionErrorsDisplay,
    RocCurvesDisplay,
)
from sk_mmoe.metrics import predict_positive_proba

OF_CLASSES = [
    RocCurvesDisplay,
    PrecisionRecallCurvesDisplay,
    CalibrationCurvesDisplay,
    ConfusionMatricesDisplay,
]
ALL = [*OF_CLASSES, PredictionErrorsDisplay]


@pytest.fixture
def fitted(X, y_mixed):
    """Return a model of a binary, an ordinal and a numeric task, with gaps in the test table."""
    order = ["low", "middle", "high"]
    fast = {"n_experts": 2, "numeric_encoding": None, "max_iter": 3, "random_state": 0}
    model = MMoEMixedPredictor(tasks={"level": order}, **fast)
    model.fit(X, y_mixed)
    y = y_mixed.astype({"click": float})
    y = y.mask(np.random.default_rng(0).random(y.shape) < 0.2)
    return model, y, np.random.default_rng(1).uniform(0.5, 2, y.shape)


def test_roc_and_precision_recall_are_scikit_learns_on_known_labels(X, fitted):
    model, y, weights = fitted
    roc = RocCurvesDisplay.from_estimator(model, X, y, sample_weight=weights)
    pr = PrecisionRecallCurvesDisplay.from_estimator(model, X, y, sample_weight=weights)
    assert list(roc.displays) == list(pr.displays) == ["click", "level"]
    for k, name in enumerate(["click", "level"]):
        known = y[name].notna().to_numpy()
        weight, proba = weights[known, k], model.predict_proba(X)[k][known]
        columns = [1] if name == "click" else [0, 1, 2]
        assert len(roc.displays[name]) == len(pr.displays[name]) == len(columns)
        for column, curve, other in zip(
            columns, roc.displays[name], pr.displays[name], strict=True
        ):
            label = model.classes_[k][column]
            truth, score = (y[name][known] == label).to_numpy(), proba[:, column]
            fpr, tpr, _ = roc_curve(truth, score, sample_weight=weight)
            assert_array_equal(curve.fpr, fpr)
            assert_array_equal(curve.tpr, tpr)
            assert_allclose(curve.roc_auc, roc_auc_score(truth, score, sample_weight=weight))
            assert curve.name == other.name == str(label)
            precision, _, _ = precision_recall_curve(truth, score, sample_weight=weight)
            assert_array_equal(other.precision, precision)
            expected = average_precision_score(truth, score, sample_weight=weight)
            assert_allclose(other.average_precision, expected)
            assert_allclose(other.prevalence_pos_label, weight[truth].sum() / weight.sum())


def test_calibration_is_scikit_learns_on_known_labels(X, fitted):
    model, y, _ = fitted
    found = CalibrationCurvesDisplay.from_estimator(model, X, y, n_bins=4, strategy="quantile")
    known = y["level"].notna().to_numpy()
    for label, curve in enumerate(found.displays["level"]):
        truth = y["level"][known] == ["low", "middle", "high"][label]
        proba = model.predict_proba(X)[1][known][:, label]
        expected = calibration_curve(truth, proba, n_bins=4, strategy="quantile")
        assert_array_equal([curve.prob_true, curve.prob_pred], expected)


def test_confusion_keeps_the_order_of_the_task(X, fitted):
    model, y, weights = fitted
    found = ConfusionMatricesDisplay.from_estimator(
        model, X, y, sample_weight=weights, normalize="true"
    )
    known, order = y["level"].notna().to_numpy(), ["low", "middle", "high"]
    (matrix,) = found.displays["level"]
    expected = confusion_matrix(
        y["level"][known],
        model.predict(X)[known, 1],
        labels=order,
        sample_weight=weights[known, 1],
        normalize="true",
    )
    assert_allclose(matrix.confusion_matrix, expected)
    assert list(matrix.display_labels) == order


def test_labels_that_are_no_class_have_a_row(X, fitted):
    model, y, _ = fitted
    known = y["level"].notna().sum()
    changed = y.assign(level=y["level"].replace("low", "none"))
    (matrix,) = ConfusionMatricesDisplay.from_estimator(model, X, changed).displays["level"]
    assert list(matrix.display_labels) == ["low", "middle", "high", "(other)"]
    assert matrix.confusion_matrix.sum() == known
    assert matrix.confusion_matrix[3].sum() == (y["level"] == "low").sum()
    assert matrix.confusion_matrix[0].sum() == 0


def test_errors_are_those_of_known_numbers(X, fitted):
    model, y, _ = fitted
    found = PredictionErrorsDisplay.from_estimator(model, X, y, kind="actual_vs_predicted")
    (errors,) = found.displays["watch_time"]
    known = y["watch_time"].notna().to_numpy()
    assert_array_equal(errors.y_true, y["watch_time"][known])
    assert_array_equal(errors.y_pred, model.predict(X)[known, 2].astype(float))
    assert found.axes_[0].get_ylabel() == "Actual values"
    few = PredictionErrorsDisplay.from_estimator(model, X, y, subsample=7, random_state=0)
    (some,) = few.displays["watch_time"]
    pairs = [set(zip(e.y_true, e.y_pred, strict=True)) for e in (some, errors)]
    assert len(pairs[0]) == 7
    assert pairs[0] < pairs[1]


@pytest.mark.parametrize("display", ALL)
def test_predictions_give_what_their_estimator_gives(X, fitted, display):
    model, y, _ = fitted
    expected = display.from_estimator(model, X, y)
    if display is PredictionErrorsDisplay:
        found = display.from_predictions(y["watch_time"], model.predict(X)[:, 2].astype(float))
    elif display is ConfusionMatricesDisplay:
        predicted = pd.DataFrame(model.predict(X)[:, :2], columns=["click", "level"])
        found = display.from_predictions(
            # By name, in another order.
            y[["level", "click"]],
            predicted,
            classes=model.classes_[1::-1],
        )
    else:
        found = display.from_predictions(y, model.predict_proba(X), classes=model.classes_)
    assert set(found.displays) == set(expected.displays)
    for name, curves in expected.displays.items():
        for curve, other in zip(curves, found.displays[name], strict=True):
            for value, same in zip(vars(curve).values(), vars(other).values(), strict=True):
                if isinstance(value, np.ndarray) and value.dtype != object:
                    assert_array_equal(value, same)


def test_positive_probabilities_may_be_one_table(X, fitted):
    model, y, _ = fitted
    proba = predict_positive_proba(model, X).assign(other=0.5)
    truth = pd.DataFrame({"other": y["click"], "click": y["click"]})
    found = RocCurvesDisplay.from_predictions(truth, proba)
    (expected,) = RocCurvesDisplay.from_estimator(model, X, y).displays["click"]
    assert found.displays["click"][0].roc_auc == expected.roc_auc
    assert found.displays["other"][0].roc_auc == 0.5
    single = RocCurvesDisplay.from_predictions(y["click"], proba["click"], classes=[0, 1])
    assert single.displays["click"][0].roc_auc == expected.roc_auc


def test_pipelines_and_scikit_learns_estimators_are_drawn(X, y):
    model = make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0))
    model.fit(X, y.assign(click=y["click"].map({0: "no", 1: "yes"})))
    y = y.assign(click=y["click"].map({0: "no", 1: "yes"}))
    found = RocCurvesDisplay.from_estimator(model, X, y)
    assert [curve.name for curve in found.displays["click"]] == ["yes"]
    assert [curve.name for curve in found.displays["level"]] == ["high", "low", "middle"]


def test_a_task_with_one_class_has_an_empty_panel(X, fitted):
    model, y, _ = fitted
    found = RocCurvesDisplay.from_estimator(model, X, y.assign(click=1.0))
    assert found.displays["click"] == []
    assert "all known labels" in found.axes_[0].texts[0].get_text()
    assert len(found.displays["level"]) == 3


def test_of_many_classes_the_frequent_ones_have_curves():
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(13), np.arange(3, 16))
    proba = rng.dirichlet(np.ones(13), size=len(truth))
    found = RocCurvesDisplay.from_predictions(truth, [proba])
    assert [curve.name for curve in found.displays["task0"]] == [str(c) for c in range(3, 13)]


@pytest.mark.parametrize("display", ALL)
def test_drawn_is_where_one_says(X, fitted, display):
    model, y, _ = fitted
    names = ["watch_time"] if display is PredictionErrorsDisplay else ["click", "level"]
    figure, axes = plt.subplots(1, len(names))
    found = display.from_estimator(model, X, y, ax=axes)
    assert found.figure_ is figure
    assert [panel.get_title() for panel in found.axes_] == names
    with pytest.raises(ValueError, match="ax must have"):
        found.plot(ax=[axes] * 5 if len(names) == 1 else axes[0])


def test_what_cannot_be_drawn_is_an_error(X, fitted):
    model, y, _ = fitted
    with pytest.raises(ValueError, match=r"needs a task with classes.*\['watch_time'\]"):
        RocCurvesDisplay.from_estimator(model, X, y[["watch_time"]])
    numbers = DummyRegressor().fit(X, y["watch_time"].fillna(0))
    with pytest.raises(ValueError, match="needs a task with classes"):
        ConfusionMatricesDisplay.from_estimator(numbers, X, y["watch_time"])
    with pytest.raises(ValueError, match="needs a task with numbers"):
        PredictionErrorsDisplay.from_estimator(model, X, y[["click"]])
    with pytest.raises(ValueError, match="must be for the 3 tasks"):
        RocCurvesDisplay.from_predictions(y, model.predict_proba(X)[:2])
    with pytest.raises(ValueError, match="classes must have an entry for each"):
        RocCurvesDisplay.from_predictions(y, model.predict_proba(X), classes=[[0, 1], None])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        RocCurvesDisplay.from_estimator(model, X, y[:10])
    with pytest.raises(ValueError, match="displays must have at least one task"):
        RocCurvesDisplay({})
