"""What the scripts of the paper share: the models, fresh data, chunks of runs, files of results."""

import argparse
import json
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks._shared.record import RESULTS as ALL_RESULTS
from benchmarks._shared.record import environment
from sk_mmoe import MMoERegressor, OMoERegressor, SharedBottomRegressor, fit_runs
from sk_mmoe.callbacks import TrainingCheckpoint
from sk_mmoe.datasets import make_multitask_sinusoid

RESULTS = ALL_RESULTS / "paper"
PICTURES = ALL_RESULTS.parents[1] / "docs" / "_static" / "paper"
CHECKPOINTS = Path(tempfile.gettempdir()) / "sk_mmoe_paper"

N_FEATURES = 100
N_TEST = 10_000
STEPS_PER_EPOCH = 25
POINTS_OF_CURVE = 100
CORRELATIONS = (0.5, 0.9, 1.0)

MODELS = {
    "Shared-Bottom": partial(
        SharedBottomRegressor, hidden_layer_sizes=113, tower_hidden_layer_sizes=8
    ),
    "OMoE": partial(
        OMoERegressor, n_experts=8, expert_hidden_layer_sizes=16, tower_hidden_layer_sizes=8
    ),
    "MMoE": partial(
        MMoERegressor, n_experts=8, expert_hidden_layer_sizes=16, tower_hidden_layer_sizes=8
    ),
    "Shared-Bottom 16": partial(
        SharedBottomRegressor, hidden_layer_sizes=16, tower_hidden_layer_sizes=8
    ),
}


def sines(calibration, seed):
    """Return the scale, frequencies and phases of the labels; the paper gives none of them."""
    if calibration == "two sines":  # fitted to the paper's figure 2 and the first loss of figure 3
        return {"scale": 0.345, "alpha": (8.26, 20.2), "beta": (0.0, np.pi)}
    if calibration == "three sines":  # the defaults of make_multitask_sinusoid
        return {}
    if calibration == "ten random sines":
        rng = np.random.default_rng([seed, 10])
        return {"scale": 1.0, "alpha": rng.standard_normal(10), "beta": rng.standard_normal(10)}
    raise ValueError(f"no such calibration: {calibration!r}.")


def draw_tasks(correlation, calibration, seed):
    """Draw the weight vectors of two tasks, and return all that makes their labels."""
    return make_multitask_sinusoid(
        1,
        N_FEATURES,
        correlation=correlation,
        random_state=seed,
        return_params=True,
        **sines(calibration, seed),
    )[2]


def draw_samples(tasks, n_samples, seed):
    """Draw samples of tasks: `make_multitask_sinusoid` in single precision, which is quicker."""
    rng = np.random.Generator(np.random.SFC64(seed))
    X = rng.standard_normal((n_samples, len(tasks.coef[0])), dtype=np.float32)
    linear = X @ tasks.coef.T.astype(np.float32)
    return X, sums_of_sines(tasks, linear) + tasks.noise * rng.standard_normal(linear.shape)


def sums_of_sines(tasks, linear):
    """Return the labels without noise, from the inputs' products with the weight vectors."""
    return linear + sum(
        np.sin(frequency * linear + phase)
        for frequency, phase in zip(tasks.alpha, tasks.beta, strict=True)
    )


def stream(epoch, *, tasks, n_samples, seed, table=None):
    """Return what a run learns from in an epoch: fresh samples, or rows of a table."""
    if table is None:
        return draw_samples(tasks, n_samples, [seed, epoch])
    X, y = table
    rows = np.random.default_rng([seed, epoch]).permutation(len(X))[:n_samples]
    return X[rows], y[rows]


def train_chunk(setting, runs, *, checkpoint=None, every=20):
    """Train runs of a setting in one program, each on its own stream of fresh data.

    A run has the same tasks and the same data for every model, learning rate and initialisation,
    so that these can be compared run by run. A setting with `n_rows` has a table of so many rows
    for each run, instead of fresh data.
    """
    seeds = [10_000 * round(100 * setting["p"]) + run for run in runs]
    tasks = [draw_tasks(setting["p"], setting["calibration"], seed) for seed in seeds]
    n_samples, n_rows = STEPS_PER_EPOCH * setting["batch"], setting.get("n_rows")
    streams = [
        partial(
            stream,
            tasks=of_run,
            n_samples=n_samples,
            seed=seed,
            table=draw_samples(of_run, n_rows, [seed, setting["steps"] + 1]) if n_rows else None,
        )
        for of_run, seed in zip(tasks, seeds, strict=True)
    ]
    callbacks = []
    if checkpoint is not None:
        callbacks.append(TrainingCheckpoint(checkpoint, every=every))
    estimator = MODELS[setting["model"]](
        weight_init=setting["init"],
        learning_rate_init=setting["rate"],
        numeric_encoding=None,
        batch_size=setting["batch"],
        max_iter=setting["steps"] // STEPS_PER_EPOCH,
        alpha=0.0,  # Adam
        average=False,
        callbacks=callbacks,
        device="cpu",
    )
    started = time.monotonic()
    models = fit_runs(estimator, streams, random_states=list(runs))
    seconds = time.monotonic() - started
    # Losses of training are in units of the variance of the first table's labels.
    variances = [of_run(0)[1].var(axis=0) for of_run in streams]
    curves = np.array(
        [
            model.task_loss_curve_ * variance
            for model, variance in zip(models, variances, strict=True)
        ]
    )
    losses, test_variances = [], []
    for model, of_run, seed in zip(models, tasks, seeds, strict=True):
        X, y = draw_samples(of_run, N_TEST, [seed, setting["steps"]])  # no epoch has this number
        losses.append(((model.predict(X) - y) ** 2).mean(axis=0))
        test_variances.append(y.var(axis=0))
    width = max(1, curves.shape[1] // POINTS_OF_CURVE)
    mean_curve = curves.mean(axis=0)[: curves.shape[1] // width * width]
    mean_curve = mean_curve.reshape(-1, width, curves.shape[2]).mean(axis=1)
    return {
        **setting,
        "runs": list(runs),
        "test_losses": rounded(losses),
        # Those of the last hundred steps.
        "training_losses": rounded(curves[:, -100 // STEPS_PER_EPOCH :].mean(axis=1)),
        "variances": rounded(test_variances),
        "curve": rounded(mean_curve),
        "steps_per_point": width * STEPS_PER_EPOCH,
        "ms_per_step_and_run": rounded(1000 * seconds / setting["steps"] / len(runs)),
    }


def rounded(values, digits=4):
    """Return numbers with some significant digits, as lists."""
    if np.ndim(values) == 0:
        return float(f"{float(values):.{digits}g}")
    return [rounded(value, digits) for value in values]


class Chunks:
    """A file of finished chunks of runs, one a line, to which new ones are added."""

    def __init__(self, path):
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        self.chunks = [json.loads(line) for line in lines]

    def runs_of(self, setting):
        """Return the runs of a setting that are there."""
        found = [chunk for chunk in self.chunks if setting.items() <= chunk.items()]
        return sorted(run for chunk in found for run in chunk["runs"])

    def add(self, chunk):
        """Append a chunk."""
        with self.path.open("a") as file:
            file.write(json.dumps(chunk) + "\n")
        self.chunks.append(chunk)


def work_through(plan, path, *, chunk_size):
    """Train what a plan lacks, chunk by chunk; started again, it goes on where it stopped.

    A plan is a list of (setting, number of runs). What runs when the program is stopped is taken up
    at its last checkpoint.
    """
    torch.set_num_threads(1)
    described = environment()  # of the code that runs, whatever is committed meanwhile
    chunks = Chunks(path)
    CHECKPOINTS.mkdir(exist_ok=True)
    jobs, planned = [], {}
    for setting, n_runs in plan:
        key = json.dumps(setting, sort_keys=True)
        have = planned.setdefault(key, set(chunks.runs_of(setting)))
        missing = [run for run in range(n_runs) if run not in have]
        jobs += [
            (setting, missing[start : start + chunk_size])
            for start in range(0, len(missing), chunk_size)
        ]
        have.update(missing)
    started, done, total = time.monotonic(), 0, sum(s["steps"] * len(runs) for s, runs in jobs)
    for number, (setting, runs) in enumerate(jobs, start=1):
        name = "_".join(str(value) for value in setting.values()).replace(" ", "-")
        checkpoint = CHECKPOINTS / f"{name}_{runs[0]}-{runs[-1]}.pt"
        chunk = train_chunk(setting, runs, checkpoint=checkpoint)
        chunks.add(chunk | {"environment": described})
        checkpoint.unlink(missing_ok=True)
        done += setting["steps"] * len(runs)
        left = (time.monotonic() - started) * (total - done) / done
        print(
            f"{number}/{len(jobs)} {name} runs {runs[0]}-{runs[-1]}: mean test loss "
            f"{np.mean(chunk['test_losses']):.4f}; {left / 60:.0f} minutes left",
            flush=True,
        )
    return chunks


def arguments(description):
    """Return the parsed command line of a script, which has at least ``--quick``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a small version, under two minutes")
    parser.add_argument("--plot-only", action="store_true", help="draw what has been measured")
    return parser
