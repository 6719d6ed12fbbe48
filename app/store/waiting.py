"""Waiting for a change, across processes and without holding a connection.

Each commit of this process tells the waiters at once. While anybody waits, one thread looks every tenth of a
second whether another process has committed; only then are the sequences read, once for all waiters.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from app.errors import DavenportError
from app.store.sqlite import SqliteFile

INTERVAL = 0.1  # seconds between two looks at the file


class Waiting:
    """Who waits for which database to pass which sequence."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._condition = threading.Condition()
        self._sequences: dict[int, int] = {}
        self._waiters = 0
        self._most = 0
        self.on_more: Callable[[int], None] = lambda waiters: None  # told when more wait than ever before
        self._watching = False
        self._closed = False

    def advance(self, db: int, seq: int) -> None:
        """A commit of this process has brought a database to this sequence."""
        with self._condition:
            self._sequences[db] = max(seq, self._sequences.get(db, 0))
            self._condition.notify_all()

    def wait(self, db: int, since: int, timeout: float) -> bool:
        """Whether the database passes `since` within `timeout` seconds."""
        return self.wait_any({db: since}, timeout)

    def wait_any(self, since: Mapping[int, int], timeout: float) -> bool:
        """Whether one of these databases passes its sequence within `timeout` seconds."""
        self._read()
        deadline = time.monotonic() + timeout
        with self._condition:
            self._waiters += 1
            if self._waiters > self._most:
                self._most = self._waiters
                self.on_more(self._most)
            try:
                self._watch()
                while not any(self._sequences.get(db, 0) > seq for db, seq in since.items()):
                    left = deadline - time.monotonic()
                    if left <= 0 or self._closed:
                        return False
                    self._condition.wait(left)
                return True
            finally:
                self._waiters -= 1

    def sequences(self) -> dict[int, int]:
        """The newest sequence of each database, as of the last wait."""
        with self._condition:
            return dict(self._sequences)

    def close(self) -> None:
        """Let everybody go."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def _watch(self) -> None:
        if not self._watching:
            self._watching = True
            threading.Thread(target=self._look, name="davenport-changes", daemon=True).start()

    def _look(self) -> None:
        version = -1
        while True:
            time.sleep(INTERVAL)
            with self._condition:
                if self._closed or not self._waiters:
                    self._watching = False
                    return
            try:
                found = self._file.data_version()
                if found != version:
                    version = found
                    self._read()
            except DavenportError:  # the file is busy; look again
                continue

    def _read(self) -> None:
        with self._file.reading() as connection:
            found = dict(connection.execute("SELECT db, update_seq FROM databases"))
        with self._condition:
            self._sequences = {db: max(seq, self._sequences.get(db, 0)) for db, seq in found.items()}
            self._condition.notify_all()
