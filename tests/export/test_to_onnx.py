"""ONNX models give what `predict` and `predict_proba` give, from the raw columns."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sk_mmoe import MMoEClassifier, MMoEMixedPredictor, MMoERegressor
from sk_mmoe.datasets import fetch_census_income
from sk_mmoe.export import to_onnx
from sk_mmoe.export._checks import split_pipeline

TYPES = {"tensor(string)": object, "tensor(double)": float, "tensor(float)": np.float32}


def run(session, X):
    """Return what a session makes of the columns of a DataFrame, by the names of the outputs."""
    inputs = {
        put.name: X[[put.name]].to_numpy(dtype=TYPES.get(put.type)) for put in session.get_inputs()
    }
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def open_session(model):
    onnx.checker.check_model(model, full_check=True)
    return onnxruntime.InferenceSession(model.SerializeToString())


@pytest.fixture(scope="module")
def mixed(columns, targets, tiny, tasks):
    """Return an estimator with two members and tasks of all kinds."""
    return MMoEMixedPredictor(tasks=tasks, n_members=2, **tiny).fit(columns, targets)


@pytest.fixture(scope="module")
def model(mixed, columns):
    """Return that estimator as an ONNX model."""
    return to_onnx(mixed, columns[:5])


@pytest.fixture(scope="module")
def session(model):
    """Return what runs that model."""
    return open_session(model)


def test_all_tasks_and_columns_agree_with_predict(session, mixed, columns, assert_same_predictions):
    assert_same_predictions(run(session, columns), mixed, columns)


@pytest.mark.filterwarnings("ignore:not every value")
def test_unseen_categories_gaps_and_far_numbers_agree_with_predict(
    session, mixed, new_columns, assert_same_predictions
):
    assert_same_predictions(run(session, new_columns), mixed, new_columns)


def test_a_single_row_agrees_with_predict(session, mixed, columns, assert_same_predictions):
    assert_same_predictions(run(session, columns[7:8]), mixed, columns[7:8])


@pytest.mark.parametrize("gap", ["", "None", "nan", "<NA>"])
def test_gaps_among_strings_have_several_spellings(
    session, mixed, columns, gap, assert_same_predictions
):
    X = columns.assign(city=gap)
    assert_same_predictions(run(session, X), mixed, X.assign(city=None))


def test_inputs_are_the_columns_in_their_dtypes(session):
    found = {put.name: (put.type, put.shape) for put in session.get_inputs()}
    types = ["string", "double", "double", "double", "int64", "double", "double", "float"]
    types += ["bool", "double"]
    names = ["city", "code", "level", "member", "age", "rooms", "income", "height in cm"]
    names += ["owns", "always 1"]
    expected = [(f"tensor({type_})", ["n_samples", 1]) for type_ in types]
    assert found == dict(zip(names, expected, strict=True))


def test_outputs_have_the_names_and_types_of_the_tasks(session):
    assert {put.name: (put.type, put.shape) for put in session.get_outputs()} == {
        "click": ("tensor(bool)", ["n_samples"]),
        "click_probabilities": ("tensor(double)", ["n_samples", 2]),
        "brand": ("tensor(int64)", ["n_samples"]),
        "brand_probabilities": ("tensor(double)", ["n_samples", 3]),
        "grade": ("tensor(string)", ["n_samples"]),
        "grade_probabilities": ("tensor(double)", ["n_samples", 3]),
        "spent": ("tensor(double)", ["n_samples"]),
        "visits": ("tensor(double)", ["n_samples"]),
    }


def test_metadata_tells_the_order_of_the_classes(model):
    (entry,) = model.metadata_props
    assert (entry.key, json.loads(entry.value)) == (
        "classes",
        {"click": [False, True], "brand": [7, 8, 9], "grade": ["low", "middle", "high"]},
    )


def test_all_operators_are_standard(model):
    assert {node.domain for node in model.graph.node} == {"", "ai.onnx.ml"}


def test_an_array_is_one_input_and_categories_may_be_numbers_in_it(tiny, assert_same_predictions):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3)).astype(np.float32)
    X[:, 1] = rng.choice(np.array([0.1, 0.2, np.nan], dtype=np.float32), 200)
    y = X[:, 0] + 2
    regressor = MMoERegressor(
        categorical_features=[1], embedding_dim=None, numeric_encoding="piecewise_linear", **tiny
    ).fit(X, y)
    # In double precision the same categories are numbers next to them.
    new = np.column_stack([X[:, 0], rng.choice([0.1, 0.2, 0.3], 200), 9 * X[:, 2]])
    session = open_session(to_onnx(regressor, new))
    (found,) = session.run(None, {"X": new})
    assert_same_predictions({"task0": found}, regressor, new)


def test_a_sparse_matrix_becomes_one_dense_input(tiny):
    X = sparse.random(100, 20, density=0.2, format="csr", random_state=0)
    y = X[:, [0, 1]].toarray() > 0
    classifier = MMoEClassifier(**tiny).fit(X, y)
    session = open_session(to_onnx(classifier, X))
    values = session.run(["task0", "task0_probabilities"], {"X": X.toarray()})
    assert np.array_equal(values[0], classifier.predict(X)[:, 0])
    np.testing.assert_allclose(values[1], classifier.predict_proba(X)[0], atol=1e-6)


def test_a_pipeline_is_converted_with_its_transformers(
    columns, targets, tiny, assert_same_predictions
):
    X = columns[["city", "age", "income", "height in cm", "always 1", "owns"]]
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    X = X.assign(city=X["city"].fillna("none"))
    transformer = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["city", "owns"]),
        (numbers, ["age", "income", "height in cm"]),
    )
    y = targets[["click", "spent"]].rename(columns={"click": "click it"})
    pipeline = make_pipeline(
        transformer, MMoEMixedPredictor(tasks={"spent": "regression"}, **tiny)
    ).fit(X, y)
    session = open_session(to_onnx(pipeline, X))
    new = X.assign(city=X["city"].replace("Ulm", "Rom"))
    assert_same_predictions(run(session, new), pipeline, new)


def test_census_income_agrees_with_predict(census_home, tiny):
    census = fetch_census_income(data_home=census_home)
    X, y = census.data, census.target
    classifier = MMoEClassifier(**tiny | {"max_iter": 1}).fit(X[:4000], y[:4000])
    rest = X[-5_000:]
    outputs = run(open_session(to_onnx(classifier, X[:5])), rest)
    labels, probabilities = classifier.predict(rest).T, classifier.predict_proba(rest)
    for name, label, proba in zip(classifier.task_names_, labels, probabilities, strict=True):
        assert np.abs(outputs[f"{name}_probabilities"] - proba).max() <= 1e-5
        assert (outputs[name] == label).all()


def test_a_search_stands_for_its_best_estimator(mixed):
    search = SimpleNamespace(best_estimator_=make_pipeline(StandardScaler(), mixed))
    steps, last = split_pipeline(search)
    assert [name for name, _ in steps] == ["standardscaler"]
    assert last is mixed


# -- what cannot be converted -----------------------------------------------------------------


def test_a_missing_package_is_named_with_its_extra(mixed, columns, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ImportError, match=r'onnxscript, or pip install "sk_mmoe\[onnx\]"'):
        to_onnx(mixed, columns)


def test_pipelines_of_other_estimators_are_refused(columns):
    with pytest.raises(TypeError, match="last step is one, got a LogisticRegression"):
        to_onnx(make_pipeline(StandardScaler(), LogisticRegression()), columns)


def test_a_table_with_other_columns_is_refused(mixed, columns):
    with pytest.raises(ValueError, match="feature names"):
        to_onnx(mixed, columns.rename(columns={"age": "years"}))


def test_categories_of_several_types_are_refused(columns, tiny):
    X = columns[["age"]].assign(
        mixed=pd.Categorical([1 if own else "a" for own in columns["owns"]])
    )
    classifier = MMoEClassifier(**tiny).fit(X, columns["member"].astype(bool))
    with pytest.raises(ValueError, match=r"categories of the columns \['mixed'\]"):
        to_onnx(classifier, X)


def test_classes_of_several_types_are_refused(columns, tiny):
    X = columns[["age", "income"]]
    y = np.array([pd.Interval(0, 1) if own else pd.Interval(1, 2) for own in columns["owns"]])
    classifier = MMoEClassifier(**tiny).fit(X, y)
    with pytest.raises(ValueError, match="strings, integers, floats or booleans"):
        to_onnx(classifier, X)


def test_a_task_with_the_name_of_a_column_is_refused(columns, targets, tiny):
    X = columns[["age", "income"]]
    classifier = MMoEClassifier(**tiny).fit(X, targets[["click"]].set_axis(["age"], axis=1))
    with pytest.raises(ValueError, match=r"the names \['age'\]"):
        to_onnx(classifier, X)


def test_an_array_with_strings_and_numbers_is_refused(columns, targets, tiny):
    X = columns[["city", "age"]].to_numpy(dtype=object)
    classifier = MMoEClassifier(categorical_features=[0], **tiny).fit(X, targets["click"])
    with pytest.raises(ValueError, match="Fit the estimator to a DataFrame"):
        to_onnx(classifier, X)
