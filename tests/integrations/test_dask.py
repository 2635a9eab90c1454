"""Searches on a Dask cluster, and predictions for a Dask table."""

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_validate

from sk_mmoe import MMoEClassifier
from sk_mmoe.metrics import multitask_scoring
from sk_mmoe.model_selection import GPSearchCV, MultiOutputStratifiedKFold

pytest.importorskip("distributed")
dd = pytest.importorskip("dask.dataframe")
from distributed import Client, LocalCluster, get_worker  # noqa: E402

SEARCH = {
    "scoring": multitask_scoring("roc_auc_ovr"),
    "refit": "mean_roc_auc_ovr",
    "cv": MultiOutputStratifiedKFold(2),
}


@pytest.fixture(scope="module")
def cluster():
    """Return a client of a cluster of two worker processes on this machine."""
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**settings) as local, Client(local) as client:
        yield client


@pytest.fixture
def model():
    """Return a small classifier."""
    return MMoEClassifier(max_iter=2, random_state=0)


def test_a_grid_search_on_a_cluster_is_that_of_one_process(cluster, model, X, y):
    grid = {"n_experts": [2, 4]}
    alone = GridSearchCV(model, grid, **SEARCH).fit(X, y)
    with joblib.parallel_config("dask"):
        spread = GridSearchCV(model, grid, **SEARCH).fit(X, y)
    name = "mean_test_mean_roc_auc_ovr"
    assert_array_equal(spread.cv_results_[name], alone.cv_results_[name])
    assert spread.best_params_ == alone.best_params_
    assert_array_equal(spread.predict(X), alone.predict(X))


def test_fits_run_on_the_workers(cluster, model, X, y):
    def works_on_the_cluster(estimator, X, y):
        """Return whether an estimator is scored by a worker of a cluster, as a score."""
        try:
            return float(bool(get_worker().address))
        except ValueError:
            return 0.0

    settings = {"scoring": works_on_the_cluster, "cv": SEARCH["cv"]}
    with joblib.parallel_config("dask"):
        assert list(cross_validate(model, X, y, **settings)["test_score"]) == [1, 1]
    assert list(cross_validate(model, X, y, **settings)["test_score"]) == [0, 0]


def test_a_gaussian_process_searches_on_a_cluster(cluster, model, X, y):
    space = {"learning_rate_init": loguniform(1e-4, 1e-1)}
    settings = SEARCH | {"n_iter": 3, "n_initial": 2, "random_state": 0}
    alone = GPSearchCV(model, space, **settings).fit(X, y)
    with joblib.parallel_config("dask"):
        spread = GPSearchCV(model, space, n_jobs=2, **settings).fit(X, y)
    name = "mean_test_mean_roc_auc_ovr"
    assert_array_equal(spread.cv_results_[name], alone.cv_results_[name])


def test_a_dask_table_is_predicted_part_by_part(cluster, model, X, y):
    model.fit(X, y)
    (future,) = cluster.scatter([model], broadcast=True)

    def probabilities(part, model):
        """Return the probability of the last class of each task."""
        found = zip(model.task_names_, model.predict_proba(part), strict=True)
        return pd.DataFrame({name: proba[:, -1] for name, proba in found}, index=part.index)

    meta = pd.DataFrame({name: np.empty(0, np.float32) for name in model.task_names_})
    table = dd.from_pandas(X, npartitions=4)
    found = table.map_partitions(probabilities, future, meta=meta).compute()
    expected = probabilities(X, model)
    assert_allclose(found, expected, rtol=1e-6)
    assert found.index.equals(X.index)


def test_partitions_of_a_dask_table_are_learned_one_after_the_other(cluster, model, X, y):
    table = dd.from_pandas(pd.concat([X, y], axis=1), npartitions=4)
    again, classes = clone(model), {name: np.unique(y[name]) for name in y}
    for part in table.partitions:
        rows = part.compute()
        model.partial_fit(rows[X.columns], rows[y.columns], classes=classes)
    for start in range(0, len(X), 100):
        chunk = slice(start, start + 100)
        again.partial_fit(X.iloc[chunk], y.iloc[chunk], classes=classes)
    assert model.n_iter_ == 4
    assert_array_equal(model.predict_proba(X)[0], again.predict_proba(X)[0])
