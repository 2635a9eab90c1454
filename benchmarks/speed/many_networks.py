"""Many networks at once: fits per second of one stacked program, and of processes.

Ten thousand rows of `make_multitask_sinusoid` in each of R tables, three epochs, batches of 256.
`stacked` is `fit_runs`, `processes` fits alone in as many processes as there are cores, one thread
each (started before the clock), `in_turn` fits alone one after the other. The sides take turns; the
rates are those of the median times. A second part times single training steps of R networks: by
torch.vmap over stacked weights, which the package uses, and by hand-written batched products.

    python benchmarks/speed/many_networks.py    # fifteen minutes on two cores
"""

import argparse
from functools import partial

import numpy as np
import torch
from joblib import Parallel, cpu_count, delayed
from sklearn.base import clone
from torch import nn

from benchmarks._shared.record import write
from benchmarks._shared.timing import take_turns
from benchmarks.speed._cases import NETWORKS, epochs
from sk_mmoe import MMoERegressor, fit_runs
from sk_mmoe.datasets import make_multitask_sinusoid
from sk_mmoe.nn import MemberStack, MMoE, StackedLinear

N_ROWS, N_FEATURES, BATCH_SIZE, N_EPOCHS = 10_000, 100, 256, 3


def make_table(seed, n_rows=N_ROWS):
    X, y = make_multitask_sinusoid(n_rows, N_FEATURES, random_state=seed)
    return X.astype(np.float32), y


def fit_alone(estimator, table, state):
    torch.set_num_threads(1)
    return clone(estimator).set_params(random_state=state).fit(*table)


def fit_stacked(estimator, tables, threads):
    torch.set_num_threads(threads)
    return fit_runs(estimator, tables)


def rates(estimator, tables, pool, repeats):
    """Return the fits per second of every side, from medians of interleaved rounds."""
    jobs = [delayed(fit_alone)(estimator, table, seed) for seed, table in enumerate(tables)]
    sides = {
        "in_turn": lambda: [function(*args, **kwargs) for function, args, kwargs in jobs],
        "processes": lambda: pool(jobs),
        "stacked, 1 thread": partial(fit_stacked, estimator, tables, 1),
        "stacked, 2 threads": partial(fit_stacked, estimator, tables, 2),
    }
    seconds = take_turns(sides, repeats)
    per_second = {name: round(len(tables) / float(np.median(s)), 3) for name, s in seconds.items()}
    return per_second, seconds


class BatchedProducts(nn.Module):
    """R networks of the MMoE class, written out with an axis for members."""

    def __init__(self, n_members, expert, tower, n_tasks=2, n_experts=8):
        super().__init__()
        self.experts = StackedLinear(n_members, N_FEATURES, n_experts * expert)
        self.gates = StackedLinear(n_members, N_FEATURES, n_tasks * n_experts, bias=False)
        self.towers = StackedLinear((n_members, n_tasks), expert, tower)
        self.heads = StackedLinear((n_members, n_tasks), tower, 1)
        self.shape = n_tasks, n_experts

    def forward(self, x):
        experts = self.experts(x).relu().unflatten(-1, (self.shape[1], -1))
        gates = self.gates(x).unflatten(-1, self.shape).softmax(dim=-1)
        mixtures = (gates @ experts).transpose(1, 2).contiguous()
        return list(self.heads(self.towers(mixtures).relu()).unbind(1))


def make_step(network, n_members):
    """Return a function that takes a training step of all networks, each on its own batch."""
    table, targets = torch.randn(N_ROWS, N_FEATURES), torch.randn(N_ROWS, 2)
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)

    def step():
        rows = torch.randint(0, N_ROWS, (n_members, BATCH_SIZE))
        optimizer.zero_grad()
        scores, y = network(table[rows]), targets[rows]
        losses = [(s[..., 0] - y[..., k]).square().mean(-1) for k, s in enumerate(scores)]
        sum(losses).sum().backward()
        optimizer.step()

    return step


def step_times(n_members, widths, repeats=30):
    """Return milliseconds of a step per network, of both ways to train many."""
    (expert,), (tower,) = widths.values()
    networks = {
        "vmap": MemberStack([MMoE(N_FEATURES, [1, 1], **widths) for _ in range(n_members)]),
        "batched products": BatchedProducts(n_members, expert, tower),
    }
    steps = {name: make_step(network, n_members) for name, network in networks.items()}
    seconds = take_turns(steps, repeats)
    return {name: round(1e3 * float(np.median(s)) / n_members, 4) for name, s in seconds.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--runs", type=int, nargs="+", default=[2, 8, 32, 100])
    options = parser.parse_args()
    runs, steps = [], []
    pool = Parallel(n_jobs=cpu_count())
    pool(delayed(fit_alone)(MMoERegressor(max_iter=1), make_table(s, 300), 0) for s in range(4))
    for architecture, widths in NETWORKS.items():
        estimator = MMoERegressor(batch_size=BATCH_SIZE, **epochs(N_EPOCHS), **widths)
        for n_runs in options.runs:
            tables = [make_table(seed) for seed in range(n_runs)]
            per_second, seconds = rates(estimator, tables, pool, options.repeats)
            runs.append(
                {"architecture": architecture, "n_runs": n_runs, "fits_per_second": per_second}
                | {"seconds": seconds}
            )
            print(architecture, n_runs, per_second, flush=True)
        for threads in (1, 2):
            torch.set_num_threads(threads)
            for n_members in (1, 8, 32):
                ms = step_times(n_members, widths)
                steps.append(
                    {"architecture": architecture, "threads": threads, "n_members": n_members}
                    | {"ms_of_a_step_per_network": ms}
                )
                print(steps[-1], flush=True)
    write(
        "speed/many_networks",
        question="fits per second of R runs with R tables; a step per network, vmap and by hand",
        not_run="CUDA",
        processes=cpu_count(),
        runs=runs,
        steps=steps,
    )


if __name__ == "__main__":
    main()
