"""What the TensorFactorization estimators add to those that all share: ranks."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sk_mmoe import (
    TensorFactorizationClassifier,
    TensorFactorizationMixedPredictor,
    TensorFactorizationRegressor,
)
from sk_mmoe.datasets import make_multitask_sinusoid

ESTIMATORS = (
    TensorFactorizationClassifier,
    TensorFactorizationRegressor,
    TensorFactorizationMixedPredictor,
)


@pytest.fixture(scope="module")
def data():
    return make_multitask_sinusoid(120, n_features=10, random_state=0)


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [
        (3, [(3, 3, 2), (3, 3, 2)]),
        (0.5, [(5, 4, 1), (4, 2, 1)]),
        ((1.0, 2, 1), [(10, 2, 1), (8, 2, 1)]),
        (np.array([0.5, 0.5, 1.0]), [(5, 4, 2), (4, 2, 2)]),
    ],
)
def test_ranks_reach_every_hidden_layer(data, ranks, expected):
    X, y = data
    model = TensorFactorizationRegressor(
        hidden_layer_sizes=(8, 4), ranks=ranks, numeric_encoding=None, max_iter=1, n_members=1
    ).fit(X, y)
    assert [tuple(layer.core.shape) for layer in model.net_.module_.layers] == expected


@pytest.mark.parametrize(
    "ranks", [0, -1, 0.0, 1.5, None, "half", (1, 2), (0.5, 0.5, 2.0), [0, 1, 1]]
)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_ranks_that_are_none_are_refused_by_name(data, estimator, ranks):
    X, y = data
    with pytest.raises(ValueError, match="ranks"):
        estimator(ranks=ranks, max_iter=1).fit(X, y > 0)


def test_ranks_can_be_searched(data):
    X, y = data
    model = TensorFactorizationRegressor(hidden_layer_sizes=8, max_iter=2, random_state=0)
    search = GridSearchCV(model, {"ranks": [1, 0.5, (4, 4, 2)]}, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_default_ranks_hide_no_input_and_tie_no_task_to_another():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 2))
    model = TensorFactorizationRegressor(
        hidden_layer_sizes=16,
        learning_rate_init=0.02,
        numeric_encoding=None,
        max_iter=100,
        n_members=1,
        random_state=0,
    )
    assert model.fit(X, np.abs(X)).score(X, np.abs(X)) > 0.95
    # Of rank one along inputs, a layer sees one direction of them.
    blind = clone(model).set_params(ranks=(1, 1.0, 1.0)).fit(X, np.abs(X))
    assert blind.score(X, np.abs(X)) < 0.7


def test_every_number_of_tasks_is_fitted(data):
    X, y = data
    for target in (y[:, 0], y[:, :1], np.hstack([y, y, y])):
        model = TensorFactorizationRegressor(max_iter=1, random_state=0).fit(X, target)
        assert model.predict(X).shape == target.shape


def test_clone_keeps_the_ranks():
    model = clone(TensorFactorizationClassifier(ranks=(2, 3, 1)))
    assert model.ranks == (2, 3, 1)
