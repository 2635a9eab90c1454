"""Figure 3: a small Shared-Bottom network learns less related tasks less well.

One hidden layer of 16 units, towers of 8, Adam with its default learning rate of 1e-3, and with
1e-2 for comparison. The program takes up where it was stopped. ``--quick`` trains a few short runs
into a file that is not kept.

    python -m benchmarks.paper.fig3
"""

import tempfile
from pathlib import Path

from benchmarks.paper._common import CORRELATIONS, RESULTS, arguments, work_through

SETTING = {
    "calibration": "two sines",
    "init": "glorot_uniform",
    "batch": 128,
    "steps": 10_000,
    "model": "Shared-Bottom 16",
}
PLAN = [
    (SETTING | {"rate": rate, "p": p}, n_runs)
    for rate, n_runs in ((1e-3, 50), (1e-2, 6), (1e-2, 50), (1e-3, 200), (1e-2, 200))
    for p in CORRELATIONS
]


def main():
    """Train what is missing."""
    options = arguments(__doc__).parse_args()
    if options.quick:
        with tempfile.TemporaryDirectory() as folder:
            plan = [(SETTING | {"rate": 1e-3, "p": p, "steps": 200}, 3) for p in CORRELATIONS]
            work_through(plan, Path(folder) / "fig3.jsonl", chunk_size=3)
        return
    work_through(PLAN, RESULTS / "fig3.jsonl", chunk_size=50)


if __name__ == "__main__":
    main()
