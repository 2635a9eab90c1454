"""Training: early stopping, warm start, streams, interruption, callbacks, progress."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from skorch.callbacks import (
    Callback,
)

from sk_mmoe import MMoEClassifier, MMoERegressor
from sk_mmoe.callbacks import TrainingCheckpoint
from sk_mmoe.datasets import make_multitask_sinusoid

FAST = {
    "early_stopping": False,
    "max_iter": 8,
    "learning_rate_init": 0.01,
    "batch_size": 64,
    "n_members": 1,
    "random_state": 0,
}
EARLY = FAST | {"early_stopping": True}


def weights(model):
    """Return all weights of the network in one vector."""
    return torch.cat([p.detach().flatten() for p in model.net_.module_.parameters()]).numpy()


class InterruptAfter(Callback):
    """Press Ctrl-C after some epochs."""

    def __init__(self, epochs, on="on_epoch_end"):
        self.epochs = epochs
        self.on = on

    def on_epoch_begin(self, net, **kwargs):
        if self.on == "on_epoch_begin" and len(net.history) == self.epochs + 1:
            raise KeyboardInterrupt

    def on_grad_computed(self, net, named_parameters, **kwargs):
        if self.on == "on_grad_computed" and len(net.history) == self.epochs + 1:
            raise KeyboardInterrupt


# -- early stopping ---------------------------------------------------------------------------


def test_early_stopping_returns_to_the_best_epoch(X, y):
    noisy = y.assign(click=np.random.default_rng(0).integers(0, 2, 400))
    model = MMoEClassifier(
        n_iter_no_change=3,
        **EARLY | {"max_iter": 200, "learning_rate_init": 0.02},
    ).fit(X, noisy)
    best = int(np.argmax(model.validation_scores_))
    assert model.n_iter_ < 200
    assert model.n_iter_ == len(model.validation_scores_) == len(model.loss_curve_)
    assert model.best_validation_score_ == model.validation_scores_[best]
    assert model.validation_task_loss_curve_.shape == (model.n_iter_, 2)
    assert_allclose(
        -model.validation_task_loss_curve_.mean(axis=1), model.validation_scores_, rtol=1e-5
    )
    # As if training had ended at the best epoch.
    options = EARLY | {"max_iter": best + 1, "learning_rate_init": 0.02}
    ended = MMoEClassifier(n_iter_no_change=200, **options).fit(X, noisy)
    assert_array_equal(weights(model), weights(ended))


def test_a_validation_set_decides_when_training_ends(X, y):
    train, valid = slice(0, 300), slice(300, 400)
    model = MMoEClassifier(n_iter_no_change=3, **EARLY | {"max_iter": 200, "alpha": 0.0})
    model.fit(X[train], y[train], X_val=X[valid], y_val=y[valid])
    losses = []
    for k, log_proba in enumerate(model.predict_log_proba(X[valid])):
        codes = np.searchsorted(model.classes_[k], y.iloc[valid, k].to_numpy())
        losses.append(-log_proba[np.arange(100), codes].mean())
    assert -np.mean(losses) == pytest.approx(model.best_validation_score_, rel=1e-5)


def test_weights_of_the_validation_set_count(X, y):
    weight = (np.arange(100) < 50).astype(float)
    fit = {"X_val": X[300:], "y_val": y[300:]}
    weighted = MMoEClassifier(**EARLY).fit(X[:300], y[:300], **fit, sample_weight_val=weight)
    fit = {"X_val": X[300:350], "y_val": y[300:350]}
    expected = MMoEClassifier(**EARLY).fit(X[:300], y[:300], **fit)
    assert_allclose(weighted.validation_scores_, expected.validation_scores_, rtol=1e-5)


def test_main_task_alone_decides(X, y):
    noisy = y.assign(noise=np.random.default_rng(0).integers(0, 2, 400))
    for main_task in ("level", 1):
        model = MMoEClassifier(main_task=main_task, **EARLY).fit(X, noisy)
        assert_allclose(model.validation_scores_, -model.validation_task_loss_curve_[:, 1])


def test_held_out_part_has_the_classes_of_all_tasks(X, y):
    rare = y.assign(rare=(np.arange(400) % 40 == 0))
    seen = {}

    class Look(Callback):
        def on_train_begin(self, net, **kwargs):
            seen["train"], seen["valid"] = net._datasets

    model = MMoEClassifier(callbacks=[Look()], **EARLY).fit(X, rare)
    assert len(seen["valid"]) == 40
    assert len(seen["train"]) == 360
    assert seen["valid"].targets[:, 2].sum() == 1
    assert_allclose(seen["valid"].targets[:, 0].mean(), y["click"].mean(), atol=0.03)
    assert model.n_tasks_ == 3


def test_auto_holds_a_part_out_unless_the_table_is_very_small():
    X, y = make_multitask_sinusoid(201, n_features=2, random_state=0)
    assert MMoERegressor(max_iter=1).fit(X, y).validation_scores_ is not None
    assert MMoERegressor(max_iter=1).fit(X[1:], y[1:]).validation_scores_ is None


def test_a_task_without_a_label_in_the_held_out_part_does_not_decide(X, y):
    rare = y.assign(rare=np.where(np.arange(400) < 4, np.arange(400) % 2, np.nan))
    fit = {"X_val": X[300:], "y_val": rare[300:]}
    model = MMoEClassifier(**EARLY).fit(X[:300], rare[:300], **fit)
    assert (model.validation_task_loss_curve_[:, 2] == 0).all()
    with pytest.raises(ValueError, match=r"no label of the tasks \['rare'\]"):
        MMoEClassifier(main_task="rare", **EARLY).fit(X[:300], rare[:300], **fit)


def test_a_warm_start_never_loses_the_best_weights(X, y):
    options = EARLY | {"max_iter": 60, "learning_rate_init": 0.05}
    model = MMoEClassifier(warm_start=True, **options).fit(X, y)
    before = weights(model)
    model.set_params(max_iter=1, learning_rate_init=5.0).fit(X, y)
    assert_array_equal(weights(model), before)
    assert model.best_validation_score_ == max(model.validation_scores_)


def test_missing_labels_take_no_part_in_early_stopping(X, y):
    holes = y.astype(object)
    holes.loc[300:349, "click"] = None
    fit = {"X_val": X[300:], "y_val": holes[300:]}
    model = MMoEClassifier(**EARLY).fit(X[:300], y[:300], **fit)
    fit = {"X_val": X[350:], "y_val": y[350:]}
    expected = MMoEClassifier(**EARLY).fit(X[:300], y[:300], **fit)
    assert_allclose(
        model.validation_task_loss_curve_[:, 0],
        expected.validation_task_loss_curve_[:, 0],
        rtol=1e-5,
    )


def test_training_ends_when_the_training_loss_stands_still(X, y):
    model = MMoEClassifier(tol=1e9, n_iter_no_change=4, **FAST | {"max_iter": 50}).fit(X, y)
    # The first epoch is an improvement on nothing.
    assert model.n_iter_ == 5


# -- going on ---------------------------------------------------------------------------------


def test_warm_start_goes_on_as_one_long_training(X, y):
    whole = MMoEClassifier(**FAST).fit(X, y)
    model = MMoEClassifier(warm_start=True, **FAST | {"max_iter": 3}).fit(X, y)
    model.set_params(max_iter=5).fit(X, y)
    assert model.n_iter_ == 8
    assert_array_equal(weights(model), weights(whole))
    assert model.loss_curve_ == whole.loss_curve_


def test_without_warm_start_a_fit_begins_afresh(X, y):
    model = MMoEClassifier(**FAST).fit(X, y)
    first = weights(model)
    assert_array_equal(weights(model.fit(X, y)), first)


def test_warm_start_takes_a_new_learning_rate(X, y):
    model = MMoEClassifier(warm_start=True, average=False, **FAST).fit(X, y)
    before = weights(model)
    model.set_params(learning_rate_init=1e-12, alpha=0.0).fit(X, y)
    assert_allclose(weights(model), before, atol=1e-6)


@pytest.mark.parametrize("to", [np.asarray, csr_matrix])
def test_a_stream_of_chunks_is_learned(X, y, to):
    table = to(X.to_numpy())
    model = MMoEClassifier(**FAST)
    classes = {"click": [0, 1], "level": ["low", "middle", "high"]}
    for _ in range(8):
        for rows in np.array_split(np.arange(400), 4):
            model.partial_fit(table[rows], y.iloc[rows], classes=classes)
    assert model.n_iter_ == 32
    assert model.score(table, y) > 0.9


def test_classes_that_come_late_in_a_stream_are_known_from_the_start(X):
    y = np.array(["a", "b", "c", "d"])[np.arange(400) // 100]
    model = MMoEClassifier(**FAST).partial_fit(X[:200], y[:200], classes=["a", "b", "c", "d"])
    assert model.predict_proba(X).shape == (400, 4)
    model.partial_fit(X[200:], y[200:])
    assert_array_equal(model.classes_, ["a", "b", "c", "d"])


def test_the_first_chunk_sets_the_scale_of_a_stream_of_numbers(X):
    y = np.column_stack([X["x0"], 50 * X["x1"]])
    model = MMoERegressor(**FAST)
    for _ in range(20):
        model.partial_fit(X[:200], y[:200]).partial_fit(X[200:], y[200:])
    assert model.score(X, y) > 0.9


def test_one_chunk_is_one_epoch_of_fit(X, y):
    # Numbers that are encoded have a code for gaps, which later chunks may have.
    options = FAST | {"numeric_encoding": None, "max_iter": 1}
    chunk = MMoEClassifier(**options).partial_fit(X, y, classes=[[0, 1], ["low", "middle", "high"]])
    assert_array_equal(weights(chunk), weights(MMoEClassifier(**options).fit(X, y)))


# -- interruption and checkpoints -------------------------------------------------------------


@pytest.mark.parametrize("where", ["on_epoch_begin", "on_grad_computed"])
def test_ctrl_c_leaves_a_usable_model(X, y, where):
    model = MMoEClassifier(callbacks=[InterruptAfter(3, where)], **FAST)
    with pytest.warns(
        UserWarning, match="interrupted after 3 epochs; the model as it stands is kept"
    ):
        model.fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) == 3
    assert model.predict(X).shape == (400, 2)
    if where == "on_epoch_begin":
        expected = MMoEClassifier(**FAST | {"max_iter": 3}).fit(X, y)
        assert_array_equal(weights(model), weights(expected))


def test_ctrl_c_under_early_stopping_returns_to_the_best_weights(X, y):
    model = MMoEClassifier(callbacks=[InterruptAfter(3, "on_epoch_begin")], **EARLY)
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, y)
    assert model.best_validation_score_ == max(model.validation_scores_)


def test_a_model_interrupted_in_the_first_epoch_predicts(X, y):
    model = MMoEClassifier(callbacks=[InterruptAfter(0, "on_grad_computed")], **FAST)
    with pytest.warns(UserWarning, match="interrupted after 0 epochs"):
        model.fit(X, y)
    assert model.loss_curve_ == []
    assert model.best_loss_ is None
    assert model.predict(X).shape == (400, 2)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_training_resumed_from_a_checkpoint_equals_one_without_a_break(
    X, y, tmp_path, early_stopping
):
    options = FAST | {"early_stopping": early_stopping, "dropout": 0.2}
    whole = MMoEClassifier(**options).fit(X, y)
    checkpoint = TrainingCheckpoint(tmp_path / "run.pt")
    broken = MMoEClassifier(
        callbacks=[checkpoint, InterruptAfter(3, "on_grad_computed")], **options
    )
    with pytest.warns(UserWarning, match="interrupted"):
        broken.fit(X, y)
    resumed = MMoEClassifier(callbacks=[checkpoint], **options).fit(X, y)
    assert_array_equal(weights(resumed), weights(whole))
    assert resumed.loss_curve_ == whole.loss_curve_
    assert resumed.validation_scores_ == whole.validation_scores_


# -- callbacks --------------------------------------------------------------------------------


def test_net_params_reach_skorch(X, y):
    params = {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9, "lr": 0.1}
    model = MMoEClassifier(net_params=params, **FAST).fit(X, y)
    assert isinstance(model.net_.optimizer_, torch.optim.SGD)
    assert model.net_.optimizer_.param_groups[0]["momentum"] == 0.9
    assert model.net_.optimizer_.param_groups[0]["lr"] == 0.1


def test_weight_decay_spares_biases(X, y):
    model = MMoEClassifier(alpha=0.3, numeric_encoding=None, **FAST).fit(X, y)
    groups = model.net_.optimizer_.param_groups
    decay = {len(p.shape): group["weight_decay"] for group in groups for p in group["params"]}
    shapes = {tuple(p.shape): g["weight_decay"] for g in groups for p in g["params"]}
    assert shapes[(8, 64, 8)] == 0.3
    assert shapes[(8, 64)] == 0.0
    assert decay[3] == 0.3


# Of torch itself, which looks for gradients wherever it finds tensors.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize("encoding", [None, "piecewise_linear"])
def test_compiled_network_predicts_the_same(X, y, encoding):
    # Batches of one size, as each further one is another compilation.
    options = FAST | {"max_iter": 2, "batch_size": 200, "numeric_encoding": encoding}
    expected = MMoEClassifier(**options).fit(X, y)
    # "eager" compiles nothing to machine code: the test needs no C++ compiler.
    params = {"compile__backend": "eager"}
    found = MMoEClassifier(compile=True, net_params=params, **options).fit(X, y)
    assert_allclose(weights(found), weights(expected), rtol=1e-4, atol=1e-6)


def test_what_is_kept_is_the_average_of_the_weights_of_all_steps(X, y):
    steps = []

    class Record(Callback):
        def on_batch_end(self, net, training=False, **kwargs):
            if training:
                parameters = net.module_.parameters()
                steps.append(torch.cat([p.detach().flatten() for p in parameters]).numpy())

    model = MMoEClassifier(callbacks=[Record()], **FAST).fit(X, y)
    last = MMoEClassifier(average=False, **FAST).fit(X, y)
    assert len(steps) == 8 * 7
    # Training itself is as without an average.
    assert_array_equal(steps[-1], weights(last))
    expected = np.zeros_like(steps[0])
    for step, stepped in enumerate(steps, start=1):
        expected += (stepped - expected) * 9 / (step + 8)
    assert_allclose(weights(model), expected, atol=1e-5)
    assert not np.allclose(weights(last), expected, atol=1e-3)
    assert_allclose(model.loss_curve_, last.loss_curve_, rtol=1e-6)


def test_a_warm_start_goes_on_from_the_last_weights_not_from_their_average(X, y):
    whole = MMoEClassifier(**FAST).fit(X, y)
    parts = MMoEClassifier(warm_start=True, **FAST | {"max_iter": 3}).fit(X, y)
    parts.set_params(max_iter=5).fit(X, y)
    assert_allclose(weights(parts), weights(whole), atol=1e-6)


# -- devices ----------------------------------------------------------------------------------


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("as_columns", [False, True])
def test_cuda_and_cpu_train_alike(X, y, as_columns):
    if as_columns:
        X = pd.DataFrame(X).add_prefix("x")
        X["code"] = pd.Categorical(np.arange(len(X)) ** 2 % 7)
    cpu = MMoEClassifier(device="cpu", dtype="float64", **FAST).fit(X, y)
    cuda = MMoEClassifier(device="cuda", dtype="float64", **FAST).fit(X, y)
    assert next(cuda.net_.module_.parameters()).device.type == "cuda"
    for a, b in zip(cpu.predict_proba(X), cuda.predict_proba(X), strict=True):
        assert_allclose(a, b, rtol=1e-6)


def test_warm_start_takes_new_settings_of_the_optimizer(X, y):
    groups = {"optimizer__param_groups": [("levels.*", {"lr": 0.5})]}
    options = FAST | {"numeric_encoding": None}
    model = MMoEClassifier(warm_start=True, net_params=groups, **options).fit(X, y)
    model.set_params(alpha=5.0).fit(X, y)
    rates, decays = zip(
        *((g["lr"], g["weight_decay"]) for g in model.net_.optimizer_.param_groups), strict=True
    )
    assert rates == (0.5, 0.01)
    assert decays == (5.0, 5.0)


def test_the_net_says_how_it_is_trained(X, y):
    net = MMoEClassifier(**FAST).fit(X, y).net_
    with pytest.raises(TypeError, match="by `train`, or by the `fit` of its estimator"):
        net.partial_fit(X.to_numpy())


def test_a_chunk_may_lack_the_labels_of_a_task_or_all(X, y):
    classes = [[0, 1], ["low", "middle", "high"]]
    model = MMoEClassifier(**FAST).partial_fit(X[:200], y[:200], classes=classes)
    none = y[200:].astype(object)
    none.loc[:, :] = None
    before = weights(model)
    assert_array_equal(weights(model.partial_fit(X[200:], none)), before)
    model.partial_fit(X[200:], none.assign(click=y["click"]))
    assert not (weights(model) == before).all()
    assert model.n_iter_ == 2


def test_threads_that_train_side_by_side_do_not_disturb_each_other(X, y):
    def train(_):
        return weights(MMoEClassifier(**FAST).fit(X, y))

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(train, range(4)))
    for one in found:
        assert_array_equal(one, found[0])


@pytest.mark.filterwarnings("ignore:overflow")
def test_divergence_in_the_last_step_is_noticed(X, y):
    with pytest.raises(FloatingPointError, match="Lower learning_rate_init"):
        MMoEClassifier(max_iter=1, learning_rate_init=1e38, batch_size=400).fit(X, y)


@pytest.mark.filterwarnings("ignore:training diverged")  # which they may well lead to
def test_unscaled_inputs_are_warned_of(X, y):
    with pytest.warns(UserWarning, match=r"values up to 1\.\de\+06.*StandardScaler"):
        MMoEClassifier(numeric_encoding=None, max_iter=1).fit(
            X * [1e6 / np.abs(X["x0"]).max() * 1.5, *[1] * 7], y
        )
