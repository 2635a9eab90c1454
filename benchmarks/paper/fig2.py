"""Figure 2: the correlation of the labels of two tasks against the cosine of their weights.

The paper draws 10,000 points in each of 100 trials. It does not say with which sines; here are the
curves of three choices. ``--quick`` takes two trials and keeps no file.

    python -m benchmarks.paper.fig2
"""

import numpy as np

from benchmarks._shared.record import write
from benchmarks.paper._common import N_FEATURES, arguments, rounded, sines
from benchmarks.paper._read_off import FIG2
from sk_mmoe.datasets import make_multitask_sinusoid

CALIBRATIONS = ("two sines", "three sines", "ten random sines")
N_SAMPLES = 10_000


def measure(calibration, n_trials):
    """Return mean and standard deviation of the labels' correlation over trials, for each p."""
    measured = []
    for p in FIG2:
        correlations = []
        for trial in range(n_trials):
            seed = 10_000 * round(100 * p) + trial
            _, y = make_multitask_sinusoid(
                N_SAMPLES,
                N_FEATURES,
                correlation=p,
                random_state=seed,
                **sines(calibration, seed),
            )
            correlations.append(np.corrcoef(y.T)[0, 1])
        measured.append(
            {
                "p": p,
                "mean": rounded(np.mean(correlations)),
                "sd": rounded(np.std(correlations, ddof=1)),
            }
        )
        print(f"{calibration}, p={p}: {np.mean(correlations):.3f}", flush=True)
    return measured


def main():
    """Measure and write."""
    options = arguments(__doc__).parse_args()
    results = {name: measure(name, 2 if options.quick else 100) for name in CALIBRATIONS}
    if options.quick:
        return
    write(
        "paper/fig2",
        n_trials=100,
        n_samples=N_SAMPLES,
        seeds="10000 * round(100 * p) + trial",
        results=results,
    )


if __name__ == "__main__":
    main()
