"""Several networks in one program: each is what it would be alone."""

import pickle

import numpy as np
import pandas as pd
import pytest
import skorch
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone

from sk_mmoe import (
    CrossStitchRegressor,
    L2ConstrainedRegressor,
    MMoEClassifier,
    MMoEMixedPredictor,
    MMoERegressor,
    OMoERegressor,
    PLERegressor,
    SharedBottomRegressor,
    SingleTaskRegressor,
    TensorFactorizationRegressor,
    fit_runs,
    load_model,
    save_model,
)
from sk_mmoe.callbacks import TrainingCheckpoint
from sk_mmoe.datasets import make_multitask_sinusoid

REGRESSORS = [
    CrossStitchRegressor,
    L2ConstrainedRegressor,
    MMoERegressor,
    OMoERegressor,
    PLERegressor,
    SharedBottomRegressor,
    SingleTaskRegressor,
    TensorFactorizationRegressor,
]
X, Y = make_multitask_sinusoid(300, 10, random_state=0)
LABELS = np.column_stack([Y[:, 0] > 0, np.digitize(Y[:, 1], [-0.5, 0.5])])
# Members that stop at epochs of their own.
STOPPING = {
    "batch_size": 256,
    "max_iter": 30,
    "n_iter_no_change": 2,
    "tol": 1e-2,
    "learning_rate_init": 5e-3,
    "numeric_encoding": None,
}


def fit_alone(estimator, n_members, seed, *args, **kwargs):
    """Return as many fits with one instance of RandomState."""
    rng = np.random.RandomState(seed)
    estimator.set_params(n_members=1, random_state=rng)
    return [pickle.loads(pickle.dumps(estimator.fit(*args, **kwargs))) for _ in range(n_members)]


def member_predictions(model, X):
    """Return what each member predicts, in the units of y."""
    tasks = zip(model.model_.tasks.tasks, model.model_.member_scores(X), strict=True)
    columns = [scores[..., 0].numpy() * task.scale + task.mean for task, scores in tasks]
    return np.stack(columns, axis=-1)


# -- ensembles ----------------------------------------------------------------------------------


@pytest.mark.parametrize("make_estimator", REGRESSORS)
@pytest.mark.parametrize("stopping", [False, True])
def test_members_are_the_networks_of_fits_alone(make_estimator, stopping):
    # Each member holds out the rows that a fit alone would hold out.
    parameters = {"dtype": "float64"}
    parameters |= STOPPING if stopping else {"max_iter": 3, "early_stopping": False}
    model = make_estimator(n_members=3, random_state=1, **parameters).fit(X[:220], Y[:220])
    alone = fit_alone(make_estimator(**parameters), 3, 1, X[:220], Y[:220])
    predictions = np.array([one.predict(X) for one in alone])
    mean, std = model.predict(X, return_std=True)
    assert_allclose(mean, predictions.mean(axis=0), rtol=1e-6, atol=1e-8)
    assert_allclose(std, predictions.std(axis=0), rtol=1e-5, atol=1e-8)
    assert_array_equal(model.predict(X), mean)
    assert model.n_iter_ == max(one.n_iter_ for one in alone)


def test_members_share_a_validation_set():
    parameters = STOPPING | {"dtype": "float64"}
    data = {"X_val": X[200:], "y_val": Y[200:]}
    model = MMoERegressor(n_members=2, random_state=1, **parameters).fit(X[:200], Y[:200], **data)
    alone = fit_alone(MMoERegressor(**parameters), 2, 1, X[:200], Y[:200], **data)
    assert_allclose(model.predict(X), np.mean([one.predict(X) for one in alone], axis=0))


def test_members_together_learn_from_all_rows():
    seen = []

    class Look(skorch.callbacks.Callback):
        def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
            seen.append((dataset_train, dataset_valid))

    MMoERegressor(n_members=3, max_iter=1, callbacks=[Look()], random_state=0).fit(X, Y)
    ((train, valid),) = seen
    rows = [set(valid.of_member(k).rows.tolist()) for k in range(3)]
    assert set.intersection(*rows) == set()
    for k, held_out in enumerate(rows):
        assert held_out | set(train.of_member(k).rows.tolist()) == set(range(len(X)))
        assert not held_out & set(train.of_member(k).rows.tolist())
    assert train.X is valid.X  # one table for all


def test_members_hold_out_the_same_rows_where_parts_cannot_be_equally_long():
    # The only label of a class must be learned, so that some members hold out one row less.
    y = np.where(np.arange(300) == 7, "rare", np.where(Y[:, 0] > 0, "yes", "no"))
    model = MMoEClassifier(n_members=20, max_iter=1, random_state=0).fit(X, y)
    assert list(model.classes_) == ["no", "rare", "yes"]


def test_members_hold_out_the_same_rows_where_another_part_would_lack_a_label():
    """Three labels of a task: the first member holds one out, which another does not."""
    y = Y[:240].copy()
    alone = MMoERegressor(n_members=1, max_iter=1, main_task=1, random_state=3)
    for rows in np.random.default_rng(0).permuted(np.tile(np.arange(240), (200, 1)), axis=1):
        y[:, 1] = np.nan
        y[rows[:3], 1] = Y[rows[:3], 1]
        try:
            alone.fit(X[:240], y)
        except ValueError:
            continue
        break
    model = clone(alone).set_params(n_members=8).fit(X[:240], y)
    assert len(model.net_.seeds) == 8


def test_a_member_that_stops_by_its_training_loss_keeps_the_weights_of_that_moment():
    parameters = STOPPING | {"early_stopping": False, "dtype": "float64"}
    alone = fit_alone(MMoERegressor(**parameters), 4, 3, X, Y)
    assert len({one.n_iter_ for one in alone}) > 1
    model = MMoERegressor(n_members=4, random_state=3, **parameters).fit(X, Y)
    assert_allclose(model.predict(X), np.mean([one.predict(X) for one in alone], axis=0))


def test_probabilities_are_means_over_members():
    parameters = {"max_iter": 3, "early_stopping": False, "dtype": "float64"}
    model = MMoEClassifier(n_members=3, random_state=0, **parameters).fit(X, LABELS)
    alone = fit_alone(MMoEClassifier(**parameters), 3, 0, X, LABELS)
    for k, proba in enumerate(model.predict_proba(X)):
        assert_allclose(proba, np.mean([one.predict_proba(X)[k] for one in alone], axis=0))
        assert_allclose(np.log(proba), model.predict_log_proba(X)[k])
        assert_array_equal(model.predict(X)[:, k], proba.argmax(axis=1))


@pytest.mark.parametrize("balancing", ["uncertainty", "dwa", "famo"])
def test_each_member_balances_its_own_tasks(balancing):
    parameters = {"max_iter": 3, "early_stopping": False, "loss_balancing": balancing}
    parameters |= {"dtype": "float64", "learning_rate_init": 0.01}
    model = MMoERegressor(n_members=3, random_state=0, **parameters).fit(X, Y)
    alone = fit_alone(MMoERegressor(**parameters), 3, 0, X, Y)
    assert_allclose(model.predict(X), np.mean([one.predict(X) for one in alone], axis=0))


@pytest.mark.parametrize("balancing", ["gradnorm", "pcgrad"])
def test_balancing_of_gradients_takes_a_single_network(balancing):
    with pytest.raises(ValueError, match="the gradients of a single network, got 2 members"):
        MMoERegressor(n_members=2, loss_balancing=balancing).fit(X, Y)


@pytest.mark.parametrize("embedding_dim", [4, None])
def test_members_read_categorical_columns(embedding_dim):
    table = pd.DataFrame(X[:, :3], columns=list("abc"))
    table["city"] = pd.Categorical(np.where(X[:, 3] > 0, "Bern", "Oslo"))
    parameters = {"embedding_dim": embedding_dim, "max_iter": 3, "early_stopping": False}
    model = MMoERegressor(n_members=3, random_state=0, **parameters).fit(table, Y)
    alone = fit_alone(MMoERegressor(**parameters), 3, 0, table, Y)
    expected = np.mean([one.predict(table) for one in alone], axis=0)
    assert_allclose(model.predict(table), expected, rtol=1e-4, atol=1e-5)


def test_members_read_sparse_matrices():
    matrix = np.where(np.random.default_rng(0).random(X.shape) < 0.1, X, 0)
    parameters = {"n_members": 2, "max_iter": 3, "numeric_encoding": None, "random_state": 0}
    dense = MMoERegressor(**parameters).fit(matrix, Y)
    model = MMoERegressor(**parameters).fit(sparse.csr_array(matrix), Y)
    expected = dense.predict(matrix)
    assert_allclose(model.predict(sparse.csr_array(matrix)), expected, rtol=1e-4, atol=1e-5)


def test_missing_labels_and_weights_reach_every_member():
    y = Y.copy()
    y[::3, 0] = np.nan
    weights = np.random.default_rng(0).random(len(y))
    parameters = {"max_iter": 3, "early_stopping": False, "dtype": "float64"}
    model = MMoERegressor(n_members=2, random_state=0, **parameters).fit(X, y, weights)
    alone = fit_alone(MMoERegressor(**parameters), 2, 0, X, y, weights)
    assert_allclose(model.predict(X), np.mean([one.predict(X) for one in alone], axis=0))


@pytest.mark.parametrize("n_members", [2, 3])
def test_weights_of_held_out_labels_reach_every_member(n_members):
    y = Y.copy()
    y[::3, 0] = np.nan
    data = {"X_val": X[200:], "y_val": y[200:], "sample_weight_val": np.arange(100.0)}
    parameters = STOPPING | {"dtype": "float64"}
    model = MMoERegressor(n_members=n_members, random_state=0, **parameters)
    model.fit(X[:200], y[:200], **data)
    alone = fit_alone(MMoERegressor(**parameters), n_members, 0, X[:200], y[:200], **data)
    assert_allclose(model.predict(X), np.mean([one.predict(X) for one in alone], axis=0))
    best = np.mean([one.best_validation_score_ for one in alone])
    assert model.best_validation_score_ == pytest.approx(best)


def test_ensembles_go_on_as_their_members_would():
    parameters = STOPPING | {"dtype": "float64", "warm_start": True, "random_state": 0}
    data = {"X_val": X[200:], "y_val": Y[200:]}
    model = MMoERegressor(n_members=3, **parameters).fit(X[:200], Y[:200], **data)
    counts = np.array([epoch["member_counts"] for epoch in model.net_.history])
    assert not counts.all()  # some member stopped before the others
    best = model.best_validation_score_
    model.fit(X[:200], Y[:200], **data)
    assert model.best_validation_score_ >= best
    losses = [np.mean([-best])]
    kept = model.net_.criterion_.total(
        torch.tensor(
            [
                [
                    ((p - y) ** 2).mean() / task.scale**2
                    for p, y, task in zip(
                        prediction.T, Y[200:].T, model.model_.tasks.tasks, strict=True
                    )
                ]
                for prediction in member_predictions(model, X[200:])
            ]
        )
    )
    assert float(kept.mean()) == pytest.approx(-model.best_validation_score_)
    assert losses[0] >= float(kept.mean()) - 1e-12


@pytest.mark.parametrize("n_members", [1, 3])
def test_another_number_of_members_cannot_go_on(n_members):
    model = MMoERegressor(n_members=2, max_iter=1, warm_start=True).fit(X, Y)
    model.set_params(n_members=n_members)
    for go_on in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=f"n_members is {n_members}, but 2 network"):
            go_on(X, Y)


def test_members_read_rows_in_one_order():
    table = pd.DataFrame(X[:, :3], columns=list("abc"))
    table["city"] = np.where(X[:, 3] > 0, "Bern", "Oslo")
    parameters = {"net_params": {"iterator_train__shuffle": False}, "max_iter": 2}
    model = MMoERegressor(n_members=2, random_state=0, **parameters).fit(table, Y)
    alone = fit_alone(MMoERegressor(**parameters, early_stopping=False), 2, 0, table, Y)
    model.set_params(early_stopping=False).fit(table, Y)
    expected = np.mean([one.predict(table) for one in alone], axis=0)
    assert_allclose(model.predict(table), expected, rtol=1e-4, atol=1e-5)


def test_a_member_that_diverges_is_named():
    tables = [(X, Y), (X * 1e30, Y)]
    with (
        pytest.warns(UserWarning, match="values up to"),
        pytest.raises(FloatingPointError, match=r"of the members \[1\]"),
    ):
        fit_runs(MMoERegressor(max_iter=2, numeric_encoding=None), tables)


def test_gate_weights_are_those_of_a_member():
    parameters = {"max_iter": 3, "early_stopping": False, "dtype": "float64"}
    model = MMoERegressor(n_members=2, random_state=0, **parameters).fit(X, Y)
    alone = fit_alone(MMoERegressor(**parameters), 2, 0, X, Y)
    for member in (0, 1):
        assert_allclose(model.gate_weights(X, member=member), alone[member].gate_weights(X))
    with pytest.raises(IndexError, match="member must be from 0 to 1, got 2"):
        model.gate_weights(X, member=2)


def test_dropout_differs_between_members():
    parameters = {"n_members": 2, "max_iter": 1, "numeric_encoding": None, "random_state": 0}
    model = MMoERegressor(dropout=0.5, **parameters).fit(X, Y)
    stack = model.net_.module_.train()
    for parameter in stack.parameters():
        parameter.data.copy_(parameter.data[:1].expand_as(parameter))
    scores = stack(torch.ones(5, 10))[0]
    assert not torch.allclose(scores[0], scores[1])


def test_the_history_has_the_mean_and_every_member():
    model = MMoERegressor(n_members=3, max_iter=2, early_stopping=True, random_state=0).fit(X, Y)
    for epoch in model.net_.history:
        for part in ("train", "valid"):
            assert np.shape(epoch[f"{part}_member_losses"]) == (3,)
            assert np.mean(epoch[f"{part}_member_losses"]) == pytest.approx(epoch[f"{part}_loss"])
            by_task = np.mean(epoch[f"{part}_member_task_losses"], axis=0)
            assert_allclose(by_task, epoch[f"{part}_task_losses"], rtol=1e-5)


def test_a_spread_needs_members():
    model = MMoERegressor(n_members=1, max_iter=1).fit(X, Y)
    with pytest.raises(ValueError, match="set n_members to 2 or more"):
        model.predict(X, return_std=True)


def test_a_y_of_one_dimension_has_a_spread_of_one_dimension():
    mean, std = MMoERegressor(n_members=2, max_iter=1).fit(X, Y[:, 0]).predict(X, return_std=True)
    assert mean.shape == std.shape == (300,)


def test_mixed_tasks_are_averaged_each_in_its_kind():
    table = pd.DataFrame({"click": LABELS[:, 0], "time": Y[:, 1]})
    model = MMoEMixedPredictor(n_members=2, max_iter=2, random_state=0).fit(X, table)
    assert model.predict(X).shape == (300, 2)
    assert_allclose(model.predict_proba(X)[0].sum(axis=1), 1)


def test_ensembles_go_on_and_are_saved(tmp_path):
    model = MMoERegressor(n_members=2, max_iter=2, random_state=0).fit(X, Y)
    save_model(model, tmp_path / "model.safetensors")
    for again in (pickle.loads(pickle.dumps(model)), load_model(tmp_path / "model.safetensors")):
        assert_array_equal(again.predict(X), model.predict(X))
        assert_array_equal(again.gate_weights(X, member=1), model.gate_weights(X, member=1))
    model.set_params(warm_start=True).fit(X, Y)
    assert model.n_iter_ == 4
    assert MMoERegressor(n_members=2).partial_fit(X, Y).partial_fit(X, Y).n_iter_ == 2


def test_an_interrupted_ensemble_resumes_from_its_checkpoint(tmp_path):
    parameters = STOPPING | {"n_members": 3, "random_state": 0, "early_stopping": True}
    whole = MMoERegressor(**parameters).fit(X, Y)
    parameters |= {"callbacks": [TrainingCheckpoint(tmp_path / "run.pt")]}
    MMoERegressor(**parameters | {"max_iter": 2}).fit(X, Y)
    resumed = MMoERegressor(**parameters).fit(X, Y)
    assert_array_equal(resumed.predict(X), whole.predict(X))


# -- runs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("make_estimator", REGRESSORS)
def test_runs_are_the_fits_of_their_tables(make_estimator):
    tables = [make_multitask_sinusoid(250, 10, random_state=seed) for seed in range(3)]
    estimator = make_estimator(**STOPPING, dtype="float64", n_members=1, random_state=5)
    models = fit_runs(estimator, tables)
    assert not hasattr(estimator, "net_")
    for run, ((X_run, y_run), model) in enumerate(zip(tables, models, strict=True)):
        alone = make_estimator(**STOPPING, dtype="float64", n_members=1, random_state=5 + run)
        alone.fit(X_run, y_run)
        assert model.random_state == 5 + run
        assert model.n_iter_ == alone.n_iter_
        assert_allclose(model.predict(X_run), alone.predict(X_run), rtol=1e-5, atol=1e-7)
        assert_allclose(model.loss_curve_, alone.loss_curve_)
        assert_allclose(model.validation_scores_, alone.validation_scores_)
        assert_allclose(model.task_loss_curve_, alone.task_loss_curve_)


def test_runs_of_classes_weights_and_sparse_tables():
    rng = np.random.default_rng(0)
    tables = []
    for _ in range(2):
        matrix = np.where(rng.random((250, 10)) < 0.1, 1.0, 0)
        tables.append((sparse.csr_array(matrix), matrix[:, :2] + rng.normal(size=(250, 2)) > 0.5))
    parameters = {"class_weight": "balanced", "max_iter": 3, "n_members": 1}
    models = fit_runs(MMoEClassifier(**parameters, random_state=0), tables)
    for run, (table, model) in enumerate(zip(tables, models, strict=True)):
        alone = MMoEClassifier(**parameters, random_state=run).fit(*table)
        for ours, theirs in zip(
            model.predict_proba(table[0]), alone.predict_proba(table[0]), strict=True
        ):
            assert_allclose(ours, theirs, atol=1e-5)


def test_runs_of_tables_with_categories():
    table = pd.DataFrame(X[:, :3], columns=list("abc"))
    table["city"] = pd.Categorical(np.where(X[:, 3] > 0, "Bern", "Oslo"))
    rare = table.assign(city=pd.Categorical(np.where(X[:, 3] > 1.5, "Bern", "Oslo")))
    tables = [(table, Y), (rare, Y)]
    models = fit_runs(MMoERegressor(max_iter=3, random_state=0), tables)
    for run, ((table, y), model) in enumerate(zip(tables, models, strict=True)):
        alone = MMoERegressor(max_iter=3, n_members=1, random_state=run).fit(table, y)
        assert_allclose(model.predict(table), alone.predict(table), rtol=1e-4, atol=1e-5)


def test_runs_keep_what_they_learned_of_their_tasks():
    parameters = {"loss_balancing": "uncertainty", "max_iter": 3, "early_stopping": False}
    parameters |= {"dtype": "float64", "learning_rate_init": 0.01, "warm_start": True}
    parameters["n_members"] = 1
    tables = [make_multitask_sinusoid(250, 10, random_state=seed) for seed in range(2)]
    models = fit_runs(MMoERegressor(**parameters, random_state=0), tables)
    for run, (model, table) in enumerate(zip(models, tables, strict=True)):
        alone = MMoERegressor(**parameters, random_state=run).fit(*table)
        for ours, theirs in zip(model.net_.history, alone.net_.history, strict=True):
            assert_allclose(ours["task_weights"], theirs["task_weights"])
            assert ours["train_loss_best"] == theirs["train_loss_best"]
            assert ours.keys() == theirs.keys()
        expected = alone.fit(*table).predict(table[0])
        assert_allclose(model.fit(*table).predict(table[0]), expected)


def test_random_states_can_be_given():
    models = fit_runs(MMoERegressor(max_iter=1), [(X, Y)] * 3, random_states=[4, 4, 9])
    first, second, third = (model.predict(X) for model in models)
    assert_allclose(first, second)
    assert not np.allclose(first, third)


def test_a_single_run_is_a_fit():
    estimator = MMoERegressor(n_members=1, max_iter=2, random_state=0)
    (model,) = fit_runs(estimator, [(X, Y)])
    assert_array_equal(model.predict(X), estimator.fit(X, Y).predict(X))


OTHERS = {
    "samples": (X[:-1], Y[:-1]),
    "features": (X[:, :-1], Y),
    "tasks": (X, Y[:, :1]),
    "a sparse table": (sparse.csr_array(X), Y),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_tables_of_runs_have_one_shape(other):
    with pytest.raises(ValueError, match="table 1 differs from table 0"):
        fit_runs(MMoERegressor(), [(X, Y), other])


def test_runs_say_what_they_need():
    with pytest.raises(TypeError, match="takes an estimator of sk_mmoe, got str"):
        fit_runs("model", [(X, Y)])
    with pytest.raises(ValueError, match="needs n_members=1, got 2"):
        fit_runs(MMoERegressor(n_members=2), [(X, Y)])
    with pytest.raises(ValueError, match="at least one table"):
        fit_runs(MMoERegressor(), [])
    with pytest.raises(ValueError, match="one value for each of the 2 tables, got 1"):
        fit_runs(MMoERegressor(), [(X, Y)] * 2, random_states=[0])
