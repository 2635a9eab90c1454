"""MLflow's autologging, and models from its store."""

import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sk_mmoe import MMoEClassifier
from sk_mmoe.metrics import multitask_scoring
from sk_mmoe.model_selection import MultiOutputStratifiedKFold

mlflow = pytest.importorskip("mlflow")
pytest.importorskip("sqlalchemy")

FAST = {"max_iter": 2, "random_state": 0}


@pytest.fixture
def runs(tmp_path):
    """Log into a folder, and return what lists the runs."""
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.create_experiment("test", artifact_location=(tmp_path / "files").as_uri())
    mlflow.set_experiment("test")
    mlflow.sklearn.autolog(log_post_training_metrics=False)
    yield lambda: mlflow.search_runs(order_by=["start_time ASC"]).to_dict("records")
    mlflow.sklearn.autolog(disable=True)


@pytest.fixture
def same_type(y):
    """Return two tasks whose labels are strings."""
    return y.assign(click=y["click"].map({0: "no", 1: "yes"}))


def test_a_pipeline_is_logged_with_parameters_metrics_and_the_model(runs, X, same_type):
    scoring = multitask_scoring("roc_auc_ovr")
    with mlflow.start_run():
        pipeline = make_pipeline(MMoEClassifier(**FAST)).fit(X, same_type)
        scores = scoring(pipeline, X, same_type)
        mlflow.log_metrics(scores)
    (run,) = runs()
    assert run["params.mmoeclassifier__n_experts"] == "8"
    assert {name: run[f"metrics.{name}"] for name in scores} == scores
    assert {"click_roc_auc_ovr", "level_roc_auc_ovr"} <= set(scores)
    (logged,) = mlflow.search_logged_models(output_format="list")
    loaded = mlflow.pyfunc.load_model(logged.model_uri)
    assert_array_equal(loaded.predict(X), pipeline.predict(X))
    assert loaded.metadata.get_input_schema().input_names() == list(X)


def test_a_search_is_logged_with_a_run_for_each_candidate(runs, X, same_type):
    search = GridSearchCV(
        MMoEClassifier(**FAST),
        {"n_experts": [2, 4]},
        scoring=multitask_scoring("roc_auc_ovr"),
        refit="mean_roc_auc_ovr",
        cv=MultiOutputStratifiedKFold(2),
    ).fit(X, same_type)
    # All may start in one millisecond, so that their order is no help.
    found = runs()
    (best,) = (run for run in found if pd.isna(run["tags.mlflow.parentRunId"]))
    candidates = [run for run in found if run["tags.mlflow.parentRunId"] == best["run_id"]]
    assert len(candidates) == 2
    assert best["params.best_n_experts"] == str(search.best_params_["n_experts"])
    assert {run["params.n_experts"] for run in candidates} == {"2", "4"}
    assert "metrics.mean_test_click_roc_auc_ovr" in candidates[0]
