"""Bad input: a clear error before any training, and nothing that was fitted is lost."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import accuracy_score, make_scorer
from skorch.callbacks import BatchScoring, EpochScoring

from sk_mmoe import MMoEClassifier, MMoEMixedPredictor, MMoERegressor
from sk_mmoe.metrics import make_task_scorer

NAN = np.nan


def change(array, where, value):
    """Return a copy of an array with one entry changed."""
    array = array.copy()
    array[where] = value
    return array


rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
y = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(float)
frame = pd.DataFrame(y, columns=["click", "like"])

# What is wrong: (what differs from a good call, words of the message).
BAD_DATA = {
    "X of one dimension": ({"X": X[:, 0]}, "Expected 2D array, got 1D array"),
    "X of three dimensions": ({"X": X[:, :, None]}, "Found array with dim 3"),
    "X without rows": ({"X": X[:0]}, "0 sample"),
    "X without columns": ({"X": X[:, :0]}, r"0 feature\(s\)"),
    "X with infinity": ({"X": change(X, (0, 0), np.inf)}, "contains infinity"),
    "complex X": ({"X": X + 1j}, "Complex data not supported"),
    "complex y": ({"y": y + 1j}, "Complex data not supported"),
    "X of strings": ({"X": np.full((40, 3), "a")}, "could not convert string to float"),
    "X and y of different lengths": ({"y": y[:-1]}, r"inconsistent numbers of samples: \[40, 39\]"),
    "no y": ({"y": None}, "requires y to be passed"),
    "y without rows": ({"y": y[:0]}, "at least one sample and one task"),
    "y without columns": ({"y": y[:, :0]}, "at least one sample and one task"),
    "y of three dimensions": ({"y": y[:, :, None]}, "one or two dimensions"),
    "y with infinity": ({"y": change(y, (0, 1), np.inf)}, "infinity in task 'task1'"),
    "y with a task of missing labels": (
        {"y": y * np.array([1, NAN])},
        r"no known label in the tasks \['task1'\]",
    ),
    "y with fractions": (
        {"y": y + 0.5 * rng.normal(size=y.shape)},
        "Unknown label type|not among its classes",
    ),
    "y with two columns of one name": (
        {"y": frame.set_axis(["click", "click"], axis=1)},
        r"different names, got \['click'\]",
    ),
    "sample_weight of a wrong length": (
        {"sample_weight": np.ones(39)},
        r"shape \(40,\) or \(40, 2\)",
    ),
    "sample_weight of a wrong width": ({"sample_weight": np.ones((40, 3))}, r"got \(40, 3\)"),
    "a negative sample_weight": ({"sample_weight": -np.ones(40)}, "finite and not negative"),
    "an infinite sample_weight": (
        {"sample_weight": np.full(40, np.inf)},
        "finite and not negative",
    ),
    "no weight at all": ({"sample_weight": np.zeros(40)}, "zero for every known label"),
    "no weight for one task": (
        {"y": frame, "sample_weight": np.column_stack([np.ones(40), np.zeros(40)])},
        # A warm start keeps the names of the first fit.
        r"zero for every known label of the tasks \['(like|task1)'\]",
    ),
    "X_val without y_val": ({"X_val": X}, "y_val is missing"),
    "y_val without X_val": ({"y_val": y}, "X_val is missing"),
    "X_val of another width": ({"X_val": X[:, :2], "y_val": y}, "X has 2 features"),
    "y_val with more tasks": (
        {"X_val": X, "y_val": np.column_stack([y, y])},
        r"must have the tasks \['task0', 'task1'\] as at the first fit",
    ),
    "y_val with a new label": ({"X_val": X, "y_val": y + 7}, "not among its classes"),
    "y_val with no known label": ({"X_val": X, "y_val": y * NAN}, "no label of the tasks"),
    "complex sample_weight": ({"sample_weight": np.ones(40) + 0j}, "must be numbers"),
    "sample_weight of dates": (
        {"sample_weight": np.array(["2026-01-01"] * 40, dtype="datetime64[D]")},
        "must be numbers",
    ),
    "sample_weight with a mask": (
        {"sample_weight": np.ma.array(np.ones(40), mask=np.arange(40) < 3)},
        "has masked entries",
    ),
    "complex weights of the validation set": (
        {"X_val": X, "y_val": y, "sample_weight_val": np.ones(40) + 0j},
        r"\(X_val, y_val\): sample_weight must be numbers",
    ),
    "weights of no validation set": (
        {"sample_weight_val": np.ones(40)},
        "X_val and y_val go together",
    ),
}

BAD_PARAMETERS = {
    "no expert": ({"n_experts": 0}, "n_experts"),
    "half an expert": ({"n_experts": 1.5}, "n_experts"),
    "a layer without units": ({"expert_hidden_layer_sizes": (4, 0)}, "positive integers"),
    "a layer of half a unit": ({"tower_hidden_layer_sizes": (1.5,)}, "positive integers"),
    "a layer of words": ({"tower_hidden_layer_sizes": ("wide",)}, "positive integers"),
    "an unknown activation": ({"activation": "swish"}, "activation"),
    "dropout of everything": ({"dropout": 1.0}, "dropout"),
    "a negative gate_dropout": ({"gate_dropout": -0.1}, "gate_dropout"),
    "no learning rate": ({"learning_rate_init": 0.0}, "learning_rate_init"),
    "a negative alpha": ({"alpha": -1.0}, "alpha"),
    "a negative embedding_alpha": ({"embedding_alpha": -1.0}, "embedding_alpha"),
    "a negative category_smooth": ({"category_smooth": -1.0}, "category_smooth"),
    "an empty batch": ({"batch_size": 0}, "batch_size"),
    "no epoch": ({"max_iter": 0}, "max_iter"),
    "early_stopping of words": ({"early_stopping": "yes"}, "early_stopping"),
    "nothing to learn from": ({"validation_fraction": 1.0}, "validation_fraction"),
    "no patience": ({"n_iter_no_change": 0}, "n_iter_no_change"),
    "a negative tol": ({"tol": -1e-4}, "tol"),
    "an unknown dtype": ({"dtype": "float16"}, "dtype"),
    "an unknown device": ({"device": "toaster"}, "device 'toaster' cannot be used here"),
    "a device that is not there": ({"device": "cuda:99"}, "device 'cuda:99' cannot be used here"),
    "an unknown main_task": ({"main_task": "buy"}, r"main_task must be one of the tasks \['task0'"),
    "a main_task out of range": ({"main_task": 2}, "index below 2"),
    "a weight for an unknown task": ({"task_weights": {"buy": 1.0}}, r"unknown tasks \['buy'\]"),
    "too few task_weights": ({"task_weights": [1.0]}, "one value for each of the 2 tasks"),
    "a negative task weight": ({"task_weights": [1.0, -1.0]}, "positive and finite"),
    "a task weight of zero": ({"task_weights": [1.0, 0.0]}, "positive and finite"),
    "a task weight of words": ({"task_weights": ["much", "little"]}, "positive and finite"),
    "class_weight for an unknown task": ({"class_weight": {"buy": "balanced"}}, r"unknown tasks"),
    "class_weight of words": ({"class_weight": "equal"}, "class_weight"),
    "early stopping without a sample": (
        {"early_stopping": True, "validation_fraction": 0.999},
        "train|learn",
    ),
    "class_weight of words for a task": (
        {"class_weight": {"task0": "equal"}},
        '"balanced" or a dict',
    ),
    "class_weight for an unknown label": (
        {"class_weight": {"task0": {7: 1.0}}},
        "of task 'task0'.*7",
    ),
    "a negative class_weight": ({"class_weight": {"task0": {0: -1.0}}}, "finite and not negative"),
    "a batch of True": ({"batch_size": True}, "batch_size of MMoEClassifier must be a number"),
    "True experts": ({"n_experts": True}, "n_experts of MMoEClassifier must be a number"),
    "True epochs": ({"max_iter": True}, "max_iter of MMoEClassifier must be a number"),
    "a tol of False": ({"tol": False}, "tol of MMoEClassifier must be a number"),
    "a learning rate of True": (
        {"learning_rate_init": True},
        "learning_rate_init of MMoE.* number",
    ),
    "layers of True": ({"expert_hidden_layer_sizes": (True,)}, "positive integers"),
    "layers in a set": ({"expert_hidden_layer_sizes": {4}}, "positive integers in an order"),
    "layers in a dict": ({"tower_hidden_layer_sizes": {4: 2}}, "positive integers in an order"),
    "task_weights in a set": ({"task_weights": {1.0, 2.0}}, "must have an order or names"),
    "a task weight of True": ({"task_weights": [True, 2.0]}, "positive and finite"),
    "a complex task weight": ({"task_weights": [1j, 2.0]}, "positive and finite"),
    "a masked task weight": (
        {"task_weights": np.ma.array([1.0, 2.0], mask=[True, False])},
        "positive and finite",
    ),
    "dates as task_weights": (
        {"task_weights": np.array(["2026-01-01"] * 2, dtype="datetime64[D]")},
        "positive and finite",
    ),
    "a class_weight of words for a label": (
        {"class_weight": {"task0": {0: "much"}}},
        "class_weight of task 'task0' must be numbers",
    ),
    "a complex class_weight": ({"class_weight": {"task0": {0: 1j}}}, "must be numbers"),
    "a module that is no balancing": (
        {"loss_balancing": torch.nn.Linear(2, 2)},
        "Linear cannot balance 2 tasks",
    ),
    "net_params with a number for a name": ({"net_params": {3: 4}}, "names of settings as keys"),
    "an optimizer by name": ({"net_params": {"optimizer": "sgd"}}, "no net can be built with"),
    "an optimizer without the setting": (
        {"net_params": {"optimizer__momentum": 0.9}},
        "no net can be built with .*unexpected keyword argument 'momentum'",
    ),
    "a module of another kind": (
        {"net_params": {"module": torch.nn.Linear}},
        "no net can be built with",
    ),
    "a batch of net_params without rows": ({"net_params": {"batch_size": 0}}, "must be positive"),
    "a type of net_params": ({"net_params": {"dtype": "float16"}}, "use dtype"),
    "a seed in net_params": ({"net_params": {"seed": 3}}, "use random_state"),
    "amp of words": ({"net_params": {"amp": "yes"}}, "amp in net_params must be True or False"),
    "scoring by skorch": (
        {"callbacks": [EpochScoring("accuracy")]},
        "cannot compute scoring='accuracy': a net has scores and encoded targets, not labels",
    ),
    "a scorer in skorch's callback": (
        {"callbacks": [("score", EpochScoring(make_scorer(accuracy_score)))]},
        "Use scikit-learn's ScoringMonitor",
    ),
    "a scorer of one task in skorch's callback": (
        {"callbacks": [EpochScoring(make_task_scorer("roc_auc", 0))]},
        "Use scikit-learn's ScoringMonitor",
    ),
    "scoring of batches by skorch": (
        {"callbacks": [BatchScoring(lambda net, X, y: 0.0)]},
        "Use scikit-learn's ScoringMonitor",
    ),
    "net_params that belong to the estimator": ({"net_params": {"max_epochs": 3}}, "use max_iter"),
    "callbacks that are none": ({"callbacks": ["stop"]}, "callbacks"),
    "an unknown net parameter": ({"net_params": {"epoch": 3}}, "epoch"),
}


def state(model):
    """Return what a fitted model predicts and has."""
    return {**vars(model), "predictions": model.predict_proba(X)[0].tolist()}


@pytest.mark.parametrize(("bad", "message"), BAD_DATA.values(), ids=BAD_DATA)
@pytest.mark.parametrize("warm_start", [False, True])
def test_bad_data_raises_and_keeps_the_fitted_state(bad, message, warm_start):
    model = MMoEClassifier(max_iter=2, warm_start=warm_start, random_state=0).fit(X, y)
    before = state(model)
    with pytest.raises(ValueError, match=message):
        model.fit(**{"X": X, "y": y} | bad)
    assert state(model) == before


@pytest.mark.parametrize(("bad", "message"), BAD_PARAMETERS.values(), ids=BAD_PARAMETERS)
def test_bad_parameter_raises_and_keeps_the_fitted_state(bad, message):
    model = MMoEClassifier(max_iter=2, random_state=0).fit(X, y)
    before = state(model)
    model.set_params(**bad)
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(X, y)
    model.set_params(**MMoEClassifier(max_iter=2, random_state=0).get_params())
    assert state(model) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"X": X[:, :2]}, "X has 2 features, but MMoEClassifier is expecting 3"),
        ({"y": y + 7}, "labels .* in task 'task0' that are not among its classes"),
        ({"y": y[:, :1]}, r"must have the tasks \['task0', 'task1'\] as at the first fit"),
        ({"classes": [[0, 1], [0, 2]]}, "classes of task 'task1'"),
        ({"classes": [[0, 1]]}, "one value for each of the 2 tasks"),
    ],
)
def test_bad_chunk_raises_and_keeps_the_fitted_state(options, message):
    model = MMoEClassifier(random_state=0).partial_fit(X, y, classes=[[0, 1], [0, 1]])
    before = state(model)
    with pytest.raises(ValueError, match=message):
        model.partial_fit(**{"X": X, "y": y} | options)
    assert state(model) == before


def test_one_class_only_raises_and_keeps_the_fitted_state():
    model = MMoEClassifier(max_iter=2, random_state=0).fit(X, y)
    before = state(model)
    with pytest.raises(ValueError, match="task 'task1' needs labels of at least two classes"):
        model.fit(X, y * [1, 0])
    assert state(model) == before


def test_first_chunk_of_a_classifier_needs_classes():
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        MMoEClassifier().partial_fit(X, y)


def test_partial_fit_refuses_early_stopping():
    with pytest.raises(ValueError, match="does not support early_stopping"):
        MMoERegressor(early_stopping=True).partial_fit(X, X)


def test_validation_set_contradicts_early_stopping_switched_off():
    with pytest.raises(ValueError, match="early_stopping=False"):
        MMoEClassifier(early_stopping=False).fit(X, y, X_val=X, y_val=y)


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ({"buy": "binary"}, r"names unknown tasks \['buy'\]"),
        ({"click": "colour"}, "got 'colour' for task 'click'"),
        (["binary"], "one value for each of the 2 tasks"),
        ({"level": "binary"}, "declared binary, but has 3 classes"),
        ({"level": "regression"}, "is a regression and needs numbers, got labels such as"),
    ],
)
def test_bad_kinds_of_tasks_raise(tasks, message):
    level = np.select([X[:, 0] < -0.5, X[:, 0] < 0.5], ["low", "middle"], "high")
    table = pd.DataFrame({"click": y[:, 0], "level": level})
    with pytest.raises(ValueError, match=message):
        MMoEMixedPredictor(tasks=tasks).fit(X, table)


def test_regressor_refuses_words():
    with pytest.raises(ValueError, match="needs numbers"):
        MMoERegressor().fit(X, np.where(y > 0, "yes", "no"))


def test_changed_architecture_refuses_a_warm_start():
    model = MMoEClassifier(max_iter=2, warm_start=True, random_state=0).fit(X, y)
    before = state(model)
    with pytest.raises(ValueError, match="parameters that shape the network"):
        model.set_params(n_experts=3).fit(X, y)
    assert state(model.set_params(n_experts=8)) == before


def test_divergence_is_an_error_and_keeps_the_fitted_state():
    model = MMoERegressor(max_iter=2, random_state=0).fit(X, X)
    before = model.predict(X)
    model.set_params(learning_rate_init=1e30, max_iter=50)
    with pytest.raises(FloatingPointError, match="Lower learning_rate_init"):
        model.fit(X, X)
    assert (model.predict(X) == before).all()


def test_another_optimizer_refuses_a_warm_start():
    sgd = {"optimizer": torch.optim.SGD, "optimizer__param_groups": [("*bias", {})]}
    model = MMoEClassifier(max_iter=2, warm_start=True, net_params=sgd).fit(X, y)
    with pytest.raises(ValueError, match="or its optimizer have changed"):
        model.set_params(net_params=None).fit(X, y)


def test_score_tells_of_another_length():
    model = MMoEClassifier(max_iter=1, random_state=0).fit(X, y)
    for n_rows in (39, 1):
        with pytest.raises(ValueError, match=rf"inconsistent numbers of samples: \[40, {n_rows}\]"):
            model.score(X, y[:n_rows])
    with pytest.raises(ValueError, match=r"shape \(40,\) or \(40, 2\)"):
        model.score(X, y, sample_weight=np.ones(39))


def test_masked_labels_are_missing_ones():
    hidden = np.random.default_rng(1).random(y.shape) < 0.3
    masked = MMoEClassifier(max_iter=1, random_state=0).fit(X, np.ma.array(y, mask=hidden))
    missing = MMoEClassifier(max_iter=1, random_state=0).fit(X, np.where(hidden, NAN, y))
    assert masked.loss_curve_ == missing.loss_curve_


def test_epoch_scoring_takes_a_function_of_the_net():
    seen = []

    def score(net, dataset, y):
        seen.append((len(dataset), y))
        return 0.5

    for on_train in (True, False):
        scoring = EpochScoring(score, on_train=on_train, name="half")
        options = {"max_iter": 1, "early_stopping": True, "random_state": 0}
        model = MMoEClassifier(callbacks=[scoring], **options).fit(X, y)
        assert model.net_.history[:, "half"] == [0.5]
    assert seen == [(36, None), (4, None)]
