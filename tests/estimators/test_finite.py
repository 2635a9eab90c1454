"""No prediction for finite X is NaN or infinite without a warning."""

import warnings

import numpy as np
import pytest

from sk_mmoe import MMoEClassifier, MMoEMixedPredictor, MMoERegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
NUMBERS = {"numeric_encoding": None, "max_iter": 1, "random_state": 0}

# scikit-learn's look at X may overflow, too.
pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")


@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_values_beyond_the_range_of_the_network_are_warned_of(n_members, method):
    model = MMoEClassifier(n_members=n_members, **NUMBERS).fit(X, X[:, :2] > 0)
    far = X.copy()
    far[:2] = 3e38 * np.sign(far[:2])
    with pytest.warns(UserWarning, match=r"not finite.*'task0': 2.*Scale the inputs"):
        getattr(model, method)(far)


def test_numbers_beyond_the_range_are_warned_of():
    model = MMoERegressor(**NUMBERS).fit(X, X[:, :2])
    with pytest.warns(UserWarning, match="predictions are not finite"):
        found = model.predict(3e38 * np.sign(X))
    assert not np.isfinite(found).all()


@pytest.mark.parametrize("factor", [1e-300, 1.0, 1e4, 1e30])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_predictions_are_finite_or_warned_of(factor, dtype):
    models = [
        MMoERegressor(dtype=dtype, **NUMBERS).fit(X, X[:, :2]),
        MMoERegressor(dtype=dtype, **NUMBERS).fit(X, 1e155 * X[:, :2]),
        MMoERegressor(dtype=dtype, random_state=0).partial_fit(X, X[:, :2]),
        MMoEMixedPredictor(dtype=dtype, tasks=["count", "regression"], **NUMBERS).fit(
            X, np.column_stack([RNG.poisson(3, 60), X[:, 0]]).astype(object)
        ),
    ]
    for model in models:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = model.predict(factor * X).astype(float)
        assert np.isfinite(found).all() or caught
