"""Searches on a Ray cluster."""

import os

import joblib
import pytest
from numpy.testing import assert_array_equal
from scipy.stats import loguniform
from sklearn.model_selection import GridSearchCV, cross_validate

from sk_mmoe import MMoEClassifier
from sk_mmoe.metrics import multitask_scoring
from sk_mmoe.model_selection import GPSearchCV, MultiOutputStratifiedKFold

ray = pytest.importorskip("ray")
from ray.util.joblib import register_ray  # noqa: E402

SEARCH = {
    "scoring": multitask_scoring("roc_auc_ovr"),
    "refit": "mean_roc_auc_ovr",
    "cv": MultiOutputStratifiedKFold(2),
}
MEAN = "mean_test_mean_roc_auc_ovr"


@pytest.fixture(scope="module")
def cluster():
    """Start two workers on this machine, and let joblib know them."""
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=200 * 2**20,
        log_to_driver=False,
    )
    register_ray()
    yield
    ray.shutdown()


@pytest.fixture
def model():
    """Return a small classifier."""
    return MMoEClassifier(max_iter=2, random_state=0)


def test_fits_run_on_the_workers(cluster, model, X, y):
    def process(estimator, X, y):
        """Return the number of the process that scores an estimator, as a score."""
        return float(os.getpid())

    with joblib.parallel_config("ray", n_jobs=2):
        found = cross_validate(model, X, y, scoring=process, cv=SEARCH["cv"])["test_score"]
    assert os.getpid() not in found


def test_a_grid_search_on_a_cluster_is_that_of_one_process(cluster, model, X, y):
    grid = {"n_experts": [2, 4]}
    alone = GridSearchCV(model, grid, **SEARCH).fit(X, y)
    with joblib.parallel_config("ray", n_jobs=2):
        spread = GridSearchCV(model, grid, **SEARCH).fit(X, y)
    assert_array_equal(spread.cv_results_[MEAN], alone.cv_results_[MEAN])
    assert_array_equal(spread.predict(X), alone.predict(X))


def test_a_gaussian_process_searches_on_a_cluster(cluster, model, X, y):
    space = {"learning_rate_init": loguniform(1e-4, 1e-1)}
    settings = SEARCH | {"n_iter": 3, "n_initial": 2, "random_state": 0}
    alone = GPSearchCV(model, space, **settings).fit(X, y)
    with joblib.parallel_config("ray"):
        spread = GPSearchCV(model, space, n_jobs=2, **settings).fit(X, y)
    assert_array_equal(spread.cv_results_[MEAN], alone.cv_results_[MEAN])
