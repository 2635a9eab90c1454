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
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    text = json.dumps({"environment": environment(), **measured}, indent=1) + "\n"
    unfinished.write_text(text)
    unfinished.replace(path)  # so that who stops a benchmark loses no run
    print(f"written: benchmarks/results/{name}.json")


def read(name):
    """Return what a benchmark wrote."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def runs_of(name):
    """Return the runs that a benchmark has on record, an empty list before its first one."""
    return read(name)["runs"] if (RESULTS / f"{name}.json").exists() else []


class Record:
    """The runs of a benchmark, written as they come; a run that is on record is not repeated.

    Each run names its commit, as those of a file may come from several.

    Parameters
    ----------
    name : str
        Where they lie, such as "accuracy/sizes".
    **facts
        What else the file says: the question, what was not run, sizes.
    """

    def __init__(self, name, **facts):
        self.name, self.facts, self.runs = name, facts, runs_of(name)
        self.commit = _git("rev-parse", "--short", "HEAD")

    def find(self, **key):
        """Return the run with these entries, None if there is none."""
        alike = (run for run in self.runs if all(run.get(k) == value for k, value in key.items()))
        return next(alike, None)

    def add(self, **run):
        """Keep a run."""
        run["commit"] = self.commit
        print(json.dumps(run), flush=True)
        self.runs.append(run)
        self.save()
        return run

    def save(self):
        """Write all runs."""
        write(self.name, **self.facts, runs=self.runs)


class NoRecord(Record):
    """A record that is not written, for trying a script."""

    def save(self):
        """Write nothing."""


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
