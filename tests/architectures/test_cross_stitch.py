"""Cross-stitch estimators: the stitches that they learn, and at what rate."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

from sk_mmoe import CrossStitchClassifier, CrossStitchMixedPredictor, CrossStitchRegressor
from sk_mmoe.datasets import make_multitask_sinusoid

SMALL = {
    "hidden_layer_sizes": (6, 4),
    "numeric_encoding": None,
    "batch_size": 100,
    "max_iter": 3,
    "n_members": 1,
    "random_state": 0,
}


@pytest.fixture(scope="module")
def table():
    return make_multitask_sinusoid(100, n_features=5, n_tasks=3, random_state=0)


def group_of_stitches(model):
    """Return the optimizer's group that has all stitches and nothing else."""
    stitches = [stitch.weight for stitch in model.net_.module_.stitches]
    (group,) = (
        group
        for group in model.net_.optimizer_.param_groups
        if any(parameter is stitches[0] for parameter in group["params"])
    )
    assert {*map(id, group["params"])} == {*map(id, stitches)}
    return group


@pytest.mark.parametrize("factor", [1.0, 30.0])
def test_factor_of_the_learning_rate_reaches_the_stitches_alone(table, factor):
    model = CrossStitchRegressor(
        learning_rate_init=0.002, stitch_learning_rate_factor=factor, alpha=0.1, **SMALL
    ).fit(*table)
    stitches = group_of_stitches(model)
    assert stitches["lr"] == pytest.approx(0.002 * factor)
    assert stitches["weight_decay"] == 0
    others = [group for group in model.net_.optimizer_.param_groups if group is not stitches]
    assert [group["lr"] for group in others] == [0.002, 0.002]
    assert sorted(group["weight_decay"] for group in others) == [0, 0.1]


def test_a_new_factor_holds_when_training_goes_on(table):
    model = CrossStitchRegressor(warm_start=True, average=False, **SMALL).fit(*table)
    model.set_params(stitch_learning_rate_factor=0.0)
    before = model.stitches_
    model.fit(*table)
    assert len(model.loss_curve_) == 6
    for after, expected in zip(model.stitches_, before, strict=True):
        assert_array_equal(after, expected)


def test_the_first_step_of_adam_moves_stitches_by_their_learning_rate(table):
    model = CrossStitchRegressor(
        learning_rate_init=0.001,
        stitch_learning_rate_factor=5.0,
        dtype="float64",
        early_stopping=False,
        **SMALL | {"max_iter": 1},
    ).fit(*table)
    start = np.full((3, 3), 0.05) + 0.85 * np.eye(3)
    for stitch in model.stitches_:
        # Adam's first step is the sign of the gradient times the learning rate.
        assert_allclose(np.abs(stitch - start), 0.005, rtol=1e-3)


def test_factor_zero_keeps_the_stitches_and_trains_the_rest(table):
    model = CrossStitchRegressor(
        own_weight_init=0.6, stitch_learning_rate_factor=0.0, alpha=0.1, **SMALL
    ).fit(*table)
    start = np.full((3, 3), 0.2) + 0.4 * np.eye(3)
    for stitch in model.stitches_:
        assert_allclose(stitch, start, rtol=1e-6)
    assert model.loss_curve_[-1] < model.loss_curve_[0]


@pytest.mark.parametrize(
    ("hidden", "per_channel", "shapes"),
    [
        ((6, 4), False, [(3, 3), (3, 3)]),
        ((6, 4), True, [(6, 3, 3), (4, 3, 3)]),
        (6, False, [(3, 3)]),
        ((), True, []),
    ],
)
def test_stitches_have_one_entry_per_hidden_layer(table, hidden, per_channel, shapes):
    options = SMALL | {"hidden_layer_sizes": hidden}
    model = CrossStitchRegressor(per_channel=per_channel, **options).fit(*table)
    assert [stitch.shape for stitch in model.stitches_] == shapes
    assert all(stitch.dtype == np.float32 for stitch in model.stitches_)


def test_stitches_explain_the_predictions(table):
    X, y = table
    model = CrossStitchRegressor(dtype="float64", **SMALL).fit(X, y)
    module = model.net_.module_
    hidden = np.broadcast_to(X, (3, *X.shape))
    for layer, stitch in zip(module.layers, model.stitches_, strict=True):
        weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        hidden = np.maximum(hidden @ weight.transpose(0, 2, 1) + bias[:, None], 0)
        hidden = np.stack([sum(stitch[k, j] * hidden[j] for j in range(3)) for k in range(3)])
    head, bias = module.heads.weight.detach().numpy(), module.heads.bias.detach().numpy()
    scores = np.stack([hidden[k] @ head[k] + bias[k] for k in range(3)], axis=1)
    got = torch.cat(model.net_.predict_scores(X), dim=1)
    assert_allclose(got, scores, rtol=1e-10, atol=1e-12)


def test_changing_the_returned_stitches_leaves_the_model_alone(table):
    X, y = table
    model = CrossStitchRegressor(**SMALL).fit(X, y)
    before = model.predict(X)
    for stitch in model.stitches_:
        stitch[:] = 0
    assert_array_equal(model.predict(X), before)


def test_stitches_need_a_fit():
    with pytest.raises(NotFittedError):
        _ = CrossStitchRegressor().stitches_
    assert not hasattr(CrossStitchRegressor(), "stitches_")


def test_separate_networks_do_not_learn_from_each_other(table):
    X, y = table
    options = {"own_weight_init": 1.0, "stitch_learning_rate_factor": 0.0, "dtype": "float64"}
    model = CrossStitchRegressor(**options, **SMALL).fit(X, y)
    other = CrossStitchRegressor(**options, **SMALL).fit(X, np.column_stack([y[:, :2], X[:, 0]]))
    assert_allclose(model.predict(X)[:, :2], other.predict(X)[:, :2], rtol=1e-8)
    assert np.abs(model.predict(X)[:, 2] - other.predict(X)[:, 2]).max() > 0.01


@pytest.mark.parametrize(
    "cls", [CrossStitchClassifier, CrossStitchRegressor, CrossStitchMixedPredictor]
)
def test_one_task_has_a_stitch_of_one_number(cls):
    X = np.random.default_rng(0).normal(size=(60, 4))
    y = (X[:, 0] > 0).astype(int)
    model = cls(stitch_learning_rate_factor=0.0, **SMALL).fit(X, y)
    for stitch in model.stitches_:
        assert_array_equal(stitch, [[1.0]])
    assert model.predict(X).shape == (60,)


@pytest.mark.parametrize(
    "wrong",
    [
        {"own_weight_init": -0.1},
        {"own_weight_init": 1.1},
        {"stitch_learning_rate_factor": -1.0},
        {"per_channel": "yes"},
        {"hidden_layer_sizes": 0},
    ],
)
def test_parameters_out_of_range_are_refused(table, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        CrossStitchRegressor(**wrong).fit(*table)


def test_the_rate_of_stitches_is_a_multiple_of_the_rate_in_net_params(table):
    model = CrossStitchRegressor(
        stitch_learning_rate_factor=3.0, net_params={"lr": 0.1}, **SMALL
    ).fit(*table)
    assert group_of_stitches(model)["lr"] == pytest.approx(0.3)
