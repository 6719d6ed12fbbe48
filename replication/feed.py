"""The changes feed of one request: rows, waiting for more, heartbeats. Knows no Flask.

    ask ─► rows after `since` that the person reads ─► none, and longpoll: wait ─► open anew, ask again

The database is opened anew after each wait, so that rights that changed meanwhile count; nothing is held while
waiting. Today's rights decide which rows come: documents that a person gains by a change of group or level, without
an edit, do not come by themselves yet, and rows about access lost do not exist yet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from app import jsonio
from app.access import Database
from app.errors import DavenportError
from app.store import Change
from replication.shapes import plain
from replication.tokens import sequence, token

PAGE = 1_000  # rows read at once
SLICE = 60.0  # seconds of one wait without heartbeat

Test = Callable[[Any], bool]


@dataclass(frozen=True)
class Asked:
    """What a client asks of the feed."""

    since: object = 0
    limit: int | None = None
    style: str = "main_only"
    include_docs: bool = False
    descending: bool = False
    ids: list[str] | None = None
    test: Test | None = None
    seq_interval: int = 1
    wait: float = 0.0  # seconds to wait for a first row
    heartbeat: float | None = None  # seconds between signs of life
    continuous: bool = False


class Feed:
    """Rows for one request; `open` opens the database for the person, as of now."""

    def __init__(self, open: Callable[[], Database], asked: Asked) -> None:
        self._open = open
        self._asked = asked
        database = open()
        figures = database.replica.figures()
        self._incarnation = figures.incarnation
        self.since = sequence(asked.since, figures.incarnation, figures.update_seq)
        self._sent = 0

    # -- answers

    def pieces(self) -> Iterator[bytes]:
        """The answer of `normal` and `longpoll`, as it becomes known."""
        yield b'{"results":[\n'
        ahead = b""
        pending = 0
        try:
            for piece in self._until_rows():
                if piece is None:
                    yield b"\n"
                    continue
                yield ahead + jsonio.dumps(piece)
                ahead = b",\n"
            if not self._asked.descending and not self._asked.test:
                pending = self._open().replica.pending(self.since)
        except DavenportError:  # rights are gone meanwhile: the answer ends here
            pass
        end = {"last_seq": token(self.since, self._incarnation), "pending": pending}
        yield b"\n]," + jsonio.dumps(end)[1:] + b"\n"

    def lines(self) -> Iterator[bytes]:
        """The answer of `continuous`: a row a line, until the limit, the time-out or the client ends it."""
        try:
            for piece in self._for_ever():
                yield b"\n" if piece is None else jsonio.dumps(piece) + b"\n"
        except DavenportError:  # rights are gone: the feed ends
            pass
        yield jsonio.dumps({"last_seq": token(self.since, self._incarnation)}) + b"\n"

    # -- rows and signs of life (None)

    def _until_rows(self) -> Iterator[dict[str, Any] | None]:
        deadline = time.monotonic() + self._asked.wait
        while True:
            yield from self._rows()
            if self._sent or self._full or time.monotonic() >= deadline:
                return
            if not (yield from self._wait(deadline)):
                return

    def _for_ever(self) -> Iterator[dict[str, Any] | None]:
        while not self._full:
            yield from self._rows()
            if self._full or not (yield from self._wait(time.monotonic() + self._asked.wait)):
                return

    @property
    def _full(self) -> bool:
        return self._asked.limit is not None and self._sent >= self._asked.limit

    def _wait(self, deadline: float) -> Generator[None, None, bool]:
        """Until something changes: gives signs of life, and answers whether something did."""
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            began, most = time.monotonic(), min(left, self._asked.heartbeat or SLICE)
            if self._open().wait(self.since, most):
                return True
            if time.monotonic() - began < most / 2:  # the node closes
                return False
            if self._asked.heartbeat:
                yield None

    def _rows(self) -> Iterator[dict[str, Any]]:
        """Every row after `self.since`, which follows."""
        asked = self._asked
        while not self._full:
            database = self._open()
            newest = database.replica.figures().update_seq
            wanted = PAGE if asked.limit is None else min(PAGE, asked.limit - self._sent)
            count = PAGE if asked.test else wanted
            whole = asked.descending and (asked.test is not None or asked.limit is None)
            rows = database.replica.feed(
                self.since,
                None if whole else count,
                descending=asked.descending,
                ids=asked.ids,
                include_docs=asked.include_docs or asked.test is not None,
                style=asked.style,
            )
            for row in rows:
                self.since = row.seq if not asked.descending else max(self.since, newest)
                if asked.test is None or (row.revision and asked.test(plain(row.revision))):
                    self._sent += 1
                    yield self._row(row)
                    if self._full:
                        return
            if asked.descending or len(rows) < count:
                self.since = max(self.since, newest)
                return

    def _row(self, change: Change) -> dict[str, Any]:
        numbered = self._sent % self._asked.seq_interval == 0 or self._asked.seq_interval <= 1
        row: dict[str, Any] = {
            "seq": token(change.seq, self._incarnation) if numbered else None,
            "id": change.id,
            "changes": [{"rev": rev} for rev in change.revs],
        }
        if change.deleted:
            row["deleted"] = True
        if self._asked.include_docs and change.revision is not None:
            row["doc"] = plain(change.revision)
        return row
