"""Callbacks: when training converges, and how it goes on after a crash."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, LRScheduler

from sk_mmoe.callbacks import ConvergenceMonitor, TrainingCheckpoint
from sk_mmoe.nn import MMoE, MultiTaskLoss
from sk_mmoe.tasks._regression import regression_loss
from sk_mmoe.training._net import MultiTaskNet
from sk_mmoe.training._samples import TableDataset

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

NAN = float("nan")


def make_table(seed):
    """Return 40 rows of two tasks that take long to learn."""
    X = np.random.default_rng(seed).normal(size=(40, 5))
    return TableDataset(X, torch.from_numpy(np.sin(4 * X[:, :2])))


TRAIN, VALID = make_table(0), make_table(1)


def make_net(*callbacks, **options):
    return MultiTaskNet(
        MMoE,
        MultiTaskLoss,
        module__n_features=5,
        module__n_outputs=[1, 1],
        module__dropout=0.1,
        criterion__losses=[regression_loss, regression_loss],
        iterator_train__shuffle=True,
        callbacks=list(callbacks),
        **{
            "optimizer": torch.optim.AdamW,
            "lr": 0.1,
            "batch_size": 16,
            "train_split": None,
            "verbose": 0,
            "dtype": "float64",
            "seed": 7,
        }
        | options,
    ).initialize()


def assert_equal_training(net, other):
    """Assert that two nets have the same history and weights, to the last bit."""
    timeless = [
        [{name: value for name, value in epoch.items() if name != "dur"} for epoch in n.history]
        for n in (net, other)
    ]
    assert timeless[0] == timeless[1]
    expected = other.module_.state_dict()
    for name, value in net.module_.state_dict().items():
        assert torch.equal(value, expected[name]), name


# -- the convergence monitor --------------------------------------------------------------------


def follow(monitor, losses):
    """Feed scripted losses; return the epoch of the stop and the final weight.

    The one weight of the module is the number of the epoch.
    """
    module = torch.nn.Linear(1, 1, bias=False)
    net = SimpleNamespace(history=[], module_=module, stop_training_=False)
    monitor.on_train_begin(net)
    for number, loss in enumerate(losses, start=1):
        module.weight.data.fill_(number)
        net.history.append(loss if isinstance(loss, dict) else {"train_loss": loss})
        monitor.on_epoch_end(net)
        if net.stop_training_:
            break
    monitor.on_train_end(net)
    return number if net.stop_training_ else None, module.weight.item()


# losses, patience, tol: the epoch of the stop, the lowest loss before it and its epoch.
SCRIPTS = {
    "ever better": ([5, 4, 3, 2, 1], 1, 0.0, None, 1, 5),
    "flat": ([3, 2, 2, 2, 2, 2], 2, 0.0, 4, 2, 2),
    "flat with patience for more": ([3, 2, 2, 2], 3, 0.0, None, 2, 2),
    "worse": ([1, 2, 3, 4], 3, 0.0, 4, 1, 1),
    "recovery": ([3, 3, 1, 3, 3, 3], 2, 0.0, 5, 1, 3),
    "better by less than tol": ([3, 2.9, 2.8, 2.7], 2, 0.5, 3, 2.8, 3),
    "better by more than tol": ([3, 2.9, 2.8, 2.7], 2, 0.05, None, 2.7, 4),
    "by tol in two steps": ([3, 2.75, 2.25, 2, 1.5], 2, 0.375, None, 1.5, 5),
    "no number": ([2, NAN, NAN, 1], 2, 0.0, 3, 2, 1),
}


@pytest.mark.parametrize(
    ("losses", "patience", "tol", "stop_epoch", "best", "best_epoch"),
    SCRIPTS.values(),
    ids=SCRIPTS,
)
def test_monitor_stops_after_patience_and_keeps_the_best(
    losses, patience, tol, stop_epoch, best, best_epoch
):
    for restore_best in (False, True):
        monitor = ConvergenceMonitor(patience=patience, tol=tol, restore_best=restore_best)
        stopped, weight = follow(monitor, losses)
        assert stopped == stop_epoch
        assert monitor.best_loss_ == best
        last_epoch = stop_epoch or len(losses)
        assert weight == (best_epoch if restore_best else last_epoch)


def test_monitor_forgets_an_earlier_training():
    monitor = ConvergenceMonitor(patience=2, restore_best=True)
    follow(monitor, [1, 1])
    assert follow(monitor, [5, 6, 7]) == (3, 1.0)
    assert monitor.best_loss_ == 5


@pytest.mark.parametrize(
    ("monitor", "task", "stop_epoch"),
    [("train_loss", None, 2), ("valid_loss", None, 3), ("train_loss", 1, 4), ("valid_loss", 0, 5)],
)
def test_monitor_watches_what_it_is_told_to(monitor, task, stop_epoch):
    def falling_for(n_epochs):
        return [-min(epoch, n_epochs) for epoch in range(1, 7)]

    epochs = [
        {
            "train_loss": train,
            "valid_loss": valid,
            "train_task_losses": [0, second],
            "valid_task_losses": [first, 0],
        }
        for train, valid, second, first in zip(*map(falling_for, [1, 2, 3, 4]), strict=True)
    ]
    watcher = ConvergenceMonitor(monitor, task=task, patience=1)
    assert follow(watcher, epochs)[0] == stop_epoch


def test_monitor_restores_the_weights_of_the_best_epoch_of_a_net():
    monitor = ConvergenceMonitor("valid_loss", patience=3, tol=0.0, restore_best=True)
    net = make_net(("monitor", monitor)).train(TRAIN, VALID, epochs=60)
    best_epoch = int(np.argmin(net.history[:, "valid_loss"])) + 1
    assert len(net.history) == best_epoch + 3 < 60
    reference = make_net().train(TRAIN, VALID, epochs=best_epoch)
    del net.history[best_epoch:]
    assert_equal_training(net, reference)


# -- checkpoints --------------------------------------------------------------------------------


class Watch(Callback):
    """Note the epochs that were run, and fail after one of them."""

    def __init__(self, crash=None):
        self.crash = crash
        self.epochs = []

    def on_epoch_end(self, net, **kwargs):
        self.epochs.append(len(net.history))
        if len(net.history) == self.crash:
            raise RuntimeError("no power")


def run(path, *callbacks, epochs, every=1, **options):
    """Train with a checkpoint, a monitor that restores the best weights, and more callbacks."""
    monitor = ConvergenceMonitor("valid_loss", patience=4, tol=0.0, restore_best=True)
    checkpoint = TrainingCheckpoint(path, every=every)
    net = make_net(("monitor", monitor), checkpoint, *callbacks, **options)
    return net.train(TRAIN, VALID, epochs=epochs)


@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.parametrize("crash", [1, 3, 4])
def test_a_resumed_training_equals_an_uninterrupted_one(tmp_path, every, crash):
    path = tmp_path / "run.pt"
    with pytest.raises(RuntimeError, match="no power"):
        run(path, Watch(crash), epochs=6, every=every)
    written = crash - crash % every
    assert path.exists() == (written > 0)
    watch = Watch()
    resumed = run(path, watch, epochs=6, every=every)
    assert watch.epochs == list(range(written + 1, 7))
    assert_equal_training(resumed, run(tmp_path / "reference.pt", epochs=6))


def test_a_resumed_training_counts_the_stale_epochs_from_before(tmp_path):
    path = tmp_path / "run.pt"
    reference = run(tmp_path / "reference.pt", epochs=60)
    assert len(reference.history) < 60
    run(path, epochs=len(reference.history) - 2)
    assert_equal_training(run(path, epochs=60), reference)


def test_a_training_that_has_ended_is_not_taken_up_again(tmp_path):
    # Written at the end only.
    reference = run(tmp_path / "run.pt", epochs=60, every=1000)
    watch = Watch()
    again = run(tmp_path / "run.pt", watch, epochs=60, every=1000)
    assert watch.epochs == []
    assert_equal_training(again, reference)


def test_a_checkpoint_of_another_seed_is_refused(tmp_path):
    run(tmp_path / "run.pt", epochs=1)
    with pytest.raises(ValueError, match=r"run\.pt' was written with other random_state"):
        run(tmp_path / "run.pt", epochs=2, seed=8)


def test_a_net_that_is_further_on_ignores_the_file(tmp_path):
    path = tmp_path / "run.pt"
    run(path, epochs=1)
    fitted = make_net().train(TRAIN, VALID, epochs=3)
    net = make_net(TrainingCheckpoint(path)).continue_from(fitted).train(TRAIN, VALID, epochs=1)
    assert_equal_training(net, make_net().train(TRAIN, VALID, epochs=4))


def test_a_file_is_replaced_as_a_whole(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    run(path, epochs=2)
    assert list(tmp_path.iterdir()) == [path]
    before = path.read_bytes()

    def half_written(state, file):
        file.write_bytes(before[:100])
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", half_written)
    with pytest.raises(OSError, match="disk full"):
        run(path, epochs=3)
    assert path.read_bytes() == before


def test_the_path_may_be_a_string(tmp_path):
    run(str(tmp_path / "run.pt"), epochs=1)
    assert (tmp_path / "run.pt").exists()


@needs_cuda
def test_a_checkpoint_is_taken_up_on_a_cuda_device(tmp_path):
    def train(epochs):
        net = make_net(TrainingCheckpoint(tmp_path / "run.pt"), device="cuda")
        return net.train(make_table(0), make_table(1), epochs=epochs)

    train(2)
    resumed = train(3)
    assert len(resumed.history) == 3
    assert next(resumed.module_.parameters()).device.type == "cuda"


def test_a_checkpoint_of_other_data_is_refused(tmp_path):
    run(tmp_path / "run.pt", epochs=1)
    net = make_net(TrainingCheckpoint(tmp_path / "run.pt"))
    with pytest.raises(ValueError, match="written with other data: give each fit a file"):
        net.train(make_table(2), make_table(1), epochs=2)


def test_a_checkpoint_resumes_a_schedule_of_the_learning_rate(tmp_path):
    def train(path, epochs):
        schedule = LRScheduler("StepLR", step_size=2, gamma=0.1)
        net = make_net(schedule, TrainingCheckpoint(path))
        return net.train(make_table(0), make_table(1), epochs=epochs)

    reference = train(tmp_path / "whole.pt", 6)
    train(tmp_path / "run.pt", 3)
    assert_equal_training(train(tmp_path / "run.pt", 6), reference)


def test_a_checkpoint_takes_up_numbers_of_numpy_in_the_history(tmp_path):
    class Record(Callback):
        def on_epoch_end(self, net, **kwargs):
            net.history.record("gap", np.float64(1.0))

    for epochs in (1, 2):
        net = make_net(Record(), TrainingCheckpoint(tmp_path / "run.pt"))
        net.train(make_table(0), make_table(1), epochs=epochs)
    assert net.history[:, "gap"] == [1.0, 1.0]


def test_a_checkpoint_of_other_parameters_is_refused(tmp_path):
    run(tmp_path / "run.pt", epochs=1)
    net = make_net(TrainingCheckpoint(tmp_path / "run.pt"), lr=0.5)
    with pytest.raises(ValueError, match="other parameters of network or optimizer"):
        net.train(make_table(0), make_table(1), epochs=2)


def test_a_damaged_checkpoint_is_refused(tmp_path):
    (tmp_path / "run.pt").write_bytes(b"garbage")
    with pytest.raises(ValueError, match="is no checkpoint of sk_mmoe, or damaged"):
        run(tmp_path / "run.pt", epochs=1)


def test_the_folder_of_a_checkpoint_is_made(tmp_path):
    run(tmp_path / "new" / "folder" / "run.pt", epochs=1)
    assert (tmp_path / "new" / "folder" / "run.pt").exists()


def test_a_checkpoint_is_written_every_so_many_epochs():
    with pytest.raises(ValueError, match="every must be a positive integer, got 0"):
        make_net(TrainingCheckpoint("run.pt", every=0)).train(make_table(0), epochs=1)
