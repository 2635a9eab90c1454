"""Seeds: what other threads do to torch's global generator, and forks of the process."""

import os
import subprocess
import sys
import textwrap
from threading import Event, Thread

import numpy as np
import pytest
import torch

from sk_mmoe.nn._random import current_generator
from sk_mmoe.training._seeding import epoch_seed, seed_generators, separate_generators


def test_seeds_of_epochs_differ():
    seeds = {epoch_seed(seed, epoch) for seed in range(20) for epoch in range(20)}
    assert len(seeds) == 400


def test_the_global_generator_gets_its_state_back():
    before = torch.random.get_rng_state()
    with separate_generators("cpu"):
        seed_generators(5, "cpu")
        assert torch.equal(torch.rand(3), torch.rand(3, generator=seeded(5)))
        assert torch.equal(
            torch.rand(3, generator=current_generator()), torch.rand(3, generator=seeded(5))
        )
    assert torch.equal(torch.random.get_rng_state(), before)
    assert current_generator() is None


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def noise():
    """Draw from the global generator and seed it in another thread, as long as a test takes."""
    ended = Event()

    def draw():
        while not ended.is_set():
            torch.rand(10)
            torch.manual_seed(0)

    thread = Thread(target=draw)
    thread.start()
    yield
    ended.set()
    thread.join()


OPTIONS = {
    "plain": {},
    "dropout": {"network": {"dropout": 0.5, "gate_dropout": 0.3}},
    "members": {"further_seeds": [8, 9], "criterion__n_members": 3},
    "pcgrad": {"criterion__balancing": "pcgrad"},
    "He": {"weight_init": "he_uniform"},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_other_threads_that_draw_and_seed_change_nothing(
    options, make_net, train_table, assert_equal_weights, request
):
    quiet = make_net(**options).train(train_table, epochs=3)
    request.getfixturevalue("noise")
    for _ in range(2):
        assert_equal_weights(make_net(**options).train(train_table, epochs=3), quiet)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
def test_a_forked_process_trains_while_a_thread_of_its_parent_does():
    # In a process without other threads than these two.
    program = """
        import os, threading, time
        import numpy as np, torch
        from skorch.callbacks import Callback
        from sk_mmoe import SharedBottomRegressor
        torch.set_num_threads(1)
        X = np.random.default_rng(0).normal(size=(50, 3))
        began, ended = threading.Event(), threading.Event()

        class Hold(Callback):
            def on_epoch_end(self, net, **kwargs):
                began.set()
                ended.wait()

        held = SharedBottomRegressor(max_iter=1, callbacks=[Hold()])
        thread = threading.Thread(target=held.fit, args=(X, X[:, :2]))
        thread.start()
        began.wait()
        child = os.fork()
        if child == 0:
            SharedBottomRegressor(max_iter=2).fit(X, X[:, :2]).predict(X)
            os._exit(7)
        for _ in range(600):
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                break
            time.sleep(0.1)
        else:
            os.kill(child, 9)
        ended.set()
        thread.join()
        assert done and os.waitstatus_to_exitcode(status) == 7
        held.predict(X)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=300)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
def test_processes_forked_at_any_moment_of_a_training_train():
    # The first ones while torch imports what it needs for an optimizer.
    program = """
        import os, threading, time, warnings
        import numpy as np, torch
        from sk_mmoe import SharedBottomRegressor
        torch.set_num_threads(1)
        X = np.random.default_rng(0).normal(size=(50, 3))
        ended = threading.Event()

        def fit():
            SharedBottomRegressor(max_iter=1, dropout=0.2).fit(X, X[:, :2])

        def keep_fitting():
            while not ended.is_set():
                fit()

        warnings.simplefilter("ignore")  # Python's own, of threads and forks
        thread = threading.Thread(target=keep_fitting)
        thread.start()
        codes = []
        for _ in range(3):
            child = os.fork()
            if child == 0:
                fit()
                os._exit(7)
            for _ in range(1200):
                done, status = os.waitpid(child, os.WNOHANG)
                if done:
                    codes.append(os.waitstatus_to_exitcode(status))
                    break
                time.sleep(0.05)
            else:
                os.kill(child, 9)
                break
        ended.set()
        thread.join()
        assert codes == [7] * 3, codes
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=300)


def test_a_training_needs_no_lock_to_predict(make_net, train_table):
    net = make_net().train(train_table, epochs=1)
    found = []
    with separate_generators("cpu"):  # as if another fit were running
        thread = Thread(target=lambda: found.extend(net.predict_scores(train_table.X.numpy())))
        thread.start()
        thread.join(60)
    assert len(found) == 2
    assert all(np.isfinite(part.numpy()).all() for part in found)
