"""MLflow's autologging, and models from its store."""

import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mmoe import MMoEClassifier, MMoEMixedPredictor
from sk_mmoe.metrics import multitask_scoring
from sk_mmoe.model_selection import MultiOutputStratifiedKFold
from sk_mmoe.streaming import LazyTable

mlflow = pytest.importorskip("mlflow")
pytest.importorskip("sqlalchemy")

FAST = {"max_iter": 2, "random_state": 0}


@pytest.fixture
def runs(tmp_path):
    """Log into a folder, and return what lists the runs."""
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.create_experiment("test", artifact_location=(tmp_path / "files").as_uri())
    mlflow.set_experiment("test")
    return lambda: mlflow.search_runs().to_dict("records")


@pytest.fixture
def autolog():
    """Switch autologging on."""
    mlflow.sklearn.autolog(log_post_training_metrics=False)
    yield
    mlflow.sklearn.autolog(disable=True)


@pytest.fixture
def same_type(y):
    """Return two tasks whose labels are strings."""
    return y.assign(click=y["click"].map({0: "no", 1: "yes"}))


def output_types(model):
    """Return the types of the tasks in the signature of a model."""
    return {column.name: column.type.name for column in model.metadata.get_output_schema()}


def test_a_pipeline_is_logged_with_parameters_metrics_and_the_model(runs, autolog, X, same_type):
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


def test_a_search_is_logged_with_a_run_for_each_candidate(runs, autolog, X, same_type):
    search = GridSearchCV(
        MMoEClassifier(**FAST),
        {"n_experts": [2, 4]},
        scoring=multitask_scoring("roc_auc_ovr"),
        refit="mean_roc_auc_ovr",
        cv=MultiOutputStratifiedKFold(2),
    ).fit(X, same_type)
    parent = "tags.mlflow.parentRunId"
    (best,) = [run for run in runs() if not isinstance(run[parent], str)]
    candidates = [run for run in runs() if run[parent] == best["run_id"]]
    assert best["params.best_n_experts"] == str(search.best_params_["n_experts"])
    assert {run["params.n_experts"] for run in candidates} == {"2", "4"}
    assert "metrics.mean_test_click_roc_auc_ovr" in candidates[0]


def test_a_bare_fit_is_logged_by_a_callback(runs, import_example, X, y_mixed):
    logger = import_example("tracking", "mlflow_run").MLflowRun()
    model = MMoEMixedPredictor(**FAST).set_callbacks(logger).fit(X, y_mixed)
    (run,) = runs()
    assert run["params.n_experts"] == "8"
    assert run["metrics.training_score"] == model.score(X, y_mixed)
    last = {name: run[f"metrics.{name}_loss"] for name in model.task_names_}
    assert list(last.values()) == list(model.task_loss_curve_[-1])
    (logged,) = mlflow.search_logged_models(output_format="list")
    loaded = mlflow.pyfunc.load_model(logged.model_uri)
    assert_array_equal(loaded.predict(X), model.predict(X))
    # Labels of several types, which one array cannot tell.
    assert loaded.metadata.get_input_schema().input_names() == list(X)
    assert output_types(loaded) == {"click": "long", "level": "string", "watch_time": "double"}


def test_a_pipeline_with_labels_of_several_types_is_logged_with_a_signature(
    runs, import_example, X, y_mixed
):
    pipeline = make_pipeline(StandardScaler(), MMoEMixedPredictor(**FAST)).fit(X, y_mixed)
    signature = import_example("tracking", "mlflow_run").signature_of(pipeline, X[:5], y_mixed)
    settings = {"name": "model", "serialization_format": "cloudpickle"}
    logged = mlflow.sklearn.log_model(pipeline, signature=signature, **settings)
    loaded = mlflow.pyfunc.load_model(logged.model_uri)
    assert_array_equal(loaded.predict(X), pipeline.predict(X))
    assert output_types(loaded) == {"click": "long", "level": "string", "watch_time": "double"}


def test_a_callback_logs_scores_of_every_task_to_the_active_run(runs, import_example, X, y):
    scoring = multitask_scoring("roc_auc_ovr")
    logger = import_example("tracking", "mlflow_run").MLflowRun(scoring)
    with mlflow.start_run() as active:
        model = MMoEClassifier(**FAST).set_callbacks(logger).fit(X, y)
    (run,) = runs()
    assert run["run_id"] == active.info.run_id
    scores = scoring(model, X, y)
    assert {name: run[f"metrics.training_{name}"] for name in scores} == scores


def test_a_fit_that_fails_is_not_logged(runs, import_example, X, y):
    logger = import_example("tracking", "mlflow_run").MLflowRun()
    with pytest.raises(ValueError, match="max_iter"):
        MMoEClassifier(max_iter=-1).set_callbacks(logger).fit(X, y)
    assert runs() == []


def test_a_fit_to_files_is_logged(runs, import_example, X, y, tmp_path):
    X.join(y).to_parquet(tmp_path / "table.parquet")
    table = LazyTable(tmp_path / "table.parquet", targets=list(y))
    logger = import_example("tracking", "mlflow_run").MLflowRun()
    model = MMoEClassifier(**FAST).set_callbacks(logger).fit(table)
    (logged,) = mlflow.search_logged_models(output_format="list")
    loaded = mlflow.pyfunc.load_model(logged.model_uri)
    assert_array_equal(loaded.predict(X), model.predict(X))
