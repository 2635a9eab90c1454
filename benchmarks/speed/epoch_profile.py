"""Where the time of an epoch goes, and how far it is from the processor's limit.

A callback on `fit` notes when a training step begins its forward pass, has its losses, calls the
optimizer and returns from it. What lies between are the parts of a step: taking the batch (from the
end of one step to the next forward pass), forward pass and losses, backward pass, optimizer. `fit`
is timed as a whole without the callback; what it takes beyond the parts is on record as `rest`. The
floating-point operations of the matrix products are counted by torch, and stand against the rate of
a large product of single-precision matrices, measured in the same run.

    OMP_WAIT_POLICY=passive python benchmarks/speed/epoch_profile.py    # ten minutes
"""

import argparse
import time
from itertools import product

import numpy as np
import torch
from scipy import sparse
from skorch.callbacks import Callback
from torch.utils.flop_counter import FlopCounterMode

from benchmarks._shared.record import write
from benchmarks._shared.timing import clock
from benchmarks.speed._cases import PAPER, epochs
from sk_mmoe import MMoEClassifier

N_FEATURES, N_EPOCHS = 100, 2
MARKS = ["forward", "backward", "optimizer", "batch"]  # what begins at each mark of a step


class StepClock(Callback):
    """Notes the times at which the parts of every training step begin."""

    def on_train_begin(self, net, **kwargs):
        """Listen to the network, the losses and the optimizer of a fit."""
        self.times = []
        net.module_.register_forward_pre_hook(self.mark)
        net.criterion_.register_forward_hook(self.mark)
        step = net.optimizer_.step

        def marked_step(*args, **kwargs):
            self.mark()
            result = step(*args, **kwargs)
            self.mark()
            return result

        net.optimizer_.step = marked_step

    def mark(self, *_):
        """Note the time."""
        self.times.append(time.perf_counter())

    def milliseconds(self):
        """Return the median of each part."""
        parts = np.diff(self.times, append=np.nan).reshape(-1, len(MARKS))
        return dict(zip(MARKS, 1e3 * np.nanmedian(parts, axis=0), strict=True))


def make_data(n_rows, n_tasks, density):
    """Return inputs, as a CSR matrix if few are not zero, and labels that depend on them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, N_FEATURES)).astype(np.float32)
    X[rng.random(X.shape) > density] = 0
    y = X @ rng.normal(size=(N_FEATURES, n_tasks)) + rng.normal(size=(n_rows, n_tasks)) > 0
    return sparse.csr_array(X) if density < 1 else X, y.astype(np.int64)


def matmul_rate(repeats=9):
    """Return the rate of a product of large matrices, in 1e9 operations a second."""
    a, b = torch.randn(2, 2048, 2048)
    seconds = [clock(lambda: a @ b)[0] for _ in range(repeats)]
    return 2 * 2048**3 / np.median(seconds) / 1e9


def profile(model, X, y, repeats):
    """Return the milliseconds of each part of a step, and of a step's share of `fit`."""
    seconds = [clock(model.fit, X, y)[0] for _ in range(repeats)]
    n_steps = -(-len(y) // model.batch_size) * N_EPOCHS
    model.set_params(callbacks=[("steps", StepClock())]).fit(X, y)
    found = dict(model.net_.callbacks_)["steps"].milliseconds()
    model.set_params(callbacks=None)
    parts = {name: float(found[name]) for name in ("batch", "forward", "backward", "optimizer")}
    whole = 1e3 * float(np.median(seconds)) / n_steps
    return parts | {"rest": whole - sum(parts.values())}, whole


def operations(model, X, y):
    """Return the floating-point operations of a step's matrix products."""
    rows = model.batch_size
    with FlopCounterMode(display=False) as counter:
        model.fit(X[:rows], y[:rows])
    return counter.get_total_flops() / N_EPOCHS


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    runs, rates = [], {}
    for threads in (1, 2):
        torch.set_num_threads(threads)
        rates[threads] = round(matmul_rate(), 1)
        print("threads", threads, "matmul", rates[threads], "GFLOP/s", flush=True)
        cases = product((256, 1024, 8192), ((2, 8), (16, 8), (2, 1), (2, 32)), (1.0, 0.05))
        for batch_size, (n_tasks, n_experts), density in cases:
            X, y = make_data(16 * batch_size if batch_size > 256 else 12_800, n_tasks, density)
            model = MMoEClassifier(
                n_experts=n_experts, batch_size=batch_size, **epochs(N_EPOCHS), **PAPER
            )
            parts, step = profile(model, X, y, options.repeats)
            run = {
                "threads": threads,
                "batch_size": batch_size,
                "n_tasks": n_tasks,
                "n_experts": n_experts,
                "density": density,
                "ms_of_a_step": round(step, 3),
                "shares": {name: round(ms / step, 3) for name, ms in parts.items()},
            }
            if density == 1:  # a sparse product counts as nothing
                rate = operations(model, X, y) / step / 1e6
                run["gflops"] = round(rate, 2)
                run["part_of_matmul_rate"] = round(rate / rates[threads], 3)
            print(run, flush=True)
            runs.append(run)
    write(
        "speed/epoch_profile",
        question="shares of a training step's time, and its distance from the rate of a product",
        not_run="CUDA",
        matmul_gflops={str(threads): rate for threads, rate in rates.items()},
        n_features=N_FEATURES,
        widths=PAPER,
        runs=runs,
    )


if __name__ == "__main__":
    main()
