"""Where the time of an epoch goes, and how far it is from the processor's limit.

Parts of a training step of MMoE are timed one by one (taking the batch, forward pass and losses,
backward pass, optimizer), and `fit` as a whole; what `fit` takes beyond the parts is on record as
`rest`. The floating-point operations of the matrix products are counted by torch, and stand against
the rate of a large product of single-precision matrices, measured in the same run.

    OMP_WAIT_POLICY=passive python -m benchmarks.speed.epoch_profile    # ten minutes
"""

import argparse
import time
from itertools import product

import numpy as np
import torch
from scipy import sparse
from torch.utils.flop_counter import FlopCounterMode

from benchmarks._shared.record import write
from sk_mmoe import MMoEClassifier

N_FEATURES = 100
WIDTHS = {"expert_hidden_layer_sizes": (16,), "tower_hidden_layer_sizes": (8,)}


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
    seconds = [_clock(lambda: a @ b) for _ in range(repeats)]
    return 2 * 2048**3 / np.median(seconds) / 1e9


def _clock(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def profile(model, X, y, repeats):
    """Return the milliseconds of each part of a step, and the operations of its products."""
    fit = [_clock(lambda: model.fit(X, y)) for _ in range(repeats)]
    n_steps = -(-len(y) // model.batch_size) * model.max_iter
    net, parts = model.net_, {"batch": [], "forward": [], "backward": [], "optimizer": []}
    net.module_.train()
    targets, weights = model._check_data(X, y, None, reset=False)[1:]
    dataset = model._make_dataset(model._encoder, X, targets, weights)
    iterator = iter(net.get_iterator(dataset, training=True))
    for _ in range(min(50, len(y) // model.batch_size)):
        marks = [time.perf_counter()]
        batch = next(iterator)
        marks.append(time.perf_counter())
        net.optimizer_.zero_grad()
        step = net._evaluate(batch)
        marks.append(time.perf_counter())
        net.criterion_.balancing.backward(step["task_losses"], net.module_)
        marks.append(time.perf_counter())
        net.optimizer_.step()
        marks.append(time.perf_counter())
        for name, seconds in zip(parts, np.diff(marks), strict=True):
            parts[name].append(1e3 * seconds)
    with FlopCounterMode(display=False) as counter:
        net._descend(batch)
    result = {name: float(np.median(values)) for name, values in parts.items()}
    result["rest"] = 1e3 * float(np.median(fit)) / n_steps - sum(result.values())
    return result, counter.get_total_flops()


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
                n_experts=n_experts,
                batch_size=batch_size,
                max_iter=2,
                early_stopping=False,
                average=False,
                random_state=0,
                **WIDTHS,
            )
            parts, flops = profile(model, X, y, options.repeats)
            step = sum(parts.values())
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
                run["gflops"] = round(flops / step / 1e6, 2)
                run["part_of_matmul_rate"] = round(flops / step / 1e6 / rates[threads], 3)
            print(run, flush=True)
            runs.append(run)
    write(
        "speed/epoch_profile",
        question="shares of a training step's time, and its distance from the rate of a product",
        not_run="CUDA",
        matmul_gflops={str(threads): rate for threads, rate in rates.items()},
        n_features=N_FEATURES,
        widths=WIDTHS,
        runs=runs,
    )


if __name__ == "__main__":
    main()
