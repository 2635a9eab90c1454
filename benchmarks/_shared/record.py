"""Write what a benchmark measured, with all that is needed to judge it."""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch

RESULTS = Path(__file__).parents[1] / "results"
PACKAGES = ("scikit-learn", "torch", "skorch", "numpy", "pandas")


def environment():
    """Return versions, hardware, threads and the commit."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": _git("rev-parse", "--short", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain", "--", "sk_mmoe")),
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        "processor": _processor(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "omp": {key: value for key, value in os.environ.items() if key.startswith("OMP_")},
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def write(name, **measured):
    """Write the results of a benchmark, such as "speed/scale", to ``results/<name>.json``."""
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"environment": environment(), **measured}, indent=1) + "\n")
    print(f"written: benchmarks/results/{name}.json")


def read(name):
    """Return what a benchmark wrote."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def runs_of(name):
    """Return the runs that a benchmark has on record, an empty list before its first one."""
    return read(name)["runs"] if (RESULTS / f"{name}.json").exists() else []


def _git(*arguments):
    """Return what a git command prints."""
    command = ["git", *arguments]
    return subprocess.run(command, cwd=RESULTS, capture_output=True, text=True).stdout.strip()


def _processor():
    """Return the name of the processor, where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(": ", 1)[1] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
