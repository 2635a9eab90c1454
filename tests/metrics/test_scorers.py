"""Scores of single tasks: scikit-learn's metrics by column, of any multi-output estimator."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    get_scorer,
    log_loss,
    make_scorer,
    max_error,
    mean_squared_error,
    r2_score,
    roc_auc_score,
)
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mmoe import MMoEClassifier, MMoEMixedPredictor, MMoERegressor
from sk_mmoe.metrics import make_mean_scorer, make_task_scorer, multitask_scoring

N_TRAIN = 150
SMALL = {"n_experts": 2, "expert_hidden_layer_sizes": 4, "tower_hidden_layer_sizes": ()}
RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(250, 4))
NOISY = INPUTS + RNG.normal(size=INPUTS.shape)
TARGETS = pd.DataFrame(
    {
        "click": (NOISY[:, 0] > 0.3).astype(int),
        "like": np.where(NOISY[:, 1] > 0, "yes", "no"),
        "level": np.select([NOISY[:, 2] < -0.7, NOISY[:, 2] < 0.7], ["low", "mid"], "top"),
        "share": NOISY[:, 3] > 0.8,
        "time": 60 + 20 * NOISY[:, 0],
        "price": NOISY[:, 1] - NOISY[:, 3],
    }
)
X_TRAIN, X_TEST = INPUTS[:N_TRAIN], INPUTS[N_TRAIN:]
Y_TRAIN, Y_TEST = TARGETS[:N_TRAIN], TARGETS[N_TRAIN:]
WEIGHTS = RNG.uniform(0.1, 3, size=(len(X_TEST), 2))


def mmoe(cls=MMoEClassifier, **parameters):
    return cls(max_iter=2, random_state=0, **SMALL, **parameters)


# Estimators with the tasks they are fitted to; y as a DataFrame or, where "as array", as an array.
CLASSIFIERS = {
    "mmoe": (mmoe(), ["click", "like", "level", "share"], None),
    "mmoe as array": (mmoe(), ["click", "like", "level", "share"], object),
    "mmoe in a pipeline": (make_pipeline(StandardScaler(), mmoe()), ["level", "like"], None),
    "mmoe in a search": (GridSearchCV(mmoe(), {"alpha": [0.1]}, cv=2), ["like", "level"], None),
    "mixed": (mmoe(MMoEMixedPredictor), ["click", "time", "level"], None),
    "forest of strings": (
        RandomForestClassifier(5, random_state=0), ["like", "level"], object
    ),
    "forest of numbers": (RandomForestClassifier(5, random_state=0), ["click", "share"], int),
    "one by one": (MultiOutputClassifier(LogisticRegression()), ["like", "level"], None),
    "chain": (ClassifierChain(LogisticRegression()), ["click", "share"], int),
    "perceptron": (
        MLPClassifier(4, max_iter=300, learning_rate_init=0.1, tol=1e-2, random_state=0),
        ["click", "share"],
        int,
    ),
}  # fmt: skip
REGRESSORS = {
    "mmoe": mmoe(MMoERegressor),
    "mixed": mmoe(MMoEMixedPredictor),
    "forest": RandomForestRegressor(5, random_state=0),
    "one by one": MultiOutputRegressor(LinearRegression()),
    "linear": make_pipeline(StandardScaler(), LinearRegression()),
}


def fit(estimator, tasks, dtype=None):
    """Return a fitted clone, and the test targets in the same form."""
    y_train, y_test = (
        y[tasks] if dtype is None else y[tasks].to_numpy(dtype) for y in (Y_TRAIN, Y_TEST)
    )
    return clone(estimator).fit(X_TRAIN, y_train), y_test


@pytest.fixture(scope="module", params=CLASSIFIERS)
def classifier(request):
    estimator, tasks, dtype = CLASSIFIERS[request.param]
    return *fit(estimator, tasks, dtype), tasks


def probabilities(model, k):
    """Return the probabilities of task k from either form of predict_proba."""
    proba = model.predict_proba(X_TEST)
    return proba[k] if isinstance(proba, list) else np.column_stack([1 - proba[:, k], proba[:, k]])


def test_scores_of_classifiers_are_scikit_learns_by_column(classifier):
    model, y, tasks = classifier
    for k, task in enumerate(tasks):
        if task == "time":
            continue
        # bool and int compare as equal, as they do in forests fitted to whole numbers.
        truth = Y_TEST[task].to_numpy()
        truth = truth.astype(int) if truth.dtype == bool else truth
        predicted = np.asarray(model.predict(X_TEST))[:, k]
        predicted = predicted.astype(truth.dtype)
        proba = probabilities(model, k)
        expected = {
            "accuracy": accuracy_score(truth, predicted),
            "f1_macro": f1_score(truth, predicted, average="macro"),
            "neg_log_loss": -log_loss(truth, proba),
            "roc_auc_ovr": roc_auc_score(
                truth, proba if task == "level" else proba[:, 1], multi_class="ovr"
            ),
        }
        for metric, value in expected.items():
            assert make_task_scorer(metric, k)(model, X_TEST, y) == pytest.approx(value), metric


@pytest.mark.parametrize("name", REGRESSORS)
def test_scores_of_regressors_are_scikit_learns_by_column(name):
    model, y = fit(REGRESSORS[name], ["time", "price"])
    predicted = model.predict(X_TEST)
    for k, task in enumerate(["time", "price"]):
        for scoring, metric in [("r2", r2_score), ("neg_mean_squared_error", mean_squared_error)]:
            expected = (1 if scoring == "r2" else -1) * metric(y[task], predicted[:, k])
            assert make_task_scorer(scoring, task)(model, X_TEST, y) == pytest.approx(expected)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    "model", [RandomForestClassifier(5, random_state=0), LogisticRegression(), mmoe()], ids=str
)
def test_one_task_is_scored_as_scikit_learn_scores_it(model, wide):
    y_train, y_test = Y_TRAIN["level"].to_numpy(), Y_TEST["level"].to_numpy()
    model = clone(model).fit(X_TRAIN, y_train)
    shaped = y_test[:, None] if wide else y_test
    for metric in ["accuracy", "neg_log_loss", "roc_auc_ovo", "f1_weighted", "top_k_accuracy"]:
        expected = get_scorer(metric)(model, X_TEST, y_test)
        assert make_task_scorer(metric, 0)(model, X_TEST, shaped) == pytest.approx(expected)


def test_a_column_of_its_own_dimension_is_scored():
    model = mmoe().fit(X_TRAIN, Y_TRAIN[["level"]])
    expected = accuracy_score(Y_TEST["level"], model.predict(X_TEST)[:, 0])
    assert make_task_scorer("accuracy", "level")(model, X_TEST, Y_TEST["level"]) == expected
    assert make_task_scorer("accuracy", "level")(model, X_TEST, Y_TEST[["level"]]) == expected


def test_decision_functions_are_scored_by_column():
    model, y = fit(RidgeClassifier(), ["click", "share"], int)
    for k in range(2):
        expected = roc_auc_score(y[:, k], model.decision_function(X_TEST)[:, k])
        assert make_task_scorer("roc_auc", k)(model, X_TEST, y) == expected


def test_mixed_tasks_are_scored_each_by_its_own_metric():
    model, y = fit(mmoe(MMoEMixedPredictor), ["click", "time", "level"])
    predicted = model.predict(X_TEST)
    scores = multitask_scoring(
        {"click": "roc_auc", "time": ["r2", "neg_max_error"], 2: "accuracy"}
    )(model, X_TEST, y)
    expected = {
        "click_roc_auc": roc_auc_score(y["click"], model.predict_proba(X_TEST)[0][:, 1]),
        "time_r2": r2_score(y["time"], predicted[:, 1]),
        "time_neg_max_error": -max_error(y["time"], predicted[:, 1]),
        "level_accuracy": accuracy_score(y["level"], predicted[:, 2].astype(str)),
    }
    means = {f"mean_{key.split('_', 1)[1]}": value for key, value in expected.items()}
    assert scores == pytest.approx(expected | means)


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA])
@pytest.mark.parametrize("as_array", [False, True])
def test_rows_without_a_label_are_left_out(missing, as_array):
    model, y = fit(mmoe(), ["click", "like", "level"])
    hidden = np.random.default_rng(1).random(y.shape) < 0.3
    gappy = y.astype(object).mask(hidden, missing)
    gappy = gappy.to_numpy() if as_array else gappy
    for k, task in enumerate(y):
        known = ~hidden[:, k]
        truth, proba = y[task][known], model.predict_proba(X_TEST)[k][known]
        for metric, value in {
            "accuracy": accuracy_score(truth, model.classes_[k][proba.argmax(axis=1)]),
            "neg_log_loss": -log_loss(truth, proba),
        }.items():
            assert make_task_scorer(metric, task)(model, X_TEST, gappy) == pytest.approx(value)


FORMS = {
    "categorical": lambda y: y.astype("category"),
    "nullable": lambda y: y.convert_dtypes(),
    "objects": lambda y: y.astype(object),
    "array of objects": lambda y: y.to_numpy(object),
    "with an index": lambda y: y.set_index(np.arange(len(y))[::-1]),
}


@pytest.mark.parametrize("form", FORMS)
def test_form_of_the_targets_does_not_matter(form):
    model, y = fit(mmoe(), ["click", "like", "share"])
    for task in y:
        for metric in ["roc_auc", "balanced_accuracy"]:
            scorer = make_task_scorer(metric, task)
            assert scorer(model, X_TEST, FORMS[form](y)) == scorer(model, X_TEST, y)


def test_columns_in_another_order_or_missing_are_found_by_name():
    model, y = fit(mmoe(), ["click", "like", "level"])
    scorer = make_task_scorer("accuracy", "level")
    expected = scorer(model, X_TEST, y)
    assert scorer(model, X_TEST, y[["level", "like", "click"]]) == expected
    assert scorer(model, X_TEST, y[["level"]]) == expected


@pytest.mark.parametrize("shape", ["samples", "labels"])
@pytest.mark.parametrize("metric", ["roc_auc", "accuracy", "neg_log_loss"])
def test_weights_are_the_metrics_own(shape, metric):
    model, y = fit(mmoe(), ["click", "like"])
    hidden = np.arange(len(y)) % 3 == 0
    y.loc[hidden, "like"] = None
    weights = WEIGHTS[:, 1] if shape == "samples" else WEIGHTS
    truth, weight = y["like"][~hidden], WEIGHTS[~hidden, 1]
    proba = model.predict_proba(X_TEST)[1][~hidden]
    expected = {
        "roc_auc": lambda: roc_auc_score(truth, proba[:, 1], sample_weight=weight),
        "accuracy": lambda: accuracy_score(
            truth, np.array(["no", "yes"])[proba.argmax(axis=1)], sample_weight=weight
        ),
        "neg_log_loss": lambda: -log_loss(truth, proba, sample_weight=weight),
    }[metric]()
    scorer = make_task_scorer(metric, "like")
    assert scorer(model, X_TEST, y, sample_weight=weights) == pytest.approx(expected)
    assert scorer(model, X_TEST, y) != pytest.approx(expected)


def test_a_metric_without_weights_goes_without():
    model, y = fit(MultiOutputRegressor(LinearRegression()), ["time", "price"])
    scorer = make_task_scorer("neg_max_error", 0)
    assert scorer(model, X_TEST, y, sample_weight=WEIGHTS) == scorer(model, X_TEST, y)


@pytest.mark.parametrize("metric", ["neg_log_loss", "neg_brier_score", "top_k_accuracy"])
def test_a_class_that_does_not_occur_counts_all_the_same(metric):
    model, y = fit(mmoe(), ["level", "like"])
    some = (y["level"] != "top").to_numpy()
    score = make_task_scorer(metric, "level")(model, X_TEST[some], y[some])
    proba = model.predict_proba(X_TEST[some])[0]
    truth = np.array(["low", "mid", "top"]) == y["level"][some].to_numpy()[:, None]
    expected = {
        "neg_log_loss": np.log(proba[truth]).mean(),
        "neg_brier_score": -((proba - truth) ** 2).sum(axis=1).mean(),
        "top_k_accuracy": (proba.argmin(axis=1) != truth.argmax(axis=1)).mean(),
    }[metric]
    assert score == pytest.approx(expected)


def test_of_string_labels_the_last_is_positive_unless_said_otherwise():
    model, y = fit(mmoe(), ["like", "level"])
    proba = model.predict_proba(X_TEST)[0]
    scorer = make_task_scorer("average_precision", "like")
    assert scorer(model, X_TEST, y) == average_precision_score(y["like"] == "yes", proba[:, 1])
    own = make_scorer(average_precision_score, response_method="predict_proba", pos_label="no")
    expected = average_precision_score(y["like"] == "no", proba[:, 0])
    assert make_task_scorer(own, "like")(model, X_TEST, y) == expected


def test_of_whole_numbers_scikit_learns_own_default_is_positive():
    y = np.where(Y_TRAIN[["click", "share"]], 2, 1)
    model = RandomForestClassifier(5, random_state=0).fit(X_TRAIN, y)
    expected = f1_score(y[:, 1], model.predict(X_TRAIN)[:, 1], pos_label=1)
    assert make_task_scorer("f1", 1)(model, X_TRAIN, y) == expected


def test_mean_is_the_weighted_mean_of_tasks():
    model, y = fit(mmoe(), ["click", "like", "level"])
    scores = {task: make_task_scorer("accuracy", task)(model, X_TEST, y) for task in y}
    for parameters, weights in [
        ({}, [1, 1, 1]),
        ({"tasks": ["click", 2]}, [1, 0, 1]),
        ({"weights": [1, 2, 3]}, [1, 2, 3]),
        ({"weights": {"like": 3}}, [1, 3, 1]),
        ({"tasks": ["level", "click"], "weights": [5, 1]}, [1, 0, 5]),
    ]:
        expected = np.average(list(scores.values()), weights=weights)
        scorer = make_mean_scorer("accuracy", **parameters)
        assert scorer(model, X_TEST, y) == pytest.approx(expected)
    by_task = make_mean_scorer({"click": "roc_auc", "level": "neg_log_loss"})
    parts = [make_task_scorer(metric, task) for task, metric in by_task.scoring.items()]
    expected = np.mean([part(model, X_TEST, y) for part in parts])
    assert by_task(model, X_TEST, y) == pytest.approx(expected)


def test_tasks_without_known_labels_are_nan_and_left_out_of_means():
    model, y = fit(mmoe(), ["click", "like"])
    y["like"] = np.nan
    accuracy = make_task_scorer("accuracy", "click")(model, X_TEST, y)
    assert np.isnan(make_task_scorer("accuracy", "like")(model, X_TEST, y))
    assert make_mean_scorer("accuracy", weights=[1, 9])(model, X_TEST, y) == accuracy
    scores = multitask_scoring("accuracy")(model, X_TEST, y)
    assert scores["mean_accuracy"] == scores["click_accuracy"] == accuracy
    y["click"] = np.nan
    assert np.isnan(make_mean_scorer("accuracy")(model, X_TEST, y))


def test_errors_tell_the_task_and_the_scorer():
    model, y = fit(mmoe(MMoEMixedPredictor), ["click", "time"])
    with pytest.raises(AttributeError, match="predict_proba") as raised:
        make_mean_scorer("roc_auc")(model, X_TEST, y)
    assert "'time'" in raised.value.__notes__[0]
    assert "roc_auc_score" in raised.value.__notes__[0]


@pytest.mark.parametrize("task", ["share", 2, -1, None])
@pytest.mark.parametrize("as_array", [False, True])
def test_an_unknown_task_is_an_error_that_lists_the_tasks(task, as_array):
    model, y = fit(mmoe(), ["click", "like"])
    y = y.to_numpy(object) if as_array else y
    with pytest.raises(ValueError, match=r"one of \['click', 'like'\] or an index below 2"):
        make_task_scorer("accuracy", task)(model, X_TEST, y)


def test_names_of_an_array_without_an_estimator_that_knows_them_are_numbered():
    model, y = fit(RandomForestClassifier(5, random_state=0), ["click", "share"], int)
    with pytest.raises(ValueError, match=r"one of \['task0', 'task1'\].* columns of a DataFrame"):
        make_task_scorer("accuracy", "click")(model, X_TEST, y)


def test_too_many_columns_of_y_are_an_error():
    model, _ = fit(RandomForestClassifier(5, random_state=0), ["click", "share"], int)
    y = np.zeros((len(X_TEST), 3), dtype=int)
    with pytest.raises(
        ValueError, match="must have the 2 tasks that the estimator was fitted to, got 3"
    ):
        make_task_scorer("accuracy", 0)(model, X_TEST, y)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: make_task_scorer("auc", 0), "'auc' is not a valid scoring value"),
        (lambda: make_task_scorer(roc_auc_score, 0), "metric function rather than a scorer"),
        (lambda: make_task_scorer(["r2"], 0), r"must be a scorer or the name of one, got \['r2'\]"),
        (lambda: make_mean_scorer({"a": None}), "must be a scorer or the name of one, got None"),
        (lambda: make_mean_scorer({"a": "r2"}, ["a", "b"]), r"every task, got none for \['b'\]"),
        (lambda: multitask_scoring({"a": ["r2", "auc"]}), "'auc' is not a valid scoring value"),
    ],
)  # fmt: skip
def test_bad_scoring_is_an_error_at_once(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_weights_of_tasks_must_be_as_many():
    model, y = fit(mmoe(), ["click", "like"])
    with pytest.raises(ValueError, match="weights must have a value for each of"):
        make_mean_scorer("accuracy", weights=[1])(model, X_TEST, y)
