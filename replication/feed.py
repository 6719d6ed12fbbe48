"""The changes feed of one request: rows, waiting for more, heartbeats. Knows no Flask.

    ask ─► rows behind `since`: lost, gained, new ─► none, and longpoll: wait ─► open anew, ask again

The database is opened anew after each page and each wait, so that rights that changed meanwhile count; nothing is
held while waiting. What is told, and in which order, is decided in app/access/following.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from app import jsonio
from app.access import Database
from app.access.following import Place, Told
from app.access.replica import Replica
from app.errors import DavenportError
from app.store import Change
from replication.shapes import plain
from replication.tokens import token

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
    revocations: bool = False  # the client knows what `revoked` means


class Feed:
    """Rows for one request; `open` opens the database for the person, as of now."""

    def __init__(self, open: Callable[[], Database], asked: Asked) -> None:
        self._open = open
        self._asked = asked
        self._ids = frozenset(asked.ids) if asked.ids is not None else None
        self._first: Database | None = open()
        self.place, self._incarnation = self._first.replica.place(asked.since, revocations=asked.revocations)
        self._sent = 0

    @property
    def last_seq(self) -> str:
        """The token behind what was given so far."""
        return token(self.place, self._incarnation)

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
                pending = self._open().replica.pending(self.place.seq)
        except DavenportError:  # rights are gone meanwhile: the answer ends here
            pass
        yield b"\n]," + jsonio.dumps({"last_seq": self.last_seq, "pending": pending})[1:] + b"\n"

    def lines(self) -> Iterator[bytes]:
        """The answer of `continuous`: a row a line, until the limit, the time-out or the client ends it."""
        try:
            for piece in self._for_ever():
                yield b"\n" if piece is None else jsonio.dumps(piece) + b"\n"
        except DavenportError:  # rights are gone: the feed ends
            pass
        yield jsonio.dumps({"last_seq": self.last_seq}) + b"\n"

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
            if self._open().replica.wait(self.place, most):
                return True
            if time.monotonic() - began < most / 2:  # the node closes
                return False
            if self._asked.heartbeat:
                yield None

    def _rows(self) -> Iterator[dict[str, Any]]:
        """Every row behind `self.place`, which follows."""
        asked = self._asked
        while not self._full:
            replica = self._next().replica
            if asked.descending or (asked.ids is not None and self.place.seq == 0):
                yield from self._listed(replica)
                return
            found = replica.follow(
                self.place,
                self._count(),
                revocations=asked.revocations,
                content=asked.include_docs or asked.test is not None,
            )
            for told in found.rows:
                if self._ids is None or told.id in self._ids:
                    self.place = told.place
                    revs = replica.revs(told.row) if told.row and asked.style == "all_docs" else None
                    yield from self._shown(_change(told, revs))
                    if self._full:
                        return
            self.place = found.place
            if found.end:
                return

    def _next(self) -> Database:
        """The database as of now; the one that was opened to begin with serves the first page."""
        found, self._first = self._first or self._open(), None
        return found

    def _count(self) -> int:
        asked = self._asked
        if asked.limit is None or asked.test is not None or asked.ids is not None:
            return PAGE
        return min(PAGE, asked.limit - self._sent)

    def _listed(self, replica: Replica) -> Iterator[dict[str, Any]]:
        """Rows from the newest down, or of some documents alone: read at once, nothing else is walked."""
        asked = self._asked
        now, _ = replica.place("now")
        rows = replica.feed(
            self.place.seq,
            None if asked.test else asked.limit,
            descending=asked.descending,
            ids=asked.ids,
            include_docs=asked.include_docs or asked.test is not None,
            style=asked.style,
        )
        for row in rows:
            self.place = now if asked.descending else Place(row.seq, now.epochs)
            yield from self._shown(row)
            if self._full:
                return
        self.place = now

    def _shown(self, change: Change) -> Iterator[dict[str, Any]]:
        """The row, unless the filter leaves it out; what is lost always comes."""
        asked = self._asked
        if change.revs and asked.test is not None and not (change.revision and asked.test(plain(change.revision))):
            return
        self._sent += 1
        numbered = self._sent % asked.seq_interval == 0 or asked.seq_interval <= 1
        place = self.place if not asked.descending else Place(change.seq, self.place.epochs)
        row: dict[str, Any] = {
            "seq": token(place, self._incarnation) if numbered else None,
            "id": change.id,
            "changes": [{"rev": rev} for rev in change.revs],
        }
        if not change.revs:
            row["revoked"] = True
        if change.deleted:
            row["deleted"] = True
        if asked.include_docs and change.revision is not None:
            row["doc"] = plain(change.revision)
        yield row


def _change(told: Told, revs: list[str] | None) -> Change:
    """A row as the store's feed writes it; without revisions when the document is lost."""
    if told.row is None:
        return Change(told.place.seq, told.id, [], False, None)
    row = told.row
    revision = row.revision() if row.body else None
    return Change(row.seq, row.id, revs or [row.rev], bool(row.deleted), revision)
