"""The convergence monitor: when training ends, and which weights are kept."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skorch.history import History

from sk_mmoe.callbacks import ConvergenceMonitor
from sk_mmoe.training._samples import TableDataset

NAN = float("nan")


def follow(monitor, losses):
    """Feed scripted losses; return the epoch of the stop and the final weight.

    The one weight of the module is the number of the epoch.
    """
    module = torch.nn.Linear(1, 1, bias=False)
    net = SimpleNamespace(history=History(), module_=module, stop_training_=False)
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


def test_monitor_restores_the_weights_of_the_best_epoch_of_a_net(
    make_net, tables, assert_equal_training
):
    monitor = ConvergenceMonitor("valid_loss", patience=3, tol=0.0, restore_best=True)
    net = make_net(("monitor", monitor)).train(*tables, epochs=60)
    best_epoch = int(np.argmin(net.history[:, "valid_loss"])) + 1
    assert len(net.history) == best_epoch + 3 < 60
    reference = make_net().train(*tables, epochs=best_epoch)
    best = min(net.history[:, "valid_loss"])
    del net.history[best_epoch:]
    assert {epoch.pop("watched_best") for epoch in list(net.history)[-1:]} == {best}
    for epoch in list(net.history)[:-1]:
        del epoch["watched_best"]
    assert_equal_training(net, reference)


def continue_on(make_net, first, tables, epochs):
    """Return a net that goes on from another one, with the best weights of its last training."""
    monitor = ConvergenceMonitor("valid_loss", patience=99, tol=0.0, restore_best=True)
    net = make_net(("monitor", monitor)).continue_from(first)
    return net.train(*tables, epochs=epochs)


def test_a_training_continued_on_other_data_keeps_the_best_weights_for_these(make_net, tables):
    monitor = ConvergenceMonitor("valid_loss", patience=99, restore_best=True)
    first = make_net(("monitor", monitor)).train(*tables, epochs=30)
    # Targets of another size: no loss comes near those of the first training.
    others = [TableDataset(t.X, 10 + 5 * t.targets) for t in tables]
    second = continue_on(make_net, first, others, 30)
    losses = second.history[30:, "valid_loss"]
    assert min(losses) > max(first.history[:, "valid_loss"])
    assert second.history[-1, "watched_best"] == min(losses)
    assert kept_loss(second, others[1]) == pytest.approx(min(losses))


def test_a_training_continued_on_the_same_data_never_loses_its_best_weights(make_net, tables):
    monitor = ConvergenceMonitor("valid_loss", patience=99, restore_best=True)
    first = make_net(("monitor", monitor)).train(*tables, epochs=30)
    best = first.history[-1, "watched_best"]
    # One epoch at a learning rate that destroys all.
    net = make_net(("monitor", ConvergenceMonitor("valid_loss", restore_best=True)), lr=50.0)
    net = net.continue_from(first).train(*tables, epochs=1)
    assert net.history[-1, "valid_loss"] > best
    assert net.history[-1, "watched_best"] == best
    assert kept_loss(net, tables[1]) == pytest.approx(best)


def kept_loss(net, table):
    """Return the loss of the weights that a net has now."""
    with torch.no_grad():
        losses = net.criterion_(net.module_.eval()(table.X), table.targets)
    return net.criterion_.total(losses).item()
