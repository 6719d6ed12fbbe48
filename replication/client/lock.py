"""One round at a time on a laptop, whichever process runs it: `serve`, `replicate` or `join`.

An exclusive transaction on an empty SQLite file: the same on every system, and a killed process lets go of it.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from replication.client.faults import Stopped

FILE = "replicating.lock"
LOOK = 0.1  # seconds between two tries


class RoundLock:
    """The lock of a data directory."""

    def __init__(self, data: Path) -> None:
        self._path = data / FILE
        self._here = threading.Lock()

    @contextlib.contextmanager
    def held(self, stop: threading.Event, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Hold it; `waiting` is called once when another holds it. Stopped when `stop` is set before."""
        with self._in_process(stop):
            connection = sqlite3.connect(self._path, timeout=0, isolation_level=None)
            try:
                told = False
                while not _taken(connection):
                    if not told:
                        waiting()
                        told = True
                    if stop.wait(LOOK):
                        raise Stopped("Stopped while waiting for another program that replicates.")
                yield
            finally:
                connection.close()

    @contextlib.contextmanager
    def _in_process(self, stop: threading.Event) -> Iterator[None]:
        while not self._here.acquire(timeout=LOOK):
            if stop.is_set():
                raise Stopped("Stopped while waiting for another round.")
        try:
            yield
        finally:
            self._here.release()


def _taken(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as problem:
        if getattr(problem, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return False
        raise
    return True
