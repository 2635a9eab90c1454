"""Figure 2: the correlation of the labels of two tasks against the cosine of their weights.

The paper draws 10,000 points in each of 100 trials. It does not say with which sines; here are the
curves of three choices. ``--quick`` takes three trials and keeps no file.
"""

import json

import numpy as np

from benchmarks._shared.record import environment
from benchmarks.paper._common import N_FEATURES, PICTURES, RESULTS, arguments, rounded, sines
from sk_mmoe.datasets import make_multitask_sinusoid

# Read off the figure, within about .01.
PAPER = {
    0.4: 0.055,
    0.5: 0.075,
    0.6: 0.10,
    0.7: 0.135,
    0.8: 0.195,
    0.9: 0.305,
    0.95: 0.445,
    0.98: 0.66,
    1.0: 1.0,
}
CALIBRATIONS = ("two sines", "three sines", "ten random sines")
N_SAMPLES = 10_000


def measure(calibration, n_trials):
    """Return mean and standard deviation of the labels' correlation over trials, for each p."""
    measured = []
    for p in PAPER:
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


def plot(results):
    """Draw the correlations, and the paper's."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.2, 3.6), layout="constrained")
    for (calibration, measured), marker in zip(results.items(), "os^", strict=True):
        axes.errorbar(
            [point["p"] for point in measured],
            [point["mean"] for point in measured],
            yerr=[2 * point["sd"] for point in measured],
            label=calibration,
            marker=marker,
            markersize=4,
            capsize=2,
        )
    axes.plot(list(PAPER), list(PAPER.values()), "kx", markersize=8, label="paper, read off")
    axes.set(xlabel="cosine of the weight vectors, p", ylabel="correlation of the labels")
    axes.legend(frameon=False)
    PICTURES.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURES / "fig2.png", dpi=100)


def main():
    """Measure and draw."""
    options = arguments(__doc__).parse_args()
    path = RESULTS / "fig2.json"
    if options.plot_only:
        plot(json.loads(path.read_text())["results"])
        return
    results = {name: measure(name, 3 if options.quick else 100) for name in CALIBRATIONS}
    if options.quick:
        return
    record = {
        "environment": environment(),
        "n_trials": 100,
        "n_samples": N_SAMPLES,
        "seeds": "10000 * round(100 * p) + trial",
        "paper": [{"p": p, "mean": value} for p, value in PAPER.items()],
        "results": results,
    }
    path.write_text(json.dumps(record, indent=1) + "\n")
    plot(results)


if __name__ == "__main__":
    main()
