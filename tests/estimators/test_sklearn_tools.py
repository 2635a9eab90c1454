"""scikit-learn's tools around the estimators: pipelines, searches, inspection."""

import os
import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_predict,
    cross_validate,
)
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sk_mmoe import MMoEClassifier, MMoEMixedPredictor, MMoERegressor
from sk_mmoe.metrics import make_task_scorer, multitask_scoring
from sk_mmoe.model_selection import MultiOutputStratifiedKFold

FAST = {
    "max_iter": 6,
    "learning_rate_init": 0.02,
    "batch_size": 64,
    "n_members": 1,
    "random_state": 0,
}
# cv=2 alone fails inside scikit-learn on labels of several kinds: it sorts strings and integers.
HALVES = MultiOutputStratifiedKFold(2)


@pytest.fixture
def people(X):
    """Return a table of numbers and categories."""
    sector = np.select([X["x2"] < -0.5, X["x2"] < 0.5], ["farm", "shop"], "school")
    return X.assign(sector=pd.Categorical(sector), age=40 + 10 * X["x3"])


@pytest.fixture
def pipeline(people):
    """Return a pipeline that encodes the table and fits the classifier."""
    numbers = [name for name in people if name != "sector"]
    encode = ColumnTransformer(
        [("number", StandardScaler(), numbers), ("category", OneHotEncoder(), ["sector"])]
    )
    return Pipeline([("encode", encode), ("mmoe", MMoEClassifier(**FAST))])


def test_a_pipeline_with_a_column_transformer_learns_a_table(pipeline, people, y):
    pipeline.fit(people, y)
    assert pipeline.score(people, y) > 0.85
    assert [proba.shape for proba in pipeline.predict_proba(people)] == [(400, 2), (400, 3)]


def test_sparse_and_dense_output_of_the_encoder_give_the_same_model(pipeline, people, y):
    # The classifier sees a CSR matrix with the default threshold, an array with 0.
    pipeline.set_params(encode__sparse_threshold=1.0, mmoe__numeric_encoding=None)
    sparse = pipeline.fit(people, y).predict_proba(people)
    dense = pipeline.set_params(encode__sparse_threshold=0.0).fit(people, y).predict_proba(people)
    for a, b in zip(sparse, dense, strict=True):
        assert_array_equal(a, b)


def test_cross_validate_scores_each_task(pipeline, people, y):
    scoring = multitask_scoring("accuracy", ["click", "level"])
    cv = MultiOutputStratifiedKFold(3, shuffle=True, random_state=0)
    result = cross_validate(pipeline, people, y, scoring=scoring, cv=cv)
    assert result["test_click_accuracy"].shape == (3,)
    assert result["test_mean_accuracy"].mean() > 0.7


def test_grid_search_reaches_parameters_inside_the_pipeline(pipeline, people, y):
    grid = {"mmoe__n_experts": [1, 4], "mmoe__expert_hidden_layer_sizes": [(), (16,)]}
    scoring = multitask_scoring("accuracy", ["click", "level"])
    search = GridSearchCV(pipeline, grid, scoring=scoring, refit="click_accuracy", cv=HALVES)
    search.fit(people, y)
    assert len(search.cv_results_["params"]) == 4
    assert search.best_estimator_["mmoe"].n_experts == search.best_params_["mmoe__n_experts"]
    assert search.predict(people).shape == (400, 2)


def test_grid_search_in_processes_gives_the_same_scores(X, y):
    grid = {"n_experts": [1, 2]}
    alone = GridSearchCV(MMoEClassifier(**FAST), grid, cv=HALVES, n_jobs=1).fit(X, y)
    together = GridSearchCV(MMoEClassifier(**FAST), grid, cv=HALVES, n_jobs=2).fit(X, y)
    assert_allclose(together.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])


def test_processes_of_a_search_share_the_cores():
    """Each of n_jobs processes has its part of the threads, with no help of the user."""
    program = (
        "import joblib, torch\n"
        "from sk_mmoe import MMoEClassifier\n"
        "if __name__ == '__main__':\n"
        "    threads = joblib.Parallel(2)(joblib.delayed(torch.get_num_threads)() for _ in '12')\n"
        "    print(*threads)"
    )
    environ = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    shown = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True
    ).stdout
    assert [int(n) for n in shown.split()] == [max(1, joblib.cpu_count() // 2)] * 2


def test_halving_search_runs(X, y):
    search = HalvingGridSearchCV(
        MMoEClassifier(**FAST),
        {"n_experts": [1, 2, 3]},
        cv=HALVES,
        min_resources=50,
        random_state=0,
    )
    assert search.fit(X, y).n_iterations_ >= 2


def test_halving_search_may_take_epochs_as_its_resource(X, y):
    search = HalvingGridSearchCV(
        MMoEClassifier(random_state=0),
        {"n_experts": [1, 2, 3]},
        resource="max_iter",
        min_resources=2,
        max_resources=6,
        cv=HALVES,
    )
    assert search.fit(X, y).best_params_["max_iter"] == 6


def test_cross_val_predict_gives_probabilities_of_each_task(X, y):
    # scikit-learn takes probabilities of several tasks from labels of one dtype.
    codes = y.assign(level=y["level"].map({"low": 0, "middle": 1, "high": 2}))
    model = MMoEClassifier(**FAST)
    click, level = cross_val_predict(model, X, codes, cv=3, method="predict_proba")
    assert click.shape == (400, 2)
    assert level.shape == (400, 3)
    assert_allclose(level.sum(axis=1), 1, rtol=1e-6)


def test_permutation_importance_finds_the_columns_that_matter(X):
    y = np.column_stack([X["x0"] > 0, X["x3"] > 0])
    model = MMoEClassifier(**FAST | {"max_iter": 15}).fit(X, y)
    result = permutation_importance(model, X, y, n_repeats=3, random_state=0)
    assert set(np.argsort(result.importances_mean)[-2:]) == {0, 3}


def test_permutation_importance_of_one_task(X, y):
    model = MMoEClassifier(**FAST).fit(X, y)
    scorer = make_task_scorer("roc_auc", "click")
    result = permutation_importance(model, X, y, scoring=scorer, n_repeats=2, random_state=0)
    assert result.importances_mean.max() > 0.02


def test_partial_dependence_of_a_single_task(X):
    model = MMoERegressor(**FAST | {"max_iter": 25}).fit(X, 3 * X["x0"])
    result = partial_dependence(model, X, [0], kind="average")
    slope = np.polyfit(result["grid_values"][0], result["average"][0], 1)[0]
    assert slope == pytest.approx(3, abs=0.3)


def test_a_pipeline_with_pandas_output_passes_the_names_on(X, y):
    model = make_pipeline(StandardScaler(), MMoEClassifier(**FAST)).set_output(transform="pandas")
    model.fit(X, y)
    assert_array_equal(model[-1].feature_names_in_, X.columns)


def test_a_pipeline_transforms_the_validation_set(X, y):
    import sklearn

    wide = X * 100
    model = Pipeline(
        [("scale", StandardScaler()), ("mmoe", MMoEClassifier(**FAST))],
        transform_input=["X_val"],
    )
    with sklearn.config_context(enable_metadata_routing=True):
        model.set_params(mmoe=model["mmoe"].set_fit_request(X_val=True, y_val=True))
        model.fit(wide[:300], y[:300], X_val=wide[300:], y_val=y[300:])
    scaled = StandardScaler().fit(wide[:300]).transform(wide).astype(np.float32)
    expected = MMoEClassifier(**FAST).fit(
        scaled[:300], y[:300].to_numpy(), X_val=scaled[300:], y_val=y[300:].to_numpy()
    )
    assert_allclose(model["mmoe"].validation_scores_, expected.validation_scores_, rtol=1e-4)


def test_targets_may_be_transformed_from_outside(X):
    y = np.exp(X[["x0", "x1"]])
    model = TransformedTargetRegressor(MMoERegressor(**FAST), func=np.log, inverse_func=np.exp)
    assert model.fit(X, y).score(X, y) > 0.5


def test_clone_of_a_fitted_pipeline_is_unfitted(pipeline, people, y):
    copy = clone(pipeline.fit(people, y))
    assert not hasattr(copy["mmoe"], "net_")
    assert_array_equal(copy.fit(people, y).predict(people), pipeline.predict(people))


@pytest.mark.parametrize(
    "other",
    [
        MultiOutputClassifier(LogisticRegression()),
        RandomForestClassifier(10, random_state=0),
        MLPClassifier((16,), max_iter=50, learning_rate_init=0.01, random_state=0),
    ],
    ids=lambda other: type(other).__name__,
)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_the_same_calls_work_as_on_the_classifiers_of_scikit_learn(other, X, y):
    both = np.column_stack([y["click"], y["level"] == "low"]).astype(int)
    scoring = multitask_scoring(["roc_auc", "accuracy"], [0, 1])
    for model in (MMoEClassifier(**FAST), other):
        assert is_classifier(model)
        result = cross_validate(clone(model), X, both, cv=3, scoring=scoring)
        assert min(result["test_mean_roc_auc"]) > 0.7
        model.fit(X, both)
        assert model.predict(X).shape == both.shape
        assert 0 <= model.score(X, both) <= 1


def test_the_same_calls_work_as_on_the_regressors_of_scikit_learn(X):
    y = X[["x0", "x1"]] + 0.1
    for model in (MMoERegressor(**FAST), RandomForestRegressor(10, random_state=0)):
        assert is_regressor(model)
        result = cross_validate(model, X, y, cv=3, scoring=["r2", "neg_mean_squared_error"])
        assert result["test_r2"].mean() > 0.5


def test_probabilities_have_the_form_of_a_random_forests(X, y):
    both = np.column_stack([y["click"], y["level"] == "low"]).astype(int)
    found = MMoEClassifier(**FAST).fit(X, both)
    expected = RandomForestClassifier(5).fit(X, both)
    for a, b in zip(found.predict_proba(X), expected.predict_proba(X), strict=True):
        assert a.shape == b.shape
    for a, b in zip(found.classes_, expected.classes_, strict=True):
        assert_array_equal(a, b)


def test_a_mixed_predictor_is_neither_classifier_nor_regressor(X, y_mixed):
    model = MMoEMixedPredictor(**FAST)
    assert not is_classifier(model)
    assert not is_regressor(model)
    assert cross_validate(model, X, y_mixed, cv=3)["test_score"].mean() > 0.5


def test_an_estimator_is_shown_as_html():
    assert "n_experts" in MMoEClassifier(n_experts=3)._repr_html_()
