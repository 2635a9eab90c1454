"""How the search treats inputs, folds, metadata, failures and callbacks: as scikit-learn's do."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.stats import loguniform
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.callback import ProgressBar
from sklearn.datasets import make_classification
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, get_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, ShuffleSplit

from sk_mmoe.model_selection import GPSearchCV

X, Y = make_classification(80, n_features=5, flip_y=0.2, random_state=0)
C = {"C": loguniform(1e-3, 1e2)}
FEW = {"n_iter": 3, "cv": 2, "random_state": 0}


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
