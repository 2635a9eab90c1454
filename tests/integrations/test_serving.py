"""The example of a web service."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from sk_mmoe import MMoEClassifier, MMoEMixedPredictor, MMoERegressor, save_model
from sk_mmoe.export import to_onnx

onnx = pytest.importorskip("onnx")
pytest.importorskip("fastapi")
pytest.importorskip("httpx2")
from fastapi.testclient import TestClient  # noqa: E402


@pytest.fixture
def people(X):
    """Return a table of numbers with gaps and of categories."""
    X = X.assign(sector=np.where(X["x2"] < 0, "farm", "shop"), **{"yearly income": X["x3"]})
    return X.assign(x0=X["x0"].mask(X["x0"] > 1.5))


@pytest.fixture
def model(people, y_mixed):
    """Return a predictor of a binary, a multiclass and a numeric task."""
    return MMoEMixedPredictor(max_iter=3, random_state=0).fit(people, y_mixed)


@pytest.fixture(params=["safetensors", "onnx"])
def client(request, model, people, import_example, tmp_path, monkeypatch):
    """Return a client of the service of a model file."""
    path = tmp_path / f"model.{request.param}"
    if request.param == "onnx":
        onnx.save(to_onnx(model, people), path)
    else:
        save_model(model, path)
    monkeypatch.setenv("SK_MMOE_MODEL", str(path))
    with TestClient(import_example("serving", "service").create_app()) as client:
        yield client


def as_rows(table):
    """Return the rows of a table as JSON has them."""
    return [{k: None if pd.isna(v) else v for k, v in r.items()} for r in table.to_dict("records")]


def send(client, text):
    """Post a text as the JSON of one row."""
    return client.post("/predict", content=text, headers={"Content-Type": "application/json"})


def test_the_service_answers_what_the_model_predicts(client, model, people):
    reply = client.post("/predict_rows", json=as_rows(people))
    assert reply.status_code == 200
    found = reply.json()
    predicted = pd.DataFrame([{t: row[t]["prediction"] for t in row} for row in found])
    expected = model.predict(people)
    assert (predicted[["click", "level"]].to_numpy() == expected[:, :2]).all()
    assert_allclose(predicted["watch_time"], expected[:, 2].astype(float), atol=1e-4)
    proba = model.predict_proba(people)[1]
    level = pd.DataFrame([row["level"]["probabilities"] for row in found])
    assert_allclose(level[list(model.classes_[1])], proba, rtol=1e-5)
    assert "probabilities" not in found[0]["watch_time"]


def test_eight_threads_get_for_single_rows_what_one_batch_gets(client, people):
    rows = as_rows(people[:64])
    batch = client.post("/predict_rows", json=rows).json()
    with ThreadPoolExecutor(8) as pool:
        singles = list(pool.map(lambda row: client.post("/predict", json=row).json(), rows))
    # Alike but for the last digits.
    assert_frame_equal(pd.json_normalize(singles), pd.json_normalize(batch), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"x1": "high"}, "x1"),
        ({"x1": float("inf")}, "x1"),
        ({"age": 3}, "age"),
        ({"sector": None, "x9": 0}, "x9"),
    ],
)
def test_a_row_that_is_not_of_the_table_is_refused_by_name(client, people, change, where):
    reply = send(client, json.dumps(as_rows(people[:1])[0] | change))
    assert reply.status_code == 422
    assert where in reply.text


@pytest.mark.parametrize("column", ["x1", "sector"])
def test_a_number_that_is_too_large_is_refused_by_name(client, people, column):
    row = as_rows(people[:1])[0] | {column: "a number"}
    reply = send(client, json.dumps(row).replace('"a number"', "1e400"))
    assert reply.status_code == 422
    assert {reason["loc"][1] for reason in reply.json()["detail"]} == {column}


def test_gaps_and_unseen_categories_are_predicted(client, people):
    row = as_rows(people[:1])[0]
    for change in ({"x1": None, "x2": None}, {"sector": None}, {"sector": "mine"}):
        assert client.post("/predict", json=row | change).status_code == 200


def test_a_column_that_is_left_out_is_refused(client, people):
    row = as_rows(people[:1])[0]
    del row["yearly income"]
    reply = client.post("/predict", json=row)
    assert reply.status_code == 422
    assert "yearly income" in reply.text


def test_an_empty_or_endless_batch_is_refused(client, people):
    row = as_rows(people[:1])[0]
    for n_rows in (0, 10_001):
        assert client.post("/predict_rows", json=[row] * n_rows).status_code == 413


@pytest.mark.parametrize("estimator", [MMoERegressor, MMoEClassifier])
def test_a_single_target_is_served(estimator, X, y_mixed, import_example):
    task = "click" if estimator is MMoEClassifier else "watch_time"
    model = estimator(max_iter=2, random_state=0).fit(X, y_mixed[task])
    served = import_example("serving", "estimator_model").EstimatorModel(model)
    with TestClient(import_example("serving", "service").create_app(served)) as client:
        found = client.post("/predict", json=as_rows(X[:1])[0]).json()
    (task,) = found
    assert found[task]["prediction"] == pytest.approx(model.predict(X[:1])[0])


def test_columns_of_whole_numbers_take_no_gap(people, y_mixed, import_example, tmp_path):
    people = people.assign(x1=people["x1"].round().astype(int), x2=people["x2"] > 0)
    model = MMoERegressor(max_iter=2, random_state=0).fit(people, y_mixed[["watch_time"]])
    onnx.save(to_onnx(model, people), tmp_path / "model.onnx")
    served = import_example("serving", "onnx_model").OnnxModel(str(tmp_path / "model.onnx"))
    row = as_rows(people[:1])[0]
    with TestClient(import_example("serving", "service").create_app(served)) as client:
        found = client.post("/predict", json=row).json()
        assert found["watch_time"]["prediction"] == pytest.approx(model.predict(people[:1]).item())
        assert client.post("/predict", json=row | {"x1": None}).status_code == 422


def test_an_onnx_file_without_names_of_columns_is_refused(X, y, import_example, tmp_path):
    model = MMoEClassifier(max_iter=1, random_state=0).fit(X.to_numpy(), y)
    onnx.save(to_onnx(model, X.to_numpy()), tmp_path / "model.onnx")
    with pytest.raises(ValueError, match=r"names\. Fit to a DataFrame"):
        import_example("serving", "onnx_model").OnnxModel(str(tmp_path / "model.onnx"))
