"""Who evaluates a candidate, and whether that process is still there.

A process that is killed leaves its candidates unfinished in the study. The others have to find
out, or they would wait for ever. Each process therefore counts up in the study every few seconds.
A process whose count stands still is gone. No clocks are compared, so they may differ.

On Linux the others on the same machine need not wait: they look the process up.
"""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from optuna.study import Study

BEAT_SECONDS = 5.0
# Longer than Optuna's journal waits for the lock of a process that was killed while it wrote.
GONE_AFTER_SECONDS = 60.0


class Worker:
    """The part of this process in a study.

    Attributes
    ----------
    name : str
        What other processes know it by.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        pid = os.getpid()
        facts = {"id": uuid.uuid4().hex, "place": _place(), "pid": pid, "started": _started(pid)}
        self.name = json.dumps(facts)
        # For each trial of others the last count of its worker, and when this was first seen.
        self._counts: dict[int, tuple[int, float]] = {}

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Count up in the study as long as the context lasts."""
        stop = threading.Event()
        thread = threading.Thread(target=self._beat, args=[stop], daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _beat(self, stop: threading.Event) -> None:
        """Count up until told to stop."""
        count = 0
        while not stop.wait(BEAT_SECONDS):
            count += 1
            # A database may be locked or out of reach for a moment: the next beat is soon.
            try:
                self._study.set_user_attr(_key(self.name), count)
            except Exception:  # storages raise errors of many libraries
                continue

    def is_gone(self, name: str, trial_number: int) -> bool:
        """Tell whether another worker has ended without finishing a trial."""
        facts = json.loads(name) if name else {}
        is_here = facts.get("place") is not None and facts["place"] == _place()
        if is_here and _started(facts["pid"]) != facts["started"]:
            return True
        count, now = self._study.user_attrs.get(_key(name), 0), time.monotonic()
        known, since = self._counts.setdefault(trial_number, (count, now))
        if count != known:
            self._counts[trial_number] = count, now
            return False
        return now - since > GONE_AFTER_SECONDS


def _key(name: str) -> str:
    """Return the study's attribute with a worker's count."""
    return f"sk_mmoe:beat {json.loads(name)['id']}" if name else "sk_mmoe:beat"


@cache
def _place() -> str | None:
    """Return what numbers this process: a running Linux and a namespace in it, or None."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return None


def _started(pid: int) -> str | None:
    """Return when a process of this machine started, or None if it is gone."""
    try:
        # The name in brackets may hold spaces; after it come the state and, 19 later, the start.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]
