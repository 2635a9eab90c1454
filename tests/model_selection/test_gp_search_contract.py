"""What scikit-learn promises of its searches, GPSearchCV keeps."""

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs, make_classification, make_multilabel_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import accuracy_score, make_scorer, recall_score
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.naive_bayes import ComplementNB
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from sk_mmoe.model_selection import GPSearchCV

X, Y = make_classification(80, n_features=5, flip_y=0.2, random_state=0)
C = {"C": loguniform(1e-3, 1e2)}
FEW = {"n_iter": 3, "cv": 2, "random_state": 0}


# scikit-learn's check_cv casts labels that the check makes infinite.
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")
@parametrize_with_checks(
    [
        GPSearchCV(LogisticRegression(), {"C": [0.1, 1.0, 10.0]}, **FEW, error_score="raise"),
        GPSearchCV(Ridge(), {"alpha": [0.1, 1.0, 2.0]}, **FEW, error_score="raise"),
        GPSearchCV(
            make_pipeline(StandardScaler(), Ridge()),
            {"ridge__alpha": [0.1, 0.5, 1.0]},
            **FEW,
            error_score="raise",
        ),
    ],
    # As of GridSearchCV: the tag of several outputs is not the inner estimator's.
    expected_failed_checks=lambda search: (
        {}
        if isinstance(search.estimator, LogisticRegression)
        else {"check_supervised_y_2d": "no warning of a column, as of GridSearchCV"}
    ),
)
def test_it_passes_scikit_learns_checks_of_estimators(estimator, check):
    check(estimator)


# -- results -------------------------------------------------------------------------------


def grid_of(search):
    """Return scikit-learn's grid search over the very candidates of a fitted search."""
    grid = [{name: [value] for name, value in p.items()} for p in search.cv_results_["params"]]
    own = search.get_params(deep=False)
    names = GridSearchCV(None, {}).get_params(deep=False).keys() & own.keys()
    return GridSearchCV(param_grid=grid, **{name: own[name] for name in names})


SEARCHES = {
    "one score": {},
    "a name": {"scoring": "f1"},
    "train scores": {"return_train_score": True},
    "no refit": {"refit": False},
    "several": {"scoring": {"acc": "accuracy", "auc": "roc_auc"}, "refit": "auc"},
    "a list": {"scoring": ["accuracy", "recall"], "refit": "recall", "return_train_score": True},
    "several, no refit": {"scoring": ("accuracy", "recall"), "refit": False},
    "callable refit": {"refit": lambda results: int(results["mean_test_score"].argmin())},
    "several, callable refit": {
        "scoring": {"acc": make_scorer(accuracy_score), "auc": "roc_auc"},
        "refit": lambda results: int(results["mean_test_acc"].argmin()),
    },
    "callable scoring": {"scoring": lambda model, X, y: float(model.C)},
    "callable of several": {
        "scoring": lambda model, X, y: {
            "r": recall_score(y, model.predict(X)),
            "c": -float(model.C),
        },
        "refit": "r",
    },
    "shuffled folds": {"cv": ShuffleSplit(3, random_state=1)},
}


@pytest.mark.parametrize("name", SEARCHES)
def test_results_are_those_of_a_grid_search_over_the_same_candidates(name):
    search = GPSearchCV(LinearSVC(random_state=0), C, **{**FEW, "n_iter": 6, **SEARCHES[name]})
    grid = grid_of(search.fit(X, Y)).fit(X, Y)
    assert search.cv_results_.keys() == grid.cv_results_.keys()
    for key, expected in grid.cv_results_.items():
        found = search.cv_results_[key]
        assert type(found) is type(expected)
        if key != "params":
            assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        if "time" not in key:
            np.testing.assert_array_equal(found, expected)
    ours, theirs = ({k for k in vars(s) if k.endswith("_")} for s in (search, grid))
    assert ours == theirs | {"study_"}
    for attribute in ("best_index_", "best_score_", "best_params_", "n_splits_", "multimetric_"):
        assert getattr(search, attribute, None) == getattr(grid, attribute, None)
    if search.refit:
        assert grid.refit_time_ > 0
        assert search.refit_time_ > 0
        np.testing.assert_array_equal(search.best_estimator_.coef_, grid.best_estimator_.coef_)
    if search.refit and not (callable(search.refit) and search.multimetric_):
        assert search.score(X, Y) == grid.score(X, Y)


def test_scores_are_those_of_cross_validation():
    search = GPSearchCV(LogisticRegression(), C, n_iter=3, cv=3, random_state=0).fit(X, Y)
    for k, parameters in enumerate(search.cv_results_["params"]):
        scores = cross_val_score(LogisticRegression(**parameters), X, Y, cv=StratifiedKFold(3))
        found = [search.cv_results_[f"split{fold}_test_score"][k] for fold in range(3)]
        np.testing.assert_array_equal(found, scores)


@pytest.mark.parametrize("tree", [DecisionTreeClassifier, DecisionTreeRegressor])
def test_targets_of_several_outputs_are_scored_whole(tree):
    inputs, targets = make_multilabel_classification(60, random_state=0)
    search = GPSearchCV(
        tree(random_state=0), {"max_depth": [1, 2, 3]}, n_iter=3, cv=KFold(2), random_state=0
    ).fit(inputs, targets)
    for parameters, score in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        model = tree(random_state=0, **parameters)
        assert score == cross_val_score(model, inputs, targets, cv=KFold(2)).mean()


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        (None, TypeError, "best_index_ returned is not an integer"),
        (-1, IndexError, "best_index_ index out of range"),
        (3, IndexError, "best_index_ index out of range"),
    ],
)
def test_a_refit_that_names_no_candidate_is_an_error(result, error, message):
    with pytest.raises(error, match=message):
        GPSearchCV(LinearSVC(), C, **FEW, refit=lambda results: result).fit(X, Y)


@pytest.mark.parametrize("refit", [True, "recall", "accuracy"])
def test_of_several_scores_refit_must_name_one(refit):
    scoring = {"acc": "accuracy", "prec": "precision"}
    with pytest.raises(ValueError, match="refit must be set to a scorer key"):
        GPSearchCV(LinearSVC(), C, **FEW, scoring=scoring, refit=refit).fit(X, Y)


# -- what the search can do is what its estimator can do -----------------------------------


def test_methods_are_those_of_the_best_estimator():
    search = GPSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {}, n_iter=1)
    search.fit(X, Y)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        expected = getattr(search.best_estimator_, method)(X)
        np.testing.assert_array_equal(getattr(search, method)(X), expected)
    np.testing.assert_array_equal(search.classes_, [0, 1])
    assert search.n_features_in_ == 5
    assert not hasattr(search, "transform")
    assert not hasattr(GPSearchCV(SVC(), C), "predict_proba")
    assert not hasattr(GPSearchCV(Ridge(), {"alpha": [1.0]}, n_iter=1).fit(X, Y), "classes_")


def test_without_refit_there_is_a_choice_and_no_prediction():
    search = GPSearchCV(LogisticRegression(), C, **FEW, refit=False).fit(X, Y)
    assert search.best_params_ == search.cv_results_["params"][search.best_index_]
    assert not hasattr(search, "best_estimator_")
    for method in ("predict", "predict_proba"):
        with pytest.raises(AttributeError, match=f"has no attribute '{method}'") as raised:
            getattr(search, method)
        assert "only after refitting" in str(raised.value.__cause__)


def test_before_fitting_it_says_so():
    search = GPSearchCV(LogisticRegression(), C)
    with pytest.raises(NotFittedError):
        search.predict(X)
    assert not hasattr(search, "classes_")
    assert "LogisticRegression" in search._repr_html_()


def test_methods_that_depend_on_a_searched_parameter_appear_with_it():
    search = GPSearchCV(SGDClassifier(loss="hinge"), {"loss": ["log_loss"]}, n_iter=1, cv=2)
    assert not hasattr(search, "predict_proba")
    assert search.fit(X, Y).predict_proba(X).shape == (80, 2)


def test_an_estimator_without_score_needs_scoring():
    class NoScore(LinearSVC):
        @property
        def score(self):
            raise AttributeError

    with pytest.raises(TypeError, match="no scoring"):
        GPSearchCV(NoScore(), C, **FEW).fit(X, Y)
    search = GPSearchCV(NoScore(random_state=0), C, **FEW, scoring="accuracy").fit(X, Y)
    expected = GPSearchCV(LinearSVC(random_state=0), C, **FEW).fit(X, Y)
    assert search.best_params_ == expected.best_params_
    assert search.score(X, Y) == expected.score(X, Y)


def test_estimators_without_targets_or_predictions_are_tuned():
    blobs, labels = make_blobs(60, centers=3, random_state=0)
    model = KMeans(n_init=1, random_state=0)
    few = {"n_iter": 3, "random_state": 0}
    clusters = {"n_clusters": [2, 3, 4]}
    assert GPSearchCV(model, clusters, **few).fit(blobs).best_params_ == {"n_clusters": 4}
    by_labels = GPSearchCV(
        model, clusters, **few, scoring=["adjusted_rand_score"], refit="adjusted_rand_score"
    ).fit(blobs, labels)
    assert by_labels.best_params_ == {"n_clusters": 3}
    density = GPSearchCV(
        KernelDensity(),
        {"bandwidth": [0.01, 0.1, 1]},
        **few,
        scoring=lambda model, X: float(model.bandwidth == 0.1),
    ).fit(blobs)
    assert density.best_params_ == {"bandwidth": 0.1}


# -- candidates ----------------------------------------------------------------------------


def test_parameters_that_are_estimators_are_cloned():
    choices = [Ridge(), LinearRegression()]
    pipeline = Pipeline([("model", None)])
    search = GPSearchCV(pipeline, {"model": choices}, n_iter=2, cv=2, scoring="r2").fit(X, Y)
    assert {type(model) for model in search.cv_results_["param_model"]} == {Ridge, LinearRegression}
    for model in [*choices, *search.cv_results_["param_model"]]:
        assert not hasattr(model, "coef_")
    assert pipeline.named_steps["model"] is None
    assert search.cv_results_["param_model"].dtype == object


def test_steps_and_their_parameters_are_searched_together():
    pipeline = Pipeline([("scale", StandardScaler()), ("model", None)])
    space = {"model": [LinearSVC()], "model__C": [0.01]}
    search = GPSearchCV(pipeline, space, n_iter=1, cv=2, scoring="accuracy").fit(X, Y)
    assert search.best_estimator_.named_steps["model"].C == 0.01
    assert space["model"][0].C == 1.0


def test_parameters_of_any_type_are_kept_in_the_results():
    texts, labels = ["one", "two", "three", "four", "five", "six"], [0, 1, 0, 1, 0, 1]
    search = GPSearchCV(
        make_pipeline(TfidfVectorizer(), ComplementNB()),
        {
            "tfidfvectorizer__ngram_range": [(1, 1), (1, 2)],
            "tfidfvectorizer__norm": ("l1", "l2", None),
        },
        n_iter=6,
        cv=2,
    ).fit(texts, labels)
    ranges = search.cv_results_["param_tfidfvectorizer__ngram_range"]
    assert ranges.dtype == object
    assert set(ranges) == {(1, 1), (1, 2)}


# -- as a part of other tools --------------------------------------------------------------


def test_a_search_within_a_search_and_a_clone_are_as_usual():
    inner = GPSearchCV(RandomForestClassifier(2), {"max_depth": [1, 2]}, n_iter=2, cv=2)
    scores = cross_val_score(clone(inner), X, Y, cv=2, error_score="raise")
    assert scores.shape == (2,)
    assert not hasattr(inner, "best_params_")
