"""Copying the log into the data file beside the commits, so that nobody's save waits for it.

SQLite by itself does it inside the commit that makes the log too long: that one save then takes 100 ms and more.
A `Checkpointer` thread copies without blocking anybody, when enough was written or some seconds have passed. Only
what is written meanwhile can keep the log from starting anew; once it is long, the last pages are copied while
writers wait for a moment. Without a running one (command line, tests) SQLite's own way applies.
"""

from __future__ import annotations

import logging
import threading
import time

from app.errors import DavenportError
from app.store.sqlite import CHECKPOINT, SqliteFile

LOOK = 0.5  # seconds between looks
OFTEN = 5.0  # seconds after which little is copied too
ROWS = 20_000  # rows written after which it is time, whatever the clock says


class Checkpointer:
    """Follows one file until `stop`."""

    def __init__(self, file: SqliteFile) -> None:
        self.file = file
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"log of {file.path.name}", daemon=True)
        self._version = -1
        self._rows = 0
        self._last = 0.0

    def start(self) -> None:
        """From now on commits leave the log alone."""
        self.file.leave_log(True)
        self._thread.start()

    def stop(self) -> None:
        """Commits see to the log again."""
        self._stopping.set()
        self._thread.join(10)
        self.file.leave_log(False)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK):
            try:
                self.look()
            except DavenportError as problem:  # a full disk, a lock: the next look tries again
                logging.getLogger(__name__).warning("The log of %s stays: %s", self.file.path.name, problem)

    def look(self) -> bool:
        """Copy if it is time; whether it was."""
        version, rows, now = self.file.data_version(), self.file.rows_written(), time.monotonic()
        if version == self._version:
            return False
        if rows - self._rows < ROWS and now - self._last < OFTEN:
            return False
        self._version, self._rows, self._last = version, rows, now
        long, copied = self.file.copy_log()
        if long > CHECKPOINT and copied < long:
            with self.file.nobody_writing():
                self.file.copy_log()
        return True
