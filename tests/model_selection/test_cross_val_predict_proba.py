"""Out-of-fold probabilities: the same as by hand, with gaps, absent classes, groups and jobs."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_classification
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_predict,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sk_mmoe import MMoEClassifier, MMoEMixedPredictor
from sk_mmoe.model_selection import MultiOutputStratifiedKFold, cross_val_predict_proba

MODEL = MMoEClassifier(max_iter=3, batch_size=64, random_state=0)


def by_hand(model, X, y, folds, n_classes):
    """Fit and predict fold by fold; every class must be in every training part."""
    found = [np.full((len(X), n), np.nan) for n in n_classes]
    for train, test in folds:
        fitted = clone(model).fit(X.iloc[train], y.iloc[train])
        for k, proba in enumerate(fitted.predict_proba(X.iloc[test])):
            found[k][test] = proba
    return found


def assert_all_equal(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture
def y_gaps(y):
    """Return targets of a binary and a string task, a third of the labels of both missing."""
    y = y.astype(object)
    rng = np.random.default_rng(0)
    return y.mask(rng.random(y.shape) < 0.3, None)


def test_probabilities_are_those_of_each_fold_by_hand(X, y_gaps):
    cv = MultiOutputStratifiedKFold(3)
    found = cross_val_predict_proba(MODEL, X, y_gaps, cv=cv)
    assert_all_equal(found, by_hand(MODEL, X, y_gaps, cv.split(X, y_gaps), [2, 3]))
    assert [p.dtype for p in found] == [p.dtype for p in MODEL.fit(X, y_gaps).predict_proba(X)]


def test_columns_are_the_classes_in_sorted_order(X, y_gaps):
    probas = cross_val_predict_proba(MODEL.set_params(max_iter=20), X, y_gaps, cv=3)
    for name, proba in zip(y_gaps, probas, strict=True):
        classes = np.array(sorted(y_gaps[name].dropna().unique()))
        known = y_gaps[name].notna().to_numpy()
        hits = classes[proba[known].argmax(axis=1)] == y_gaps[name][known]
        assert hits.mean() > 0.6
    MODEL.set_params(max_iter=3)


@pytest.mark.parametrize("labels", [[0, 1, 2], ["a", "b", "c"], [0.5, 1.5, 2.5]], ids=str)
def test_one_task_without_gaps_is_as_in_scikit_learn(labels):
    X, y = make_classification(90, n_classes=3, n_informative=4, random_state=0)
    y = np.array(labels, dtype=object if isinstance(labels[0], float) else None)[y]
    y = y.astype(str) if y.dtype == object else y
    model, cv = LogisticRegression(), StratifiedKFold(3)
    for method in ("predict_proba", "predict_log_proba"):
        np.testing.assert_array_equal(
            cross_val_predict_proba(model, X, y, cv=cv, method=method),
            cross_val_predict(model, X, y, cv=cv, method=method),
        )


def test_several_tasks_without_gaps_are_as_in_scikit_learn(X, y):
    y = y.assign(level=y["level"].map({"low": 0, "middle": 1, "high": 2}))
    model = RandomForestClassifier(5, random_state=0)
    cv = MultiOutputStratifiedKFold(3)
    ours = cross_val_predict_proba(model, X, y, cv=cv)
    assert_all_equal(ours, cross_val_predict(model, X, y, cv=cv, method="predict_proba"))


@pytest.mark.parametrize("form", ["frame", "array", "lists"])
def test_any_form_of_y_gives_the_same(X, y, form):
    forms = {"frame": y, "array": y.to_numpy(), "lists": y.to_numpy().tolist()}
    cv = KFold(3)
    found = cross_val_predict_proba(MODEL, X, forms[form], cv=cv)
    assert_all_equal(found, cross_val_predict_proba(MODEL, X, y, cv=cv))


def test_one_dimension_gives_an_array_and_one_column_a_list(X, y):
    one = cross_val_predict_proba(MODEL, X, y["level"], cv=KFold(3))
    [column] = cross_val_predict_proba(MODEL, X, y[["level"]], cv=KFold(3))
    np.testing.assert_array_equal(one, column)
    tree = DecisionTreeClassifier(max_depth=2)
    [column] = cross_val_predict_proba(tree, X, y[["level"]].to_numpy(), cv=KFold(3))
    assert column.shape == (400, 3)


def test_gaps_in_one_dimension_are_no_class(X, y):
    level = y["level"].mask(np.arange(400) % 4 == 0)
    proba = cross_val_predict_proba(MODEL, X, level)
    assert proba.shape == (400, 3)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)


def test_tasks_without_classes_are_none(X, y_mixed):
    model = MMoEMixedPredictor(max_iter=2, random_state=0)
    click, level, watch_time = cross_val_predict_proba(model, X, y_mixed, cv=3)
    assert (click.shape, level.shape, watch_time) == ((400, 2), (400, 3), None)


def test_folds_by_default_are_alike_in_all_tasks(X, y_gaps):
    assert_all_equal(
        cross_val_predict_proba(MODEL, X, y_gaps),
        cross_val_predict_proba(MODEL, X, y_gaps, cv=MultiOutputStratifiedKFold(5)),
    )


def test_a_class_that_a_fold_cannot_learn_has_probability_zero_there(X, y):
    y = y.copy()
    y.loc[:50, "level"] = "rare"
    y.loc[51:, "level"] = np.where(y.loc[51:, "click"] == 1, "yes", "no")
    cv = KFold(4)  # the first fold tests all rare ones
    with pytest.warns(RuntimeWarning, match=r"classes \['rare'\] of the task 'level' from") as seen:
        click, level = cross_val_predict_proba(MODEL, X, y, cv=cv)
    assert len(seen) == 1
    assert (click.shape, level.shape) == ((400, 2), (400, 3))
    # Sorted: no, rare, yes.
    assert (level[:100, 1] == 0).all()
    assert (level[100:, 1] > 0).all()
    np.testing.assert_allclose(level.sum(axis=1), 1, rtol=1e-5)
    with pytest.warns(RuntimeWarning, match="rare"):
        logs = cross_val_predict_proba(MODEL, X, y, cv=cv, method="predict_log_proba")
    assert (logs[1][:100, 1] == np.finfo(logs[1].dtype).min).all()
    np.testing.assert_allclose(np.exp(logs[1][100:]), level[100:], rtol=1e-4)


def test_absent_classes_of_one_task_are_as_in_scikit_learn():
    X, y = np.zeros((12, 1)), np.repeat([0, 1, 2], 4)
    cv, model = KFold(3), DummyClassifier(strategy="prior")
    with pytest.warns(RuntimeWarning, match="not match total number of classes"):
        expected = cross_val_predict(model, X, y, cv=cv, method="predict_proba")
    with pytest.warns(RuntimeWarning, match=r"\[0, 1, 2\] of the task"):
        np.testing.assert_array_equal(cross_val_predict_proba(model, X, y, cv=cv), expected)


class Bits(ClassifierMixin, BaseEstimator):
    """A classifier that keeps its classes in another type than the labels."""

    def fit(self, X, y):
        self.classes_ = np.unique(y).astype(int)
        return self

    def predict_proba(self, X):
        return np.tile([0.25, 0.75][: len(self.classes_)], (len(X), 1))


def test_classes_of_another_type_are_found_by_equality():
    y = np.array([False] * 4 + [True] * 8)
    with pytest.warns(RuntimeWarning, match="False"):
        proba = cross_val_predict_proba(Bits(), np.zeros((12, 1)), y, cv=KFold(3))
    np.testing.assert_array_equal(proba[:4], np.tile([0, 0.25], (4, 1)))
    np.testing.assert_array_equal(proba[4:], np.tile([0.25, 0.75], (8, 1)))


def test_labels_that_cannot_be_sorted_or_are_dates_are_classes():
    X = np.zeros((12, 1))
    dates = pd.Series(pd.to_datetime(["2026-01-01", "2025-01-01"] * 6))
    for y in (dates, pd.Series(pd.Categorical(["b", "a"] * 6))):
        proba = cross_val_predict_proba(DummyClassifier(strategy="prior"), X, y, cv=KFold(3))
        np.testing.assert_array_equal(proba, np.full((12, 2), 0.5))


def test_groups_reach_the_splitter(X, y):
    groups = np.arange(400) // 8
    found = cross_val_predict_proba(MODEL, X, y, groups=groups, cv=GroupKFold(3))
    folds = GroupKFold(3).split(X, y, groups)
    assert_all_equal(found, by_hand(MODEL, X, y, folds, [2, 3]))


def test_metadata_routing_brings_groups_and_weights_to_where_they_are_asked_for(X, y):
    groups, weights = np.arange(400) // 8, np.where(np.arange(400) % 3, 1.0, 0.0)
    expected = cross_val_predict_proba(
        MODEL, X, y, groups=groups, cv=GroupKFold(3), params={"sample_weight": weights}
    )
    with sklearn.config_context(enable_metadata_routing=True):
        found = cross_val_predict_proba(
            clone(MODEL).set_fit_request(sample_weight=True),
            X,
            y,
            cv=GroupKFold(3),
            params={"sample_weight": weights, "groups": groups},
        )
        with pytest.raises(ValueError, match="`groups` can only be passed if"):
            cross_val_predict_proba(MODEL, X, y, groups=groups, cv=GroupKFold(3))
    assert_all_equal(found, expected)


def test_weights_are_split_along_with_the_rows(X, y):
    weights = np.where(np.arange(400) % 3, 1.0, 0.0)
    weighted = cross_val_predict_proba(MODEL, X, y, cv=3, params={"sample_weight": weights})
    assert not np.array_equal(weighted[0], cross_val_predict_proba(MODEL, X, y, cv=3)[0])
    cv = MultiOutputStratifiedKFold(3)
    for train, test in cv.split(X, y):
        fitted = clone(MODEL).fit(X.iloc[train], y.iloc[train], sample_weight=weights[train])
        for mine, proba in zip(weighted, fitted.predict_proba(X.iloc[test]), strict=True):
            np.testing.assert_array_equal(mine[test], proba)


def test_jobs_change_nothing(X, y_gaps):
    assert_all_equal(
        cross_val_predict_proba(MODEL, X, y_gaps, cv=2, n_jobs=2),
        cross_val_predict_proba(MODEL, X, y_gaps, cv=2),
    )


def test_a_pipeline_learns_its_steps_from_the_training_rows_alone(X, y_gaps):
    model = make_pipeline(StandardScaler(), MODEL)
    found = cross_val_predict_proba(model, X, y_gaps, cv=3)
    folds = MultiOutputStratifiedKFold(3).split(X, y_gaps)
    assert_all_equal(found, by_hand(model, X, y_gaps, folds, [2, 3]))


def test_estimators_with_one_array_for_all_tasks_give_one_array(X):
    y = (X.iloc[:, :3] > 0).astype(int).to_numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of too few iterations
        model = MLPClassifier(max_iter=5, random_state=0)
        found = cross_val_predict_proba(model, X, y, cv=KFold(3))
        expected = cross_val_predict(model, X, y, cv=KFold(3), method="predict_proba")
    np.testing.assert_array_equal(found, expected)


def test_the_estimator_and_the_targets_are_left_as_they_were(X, y_gaps):
    model, before = clone(MODEL), y_gaps.copy()
    cross_val_predict_proba(model, X, y_gaps, cv=2)
    assert not hasattr(model, "net_")
    pd.testing.assert_frame_equal(y_gaps, before)


@pytest.mark.parametrize("cv", [ShuffleSplit(3, random_state=0), [([0, 1], [2, 3])]], ids=str)
def test_rows_that_are_tested_never_or_twice_are_an_error(X, y, cv):
    with pytest.raises(ValueError, match=r"exactly one fold\. Got .* for 400 rows"):
        cross_val_predict_proba(MODEL, X, y, cv=cv)


def test_bad_arguments_are_refused():
    X, y = np.zeros((4, 1)), [0, 1, 0, 1]
    with pytest.raises(ValueError, match="y must be passed"):
        cross_val_predict_proba(MODEL, X, None)
    with pytest.raises(ValueError, match="'method' parameter of cross_val_predict_proba must be"):
        cross_val_predict_proba(MODEL, X, y, method="predict")
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        cross_val_predict_proba(MODEL, X, y[:3])
