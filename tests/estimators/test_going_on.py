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
    model = MMoERegressor(max_iter=25, warm_start=True, n_members=n_members, random_state=0)
    model.fit(X, OLD)
    before = model.predict(X)
    model.set_params(max_iter=100).fit(X, NEW)
    assert not np.array_equal(model.predict(X), before)
    assert model.score(X, NEW) > 0


def test_a_warm_start_on_other_data_tells_the_score_of_what_it_kept():
    model = MMoERegressor(max_iter=25, warm_start=True, random_state=0).fit(X, OLD)
    first = model.n_iter_
    model.set_params(max_iter=20).fit(X, NEW)
    # Losses are in units of the first targets' variance, in which the new ones are large.
    assert model.best_validation_score_ < max(model.validation_scores_)
    assert model.best_validation_score_ == max(model.validation_scores_[first:])


def test_a_warm_start_under_other_task_weights_goes_on_learning():
    noise = RNG.normal(size=len(X))
    y = np.column_stack([np.sin(3 * X[:, 0]), noise])
    options = {"learning_rate_init": 0.01, "warm_start": True, "random_state": 0}
    # The second task is pure noise: alone it is best not learned at all.
    model = MMoERegressor(max_iter=5, task_weights=[1e-3, 1], **options).fit(X, y)
    before = model.predict(X)
    model.set_params(max_iter=60, task_weights=[1, 1e-3]).fit(X, y)
    old, new = (np.mean((p[:, 0] - y[:, 0]) ** 2) for p in (before, model.predict(X)))
    assert new < 0.5 * old


@pytest.mark.parametrize("n_members", [1, 2])
def test_a_stream_of_any_length_stays_as_small(n_members, tmp_path):
    model = MMoERegressor(n_experts=2, n_members=n_members, random_state=0)
    sizes = {}
    for call in range(1, 261):
        model.partial_fit(X[:16], OLD[:16])
        if call in (110, 260):
            sizes[call] = len(pickle.dumps(model))
    assert sizes[260] < 1.02 * sizes[110]
    assert model.n_iter_ == 260
    assert len(model.loss_curve_) == len(model.net_.history) == 100
    assert model.net_.history[:, "epoch"] == list(range(161, 261))
    save_model(model, tmp_path / "model.safetensors")
    assert load_model(tmp_path / "model.safetensors").n_iter_ == 260


def test_a_long_stream_repeats_itself():
    # Its random numbers depend on the number of the chunk, which is counted beyond what is kept.
    def stream(n_calls):
        model = MMoERegressor(n_experts=2, dropout=0.5, random_state=0)
        for _ in range(n_calls):
            model.partial_fit(X[:16], OLD[:16])
        return model

    whole = stream(105)
    halves = pickle.loads(pickle.dumps(stream(102)))
    for _ in range(3):
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
    model = MMoERegressor(random_state=0).partial_fit(X, OLD)
    with pytest.warns(UserWarning, match="training diverged: the loss"):
        model.partial_fit(X, 1e4 * OLD).set_params(learning_rate_init=30.0).partial_fit(X, OLD)
