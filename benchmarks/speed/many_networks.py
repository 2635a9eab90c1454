"""Many networks at once: fits per second of one stacked program, and of processes.

Ten thousand rows of `make_multitask_sinusoid` in each of R tables, three epochs, batches of 256.
`stacked` is `fit_runs`, `processes` fits alone in as many processes as there are cores, one thread
each (started before the clock), `in_turn` fits alone one after the other. The sides take turns; the
rates are those of the median times. A second part times single training steps of R networks: by
torch.vmap over stacked weights, which the package uses, and by hand-written batched products.

    python -m benchmarks.speed.many_networks    # fifteen minutes on two cores
"""

import argparse
import time

import numpy as np
import torch
from joblib import Parallel, cpu_count, delayed
from sklearn.base import clone
from torch import nn

from benchmarks._shared.record import write
from sk_mmoe import MMoERegressor, fit_runs
from sk_mmoe.datasets import make_multitask_sinusoid
from sk_mmoe.nn import MemberStack, MMoE, StackedLinear

ARCHITECTURES = {
    "paper: 8 experts of 16, towers of 8": {
        "expert_hidden_layer_sizes": (16,),
        "tower_hidden_layer_sizes": (8,),
    },
    "defaults: 8 experts of 64, towers of 32": {
        "expert_hidden_layer_sizes": (64,),
        "tower_hidden_layer_sizes": (32,),
    },
}
N_FEATURES = 100


def fit_alone(estimator, table, state):
    torch.set_num_threads(1)
    return clone(estimator).set_params(random_state=state).fit(*table)


def rates(estimator, tables, pool, repeats):
    """Return the fits per second of every side, from medians of interleaved rounds."""
    one_thread = {"in_turn", "processes"}
    seconds = {}
    sides = {
        "in_turn": lambda: [fit_alone(estimator, t, r) for r, t in enumerate(tables)],
        "processes": lambda: pool(
            delayed(fit_alone)(estimator, t, r) for r, t in enumerate(tables)
        ),
        "stacked, 1 thread": lambda: fit_runs(estimator, tables),
        "stacked, 2 threads": lambda: fit_runs(estimator, tables),
    }
    for _ in range(repeats):
        for name, side in sides.items():
            torch.set_num_threads(1 if name in one_thread or "1" in name else 2)
            start = time.perf_counter()
            side()
            seconds.setdefault(name, []).append(round(time.perf_counter() - start, 3))
    return {name: round(len(tables) / np.median(s), 3) for name, s in seconds.items()}, seconds


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


def step_times(n_members, parameters, repeats=30):
    """Return milliseconds of a step per network, of both ways to train many."""
    (expert,), (tower,) = parameters.values()
    table, targets = torch.randn(10_000, N_FEATURES), torch.randn(10_000, 2)
    networks = {
        "vmap": MemberStack([MMoE(N_FEATURES, [1, 1], **parameters) for _ in range(n_members)]),
        "batched products": BatchedProducts(n_members, expert, tower),
    }
    optimizers = {
        name: torch.optim.AdamW(network.parameters(), fused=True)
        for name, network in networks.items()
    }
    seconds = {name: [] for name in networks}
    for _ in range(repeats):
        for name, network in networks.items():
            start = time.perf_counter()
            rows = torch.randint(0, 10_000, (n_members, 256))
            optimizers[name].zero_grad()
            scores, y = network(table[rows]), targets[rows]
            losses = [(s[..., 0] - y[..., k]).square().mean(-1) for k, s in enumerate(scores)]
            sum(losses).sum().backward()
            optimizers[name].step()
            seconds[name].append(time.perf_counter() - start)
    return {name: round(1e3 * np.median(s) / n_members, 4) for name, s in seconds.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--runs", type=int, nargs="+", default=[2, 8, 32, 100])
    options = parser.parse_args()
    runs, steps = [], []
    pool = Parallel(n_jobs=cpu_count())
    pool(delayed(fit_alone)(MMoERegressor(max_iter=1), _table(s, 300), 0) for s in range(4))
    for architecture, parameters in ARCHITECTURES.items():
        estimator = MMoERegressor(
            max_iter=3,
            early_stopping=False,
            n_iter_no_change=3,
            average=False,
            random_state=0,
            **parameters,
        )
        for n_runs in options.runs:
            tables = [_table(seed, 10_000) for seed in range(n_runs)]
            per_second, seconds = rates(estimator, tables, pool, options.repeats)
            runs.append(
                {"architecture": architecture, "n_runs": n_runs, "fits_per_second": per_second}
                | {"seconds": seconds}
            )
            print(architecture, n_runs, per_second, flush=True)
        for threads in (1, 2):
            torch.set_num_threads(threads)
            for n_members in (1, 8, 32):
                ms = step_times(n_members, parameters)
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


def _table(seed, n_samples):
    X, y = make_multitask_sinusoid(n_samples, N_FEATURES, random_state=seed)
    return X.astype(np.float32), y


if __name__ == "__main__":
    main()
