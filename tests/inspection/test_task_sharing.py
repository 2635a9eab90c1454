"""Whether tasks should be learned together."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import ttest_1samp
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sk_mmoe
from sk_mmoe import (
    MMoEClassifier,
    MMoEMixedPredictor,
    MMoERegressor,
    SharedBottomClassifier,
    SharedBottomRegressor,
)
from sk_mmoe.inspection import TaskSharingDisplay, compare_task_sharing
from sk_mmoe.inspection._intervals import bootstrap_interval, corrected_interval
from sk_mmoe.inspection._sharing_fits import Fit
from sk_mmoe.inspection._sharing_tables import cost_table, fold_table, verdict_of
from sk_mmoe.inspection._task_subsets import for_tasks

FAST = {
    "max_iter": 1,
    "early_stopping": False,
    "n_members": 1,
    "numeric_encoding": None,
    "random_state": 0,
}
SMALL = {"hidden_layer_sizes": (4,), "tower_hidden_layer_sizes": (4,), **FAST}
COMPARED = ["separate", "joint", "difference", "lower", "upper"]


def test_the_interval_is_nadeau_and_bengios():
    differences = np.array([0.03, -0.01, 0.05, 0.02])
    found = corrected_interval(differences, 1 / 3, 0.9)
    mean = sum(differences) / 4
    variance = sum((d - mean) ** 2 for d in differences) / 3
    half = 2.353363434801823 * np.sqrt((1 / 4 + 1 / 3) * variance)  # t(0.95; 3)
    assert_allclose(found, [mean, mean - half, mean + half])


def test_without_overlap_the_interval_is_students():
    differences = np.random.default_rng(0).normal(size=9)
    expected = ttest_1samp(differences, 0).confidence_interval(0.95)
    assert_allclose(corrected_interval(differences, 0, 0.95)[1:], expected)


def test_missing_scores_are_left_out_of_the_interval():
    full = corrected_interval(np.array([0.1, 0.2, 0.4]), 0.5, 0.95)
    assert full == corrected_interval(np.array([0.1, np.nan, 0.2, 0.4]), 0.5, 0.95)
    assert_array_equal(corrected_interval(np.array([0.1, np.nan]), 0.5, 0.95)[1:], [np.nan] * 2)
    assert np.isnan(corrected_interval(np.array([np.nan]), 0.5, 0.95)).all()


def test_the_bootstrap_of_a_mean_has_its_standard_error():
    values = np.random.default_rng(0).normal(size=400)
    found = bootstrap_interval(
        lambda rows: values[rows].mean(),
        np.arange(400),
        n_resamples=2000,
        confidence_level=0.95,
        rng=np.random.default_rng(1),
    )
    assert found.estimate == values.mean()
    half = 1.96 * values.std() / 20
    assert_allclose(found[1:], [values.mean() - half, values.mean() + half], atol=0.15 * half)


def test_verdicts_are_those_of_intervals_on_one_side_of_zero():
    assert verdict_of(0.1, 0.2) == "together"
    assert verdict_of(-0.2, -0.1) == "apart"
    assert verdict_of(-0.1, 0.2) == verdict_of(np.nan, np.nan) == "cannot be told"
    assert verdict_of(0.0, 0.0) == "cannot be told"


def test_scores_are_those_of_fits_by_hand(X, y_mixed):
    """With gaps, weights of labels, and scores of two kinds."""
    y = y_mixed[["click", "watch_time"]].astype(float)
    y = y.mask(np.random.default_rng(0).random(y.shape) < 0.2)
    weights = np.random.default_rng(1).uniform(0.5, 2, y.shape)
    cv = KFold(2, shuffle=True, random_state=0)
    model = MMoEMixedPredictor(n_experts=2, expert_hidden_layer_sizes=(4,), **FAST)
    model.set_params(tasks={"click": "binary", "watch_time": "regression"})
    scoring = {"click": "roc_auc", "watch_time": "r2"}
    found = compare_task_sharing(model, X, y, cv=cv, scoring=scoring, sample_weight=weights)

    by_hand = {"separate": [], "joint": []}
    for train, test in cv.split(X):
        known = y["click"].iloc[test].notna().to_numpy()
        rows, truth = test[known], y["click"].iloc[test][known]
        model.set_params(tasks=["binary", "regression"])
        model.fit(X.iloc[train], y.iloc[train], sample_weight=weights[train])
        proba = model.predict_proba(X.iloc[rows])[0][:, 1]
        by_hand["joint"].append(roc_auc_score(truth, proba, sample_weight=weights[rows, 0]))
        model.set_params(tasks=["binary"])
        model.fit(X.iloc[train], y["click"].iloc[train], sample_weight=weights[train, 0])
        proba = model.predict_proba(X.iloc[rows])[:, 1]
        by_hand["separate"].append(roc_auc_score(truth, proba, sample_weight=weights[rows, 0]))
    click = found.tasks.loc["click"]
    assert click["scoring"] == "roc_auc"
    assert_allclose(click["joint"], np.mean(by_hand["joint"]))
    assert_allclose(click["separate"], np.mean(by_hand["separate"]))
    known = y["click"].notna().to_numpy()
    ratio = np.mean([known[test].sum() / known[train].sum() for train, test in cv.split(X)])
    differences = np.subtract(by_hand["joint"], by_hand["separate"])
    expected = corrected_interval(differences, ratio, 0.95)
    assert_allclose(click[["difference", "lower", "upper"]].astype(float), expected)
    assert_allclose(found.overall["joint"], found.tasks["joint"].mean())
    assert_allclose(found.overall["difference"], found.tasks["difference"].mean())


def test_scores_default_to_the_explained_part_of_the_loss(X, y_mixed):
    y = y_mixed.assign(visits=np.random.default_rng(0).poisson(2, 400))
    model = MMoEMixedPredictor(tasks={"visits": "count", "watch_time": "regression"}, **FAST)
    found = compare_task_sharing(model, X, y, cv=2, pairs=[("visits", "click")])
    scoring = ["d2_log_loss_score", "d2_log_loss_score", "r2", "d2_poisson_score"]
    assert found.tasks["scoring"].tolist() == scoring
    assert found.pairs.index.tolist() == [("click", "visits"), ("visits", "click")]
    assert found.cost["n_models"].to_dict() == {"joint": 1, "separate": 4, "pairs": 1}


def test_costs_are_those_of_the_networks(X, y):
    model = SharedBottomClassifier(**SMALL)
    found = compare_task_sharing(model, X, y, cv=2)
    joint = model.fit(X, y)
    expected = {"joint": sk_mmoe.nn.count_parameters(joint.net_.module_), "separate": 0}
    for name in y:
        expected["separate"] += sk_mmoe.nn.count_parameters(model.fit(X, y[name]).net_.module_)
    assert found.cost["n_parameters"].to_dict() == expected


def test_a_slow_first_fit_does_not_count_as_a_cost():
    fits = [
        Fit(tasks, fold, seconds, 10, dict.fromkeys(tasks, 0.5))
        for fold, joint in enumerate([9.0, 2.0, 1.0])
        for tasks, seconds in {("a", "b"): joint, ("a",): 1.0, ("b",): 0.5}.items()
    ]
    cost = cost_table(fold_table(fits), ["a", "b"])
    assert cost["fit_time"].to_dict() == {"joint": 2.0, "separate": 1.5}
    assert cost["n_parameters"].to_dict() == {"joint": 10, "separate": 20}


@pytest.mark.parametrize("name", [name for name in sk_mmoe.__all__ if name.endswith("Classifier")])
def test_every_architecture_can_be_compared(X, y, name):
    model = getattr(sk_mmoe, name)(**FAST)
    found = compare_task_sharing(model, X[:60], y[:60], cv=2)
    assert np.isfinite(found.tasks[COMPARED].to_numpy(dtype=float)).all()


def test_pairs_of_three_tasks_are_learned_two_by_two():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 3)), rng.normal(size=(80, 3))
    found = compare_task_sharing(SharedBottomRegressor(**SMALL), X, y, cv=2)
    assert found.tasks.index.tolist() == ["task0", "task1", "task2"]
    assert len(found.pairs) == 6
    pair = SharedBottomRegressor(**SMALL)
    splits = sk_mmoe.model_selection.MultiOutputStratifiedKFold(2).split(X, y)
    scores = [
        1
        - np.square(pair.fit(X[a], y[a][:, [0, 2]]).predict(X[b])[:, 1] - y[b][:, 2]).sum()
        / np.square(y[b][:, 2] - y[b][:, 2].mean()).sum()
        for a, b in splits
    ]
    assert_allclose(found.pairs.loc[("task2", "task0"), "joint"], np.mean(scores))
    assert compare_task_sharing(pair, X, y, cv=2, pairs=False).pairs is None


def test_parameters_of_tasks_go_with_the_tasks():
    names = ["a", "b", "c"]
    model = MMoEClassifier(
        tasks=["binary", "multiclass", ["low", "high"]],
        task_weights={"a": 2.0, "c": 3.0},
        class_weight=["balanced", None, None],
        main_task=2,
    )
    found = for_tasks(make_pipeline(StandardScaler(), model), names, ["b", "c"])[-1]
    assert found.tasks == {"b": "multiclass", "c": ["low", "high"]}
    assert found.task_weights == {"c": 3.0}
    assert found.class_weight is None
    assert found.main_task == "c"
    assert for_tasks(model, names, ["a"]).main_task is None
    assert model.main_task == 2


def test_pipelines_tables_of_other_libraries_and_other_estimators_are_compared(X, y_mixed):
    numbers = y_mixed[["click", "watch_time"]].astype(float)
    weights = np.ones(400)
    pipeline = make_pipeline(StandardScaler(), SharedBottomRegressor(**SMALL))
    found = compare_task_sharing(pipeline, X, numbers, cv=2, sample_weight=weights)
    same = compare_task_sharing(
        pipeline, pl.from_pandas(X).to_pandas(), pl.from_pandas(numbers), cv=2
    )
    assert_allclose(found.tasks[COMPARED].astype(float), same.tasks[COMPARED].astype(float))

    forest = RandomForestRegressor(n_estimators=3, random_state=0)
    found = compare_task_sharing(forest, X, numbers, cv=2)
    assert found.tasks["scoring"].tolist() == ["r2", "r2"]
    assert found.cost["n_parameters"].isna().all()
    assert "parameters" not in found.summary


def test_groups_stay_together(X, y):
    groups = np.arange(400) % 7
    model = SharedBottomClassifier(**SMALL)
    found = compare_task_sharing(model, X, y, cv=GroupKFold(2), groups=groups)
    splits = list(GroupKFold(2).split(X, y, groups))
    same = compare_task_sharing(model, X, y, cv=splits)
    assert_allclose(found.tasks[COMPARED].astype(float), same.tasks[COMPARED].astype(float))


def test_a_clear_gain_and_a_clear_loss_are_told():
    """A task with few labels has a twin with many; then the twin's loss drowns the task's."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 5))
    truth = X @ rng.normal(size=5)
    few = np.where(np.arange(400) % 10 == 0, truth, np.nan)
    y = pd.DataFrame({"first": few, "again": truth + 0.1 * rng.normal(size=400)})
    settings = SMALL | {"learning_rate_init": 0.02, "batch_size": 32}
    model = SharedBottomRegressor(**settings | {"max_iter": 10})
    found = compare_task_sharing(model, X, y, cv=5)
    assert found.tasks["verdict"].tolist() == ["together", "cannot be told"]
    assert found.verdict == "together"
    assert found.summary.startswith("Learn the tasks together.")
    assert "\nfirst: together. r2 is " in found.summary

    model.set_params(task_weights={"again": 1e6}, max_iter=5)
    found = compare_task_sharing(model, X, y.assign(first=truth), cv=3)
    assert found.tasks.loc["first", "verdict"] == "apart"
    assert found.verdict == "cannot be told"
    assert "\nSingle tasks differ: first loses.\n" in found.summary


def test_a_score_that_cannot_be_computed_is_left_out_with_a_warning():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = pd.DataFrame({"a": rng.integers(2, size=60), "b": rng.integers(2, size=60)})
    y.loc[59, "b"] = 2  # the training rows of the last split lack it
    with pytest.warns(RuntimeWarning, match="2 scores of the task 'b' could not be computed"):
        found = compare_task_sharing(SharedBottomClassifier(**SMALL), X, y, cv=KFold(3))
    assert found.folds["score"].isna().sum() == 2
    assert np.isfinite(found.tasks[COMPARED].to_numpy(dtype=float)).all()


def test_what_cannot_be_compared_is_an_error_before_the_first_fit(X, y):
    class Unfitted(SharedBottomClassifier):
        def fit(self, X, y):
            raise AssertionError("fitted")

    model = Unfitted()
    for options, message in [
        ({"scoring": {"clicks": "r2"}}, "scoring names unknown tasks"),
        ({"scoring": "auc"}, "auc"),
        ({"pairs": [("click", "click")]}, "pairs must be pairs of two different tasks"),
        ({"pairs": ["click"]}, "pairs must be pairs of two different tasks"),
        ({"cv": [(np.arange(9), np.arange(9, 20))]}, "at least two splits"),
        ({"sample_weight": np.ones(3)}, "inconsistent numbers of samples"),
        ({"confidence_level": 95}, "confidence_level"),
    ]:
        with pytest.raises(ValueError, match=message):
            compare_task_sharing(model, X, y, **options)
    with pytest.raises(ValueError, match="at least two tasks"):
        compare_task_sharing(model, X, y["click"])
    y = y.assign(click=y["click"].where(np.arange(400) < 100))
    with pytest.raises(ValueError, match=r"training rows of split 0 have no .*'click'"):
        compare_task_sharing(model, X, y, cv=KFold(4))


def test_drawn_are_differences_intervals_verdicts_and_pairs():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(90, 3)), pd.DataFrame(rng.normal(size=(90, 3)), columns=list("abc"))
    display = TaskSharingDisplay.from_estimator(MMoERegressor(**FAST), X, y, cv=3)
    found = display.comparison
    rows = [*(found.tasks.loc[name] for name in "abc"), found.overall]
    for bar, row in zip(display.bars_, rows, strict=True):
        assert bar.lines[0].get_xdata()[0] == row["difference"]
        ((start, end),) = (s[:, 0] for s in bar.lines[2][0].get_segments())
        assert_allclose([start, end], [row["lower"], row["upper"]])
    texts = [text.get_text() for text in display.axes_[0].texts]
    assert texts == [row["verdict"] for row in rows]
    labels = [label.get_text() for label in display.axes_[0].get_yticklabels()]
    assert labels == ["a\nr2", "b\nr2", "c\nr2", "mean over tasks"]
    for (task, partner), row in found.pairs.iterrows():
        place = "abc".index(task), "abc".index(partner)
        told = row["verdict"] != "cannot be told"
        assert display.text_[place].get_text() == f"{row['difference']:+.3f}" + "*" * told
        assert display.im_.get_array()[place] == (row["difference"] if told else 0)
    assert [display.text_[k, k].get_text() for k in range(3)] == ["", "", ""]

    figure, axes = plt.subplots(1, 2)
    assert display.plot(ax=axes).figure_ is figure
    with pytest.raises(ValueError, match="ax must have 2 axes"):
        display.plot(ax=axes[0])
