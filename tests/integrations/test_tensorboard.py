"""Losses of every epoch in TensorBoard, through skorch's callback."""

import pickle

import pytest
from sklearn.base import clone

from sk_mmoe import MMoEClassifier

pytest.importorskip("tensorboard")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def test_losses_of_every_epoch_are_written(X, y, tmp_path, import_example):
    callbacks = [import_example("tracking", "task_losses").TaskLosses(tmp_path)]
    model = clone(MMoEClassifier(callbacks=callbacks, max_iter=3, random_state=0)).fit(X, y)
    events = EventAccumulator(str(tmp_path)).Reload()

    def written(tag):
        """Return the numbers of a curve."""
        return [event.value for event in events.Scalars(tag)]

    assert written("Loss/train_loss") == pytest.approx(model.loss_curve_)
    for number in range(2):
        losses = list(model.task_loss_curve_[:, number])
        assert written(f"task {number}/train") == pytest.approx(losses)
        losses = list(model.validation_task_loss_curve_[:, number])
        assert written(f"task {number}/valid") == pytest.approx(losses)
    assert pickle.loads(pickle.dumps(model)).loss_curve_ == model.loss_curve_
