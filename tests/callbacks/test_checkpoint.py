"""Checkpoints: how a training goes on after a crash, and which files are refused."""

import errno
import os
import resource
from hashlib import sha256
from io import BytesIO

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from skorch.callbacks import Callback, LRScheduler

from sk_mmoe.callbacks import ConvergenceMonitor, TrainingCheckpoint
from sk_mmoe.callbacks._settings import describe_setting
from sk_mmoe.training._samples import TableDataset

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


class Watch(Callback):
    """Note the epochs that were run, and fail after one of them."""

    def __init__(self, crash=None):
        self.crash = crash
        self.epochs = []

    def on_epoch_end(self, net, **kwargs):
        self.epochs.append(len(net.history))
        if len(net.history) == self.crash:
            raise RuntimeError("no power")


@pytest.fixture
def run(make_net, tables):
    """Return a function that trains with a checkpoint, a monitor and more callbacks."""

    def run(path, *callbacks, epochs, every=1, task=None, data=tables, **options):
        monitor = ConvergenceMonitor(
            "valid_loss", task=task, patience=4, tol=0.0, restore_best=True
        )
        checkpoint = TrainingCheckpoint(path, every=every)
        net = make_net(("monitor", monitor), checkpoint, *callbacks, **options)
        return net.train(*data, epochs=epochs)

    return run


@pytest.mark.parametrize("every", [1, 2])
@pytest.mark.parametrize("crash", [1, 3, 4])
def test_a_resumed_training_equals_an_uninterrupted_one(
    tmp_path, every, crash, run, assert_equal_training
):
    path = tmp_path / "run.pt"
    with pytest.raises(RuntimeError, match="no power"):
        run(path, Watch(crash), epochs=6, every=every)
    written = crash - crash % every
    assert path.exists() == (written > 0)
    watch = Watch()
    resumed = run(path, watch, epochs=6, every=every)
    assert watch.epochs == list(range(written + 1, 7))
    assert_equal_training(resumed, run(tmp_path / "reference.pt", epochs=6))


def test_a_resumed_training_counts_the_stale_epochs_from_before(
    tmp_path, run, assert_equal_training
):
    path = tmp_path / "run.pt"
    reference = run(tmp_path / "reference.pt", epochs=60)
    assert len(reference.history) < 60
    run(path, epochs=len(reference.history) - 2)
    assert_equal_training(run(path, epochs=60), reference)


def test_a_training_that_has_ended_is_not_taken_up_again(tmp_path, run, assert_equal_training):
    # Written at the end only.
    reference = run(tmp_path / "run.pt", epochs=60, every=1000)
    watch = Watch()
    again = run(tmp_path / "run.pt", watch, epochs=60, every=1000)
    assert watch.epochs == []
    assert_equal_training(again, reference)


def test_a_checkpoint_of_another_seed_is_refused(tmp_path, run):
    run(tmp_path / "run.pt", epochs=1)
    with pytest.raises(ValueError, match=r"run\.pt' was written with other random_state"):
        run(tmp_path / "run.pt", epochs=2, seed=8)


def test_a_net_that_is_further_on_ignores_the_file(
    tmp_path, run, make_net, assert_equal_training, tables
):
    path = tmp_path / "run.pt"
    run(path, epochs=1)
    fitted = make_net().train(*tables, epochs=3)
    net = make_net(TrainingCheckpoint(path)).continue_from(fitted).train(*tables, epochs=1)
    assert_equal_training(net, make_net().train(*tables, epochs=4))


def test_a_file_that_cannot_be_written_leaves_the_last_one_and_says_why(tmp_path, run):
    path = tmp_path / "run.pt"
    run(path, epochs=2)
    assert list(tmp_path.iterdir()) == [path]
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
    try:
        with pytest.raises(OSError, match=r"cannot be written: File too large.*run") as e:
            run(path, epochs=3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert e.value.errno == errno.EFBIG
    assert e.value.filename == str(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_no_unfinished_file(tmp_path, run, monkeypatch):
    def interrupt(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    run(tmp_path / "run.pt", epochs=1)
    assert list(tmp_path.iterdir()) == []


def test_the_path_may_be_a_string(tmp_path, run):
    run(str(tmp_path / "run.pt"), epochs=1)
    assert (tmp_path / "run.pt").exists()


@needs_cuda
def test_a_checkpoint_is_taken_up_on_a_cuda_device(tmp_path, make_net, make_table):
    def train(epochs):
        net = make_net(TrainingCheckpoint(tmp_path / "run.pt"), device="cuda")
        return net.train(make_table(0), make_table(1), epochs=epochs)

    train(2)
    resumed = train(3)
    assert len(resumed.history) == 3
    assert next(resumed.module_.parameters()).device.type == "cuda"


@pytest.mark.parametrize("part", ["X", "targets", "weights"])
@pytest.mark.parametrize("which", [0, 1])
def test_a_checkpoint_of_other_data_is_refused(tmp_path, run, tables, part, which):
    for table in tables:
        table.weights = torch.ones_like(table.targets)
    run(tmp_path / "run.pt", epochs=1)
    for row in (0, 17, 39):  # a single value in any row
        changed = getattr(tables[which], part).clone()
        changed[row, 1] += 1e-9
        data = list(tables)
        data[which] = TableDataset(tables[which].X, tables[which].targets, tables[which].weights)
        setattr(data[which], part, changed)
        with pytest.raises(ValueError, match="written with other data: give each fit its own"):
            run(tmp_path / "run.pt", epochs=2, data=data)


def test_a_checkpoint_resumes_a_schedule_of_the_learning_rate(
    tmp_path, make_net, make_table, assert_equal_training
):
    def train(path, epochs):
        schedule = LRScheduler("StepLR", step_size=2, gamma=0.1)
        net = make_net(schedule, TrainingCheckpoint(path))
        return net.train(make_table(0), make_table(1), epochs=epochs)

    reference = train(tmp_path / "whole.pt", 6)
    train(tmp_path / "run.pt", 3)
    assert_equal_training(train(tmp_path / "run.pt", 6), reference)


def test_a_checkpoint_takes_up_numbers_of_numpy_in_the_history(tmp_path, make_net, make_table):
    class Record(Callback):
        def on_epoch_end(self, net, **kwargs):
            net.history.record("gap", np.float64(1.0))

    for epochs in (1, 2):
        net = make_net(Record(), TrainingCheckpoint(tmp_path / "run.pt"))
        net.train(make_table(0), make_table(1), epochs=epochs)
    assert net.history[:, "gap"] == [1.0, 1.0]


def other_loss(scores, targets):
    return (scores.squeeze(1) - targets).abs()


CHANGES = {
    "learning rate": ({"lr": 0.5}, "lr was 0.1, is 0.5"),
    "task weights": ({"criterion__task_weights": [1.0, 2.0]}, "task_weights was .*None.*2.0"),
    "main task": ({"task": 1}, "main_task was valid_loss of task None, is valid_loss of task 1"),
    "mixed precision": ({"amp": True}, "amp was False, is True"),
    "losses": ({"criterion__losses": [other_loss] * 2}, "losses was .*regression_loss.*other_loss"),
    "balancing": ({"criterion__balancing": "famo"}, "balancing was None, is 'famo'"),
    "order of rows": ({"iterator_train__shuffle": False}, "shuffle was True, is False"),
    "first weights": ({"weight_init": "he_uniform"}, "weight_init was 'torch', is 'he_uniform'"),
}


@pytest.mark.parametrize(("options", "message"), CHANGES.values(), ids=CHANGES)
def test_a_checkpoint_of_another_training_is_refused(tmp_path, run, options, message):
    run(tmp_path / "run.pt", epochs=1)
    with pytest.raises(
        ValueError, match=rf"other parameters of network or optimizer: .*\({message}"
    ):
        run(tmp_path / "run.pt", epochs=2, **options)


def test_a_resumed_training_may_take_longer_and_be_more_patient(tmp_path, run):
    run(tmp_path / "run.pt", epochs=1)
    assert len(run(tmp_path / "run.pt", epochs=3, every=2).history) == 3


def test_a_checkpoint_is_the_same_in_every_process():
    # Functions and objects are described without their place in memory.
    first, second = (make_balancing() for _ in range(2))
    assert describe_setting(first) == describe_setting(second)
    assert describe_setting([other_loss] * 2).endswith("other_loss]")


def test_sizes_are_described_alike_whichever_way_they_are_given():
    for size in (64, np.int64(64), [64], (64,), np.array([64])):
        assert describe_setting(size) == "64"
    assert describe_setting((64, 32)) == describe_setting(np.array([64, 32])) == "[64, 32]"


def make_balancing():
    """Return an object whose representation tells its place in memory."""

    class Balancing:
        pass

    return Balancing()


@given(data=st.data())
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_file_with_a_flipped_bit_is_refused(tmp_path, run, data):
    path = tmp_path / "run.pt"
    good = tmp_path / "good.pt"
    if not good.exists():
        run(good, epochs=1)
    content = bytearray(good.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"run\.pt' is .*checkpoint.* Delete it to start afresh"):
        run(path, epochs=2)


def forged(content=b"not of torch"):
    """Return a file that has the right digest, but another content."""
    digest = sha256(content).hexdigest().encode()
    return b"sk_mmoe checkpoint, version 1\n" + digest + b"\n" + content


def torch_file(state):
    """Return a state in torch's format."""
    buffer = BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


FOREIGN = {
    "empty": b"",
    "garbage": b"garbage",
    "no digest": b"sk_mmoe checkpoint, version 1\n",
    "lines": b"\n" * 100,
    "a zip file": b"PK\x03\x04" + bytes(100),
    "a pickle": b"\x80\x02cos\nsystem\n.",
    "forged": forged(),
    "forged, of torch": forged(torch_file({"module": {}})),
    "forged, no dict": forged(torch_file([1, 2])),
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_file_is_refused(tmp_path, run, content):
    path = tmp_path / "run.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"run\.pt' is no checkpoint of sk_mmoe, or damaged"):
        run(path, epochs=1)
    assert path.read_bytes() == content


def test_a_file_of_torch_is_refused(tmp_path, run):
    torch.save({"module": {}}, tmp_path / "run.pt")
    with pytest.raises(ValueError, match="is no checkpoint of sk_mmoe, or damaged"):
        run(tmp_path / "run.pt", epochs=1)


def test_a_truncated_file_is_refused(tmp_path, run):
    path = tmp_path / "run.pt"
    run(path, epochs=1)
    content = path.read_bytes()
    for length in (10, 40, 200, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="is no checkpoint of sk_mmoe, or damaged"):
            run(path, epochs=2)


def test_a_file_of_another_version_is_refused(tmp_path, run):
    (tmp_path / "run.pt").write_bytes(b"sk_mmoe checkpoint, version 23\nabc\n")
    with pytest.raises(ValueError, match="format version 23, this release reads version 1"):
        run(tmp_path / "run.pt", epochs=1)


def test_the_folder_of_a_checkpoint_is_made(tmp_path, run):
    run(tmp_path / "new" / "folder" / "run.pt", epochs=1)
    assert (tmp_path / "new" / "folder" / "run.pt").exists()


def test_a_checkpoint_is_written_every_so_many_epochs(make_net, make_table):
    with pytest.raises(ValueError, match="every must be a positive integer, got 0"):
        make_net(TrainingCheckpoint("run.pt", every=0)).train(make_table(0), epochs=1)
