"""What the paper leaves open: which initialisation, batch size and data come closest to Figs. 3-5.

Every combination of two initialisations, three batch sizes, and fresh samples or a table of 10,000
rows, trains a few runs of the networks of figures 3 to 5 at p = 0.5 and 1. A figure is judged by
the mean of ``|log2(ours / paper)|`` over its numbers: 0 is equal, 1 is off by a factor of two. Of a
table the losses on fresh samples and those of training are judged, as the paper does not say which
it shows. The program takes up where it was stopped. ``--quick`` trains a few short runs into a file
that is not kept.

    OMP_NUM_THREADS=1 nice python -m benchmarks.paper.settings
"""

import tempfile
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.paper._common import RESULTS, Chunks, arguments, work_through
from benchmarks.paper._matches import BIN
from benchmarks.paper._read_off import FIG3, FIG4, FIG5_MODES
from benchmarks.paper._statistics import MODELS, interval, measured, resample

PATH = RESULTS / "settings.jsonl"
N_RUNS, N_ROWS = 4, 10_000
CORRELATIONS = (0.5, 1.0)
INITIALISATIONS, BATCHES = ("glorot_uniform", "torch"), (128, 64, 256)
SMALL = "Shared-Bottom 16"
RATES = dict.fromkeys(MODELS, 1e-2) | {SMALL: 1e-3}
TRAINING = {"calibration": "two sines", "steps": 10_000}


def candidates():
    """Return all combinations."""
    return [
        {"init": init, "batch": batch, "n_rows": n_rows}
        for n_rows, batch, init in product((None, N_ROWS), BATCHES, INITIALISATIONS)
    ]


def plan():
    """Return the runs of all combinations."""
    return [
        (TRAINING | candidate | {"rate": rate, "model": model, "p": p}, N_RUNS)
        for candidate in candidates()
        for model, rate in RATES.items()
        for p in CORRELATIONS
    ]


def losses_of(candidate, kind, chunks):
    """Return the losses of the runs of a combination, means of both tasks, by model and p."""
    return {
        (chunk["model"], chunk["p"]): np.mean(chunk[kind], axis=1)
        for chunk in chunks
        if candidate.items() <= chunk.items()
    }


def distances(losses, n_resamples=2000):
    """Return the distance of each figure and their mean: as measured, then in resamples of runs."""
    rng = np.random.default_rng(0)
    samples = {point: resample(values, rng, n_resamples) for point, values in losses.items()}

    def apart(statistic, point, paper):
        return np.abs(np.log2(measured(losses[point], samples[point], statistic) / paper))

    figures = {
        "Fig. 3": [apart(np.mean, (SMALL, p), FIG3[p]) for p in CORRELATIONS],
        "Fig. 4": [
            apart(np.mean, (model, p), FIG4[p][model]) for model in MODELS for p in CORRELATIONS
        ],
        # The most frequent bin of a few runs is that of their median.
        "Fig. 5": [
            apart(np.median, (model, p), modes[p] + BIN / 2)
            for model, modes in FIG5_MODES.items()
            for p in CORRELATIONS
        ],
    }
    found = {name: np.mean(values, axis=0) for name, values in figures.items()}
    return found | {"together": np.mean(list(found.values()), axis=0)}


def judged():
    """Return all combinations that have run, from the closest to the paper on."""
    found, chunks = [], Chunks(PATH).chunks
    for candidate in candidates():
        for kind in ("test", "training") if candidate["n_rows"] else ("test",):
            losses = losses_of(candidate, f"{kind}_losses", chunks)
            if len(losses) == len(RATES) * len(CORRELATIONS):
                by_figure = distances(losses)
                found.append(
                    candidate | {"losses": kind} | {k: interval(v) for k, v in by_figure.items()}
                )
    return sorted(found, key=lambda entry: entry["together"])


def main():
    """Train what is missing, and print how far each combination is from the paper."""
    options = arguments(__doc__).parse_args()
    if options.quick:
        with tempfile.TemporaryDirectory() as folder:
            shorter = [(setting | {"steps": 25}, 2) for setting, _ in plan()[::5]]
            work_through(shorter, Path(folder) / PATH.name, chunk_size=2)
        return
    work_through(plan(), PATH, chunk_size=N_RUNS)
    for entry in judged():
        print(entry)


if __name__ == "__main__":
    main()
