"""A table with columns of all sorts, tasks of all kinds, and what compares predictions."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal


def make_columns(n_rows, seed):
    """Return columns of all sorts, some with gaps."""
    rng = np.random.default_rng(seed)

    def with_gaps(values, gap):
        return np.where(rng.random(n_rows) < 0.1, gap, values)

    return pd.DataFrame(
        {
            "city": with_gaps(rng.choice(["Bonn", "Köln", "Ulm"], n_rows), None),
            "code": pd.Categorical(rng.choice([3, 10, 200], n_rows)),
            "level": pd.Categorical(with_gaps(rng.choice([0.1, 1.0, 2.5], n_rows), np.nan)),
            "member": pd.Categorical(rng.random(n_rows) < 0.5),
            "age": rng.integers(18, 90, n_rows),
            "rooms": pd.array(with_gaps(rng.integers(1, 5, n_rows), pd.NA), dtype="Int64"),
            "income": with_gaps(rng.lognormal(10, 1, n_rows), np.nan),
            "height in cm": rng.normal(170, 10, n_rows).astype(np.float32),
            "owns": rng.random(n_rows) < 0.3,
            "always 1": np.ones(n_rows),
        }
    )


@pytest.fixture(scope="session")
def columns():
    """Return the columns of training."""
    return make_columns(300, 0)


@pytest.fixture(scope="session")
def new_columns():
    """Return other rows, with categories, gaps and numbers that training lacked."""
    X = make_columns(100, 1)
    X["city"] = X["city"].replace("Ulm", "Rom")
    X["code"] = X["code"].cat.rename_categories({3: 4}).where(np.arange(100) > 5)
    X["age"] = 3 * X["age"] - 100
    X.loc[:9, "height in cm"] = np.nan
    return X


@pytest.fixture(scope="session")
def targets(columns):
    """Return a task of each kind."""
    rng = np.random.default_rng(2)
    noise = rng.normal(size=len(columns))
    grade = np.select([noise < -0.5, noise < 0.5], ["low", "middle"], "high")
    return pd.DataFrame(
        {
            "click": columns["age"] + 20 * noise > 50,
            "brand": rng.integers(7, 10, len(columns)),
            "grade": grade,
            "spent": 1e6 + columns["age"] + 30 * noise,
            "visits": rng.poisson(2, len(columns)),
        }
    )


@pytest.fixture(scope="session")
def tiny():
    """Return parameters of a short training."""
    return {"max_iter": 2, "early_stopping": False, "random_state": 0}


@pytest.fixture(scope="session")
def tasks():
    """Return the kinds of the targets that they do not tell themselves."""
    return {"grade": ["low", "middle", "high"], "spent": "regression", "visits": "count"}


@pytest.fixture(scope="session")
def assert_same_predictions():
    """Return what checks the outputs of an exported model against `predict`."""
    return _assert_same_predictions


def _assert_same_predictions(outputs, estimator, X):
    """Check outputs by the names of tasks against `predict` and `predict_proba`."""
    names = getattr(estimator, "steps", [("", estimator)])[-1][1].task_names_
    predictions = np.atleast_2d(estimator.predict(X).T)
    has_classes = hasattr(estimator, "predict_proba")
    probabilities = estimator.predict_proba(X) if has_classes else [None] * len(names)
    for name, predicted, proba in zip(names, predictions, probabilities, strict=True):
        if proba is None:
            assert_allclose(outputs[name], predicted.astype(float), rtol=1e-6)
        else:
            assert_array_equal(outputs[name], predicted)
            assert_allclose(outputs[f"{name}_probabilities"], proba, atol=1e-6)
