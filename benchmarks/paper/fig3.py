"""Figure 3: a small Shared-Bottom network learns less related tasks less well.

One hidden layer of 16 units, towers of 8, Adam with its default learning rate of 1e-3, and with
1e-2 for comparison; on fresh samples, and on a table of 10,000 rows. The program takes up where it
was stopped. ``--quick`` trains a few short runs into a file that is not kept.

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
FRESH, TABLE = {"n_rows": None}, {"n_rows": 10_000}
PLAN = [
    (SETTING | data | {"rate": rate, "p": p}, n_runs)
    for rate, n_runs, data in (
        (1e-3, 50, FRESH),
        (1e-2, 6, FRESH),
        (1e-3, 20, TABLE),
        (1e-2, 50, FRESH),
        (1e-3, 200, FRESH),
        (1e-2, 200, FRESH),
    )
    for p in CORRELATIONS
]


def main():
    """Train what is missing."""
    options = arguments(__doc__).parse_args()
    if options.quick:
        with tempfile.TemporaryDirectory() as folder:
            quick = SETTING | FRESH | {"rate": 1e-3, "steps": 200}
            plan = [(quick | {"p": p}, 3) for p in CORRELATIONS]
            work_through(plan, Path(folder) / "fig3.jsonl", chunk_size=3)
        return
    work_through(PLAN, RESULTS / "fig3.jsonl", chunk_size=50)


if __name__ == "__main__":
    main()
