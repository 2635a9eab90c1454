"""Warm starts on other data, and streams of any length."""

import pickle

import numpy as np
import pytest

from sk_mmoe import MMoEClassifier, MMoERegressor, load_model, save_model

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 3))
OLD, NEW = X[:, :2], 5 - 3 * X[:, :2]


@pytest.mark.parametrize("n_members", [1, 2])
def test_a_warm_start_on_other_data_learns_them(n_members):
    options = {"batch_size": 64, "learning_rate_init": 0.01, "random_state": 0}
    model = MMoERegressor(max_iter=10, warm_start=True, n_members=n_members, **options)
    model.fit(X, OLD)
    before = model.predict(X)
    model.set_params(max_iter=25).fit(X, NEW)
    assert not np.array_equal(model.predict(X), before)
    assert model.score(X, NEW) > 0


def test_a_warm_start_on_other_data_tells_the_score_of_what_it_kept():
    options = {"batch_size": 64, "learning_rate_init": 5e-3, "n_members": 1, "random_state": 0}
    model = MMoERegressor(max_iter=10, warm_start=True, **options).fit(X, OLD)
    first = model.n_iter_
    model.set_params(max_iter=10).fit(X, NEW)
    # Losses are in units of the first targets' variance, in which the new ones are large.
    assert model.best_validation_score_ < max(model.validation_scores_)
    assert model.best_validation_score_ == max(model.validation_scores_[first:])


def test_a_warm_start_under_other_task_weights_goes_on_learning():
    noise = RNG.normal(size=len(X))
    y = np.column_stack([np.sin(3 * X[:, 0]), noise])
    options = {"learning_rate_init": 0.02, "warm_start": True, "batch_size": 64}
    # The second task is pure noise: alone it is best not learned at all.
    model = MMoERegressor(random_state=0, max_iter=5, task_weights=[1e-3, 1], **options).fit(X, y)
    before = model.predict(X)
    model.set_params(max_iter=40, task_weights=[1, 1e-3]).fit(X, y)
    old, new = (np.mean((p[:, 0] - y[:, 0]) ** 2) for p in (before, model.predict(X)))
    assert new < 0.5 * old


BALANCINGS = ("fixed", "uncertainty", "dwa", "famo", "gradnorm", "pcgrad")


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
@pytest.mark.parametrize("now", BALANCINGS)
@pytest.mark.parametrize("before", ["fixed", "uncertainty", "gradnorm"])
def test_another_balancing_goes_on_learning(before, now, call):
    options = {"max_iter": 2, "warm_start": True, "learning_rate_init": 0.01, "batch_size": 100}
    options |= {"n_members": 1, "numeric_encoding": None, "random_state": 0}
    model = MMoERegressor(loss_balancing=before, **options)
    getattr(model, call)(X, OLD)
    first, score = model.predict(X), model.score(X, NEW)
    model.set_params(loss_balancing=now)
    for _ in range(3):
        getattr(model, call)(X, NEW)
    assert not np.array_equal(model.predict(X), first)
    assert model.score(X, NEW) > score


def test_other_weights_of_classes_go_on_learning():
    noise = np.random.default_rng(1).normal(size=(len(X), 2))
    y = (X[:, :2] + noise > 1.5).astype(int)  # rare, and not to be told for sure
    options = {"batch_size": 64, "learning_rate_init": 5e-3, "random_state": 0}
    model = MMoEClassifier(max_iter=8, warm_start=True, **options).fit(X, y)
    before = model.predict(X).mean()
    model.set_params(class_weight=[{1: 20.0}] * 2, max_iter=16).fit(X, y)
    assert model.predict(X).mean() > before
    stream = MMoEClassifier(random_state=0, learning_rate_init=5e-3)
    for class_weight in (None, [{1: 20.0}] * 2):
        before = [p[:, 1].mean() for p in stream.predict_proba(X)] if class_weight else None
        for _ in range(12):
            stream.set_params(class_weight=class_weight).partial_fit(X, y, classes=[[0, 1]] * 2)
    assert (np.mean([p[:, 1].mean() for p in stream.predict_proba(X)]) > before).all()


CHANGES = {
    "activation": "tanh",
    "n_experts": 3,
    "expert_hidden_layer_sizes": (64, 64),
    "normalize_experts": True,
    "gate": "top_k",
}


@pytest.mark.parametrize(("name", "value"), CHANGES.items(), ids=CHANGES)
@pytest.mark.parametrize("call", ["fit", "partial_fit"])
def test_another_function_is_refused(name, value, call):
    model = MMoERegressor(max_iter=1, warm_start=True, random_state=0)
    getattr(model, call)(X, OLD)
    before = model.predict(X)
    model.set_params(**{name: value})
    with pytest.raises(ValueError, match=rf"have changed since the first fit: .*{name} was"):
        getattr(model, call)(X, OLD)
    np.testing.assert_array_equal(model.predict(X), before)


def test_sizes_may_be_given_the_other_way():
    model = MMoERegressor(max_iter=1, warm_start=True, random_state=0).fit(X, OLD)
    for sizes in (64, [64], np.array([64])):
        model.set_params(expert_hidden_layer_sizes=sizes).fit(X, OLD)
    assert model.n_iter_ == 4


@pytest.mark.parametrize("n_members", [1, 2])
def test_a_stream_of_any_length_stays_as_small(n_members, tmp_path):
    options = {"n_experts": 2, "numeric_encoding": None, "random_state": 0}
    model = MMoERegressor(n_members=n_members, **options)
    sizes = {}
    for call in range(1, 161):
        model.partial_fit(X[:16], OLD[:16])
        if call in (102, 160):
            sizes[call] = len(pickle.dumps(model))
    assert sizes[160] < 1.02 * sizes[102]
    assert model.n_iter_ == 160
    assert len(model.loss_curve_) == len(model.net_.history) == 100
    assert model.net_.history[:, "epoch"] == list(range(61, 161))
    save_model(model, tmp_path / "model.safetensors")
    assert load_model(tmp_path / "model.safetensors").n_iter_ == 160


def test_a_long_stream_repeats_itself():
    # Its random numbers depend on the number of the chunk, which is counted beyond what is kept.
    def stream(n_calls):
        model = MMoERegressor(n_experts=2, dropout=0.5, numeric_encoding=None, random_state=0)
        for _ in range(n_calls):
            model.partial_fit(X[:16], OLD[:16])
        return model

    whole, halves = stream(104), pickle.loads(pickle.dumps(stream(102)))
    for _ in range(2):
        halves.partial_fit(X[:16], OLD[:16])
    np.testing.assert_array_equal(halves.predict(X), whole.predict(X))
    # No two chunks share their draws.
    losses = whole.loss_curve_
    assert len(set(losses)) == len(losses)


def test_a_failed_call_leaves_the_history_of_a_stream_as_it_was():
    model = MMoEClassifier(random_state=0)
    model.partial_fit(X, OLD > 0, classes=[[False, True]] * 2)
    before = [dict(epoch) for epoch in model.net_.history]
    with pytest.raises(FloatingPointError):
        model.set_params(learning_rate_init=1e38).partial_fit(X, OLD > 0)
    assert [dict(epoch) for epoch in model.net_.history] == before
    assert model.n_iter_ == 1


def test_a_diverged_stream_is_warned_of():
    model = MMoERegressor(numeric_encoding=None, random_state=0).partial_fit(X, OLD)
    with pytest.warns(UserWarning, match="training diverged: the loss"):
        model.partial_fit(X, 1e4 * OLD).set_params(learning_rate_init=30.0).partial_fit(X, OLD)
