"""Scorers of tasks in searches, cross-validation, pickles and metadata routing."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import permutation_importance
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    log_loss,
    make_scorer,
)
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sk_mmoe import MMoEClassifier
from sk_mmoe.metrics import make_mean_scorer, make_task_scorer, multitask_scoring
from sk_mmoe.model_selection import MultiOutputStratifiedKFold

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
    }
)
X_TRAIN, X_TEST = INPUTS[:N_TRAIN], INPUTS[N_TRAIN:]
Y_TRAIN, Y_TEST = TARGETS[:N_TRAIN], TARGETS[N_TRAIN:]


def mmoe(cls=MMoEClassifier, **parameters):
    return cls(max_iter=2, random_state=0, **SMALL, **parameters)


def fit(estimator, tasks, dtype=None):
    """Return a fitted clone, and the test targets in the same form."""
    y_train, y_test = (
        y[tasks] if dtype is None else y[tasks].to_numpy(dtype) for y in (Y_TRAIN, Y_TEST)
    )
    return clone(estimator).fit(X_TRAIN, y_train), y_test


def test_search_and_cross_validation_see_every_task():
    y = TARGETS[["click", "like", "level"]].mask(np.random.default_rng(2).random((250, 3)) < 0.2)
    cv = MultiOutputStratifiedKFold(2)
    scoring = multitask_scoring(
        {"click": "roc_auc", "like": ["roc_auc", "accuracy"], "level": "accuracy"}
    )
    keys = {
        "click_roc_auc",
        "like_roc_auc",
        "like_accuracy",
        "level_accuracy",
        "mean_roc_auc",
        "mean_accuracy",
    }
    search = GridSearchCV(
        make_pipeline(StandardScaler(), mmoe()),
        {"mmoeclassifier__alpha": [0, 1]},
        scoring=scoring,
        refit="like_roc_auc",
        cv=cv,
    ).fit(INPUTS, y)
    assert {f"mean_test_{key}" for key in keys} < set(search.cv_results_)
    assert search.score(INPUTS, y) == make_task_scorer("roc_auc", "like")(search, INPUTS, y)
    results = cross_validate(
        search.best_estimator_, INPUTS, y, cv=cv, scoring=scoring, return_estimator=True
    )
    train, test = next(cv.split(INPUTS, y))
    again = clone(search.best_estimator_).fit(INPUTS[train], y.iloc[train])
    scores = scoring(again, INPUTS[test], y.iloc[test])
    assert scores == pytest.approx({key: results[f"test_{key}"][0] for key in keys})


def test_search_maximises_the_score_of_one_task():
    y = TARGETS[["click", "share"]].astype(int)
    model = DecisionTreeClassifier(random_state=0)
    depths = [1, 3, 9]
    scorer = make_task_scorer("neg_log_loss", "share")
    search = GridSearchCV(model, {"max_depth": depths}, scoring=scorer).fit(INPUTS, y)
    scores = []
    for depth in depths:
        model = clone(model).set_params(max_depth=depth)
        folds = cross_validate(model, INPUTS, y, return_estimator=True, return_indices=True)
        scores.append(
            -np.mean(
                [
                    log_loss(y["share"].iloc[rows], tree.predict_proba(INPUTS[rows])[1])
                    for tree, rows in zip(folds["estimator"], folds["indices"]["test"], strict=True)
                ]
            )
        )
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], scores)
    assert search.best_params_ == {"max_depth": depths[np.argmax(scores)]}


SCORERS = [
    make_task_scorer("roc_auc", "click"),
    make_task_scorer(make_scorer(f1_score, pos_label=0), 0),
    make_mean_scorer("accuracy", weights={"click": 2}),
    multitask_scoring(["roc_auc", "accuracy"]),
]


@pytest.mark.parametrize("scorer", SCORERS, ids=str)
def test_scorers_pickle_and_clone(scorer):
    model, y = fit(RandomForestClassifier(5, random_state=0), ["click", "share"], int)
    y = pd.DataFrame(y, columns=["click", "share"])
    expected = scorer(model, X_TEST, y)
    assert pickle.loads(pickle.dumps(scorer))(model, X_TEST, y) == expected
    cloned = clone(GridSearchCV(model, {}, scoring=scorer)).scoring
    assert cloned is not scorer
    assert cloned(model, X_TEST, y) == expected


def test_scorers_say_what_they_score():
    assert repr(SCORERS[0]) == "_TaskScorer(scoring='roc_auc', tasks=['click'])"
    assert repr(SCORERS[3]) == "_MultiTaskScorer(scoring=['roc_auc', 'accuracy'])"


def test_permutation_importance_finds_the_column_of_each_task():
    y = pd.DataFrame({"a": INPUTS[:, 0] > 0, "b": INPUTS[:, 2] > 0}).astype(int)
    model = RandomForestClassifier(20, random_state=0).fit(INPUTS, y)
    importances = permutation_importance(
        model, INPUTS, y, scoring=multitask_scoring("roc_auc"), n_repeats=1, random_state=0
    )
    assert importances["a_roc_auc"].importances_mean.argmax() == 0
    assert importances["b_roc_auc"].importances_mean.argmax() == 2


def test_weights_are_routed_to_scorers_that_ask_for_them():
    y = TARGETS[["click", "share"]].astype(int)
    weights = np.random.default_rng(0).uniform(0.1, 3, len(y))
    model = DecisionTreeClassifier(max_depth=3, random_state=0)
    with config_context(enable_metadata_routing=True):
        scorer = make_task_scorer("accuracy", "click").set_score_request(sample_weight=True)
        model.set_fit_request(sample_weight=False)
        routed = cross_val_score(
            model, INPUTS, y, scoring=scorer, params={"sample_weight": weights}
        )
        several = cross_validate(
            model, INPUTS, y, scoring={"ours": scorer}, params={"sample_weight": weights}
        )
    folds = cross_validate(model, INPUTS, y, return_estimator=True, return_indices=True)
    expected = [
        accuracy_score(
            y["click"].iloc[rows], tree.predict(INPUTS[rows])[:, 0], sample_weight=weights[rows]
        )
        for tree, rows in zip(folds["estimator"], folds["indices"]["test"], strict=True)
    ]
    np.testing.assert_allclose(routed, expected)
    np.testing.assert_allclose(several["test_ours"], expected)


def test_a_search_takes_weights_with_our_scorers_in_a_dict():
    y = TARGETS[["click", "share"]].astype(int)
    weights = np.random.default_rng(0).uniform(0.1, 3, len(y))
    scoring = {task: make_task_scorer("accuracy", task) for task in y}
    model = DecisionTreeClassifier(max_depth=3, random_state=0)
    search = GridSearchCV(model, {"max_depth": [2]}, scoring=scoring, refit="click")
    search.fit(INPUTS, y, sample_weight=weights)
    weighted = make_mean_scorer("accuracy")(search, INPUTS, y, sample_weight=weights)
    assert weighted != make_mean_scorer("accuracy")(search, INPUTS, y)
    folds = KFold(5).split(INPUTS)
    scores = [
        scoring["share"](
            clone(search.best_estimator_).fit(INPUTS[train], y.iloc[train], weights[train]),
            INPUTS[test],
            y.iloc[test],
            sample_weight=weights[test],
        )
        for train, test in folds
    ]
    assert search.cv_results_["mean_test_share"][0] == pytest.approx(np.mean(scores))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: model,
        lambda model: make_pipeline(StandardScaler(), model),
        lambda model: GridSearchCV(model, {"alpha": [0.1]}, cv=2),
        lambda model: make_pipeline(StandardScaler(), GridSearchCV(model, {"alpha": [0.1]}, cv=2)),
    ],
    ids=["alone", "pipeline", "search", "search in a pipeline"],
)
def test_names_of_an_array_are_those_of_the_fitted_estimator(wrap):
    tasks = ["like", "level"]
    model = wrap(mmoe()).fit(X_TRAIN, Y_TRAIN[tasks])
    y = Y_TEST[tasks].to_numpy(object)
    by_name, by_index = (
        make_task_scorer("accuracy", task)(model, X_TEST, y) for task in ("level", 1)
    )
    assert (
        by_name
        == by_index
        == accuracy_score(Y_TEST["level"], model.predict(X_TEST)[:, 1].astype(str))
    )


class CountingForest(RandomForestClassifier):
    """A forest that counts its predictions."""

    calls = ()

    def predict(self, X):
        self.calls = (*self.calls, "predict")
        return super().predict(X)

    def predict_proba(self, X):
        # A forest's predict asks for probabilities itself.
        if self.calls[-1:] != ("predict",):
            self.calls = (*self.calls, "predict_proba")
        return super().predict_proba(X)


def test_all_scores_share_the_predictions():
    model, y = fit(CountingForest(5, random_state=0), ["click", "share"], int)
    scoring = multitask_scoring(["roc_auc", "neg_log_loss", "accuracy", "f1"])
    scores = scoring(model, X_TEST, y)
    assert list(model.calls) == ["predict_proba", "predict"]
    for k, task in enumerate(["task0", "task1"]):
        for metric in ["roc_auc", "neg_log_loss", "accuracy", "f1"]:
            assert scores[f"{task}_{metric}"] == make_task_scorer(metric, k)(model, X_TEST, y)


def test_scorers_are_not_changed_by_use():
    model, y = fit(mmoe(), ["like", "level"])
    own = make_scorer(f1_score)
    before = dict(vars(own))
    make_task_scorer(own, "like")(model, X_TEST, y)
    assert vars(own) == before
    assert own._kwargs == {}
