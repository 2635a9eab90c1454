"""Saved models: pickle, joblib and safetensors."""

import json
import pickle

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from safetensors import safe_open
from safetensors.torch import save_file
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import LRScheduler
from skorch.exceptions import DeviceWarning

from sk_mmoe import MMoEClassifier, MMoEMixedPredictor, MMoERegressor, load_model, save_model

FAST = {"max_iter": 3, "random_state": 0}


@pytest.fixture
def path(tmp_path):
    """Return where to save a model."""
    return tmp_path / "model.safetensors"


def test_pickle_and_joblib_keep_the_model(X, y, tmp_path):
    model = MMoEClassifier(callbacks=[LRScheduler()], **FAST).fit(X, y)
    joblib.dump(model, tmp_path / "model.joblib")
    for again in (pickle.loads(pickle.dumps(model)), joblib.load(tmp_path / "model.joblib")):
        assert_array_equal(again.predict(X), model.predict(X))
        assert again.task_names_ == model.task_names_
        assert again.loss_curve_ == model.loss_curve_


def test_an_unpickled_model_goes_on_training_as_the_original(X, y):
    model = MMoEClassifier(warm_start=True, **FAST).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert again.fit(X, y).loss_curve_ == model.fit(X, y).loss_curve_


def test_a_clone_has_the_parameters_and_no_more(X, y):
    model = MMoEClassifier(n_experts=3, task_weights={"click": 2}, **FAST).fit(X, y)
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    assert not hasattr(copy, "net_")


def test_safetensors_keep_everything_a_classifier_predicts_with(X, y, path):
    model = MMoEClassifier(n_experts=3, class_weight={"click": {0: 1.0, 1: 2.0}}, **FAST).fit(X, y)
    save_model(model, path)
    again = load_model(path)
    assert type(again) is MMoEClassifier
    assert again.get_params() == model.get_params()
    for a, b in zip(again.predict_proba(X), model.predict_proba(X), strict=True):
        assert_array_equal(a, b)
    assert_array_equal(again.predict(X), model.predict(X))
    assert_array_equal(again.gate_weights(X), model.gate_weights(X))
    assert_array_equal(again.feature_names_in_, model.feature_names_in_)
    assert again.validation_scores_ == model.validation_scores_
    assert again.loss_curve_ == model.loss_curve_
    assert again.score(X, y) == model.score(X, y)


def test_safetensors_keep_regressors_and_mixed_predictors(X, y_mixed, path):
    for model, y in [
        (MMoERegressor(dtype="float64", **FAST), y_mixed[["watch_time"]].to_numpy()),
        (MMoERegressor(**FAST), y_mixed["watch_time"]),
        (MMoEMixedPredictor(tasks={"watch_time": "regression"}, **FAST), y_mixed),
    ]:
        save_model(model.fit(X, y), path)
        again = load_model(path)
        assert_array_equal(again.predict(X), model.predict(X))
        assert again.get_params() == model.get_params()


LABELS = [
    np.array([False, True]),
    np.array([-3, 5]),
    np.array([0.0, 1.0]),
    np.array(["no", "yes"]),
    np.array(["no", "yes"], dtype=object),
    np.array(["2026-01-01", "2026-01-02"], dtype="datetime64[D]"),
    np.array([1, 2], dtype="timedelta64[s]"),
]


@pytest.mark.parametrize("classes", LABELS, ids=lambda classes: str(classes.dtype))
def test_safetensors_keep_the_dtype_of_labels(X, classes, path):
    model = MMoEClassifier(**FAST).fit(X, classes[(X["x0"] > 0).astype(int)])
    save_model(model, path)
    again = load_model(path)
    assert again.classes_.dtype == model.classes_.dtype
    assert_array_equal(again.predict(X), model.predict(X))


def test_a_loaded_model_can_be_trained_further(X, y, path):
    save_model(MMoEClassifier(warm_start=True, **FAST).fit(X, y), path)
    again = load_model(path).fit(X, y)
    assert again.n_iter_ == 6
    assert again.loss_curve_[-1] < again.loss_curve_[2]


def test_a_file_is_weights_and_json(X, y, path):
    model = MMoEClassifier(**FAST).fit(X, y)
    save_model(model, path)
    with safe_open(path, "pt") as file:
        assert set(file.keys()) == set(model.net_.module_.state_dict())
        description = json.loads(file.metadata()["sk_mmoe"])
    assert "MMoEClassifier" in json.dumps(description)


def test_the_device_of_training_does_not_bind(X, y, path):
    model = MMoEClassifier(device="cpu", **FAST).fit(X, y)
    save_model(model.set_params(device="cuda"), path)
    assert load_model(path, device="cpu").predict(X).shape == (400, 2)


def test_code_stays_behind(X, y, path):
    model = MMoEClassifier(
        callbacks=[LRScheduler()],
        net_params={"optimizer": torch.optim.SGD},
        max_iter=2,
        random_state=np.random.RandomState(0),
    ).fit(X, y)
    save_model(model, path)
    again = load_model(path)
    assert again.callbacks is again.net_params is again.random_state is None
    assert_array_equal(again.predict(X), model.predict(X))


def test_what_cannot_be_saved_is_an_error(X, y, path):
    pipeline = make_pipeline(StandardScaler(), MMoEClassifier(**FAST)).fit(X, y)
    with pytest.raises(TypeError, match="Of a Pipeline, save the last step"):
        save_model(pipeline, path)
    model = MMoEClassifier(net_params={"module__n_experts": 2}, **FAST).fit(X, y)
    with pytest.raises(ValueError, match=r"changed by net_params \['module__n_experts'\]"):
        save_model(model, path)
    assert not path.exists()


def test_a_file_of_someone_else_is_an_error(path):
    save_file({"weight": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match=r"was not written by sk_mmoe.save_model"):
        load_model(path)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_model_trained_on_cuda_is_saved_for_the_cpu(X, y, path):
    model = MMoEClassifier(device="cuda", **FAST).fit(X, y)
    save_model(model, path)
    again = load_model(path, device="cpu")
    for a, b in zip(again.predict_proba(X), model.predict_proba(X), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3)


def test_what_is_no_model_is_an_error(X, y, path):
    path.write_bytes(b"garbage")
    with pytest.raises(ValueError, match="is no safetensors file"):
        load_model(path)


def test_parameters_set_after_the_fit_are_not_saved(X, y, path):
    model = MMoEClassifier(n_experts=3, **FAST).fit(X, y)
    save_model(model.set_params(n_experts=5, dtype="float64"), path)
    again = load_model(path)
    assert again.n_experts == 3
    assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about a machine without CUDA")
def test_a_pickle_whose_tensors_lie_on_cuda_is_loaded_on_the_cpu(X, y, monkeypatch):
    model = MMoEClassifier(**FAST).fit(X, y)
    expected = model.predict_proba(X)
    # The file of a CUDA machine: the net's device and the tag of every stored tensor say so.
    monkeypatch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
    model.net_.device = "cuda"
    pickled = pickle.dumps(model)
    assert b"cuda:0" in pickled
    with pytest.warns(DeviceWarning, match="cpu"):
        again = pickle.loads(pickled)
    for a, b in zip(again.predict_proba(X), expected, strict=True):
        assert_array_equal(a, b)


def test_a_loaded_estimator_has_the_batch_size_it_had(X, y, path):
    model = MMoEClassifier(early_stopping=False, **FAST).fit(X, y)
    save_model(model, path)
    assert load_model(path).net_.batch_size == model.net_.batch_size == 400 // 20


def test_a_file_of_another_format_version_is_refused(X, y, path):
    save_model(MMoEClassifier(**FAST).fit(X, y), path)
    content = path.read_bytes()
    path.write_bytes(content.replace(rb"\"version\": 3", rb"\"version\": 9", 1))
    with pytest.raises(ValueError, match="has the format version 9, this release reads version 3"):
        load_model(path)


def test_a_model_is_the_same_file_each_time(X, y, tmp_path):
    model = MMoEClassifier(**FAST).fit(X, y)
    for name in "ab":
        save_model(model, tmp_path / name)
    save_model(load_model(tmp_path / "a", device="auto"), tmp_path / "c")
    first, second, third = ((tmp_path / name).read_bytes() for name in "abc")
    assert first == second == third
