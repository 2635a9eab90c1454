"""skops stores every fitted estimator, and has to trust no class but the estimator's."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.callback import ScoringMonitor
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from skorch.callbacks import LRScheduler

import sk_mmoe
from sk_mmoe import MMoEClassifier, MMoEMixedPredictor, MMoERegressor

skops = pytest.importorskip("skops.io")

RNG = np.random.default_rng(0)
N_ROWS = 60
TABLE = pd.DataFrame(
    {
        "number": RNG.normal(size=N_ROWS),
        "category": pd.Categorical(RNG.choice(["Oslo", "Rome", None], N_ROWS)),
        "word": RNG.choice(list("abc"), N_ROWS),
        "flag": RNG.choice([True, False], N_ROWS),
    }
)
Y = np.column_stack([TABLE["number"] > 0, TABLE["flag"]])
ESTIMATORS = sorted(name for name in sk_mmoe.__all__ if name[0].isupper())


def through_skops(model, trusted=None):
    """Return an estimator as skops loads it, trusting its class and others that are named."""
    name = f"{type(model).__module__}.{type(model).__qualname__}"
    return skops.loads(skops.dumps(model), trusted=[name, *(trusted or [])])


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("n_members", [1, 2])
def test_all_estimators_are_stored_and_go_on_training(name, n_members):
    y = np.where(Y, "yes", "no") if name.endswith("Classifier") else Y.astype(float)
    options = {"n_members": n_members, "warm_start": True, "max_iter": 1, "random_state": 0}
    model = getattr(sk_mmoe, name)(**options).fit(TABLE, y)
    again = through_skops(model)
    assert_array_equal(again.predict(TABLE), model.predict(TABLE))
    assert again.get_params() == model.get_params()
    assert again.loss_curve_ == model.loss_curve_
    # The moments of the optimizer are stored, too.
    assert again.fit(TABLE, y).loss_curve_ == model.fit(TABLE, y).loss_curve_
    assert_array_equal(again.predict(TABLE), model.predict(TABLE))


@pytest.mark.parametrize("balancing", ["uncertainty", "dwa", "famo", "gradnorm", "pcgrad"])
def test_what_a_balancing_has_learned_is_stored(balancing):
    options = {"warm_start": True, "max_iter": 2, "random_state": 0}
    model = MMoERegressor(loss_balancing=balancing, **options).fit(TABLE, Y.astype(float))
    again = through_skops(model)
    for fitted in (model, again):
        fitted.fit(TABLE, Y.astype(float))
    assert again.loss_curve_ == model.loss_curve_


@pytest.mark.parametrize(
    "labels",
    [
        np.array([0, 1]),
        np.array(["no", "yes"]),
        np.array(["no", "yes"], dtype=object),
        np.array([False, True]),
        np.array(["2026-01-01", "2026-01-02"], dtype="datetime64[D]"),
        np.array([1, 2], dtype="timedelta64[s]"),
    ],
    ids=lambda labels: str(labels.dtype),
)
def test_labels_keep_their_type(labels):
    y = labels[Y[:, 0].astype(int)]
    model = MMoEClassifier(max_iter=1, random_state=0).fit(TABLE, y)
    again = through_skops(model)
    assert again.predict(TABLE).dtype == model.predict(TABLE).dtype
    assert_array_equal(again.predict(TABLE), model.predict(TABLE))


def test_a_pipeline_of_strings_is_stored():
    encode = make_column_transformer((OneHotEncoder(), ["word"]), remainder="drop")
    model = make_pipeline(encode, MMoEClassifier(max_iter=1, random_state=0)).fit(TABLE, Y)
    content = skops.dumps(model)
    ours = [name for name in skops.get_untrusted_types(data=content) if "sk_mmoe" in name]
    assert ours == ["sk_mmoe.architectures._mmoe.MMoEClassifier"]
    again = skops.loads(content, trusted=skops.get_untrusted_types(data=content))
    assert_array_equal(again.predict(TABLE), model.predict(TABLE))


def test_kinds_of_tasks_are_stored():
    y = pd.DataFrame({"who": np.where(Y[:, 0], "a", "b"), "how much": TABLE["number"]})
    model = MMoEMixedPredictor(max_iter=1, random_state=0).fit(TABLE, y)
    assert_array_equal(through_skops(model).predict(TABLE), model.predict(TABLE))


def test_an_estimator_that_is_not_fitted_is_stored():
    again = through_skops(MMoEClassifier(n_experts=3))
    assert again.get_params() == MMoEClassifier(n_experts=3).get_params()
    assert not hasattr(again, "net_")


def test_parameters_that_were_set_after_the_fit_do_not_change_the_model():
    model = MMoEClassifier(n_experts=3, max_iter=1, random_state=0).fit(TABLE, Y)
    model.set_params(n_experts=5, dtype="float64", n_members=2)
    again = through_skops(model)
    assert again.get_params() == model.get_params()
    assert_array_equal(again.predict(TABLE), model.predict(TABLE))


def test_a_stream_goes_on():
    model = MMoERegressor(random_state=0)
    for rows in np.array_split(np.arange(N_ROWS), 3):
        model.partial_fit(TABLE.iloc[rows], Y[rows].astype(float))
    again = through_skops(model)
    for fitted in (model, again):
        fitted.partial_fit(TABLE, Y.astype(float))
    assert_array_equal(again.predict(TABLE), model.predict(TABLE))


def test_a_device_that_is_absent_is_replaced_by_the_cpu():
    model = MMoERegressor(max_iter=1, random_state=0).fit(TABLE, Y.astype(float))
    again = through_skops(model.set_params(device="cuda:99"))
    assert again.device == "cuda:99"
    assert again.net_.device == "cpu"
    assert_array_equal(again.predict(TABLE), model.predict(TABLE))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_pickle_and_copies_keep_the_net_with_its_callbacks(copied):
    schedule = LRScheduler("StepLR", step_size=1)
    options = {"callbacks": [schedule], "max_iter": 2, "random_state": 0}
    model = MMoERegressor(**options).fit(TABLE, Y.astype(float))
    again = copied(model)
    names = [type(callback).__name__ for _, callback in again.net_.callbacks_]
    assert names == [type(callback).__name__ for _, callback in model.net_.callbacks_]
    ran = next(c for _, c in again.net_.callbacks_ if isinstance(c, LRScheduler))
    assert ran.lr_scheduler_.last_epoch == 2


def test_callbacks_of_scikit_learn_are_left_out():
    monitor = ScoringMonitor(scoring="accuracy")
    model = MMoEClassifier(max_iter=1, random_state=0).set_callbacks(monitor)
    model.fit(TABLE, np.where(Y[:, 0], "yes", "no"))
    again = through_skops(model)
    assert_array_equal(again.predict_proba(TABLE), model.predict_proba(TABLE))
