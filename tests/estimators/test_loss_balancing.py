"""Loss balancing as a parameter of the estimators."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold

from sk_mmoe import (
    MMoEClassifier,
    MMoEMixedPredictor,
    SharedBottomClassifier,
    SharedBottomRegressor,
    load_model,
    save_model,
)
from sk_mmoe.callbacks import TrainingCheckpoint
from sk_mmoe.nn import DynamicWeightAverage, GradNorm
from sk_mmoe.nn.balancing import BALANCING

FAST = {
    "batch_size": 64,
    "early_stopping": False,
    "hidden_layer_sizes": (8,),
    "learning_rate_init": 0.01,
    "max_iter": 4,
    "n_members": 1,
    "numeric_encoding": None,
    "random_state": 0,
}
OTHERS = sorted(BALANCING.keys() - {"fixed"})
FOREIGN = [
    "scalarization.STCH",
    "scalarization.IMTLL",
    "scalarization.GeometricMean",
    "aggregation.AlignedMTL",
    "aggregation.GradVac",
    "aggregation.ExcessMTL",
    "aggregation.MoDoWeighting",
    "aggregation.SDMGradWeighting",
]
SETTINGS = {"STCH": {"mu": 0.1}, "IMTLL": {"shape": 2}}


def make_balancing(name):
    """Return the name of a method, or a module of TorchJD for two tasks."""
    if "." not in name:
        return name
    package, cls = name.split(".")
    torchjd = pytest.importorskip(f"torchjd.{package}")
    return getattr(torchjd, cls)(**SETTINGS.get(cls, {}))


@pytest.mark.parametrize("name", BALANCING)
def test_every_balancing_learns_missing_labels_and_mixed_tasks(name, X, y_mixed):
    model = MMoEMixedPredictor(
        loss_balancing=name,
        n_experts=3,
        max_iter=12,
        batch_size=64,
        learning_rate_init=0.03,
        random_state=0,
    )
    y = y_mixed.copy()
    y.iloc[::3, 0] = None
    assert model.fit(X, y).score(X, y_mixed) > 0.85


@pytest.mark.parametrize("name", FOREIGN)
def test_modules_of_torchjd_learn_missing_labels(name, X, y):
    model = SharedBottomClassifier(
        loss_balancing=make_balancing(name),
        max_iter=12,
        batch_size=64,
        learning_rate_init=0.03,
        random_state=0,
    )
    gaps = y.astype(object)
    gaps.iloc[::3, 0] = None
    assert model.fit(X, gaps).score(X, y) > 0.85


@pytest.mark.parametrize("name", [*OTHERS, *FOREIGN])
def test_every_balancing_makes_a_difference(name, X):
    y = np.column_stack([X["x0"], -5 * X["x0"] + X["x1"]])
    fixed, other = (
        SharedBottomRegressor(loss_balancing=make_balancing(b), **FAST).fit(X, y)
        for b in ("fixed", name)
    )
    assert not np.array_equal(fixed.predict(X), other.predict(X))


@pytest.mark.parametrize("name", [*OTHERS, *FOREIGN])
def test_a_resumed_training_repeats_an_uninterrupted_one(name, X, y, tmp_path):
    checkpoint = TrainingCheckpoint(tmp_path / "run.pt")
    model = SharedBottomClassifier(loss_balancing=make_balancing(name), **FAST)
    whole = clone(model).fit(X, y)
    clone(model).set_params(max_iter=2, callbacks=[checkpoint]).fit(X, y)
    resumed = clone(model).set_params(callbacks=[checkpoint]).fit(X, y)
    assert resumed.loss_curve_ == whole.loss_curve_


@pytest.mark.parametrize("name", [*OTHERS, *FOREIGN])
def test_a_warm_start_goes_on_where_the_balancing_stands(name, X, y):
    model = SharedBottomClassifier(loss_balancing=make_balancing(name), **FAST)
    whole = clone(model).fit(X, y)
    halves = clone(model).set_params(max_iter=2, warm_start=True).fit(X, y).fit(X, y)
    assert halves.loss_curve_ == whole.loss_curve_


@pytest.mark.parametrize("name", ["famo", *FOREIGN])
def test_a_stream_goes_on_where_the_balancing_stands(name, X, y):
    model = SharedBottomClassifier(
        loss_balancing=make_balancing(name), **FAST | {"batch_size": 200}
    )
    classes = [np.unique(y[task]) for task in y]
    for rows in (slice(0, 200), slice(200, 400)):
        model.partial_fit(X[rows], y[rows], classes=classes)
    balancing = model.net_.criterion_.balancing
    if name == "famo":
        assert balancing.n_steps.tolist() == [2]
    assert np.isfinite(model.loss_curve_).all()


@pytest.mark.parametrize("name", ["famo", "scalarization.STCH", "scalarization.IMTLL"])
def test_members_are_each_balanced_as_alone(name, X):
    y = np.column_stack([X["x0"], -5 * X["x0"] + X["x1"]])
    parameters = FAST | {"loss_balancing": make_balancing(name), "dtype": "float64"}
    rng = np.random.RandomState(0)
    model = SharedBottomRegressor(**parameters).set_params(random_state=rng)
    alone = [model.fit(X, y).predict(X) for _ in range(3)]
    together = SharedBottomRegressor(**parameters | {"n_members": 3}).fit(X, y)
    np.testing.assert_allclose(together.predict(X), np.mean(alone, axis=0), rtol=1e-6, atol=1e-9)


def test_a_checkpoint_of_another_balancing_is_refused(X, y, tmp_path):
    model = SharedBottomClassifier(callbacks=[TrainingCheckpoint(tmp_path / "run.pt")], **FAST)
    model.set_params(loss_balancing=GradNorm(1.0)).fit(X, y)
    with pytest.raises(ValueError, match="other parameters of network or optimizer"):
        model.set_params(loss_balancing=GradNorm(2.0)).fit(X, y)


def test_a_grid_search_chooses_among_names_and_objects(X, y):
    grid = {"loss_balancing": ["fixed", "dwa", GradNorm(0.5)]}
    search = GridSearchCV(SharedBottomClassifier(**FAST), grid, cv=KFold(2)).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_the_weights_of_each_epoch_are_on_record(X, y):
    model = SharedBottomClassifier(loss_balancing=DynamicWeightAverage(0.1), **FAST).fit(X, y)
    weights = np.array(model.net_.history[:, "task_weights"])
    assert_array_equal(weights[:2], 0.5)
    losses = model.task_loss_curve_
    factors = np.exp(losses[1:-1] / losses[:-2] / 0.1)
    np.testing.assert_allclose(weights[2:], factors / factors.sum(axis=1, keepdims=True), rtol=1e-4)


def test_decay_and_learning_rate_leave_the_weights_of_tasks_apart(X, y):
    model = SharedBottomClassifier(loss_balancing="gradnorm", alpha=0.5, **FAST).fit(X, y)
    (group,) = [
        group
        for group in model.net_.optimizer_.param_groups
        if any(p is model.net_.criterion_.balancing.log_weights for p in group["params"])
    ]
    assert group["weight_decay"] == 0
    assert group["lr"] == pytest.approx(0.1)


def test_an_aggregator_of_torchjd_is_taken_as_it_is(X, y):
    aggregation = pytest.importorskip("torchjd.aggregation")
    model = SharedBottomClassifier(loss_balancing=aggregation.AlignedMTL(), **FAST).fit(X, y)
    torchs = SharedBottomClassifier(loss_balancing=aggregation.PCGrad(), **FAST).fit(X, y)
    ours = SharedBottomClassifier(loss_balancing="pcgrad", **FAST).fit(X, y)
    assert not np.array_equal(model.loss_curve_, ours.loss_curve_)
    np.testing.assert_allclose(torchs.loss_curve_, ours.loss_curve_, rtol=1e-4)


def test_a_saved_model_leaves_an_object_behind(X, y, tmp_path):
    model = SharedBottomClassifier(loss_balancing=GradNorm(0.5), **FAST).fit(X, y)
    save_model(model, tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors")
    assert again.loss_balancing == "fixed"
    assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize("module", [torch.nn.Linear(3, 3), torch.nn.Identity()])
def test_a_module_that_is_no_balancing_is_refused_before_training(module, X, y):
    with pytest.raises(ValueError, match="cannot balance 2 tasks: it must map gradients"):
        MMoEClassifier(loss_balancing=module, max_iter=10**6).fit(X, y)


@pytest.mark.parametrize("given", ["even", GradNorm, None, 3])
def test_what_is_no_balancing_is_refused(given, X, y):
    with pytest.raises(ValueError, match=r"'loss_balancing' parameter .* must be"):
        MMoEClassifier(loss_balancing=given).fit(X, y)


@pytest.mark.parametrize(
    ("optimizer", "batch_size"),
    [
        (torch.optim.SGD, "auto"),
        (torch.optim.RMSprop, "auto"),
        # From one minibatch to the next, whose losses differ, it can diverge.
        (torch.optim.LBFGS, 400),
    ],
)
def test_another_optimizer_learns_with_balancing(optimizer, batch_size, X, y):
    model = SharedBottomClassifier(
        loss_balancing="uncertainty",
        net_params={"optimizer": optimizer},
        **FAST | {"batch_size": batch_size, "learning_rate_init": 1e-3},
    )
    assert np.isfinite(model.fit(X, y).loss_curve_).all()
