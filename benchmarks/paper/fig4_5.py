"""Figures 4 and 5: Shared-Bottom, OMoE and MMoE on tasks that are related more or less.

The program goes through a plan of runs, chunk by chunk, and takes up where it was stopped. Figures
are drawn by ``figures.py``, and claims are judged by ``claims.py``. ``--quick`` trains a few short
runs into a file that is not kept.

    OMP_NUM_THREADS=1 nice python -m benchmarks.paper.fig4_5
"""

import tempfile
from pathlib import Path

from benchmarks.paper._common import RESULTS, arguments, work_through

NAMES = ("Shared-Bottom", "OMoE", "MMoE")
PAPER = {
    "calibration": "two sines",
    "init": "glorot_uniform",
    "batch": 128,
    "steps": 10_000,
    "n_rows": None,  # fresh samples
}
# What comes closest to all figures together, as settings.py finds.
TABLE = {"n_rows": 10_000}


def points(rate, n_runs, **changed):
    """Return the nine points of the figures: three models at three correlations."""
    return [
        (PAPER | changed | {"rate": rate, "model": name, "p": p}, n_runs)
        for p in (0.5, 1.0, 0.9)
        for name in NAMES
    ]


# What matters most comes first; every line has all nine points.
PLAN = [
    *points(1e-2, 12),
    *points(1e-3, 6),
    *points(1e-2, 6, init="torch"),
    *points(1e-4, 6),
    *points(1e-2, 6, calibration="ten random sines"),
    *points(1e-2, 12, **TABLE),
    *points(1e-3, 6, **TABLE),
    *points(1e-2, 20),
    *points(1e-3, 20),
    *points(1e-3, 10, init="torch"),
    *points(1e-3, 10, calibration="ten random sines"),
    *points(1e-2, 20, **TABLE),
    *points(1e-2, 40),
    *points(1e-3, 40),
    *points(1e-4, 40),
    *points(1e-2, 100),
    *points(1e-3, 100),
    *points(1e-2, 200),
    *points(1e-3, 200),
    *points(1e-4, 200),
]


def main():
    """Train what is missing."""
    options = arguments(__doc__).parse_args()
    if options.quick:
        with tempfile.TemporaryDirectory() as folder:
            plan = [(setting | {"steps": 50}, 2) for setting, _ in points(1e-2, 2)]
            work_through(plan, Path(folder) / "fig4_5.jsonl", chunk_size=2)
        return
    work_through(PLAN, RESULTS / "fig4_5.jsonl", chunk_size=20)


if __name__ == "__main__":
    main()
