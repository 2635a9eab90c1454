"""What scikit-learn promises of its searches, GPSearchCV keeps."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.stats import loguniform
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.callback import ProgressBar
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs, make_classification, make_multilabel_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import accuracy_score, get_scorer, make_scorer, recall_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
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


# -- inputs --------------------------------------------------------------------------------


class Inspector(ClassifierMixin, BaseEstimator):
    """A classifier that checks what type of data it is fitted to and predicts for."""

    def __init__(self, input_type=object, target_type=object, foo=0):
        self.input_type = input_type
        self.target_type = target_type
        self.foo = foo

    def fit(self, X, y):
        assert isinstance(X, self.input_type)
        assert isinstance(y, self.target_type)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        assert isinstance(X, self.input_type)
        return np.full(len(X), self.classes_[0])


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [(X.tolist(), Y.tolist()), (pd.DataFrame(X), pd.Series(Y)), (X.reshape(80, 1, 5), Y)],
    ids=["lists", "frames", "three dimensions"],
)
def test_inputs_reach_the_estimator_in_their_own_type(inputs, targets):
    model = Inspector(type(inputs), type(targets))
    search = GPSearchCV(model, {"foo": [1, 2]}, n_iter=2, cv=3, error_score="raise")
    assert len(search.fit(inputs, targets).predict(inputs)) == 80


def test_inconsistent_lengths_are_an_error():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        GPSearchCV(LogisticRegression(), C).fit(X[:60], Y)


# -- folds ---------------------------------------------------------------------------------


@pytest.mark.parametrize("cv", [ShuffleSplit(3), KFold(3).split(X)], ids=["random", "one-time"])
def test_all_candidates_get_the_same_folds(cv):
    def which_rows(model, X, y):
        return float(np.sum(X))

    search = GPSearchCV(LogisticRegression(), C, n_iter=12, cv=cv, scoring=which_rows)
    search.fit(X, Y)
    for fold in range(3):
        assert np.ptp(search.cv_results_[f"split{fold}_test_score"]) == 0


def test_splitters_without_folds_or_with_others_than_they_say_are_an_error():
    empty = KFold(3).split(X)
    list(empty)
    with pytest.raises(ValueError, match="No fits were performed"):
        GPSearchCV(LogisticRegression(), C, cv=empty).fit(X, Y)

    class Broken(KFold):
        def get_n_splits(self, *args, **kwargs):
            return 1

    with pytest.raises(ValueError, match=r"inconsistent results\. Expected 1 splits, got 3"):
        GPSearchCV(LogisticRegression(), C, cv=Broken(3)).fit(X, Y)


# -- fit parameters and metadata -----------------------------------------------------------


def test_groups_reach_the_splitter():
    search = GPSearchCV(LogisticRegression(), C, n_iter=1, cv=GroupKFold(4))
    with pytest.raises(ValueError, match="'groups' parameter should not be None"):
        search.fit(X, Y)
    assert search.fit(X, Y, groups=np.arange(80) // 4).n_splits_ == 4


class Recorder(ClassifierMixin, BaseEstimator):
    """A classifier that remembers the parameters of its fit."""

    def __init__(self, foo=0):
        self.foo = foo

    def fit(self, X, y, sample_weight=None, **others):
        assert sample_weight is None or len(sample_weight) == len(X)
        self.classes_, self.others_ = np.unique(y), others
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def test_fit_parameters_are_split_if_they_have_one_entry_for_each_row_and_else_passed_on():
    others = {"scalar": 42, "pair": (X[:7], Y[:7]), "function": len}
    search = GPSearchCV(Recorder(), {"foo": [1]}, n_iter=1, cv=2, error_score="raise")
    search.fit(X, Y, sample_weight=np.ones(80), **others)
    assert search.best_estimator_.others_ == others


def test_weights_count_as_repetitions_do():
    weights = np.random.default_rng(0).integers(0, 4, 80)
    folds = np.arange(80) % 3
    rows = np.repeat(np.arange(80), weights)
    results = []
    for inputs, targets, parts, fit in (
        (X, Y, folds, {"sample_weight": weights}),
        (X[rows], Y[rows], folds[rows], {}),
    ):
        cv = [(np.flatnonzero(parts != k), np.flatnonzero(parts == k)) for k in range(3)]
        search = GPSearchCV(LogisticRegression(tol=1e-8), {"C": [0.1, 1.0, 10.0]}, n_iter=3, cv=cv)
        results.append(search.set_params(random_state=0).fit(inputs, targets, **fit))
    for key in ("split0_test_score", "mean_test_score", "param_C"):
        np.testing.assert_allclose(
            *(search.cv_results_[key].astype(float) for search in results), rtol=1e-6
        )


def test_a_score_that_takes_no_weights_is_warned_of():
    search = GPSearchCV(LogisticRegression(), C, **FEW, scoring=lambda model, X, y: 0.5)
    with pytest.warns(UserWarning, match="does not support sample_weight"):
        search.fit(X, Y, sample_weight=np.ones(80))


def test_metadata_is_routed_to_estimator_scorer_and_splitter():
    weights, groups = np.linspace(0, 1, 80), np.arange(80) // 4
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = get_scorer("accuracy").set_score_request(sample_weight="of_scores")
        model = LogisticRegression().set_fit_request(sample_weight="of_fits")
        search = GPSearchCV(
            model,
            {"C": [1.0]},
            n_iter=1,
            cv=GroupKFold(2),
            scoring={"weighted": scorer, "plain": get_scorer("accuracy")},
            refit="weighted",
        ).fit(X, Y, of_scores=weights, of_fits=1 - weights, groups=groups)
        for fold, (train, test) in enumerate(GroupKFold(2).split(X, Y, groups)):
            fitted = LogisticRegression().fit(X[train], Y[train], (1 - weights)[train])
            for name, w in (("weighted", weights[test]), ("plain", None)):
                found = search.cv_results_[f"split{fold}_test_{name}"][0]
                assert found == pytest.approx(
                    accuracy_score(Y[test], fitted.predict(X[test]), sample_weight=w)
                )
        search = GPSearchCV(model, {"C": [1.0]}, n_iter=1, scoring=scorer)
        search.fit(X, Y, of_scores=weights, of_fits=weights)
        expected = accuracy_score(Y, search.predict(X), sample_weight=weights)
        assert search.score(X, Y, of_scores=weights) == pytest.approx(expected)
    with pytest.raises(ValueError, match="is only supported if"):
        search.score(X, Y, of_scores=weights)


# -- failures ------------------------------------------------------------------------------


class Failing(ClassifierMixin, BaseEstimator):
    """A classifier that cannot be fitted with the parameter 2."""

    def __init__(self, parameter=0):
        self.parameter = parameter

    def fit(self, X, y):
        if self.parameter == 2:
            raise ValueError("failed as required")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


SOME_FAIL = {"parameter": [0, 1, 2]}


def of_parameter(search, value):
    """Return where a candidate is in the results."""
    return list(search.cv_results_["param_parameter"]).index(value)


def test_failed_fits_get_the_error_score_with_one_warning():
    search = GPSearchCV(Failing(), SOME_FAIL, n_iter=3, refit=False, error_score=0.0)
    message = r"(?s)5 fits failed out of a total of 15.*will be set to 0\.0.*failed as required"
    with pytest.warns(FitFailedWarning, match=message) as record:
        search.fit(X, Y)
    assert len(record) == 1
    failed = of_parameter(search, 2)
    assert all(search.cv_results_[f"split{fold}_test_score"][failed] == 0 for fold in range(5))


def test_failed_candidates_rank_last():
    search = GPSearchCV(Failing(), SOME_FAIL, n_iter=3, refit=False)
    with pytest.warns() as record:
        search.fit(X, Y)
    assert [w.category for w in record] == [FitFailedWarning, UserWarning]
    failed = of_parameter(search, 2)
    assert search.cv_results_["rank_test_score"][failed] == 3
    assert np.isnan(search.cv_results_["mean_test_score"][failed])
    assert search.best_index_ != failed


def test_failed_fits_get_all_scores_that_a_callable_gives_others():
    def scores(model, X, y):
        return {"acc": 1.0}

    search = GPSearchCV(
        Failing(), SOME_FAIL, n_iter=3, scoring=scores, refit=False, error_score=0.1
    )
    with pytest.warns(FitFailedWarning, match="5 fits failed"):
        search.fit(X, Y)
    expected = np.where(search.cv_results_["param_parameter"] == 2, 0.1, 1.0)
    np.testing.assert_allclose(search.cv_results_["mean_test_acc"], expected.astype(float))


def test_if_all_fits_fail_the_error_shows_why():
    search = GPSearchCV(Failing(), {"parameter": [2]}, n_iter=1, error_score=0.0)
    with pytest.raises(ValueError, match=r"(?s)All the 5 fits failed.*failed as required"):
        search.fit(X, Y)


def test_error_score_raise_raises_the_error_of_the_fit():
    search = GPSearchCV(Failing(), {"parameter": [2]}, n_iter=1, error_score="raise")
    with pytest.raises(ValueError, match=r"^failed as required$"):
        search.fit(X, Y)


# -- callbacks -----------------------------------------------------------------------------


class Counter:
    """A callback that counts the tasks that begin and end."""

    def __init__(self):
        self.begun, self.ended = [], []

    def setup(self, estimator, context):
        self.begun, self.ended = [], []

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(context.task_name)

    def on_fit_task_end(self, estimator, context):
        self.ended.append(context.task_name)
        return False

    def teardown(self, estimator, context):
        pass


@pytest.mark.parametrize("refit", [True, False])
def test_callbacks_see_the_tasks_of_a_grid_search(refit):
    counts = []
    for search in (
        GPSearchCV(LogisticRegression(), {"C": [1.0, 2.0]}, n_iter=2, cv=3, refit=refit),
        GridSearchCV(LogisticRegression(), {"C": [1.0, 2.0]}, cv=3, refit=refit),
    ):
        counter = Counter()
        search.set_callbacks(counter).fit(X, Y)
        counts.append((sorted(counter.begun), sorted(counter.ended)))
    assert counts[0] == counts[1]


def test_a_progress_bar_goes_through(capsys):
    search = GPSearchCV(LogisticRegression(), {"C": [1.0, 2.0]}, n_iter=2, cv=2)
    search.set_callbacks(ProgressBar()).fit(X, Y)
    assert "GPSearchCV" in capsys.readouterr().out


# -- as a part of other tools --------------------------------------------------------------


def test_a_search_within_a_search_and_a_clone_are_as_usual():
    inner = GPSearchCV(RandomForestClassifier(2), {"max_depth": [1, 2]}, n_iter=2, cv=2)
    scores = cross_val_score(clone(inner), X, Y, cv=2, error_score="raise")
    assert scores.shape == (2,)
    assert not hasattr(inner, "best_params_")
