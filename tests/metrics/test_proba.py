"""The positive classes' probabilities of all tasks as one table."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mmoe import MMoEClassifier, MMoEMixedPredictor
from sk_mmoe.metrics import predict_positive_proba

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(80, 3)), columns=list("abc"), index=np.arange(80) * 10)
Y = pd.DataFrame(
    {
        "click": (X["a"] > 0).astype(int),
        "level": np.select([X["b"] < -0.5, X["b"] < 0.5], ["low", "mid"], "top"),
        "like": np.where(X["c"] > 0, "yes", "no"),
        "time": X["a"] + X["b"],
    }
)
FAST = {"max_iter": 2, "random_state": 0}


def test_tasks_with_two_classes_have_a_column_by_name():
    model = MMoEMixedPredictor(**FAST).fit(X, Y)
    table = predict_positive_proba(model, X)
    assert table.columns.to_list() == ["click", "like"]
    assert table.index.equals(X.index)
    probabilities = model.predict_proba(X)
    np.testing.assert_array_equal(table["click"], probabilities[0][:, 1])
    np.testing.assert_array_equal(table["like"], probabilities[2][:, 1])


def test_one_task_in_a_pipeline_has_its_name():
    array = X.to_numpy()
    model = make_pipeline(StandardScaler(), MMoEClassifier(**FAST)).fit(array, Y["like"])
    table = predict_positive_proba(model, array)
    np.testing.assert_array_equal(table["like"], model.predict_proba(array)[:, 1])
    assert table.index.equals(pd.RangeIndex(80))


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(3, random_state=0),
        MultiOutputClassifier(LogisticRegression()),
        ClassifierChain(LogisticRegression()),
        MLPClassifier(4, max_iter=300, learning_rate_init=0.1, tol=1e-2, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_classifiers_of_scikit_learn_have_numbered_columns(model):
    y = np.column_stack([Y["click"], X["b"] > 0]).astype(int)
    model.fit(X.to_numpy(), y)
    table = predict_positive_proba(model, X.to_numpy())
    proba = model.predict_proba(X.to_numpy())
    expected = [p[:, 1] for p in proba] if isinstance(proba, list) else list(proba.T)
    assert table.columns.to_list() == ["task0", "task1"]
    np.testing.assert_allclose(table.to_numpy().T, expected)


def test_without_a_positive_class_there_is_nothing_to_return():
    model = MMoEClassifier(**FAST).fit(X, Y[["level"]])
    with pytest.raises(ValueError, match=r"none of the tasks \['level'\] has two classes"):
        predict_positive_proba(model, X)
