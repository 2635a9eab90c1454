"""Callbacks of skorch and scikit-learn, and what training prints."""

import io
from contextlib import redirect_stdout

import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.callback import ProgressBar, ScoringMonitor
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    LRScheduler,
    TrainEndCheckpoint,
)

from sk_mmoe import MMoEClassifier, MMoERegressor
from sk_mmoe.callbacks import TrainingCheckpoint

FAST = {
    "early_stopping": False,
    "max_iter": 8,
    "learning_rate_init": 0.01,
    "batch_size": 64,
    "random_state": 0,
}

EARLY = FAST | {"early_stopping": True}


def weights(model):
    """Return all weights of the network in one vector."""
    return torch.cat([p.detach().flatten() for p in model.net_.module_.parameters()]).numpy()


class StopAfter(Callback):
    """Stop the way skorch's own callbacks do."""

    def __init__(self, epochs):
        self.epochs = epochs

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.epochs:
            raise KeyboardInterrupt


def test_callbacks_of_skorch_run(X, y):
    schedule = LRScheduler(policy="StepLR", step_size=2, gamma=0.1)
    model = MMoEClassifier(callbacks=[("schedule", schedule)], **FAST).fit(X, y)
    rates = [epoch["event_lr"] for epoch in model.net_.history]
    assert_allclose(rates, [1e-2, 1e-2, 1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5])


def test_a_callback_of_skorch_can_stop_training(X, y):
    model = MMoEClassifier(callbacks=[StopAfter(2)], **FAST).fit(X, y)
    assert model.n_iter_ == 2


def test_callbacks_given_are_copied(X, y):
    callback = StopAfter(2)
    model = MMoEClassifier(callbacks=[callback], **FAST).fit(X, y)
    assert model.callbacks[0] is callback
    assert callback not in [used for _, used in model.net_.callbacks_]


def test_scoring_monitor_of_scikit_learn_logs_each_epoch(X, y):
    monitor = ScoringMonitor(scoring="r2")
    targets = X[["x0", "x1"]]
    model = MMoERegressor(**FAST).set_callbacks(monitor).fit(X, targets)
    log = monitor.get_logs().data_as_pandas
    scores = log.loc[log["task_name"] == "epoch", "r2"]
    assert len(scores) == 8
    for epochs, score in list(enumerate(scores, start=1))[::3]:
        reference = MMoERegressor(**FAST | {"max_iter": epochs}).fit(X, targets)
        assert score == pytest.approx(reference.score(X, targets))
    assert model.n_iter_ == 8


def test_progress_bar_of_scikit_learn_counts_the_epochs(X, y, capsys):
    MMoEClassifier(**FAST).set_callbacks(ProgressBar()).fit(X, y)
    shown = capsys.readouterr().out
    assert "MMoEClassifier" in shown
    assert "100%" in shown


def test_verbose_prints_one_line_for_each_epoch(X, y):
    with redirect_stdout(io.StringIO()) as out:
        MMoEClassifier(verbose=True, **EARLY).fit(X, y)
    head, rule, *lines = out.getvalue().splitlines()
    assert head.split() == ["epoch", "train_loss", "valid_loss", "dur"]
    assert set(rule) == {"-", " "}
    assert [line.split()[0] for line in lines] == [str(epoch) for epoch in range(1, 9)]


def test_silent_by_default(X, y, capsys):
    MMoEClassifier(**FAST).fit(X, y)
    assert capsys.readouterr() == ("", "")


def test_a_callback_that_asks_for_batches_sees_them_and_changes_nothing(X, y):
    class CountBatches(Callback):
        def on_train_begin(self, net, **kwargs):
            net.n_batches_seen = 0

        def on_batch_end(self, net, batch=None, training=False, **kwargs):
            net.n_batches_seen += training

    model = MMoEClassifier(callbacks=[CountBatches()], **FAST).fit(X, y)
    assert model.net_.n_batches_seen == 8 * 7
    plain = MMoEClassifier(**FAST).fit(X, y)
    assert_array_equal(weights(model), weights(plain))


@pytest.mark.parametrize(
    "make",
    [
        lambda path: EpochScoring(lambda net, X, y: 0.5, name="something"),
        lambda path: Checkpoint(monitor="train_loss_best", dirname=path),
        lambda path: TrainEndCheckpoint(dirname=path),
        lambda path: EarlyStopping(monitor="train_loss", patience=2),
    ],
    ids=["EpochScoring", "Checkpoint", "TrainEndCheckpoint", "EarlyStopping"],
)
def test_callbacks_that_skorch_ships_work(X, y, make, tmp_path):
    few = FAST | {"max_iter": 3}
    expected = MMoEClassifier(**few).fit(X, y)
    found = MMoEClassifier(callbacks=[make(tmp_path)], **few).fit(X, y)
    assert_array_equal(weights(found), weights(expected))


def test_a_checkpoint_resumes_a_schedule_wherever_it_stands_in_the_list(X, y, tmp_path):
    def fit(path, max_iter):
        schedule = LRScheduler("StepLR", step_size=2, gamma=0.1)
        callbacks = [("checkpoint", TrainingCheckpoint(path)), schedule]
        return MMoEClassifier(callbacks=callbacks, **FAST | {"max_iter": max_iter}).fit(X, y)

    whole = fit(tmp_path / "whole.pt", 6)
    fit(tmp_path / "run.pt", 3)
    assert_array_equal(weights(fit(tmp_path / "run.pt", 6)), weights(whole))


def test_partial_fit_refuses_a_checkpoint(X, y, tmp_path):
    model = MMoEClassifier(callbacks=[TrainingCheckpoint(tmp_path / "run.pt")])
    with pytest.raises(ValueError, match="resumes a fit, not a stream"):
        model.partial_fit(X, y, classes=[[0, 1], ["low", "middle", "high"]])
