"""How far this process is with each database, for the page, the command line and the header. In memory only: what
outlives the process (checkpoint, last run, unsent, rejected) lies with the data, in `Mirror.state()`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

WINDOW = 5.0  # seconds over which a rate is measured
PHASES = ("idle", "waiting", "pull", "push", "content", "compare")


@dataclass
class Progress:
    """One database. `done` of `total` rows (or attachments, in phase `content`); bytes as they went over the line."""

    name: str
    changed: Callable[[Progress], None] = lambda progress: None
    phase: str = "idle"
    done: int = 0
    total: int = 0
    sent: int = 0  # bytes
    received: int = 0  # bytes
    error: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _taken: int = 0
    _moments: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=64), repr=False)

    def begin(self, phase: str) -> None:
        """A new phase: counting starts at nought."""
        with self._lock:
            self.phase, self.done, self.total = phase, 0, 0
            self._moments.clear()
        self.changed(self)

    def moved(self, done: int, total: int) -> None:
        """So many of so many are durable."""
        with self._lock:
            self.done, self.total = done, max(total, done)
            self._moments.append((time.monotonic(), done))
        self.changed(self)

    def count(self, sent: int, received: int) -> None:
        """Bytes went over the line."""
        with self._lock:
            self.sent += sent
            self.received += received

    def take(self) -> int:
        """Bytes over the line since this was asked last."""
        with self._lock:
            whole = self.sent + self.received
            found, self._taken = whole - self._taken, whole
            return found

    @property
    def rate(self) -> float:
        """Rows a second, lately."""
        now = time.monotonic()
        with self._lock:
            recent = [each for each in self._moments if each[0] > now - WINDOW]
        if len(recent) < 2 or self.phase == "idle":
            return 0.0
        (first, before), (last, after) = recent[0], recent[-1]
        return (after - before) / max(last - first, 0.001)

    def shown(self) -> dict[str, Any]:
        """What interfaces tell of it."""
        return {
            "phase": self.phase,
            "done": self.done,
            "total": self.total,
            "bytes_sent": self.sent,
            "bytes_received": self.received,
            "rate": round(self.rate, 1),
        }


class States:
    """The progress of every database, and what all of them share."""

    def __init__(self) -> None:
        self._progress: dict[str, Progress] = {}
        self._lock = threading.Lock()
        self._watcher: Callable[[Progress], None] = lambda progress: None

    def watch(self, watcher: Callable[[Progress], None]) -> None:
        """Be told of every step."""
        self._watcher = watcher

    def of(self, name: str) -> Progress:
        """The progress of a database."""
        with self._lock:
            found = self._progress.get(name)
            if found is None:
                found = self._progress[name] = Progress(name, changed=lambda progress: self._watcher(progress))
            return found

    def traffic(self) -> int:
        """Bytes over the line since this process began."""
        with self._lock:
            return sum(each.sent + each.received for each in self._progress.values())
