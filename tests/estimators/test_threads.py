"""One fitted estimator in many threads: each gets what it would get alone."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

import sk_mmoe
from sk_mmoe import MMoEClassifier, MMoERegressor, load_model, save_model
from sk_mmoe.datasets import make_multitask_sinusoid

X, Y = make_multitask_sinusoid(300, 10, random_state=0)
X = np.asarray(X)
FAST = {"max_iter": 2, "random_state": 0}
REGRESSORS = sorted(name for name in sk_mmoe.__all__ if name.endswith("Regressor"))


def agree(function, n_threads=8, n_calls=24):
    """Assert that a function returns in every thread what it returns alone."""
    expected = function()
    with ThreadPoolExecutor(n_threads) as threads:
        for found in threads.map(lambda _: function(), range(n_calls)):
            assert_array_equal(found, expected)
    assert_array_equal(function(), expected)


@pytest.mark.parametrize("name", REGRESSORS)
@pytest.mark.parametrize("n_members", [1, 2])
def test_predictions_of_many_threads_are_those_of_one(name, n_members):
    model = getattr(sk_mmoe, name)(n_members=n_members, dropout=0.5, **FAST).fit(X, Y)
    agree(lambda: model.predict(X[:70]))


def test_one_row_at_a_time():
    model = MMoERegressor(n_members=3, **FAST).fit(X, Y)
    expected = model.predict(X)
    with ThreadPoolExecutor(8) as threads:
        rows = list(threads.map(lambda row: model.predict(X[row : row + 1]), range(100)))
    np.testing.assert_allclose(np.concatenate(rows), expected[:100], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n_members", [1, 2])
def test_loaded_models_predict_in_threads_from_the_first_call(n_members, tmp_path):
    # A network that was never used is in training mode in torch: dropout would be on.
    model = MMoEClassifier(n_members=n_members, dropout=0.5, gate_dropout=0.5, **FAST)
    model.fit(X, np.asarray(Y) > 0)
    save_model(model, tmp_path / "model.safetensors")
    expected = model.predict_proba(X)
    for _ in range(5):
        loaded = load_model(tmp_path / "model.safetensors")
        for again in (loaded, pickle.loads(pickle.dumps(model))):
            assert not any(part.training for part in again.net_.module_.modules())
            with ThreadPoolExecutor(8) as threads:
                for found in threads.map(lambda _, m=again: m.predict_proba(X), range(8)):
                    assert_array_equal(found, expected)


def test_tables_with_categories_are_read_in_threads():
    table = pd.DataFrame(X[:, :3], columns=list("abc"))
    table["city"] = pd.Categorical(np.where(X[:, 3] > 0, "Bern", "Oslo"))
    for n_members in (1, 2):
        model = MMoERegressor(n_members=n_members, **FAST).fit(table, Y)
        agree(lambda m=model: m.predict(table))


@pytest.mark.parametrize("n_members", [1, 2])
def test_predictions_during_fits_elsewhere(n_members):
    parameters = {"dropout": 0.3, "n_members": n_members, "early_stopping": False} | FAST
    model = MMoERegressor(**parameters).fit(X, Y)
    ended, fits = Event(), []

    def keep_fitting():
        while not ended.is_set():
            fits.append(MMoERegressor(**parameters).fit(X, Y).predict(X))

    thread = Thread(target=keep_fitting)
    thread.start()
    try:
        agree(lambda: model.predict(X), n_threads=4, n_calls=40)
    finally:
        ended.set()
        thread.join()
    for found in fits:
        assert_array_equal(found, model.predict(X))


def test_fits_in_threads_are_those_of_fits_one_after_the_other():
    def fit(seed):
        model = MMoERegressor(dropout=0.3, max_iter=2, random_state=seed)
        return model.fit(X, Y).predict(X)

    expected = [fit(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as threads:
        assert_array_equal(list(threads.map(fit, range(4))), expected)
