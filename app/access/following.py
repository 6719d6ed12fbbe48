"""What a replica that stands somewhere has to be told, by today's rights: the heart of the feed.

A replica stands at a `Place`: it has what changed up to `seq`, as seen with the names of an epoch. When the person's
standing has changed since, it is told first what is lost, then what is gained, then what is new:

    log ─► sets ─► gained ─► new          log     left: left a readable set, was deleted out of sight or purged
    └── lost ───┘                         sets    lies in a set that was readable under an older epoch
                                          gained  lies in a set that was not, and did not change since

Every row carries the place behind it, so that a replica goes on from any row. A change of standing in the middle
starts anew at `log` with one more epoch in the chain: what any of these admitted may be held (and is lost if today
does not), only what all of them admitted is held for certain (the rest is gained). The place takes today's epoch only
behind lost and gained. Clients that know nothing of revocations are told what is gained and what is new.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from app.access.opened import Opened
from app.errors import BadRequest, Recompare
from app.store import following
from app.store.following import Cursor
from app.store.rows import Row

UNKNOWN = "The hub does not know this token (any more)."
LONGEST_CHAIN = 8  # epochs that a place names at most; beyond, a replica compares anew
PAGE = 1_000
_PLACE = re.compile(r"(\d{1,18})(?:-([A-Za-z0-9_=+/.-]{0,4000}))?")
_REST = re.compile(r"([0-9a-f]{16}(?:\.[0-9a-f]{16}){0,8})(?:_([lsgn])_(\d{1,18})_(\d{1,18})_(\d{1,18}))?")


class Place(NamedTuple):
    """Where a replica stands. Without `phase` it has everything up to `seq`, under the one epoch there is."""

    seq: int
    epochs: tuple[str, ...]  # under which it may have got something; the last is the one it is led to
    phase: str = ""  # l, s, g, n: log, sets, gained, new; "" = between two visits
    upto: int = 0  # behind `l`: what was lost is told up to here, so what is new is told up to here
    first: int = 0
    second: int = 0

    def text(self, incarnation: str) -> str:
        """The token a client gets: opaque to it."""
        found = f"{self.seq}-{incarnation}-{'.'.join(self.epochs)}"
        return f"{found}_{self.phase}_{self.upto}_{self.first}_{self.second}" if self.phase else found


class Told(NamedTuple):
    """One row: a document as it is now, or (None) that it is to be forgotten; and the place behind it."""

    place: Place
    id: str
    row: Row | None


class Followed(NamedTuple):
    """Rows in order, the place behind all of them, and whether nothing is left to tell there."""

    rows: list[Told]
    place: Place
    end: bool
    incarnation: str


def parse(token: object) -> tuple[int, str, str]:
    """(sequence, incarnation, rest) of a token; the parts that are not there are empty. BadRequest for what no
    server gives out."""
    text = str(token if token is not None else 0).strip().strip('"')
    found = _PLACE.fullmatch(text)
    if found is None:
        raise BadRequest("Malformed sequence supplied in 'since' parameter.")
    incarnation, _, rest = (found[2] or "").partition("-")
    return int(found[1]), incarnation, rest


class Follower:
    """Tells one person of one database; each call reads one snapshot."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._store = opened.store
        self._db = opened.raw.number
        self._person = opened.identity.key

    # -- places

    def now(self) -> tuple[Place, str]:
        """Where a replica stands that has everything, and the incarnation."""
        with self._store.reading() as connection:
            newest, incarnation, _ = following.position(connection, self._db)
        return Place(newest, (self._today(incarnation),)), incarnation

    def place(self, token: object, *, revocations: bool) -> tuple[Place, str]:
        """The place a token stands for, and the incarnation. What means nothing here starts from the beginning, or,
        for who can compare, is a Recompare. BadRequest."""
        if str(token).strip('"') == "now":
            return self.now()
        seq, incarnation, rest = parse(token)
        with self._store.reading() as connection:
            newest, here, log_from = following.position(connection, self._db)
        start = Place(0, (self._today(here),))
        if seq == 0:
            return start, here
        found = self._known(seq, rest, here, newest) if incarnation == here and seq <= newest else None
        if found is None:
            if revocations:
                raise Recompare(UNKNOWN)
            return start, here
        if revocations and seq < log_from:
            raise Recompare("The token is older than the log of changes of access.")
        return found, here

    def _known(self, seq: int, rest: str, incarnation: str, newest: int) -> Place | None:
        match = _REST.fullmatch(rest)
        if match is None:
            return None
        epochs = tuple(match[1].split("."))
        if self._opened.databases.epochs.all(incarnation, self._person, epochs) is None:
            return None
        if match[2] is None:
            return Place(seq, epochs) if len(epochs) == 1 else None
        upto, first, second = (int(match[group]) for group in (3, 4, 5))
        if upto > newest:
            return None
        return Place(seq, epochs, match[2], upto, first, second)

    def _today(self, incarnation: str) -> str:
        return self._opened.databases.epochs.intern(incarnation, self._person, self._opened.standing.reading)

    # -- telling

    def follow(
        self, place: Place, limit: int = PAGE, *, revocations: bool, content: bool = False, size: int | None = None
    ) -> Followed:
        """At most `limit` rows behind a place; with `size`, no further row once so many bytes of bodies are in.
        Recompare when the standing changed too often meanwhile."""
        rows: list[Told] = []
        left = size if size is not None else 1 << 62
        with self._store.reading() as connection:
            newest, incarnation, _ = following.position(connection, self._db)
            today = self._today(incarnation)
            visit = _Visit(self._opened, connection, today, incarnation, newest, revocations, content)
            place = visit.settled(place)
            while place.phase:
                for told in visit.step(place, limit - len(rows)):
                    rows.append(told)
                    left -= len(told.row.body) if told.row is not None else 0
                    if len(rows) == limit or left <= 0:
                        return Followed(rows, told.place, False, incarnation)
                place = visit.behind(place)
        return Followed(rows, place, True, incarnation)


class _Visit:
    """One call of `follow`, in one snapshot."""

    def __init__(
        self,
        opened: Opened,
        connection: sqlite3.Connection,
        today: str,
        incarnation: str,
        newest: int,
        revocations: bool,
        content: bool,
    ) -> None:
        self._opened = opened
        self._connection = connection
        self._today = today
        self._incarnation = incarnation
        self._newest = newest
        self._revocations = revocations
        self._content = content
        self._db = opened.raw.number
        self._sets = opened.store.sets
        self._visible = opened.visible()

    # -- where to go on

    def settled(self, place: Place) -> Place:
        """The place with what has changed since taken in: its phase is the next thing to do, "" = nothing."""
        if place.seq == 0:
            return Place(0, (self._today,), "n" if self._newest else "", self._newest)
        if place.epochs[-1] != self._today:
            chain = (*place.epochs, self._today)
            if len(chain) > LONGEST_CHAIN:
                if self._revocations:
                    raise Recompare("Rights changed too often while this was under way.")
                return Place(0, (self._today,), "n", self._newest)
            return self._begun(place.seq, chain)
        if place.phase in ("l", "s") and not self._revocations:
            return self._begun(place.seq, place.epochs)
        if place.phase == "l":
            return place._replace(upto=self._newest)
        if place.phase or place.seq >= self._newest:
            return place
        return self._begun(place.seq, place.epochs)

    def _begun(self, seq: int, chain: tuple[str, ...]) -> Place:
        if self._revocations:
            return Place(seq, chain, "l", self._newest, seq, 0)
        return Place(seq, chain, "g" if len(chain) > 1 else "n", self._newest)

    def behind(self, place: Place) -> Place:
        """The place behind a phase of which nothing is left."""
        if place.phase == "l":
            return place._replace(phase="s" if len(place.epochs) > 1 else "n", first=0, second=0)
        if place.phase == "s":
            return place._replace(phase="g", first=0, second=0)
        if place.phase == "g":
            return Place(place.seq, (self._today,), "n", place.upto)
        return self.settled(Place(max(place.seq, place.upto), place.epochs))

    # -- rows

    def step(self, place: Place, limit: int) -> Iterator[Told]:
        """Rows of the phase a place is in, each with the place behind it."""
        if place.phase in ("l", "s"):
            for gone in self._log(place, limit) if place.phase == "l" else self._lost(place, limit):
                first, second = gone.cursor
                yield Told(place._replace(first=first, second=second), gone.id, None)
        elif place.phase == "g":
            for row in self._gained(place, limit):
                yield Told(place._replace(first=row.access, second=row.seq), row.id, row)
        else:
            for row in self._new(place, limit):
                later = self._revocations and row.seq < place.upto
                yield Told(place._replace(seq=row.seq) if later else Place(row.seq, place.epochs), row.id, row)

    def _log(self, place: Place, limit: int) -> list[following.Gone]:
        after: Cursor = (place.first, place.second)
        before, now = self._table(self._maybe(place)), self._table(self._visible.sets)
        return following.left(self._connection, self._db, after, place.seq, place.upto, before, now, limit)

    def _lost(self, place: Place, limit: int) -> list[following.Gone]:
        lost = self._maybe(place) - self._visible.sets
        if not lost:
            return []
        after: Cursor = (place.first, place.second)
        return following.lost(self._connection, self._db, after, place.seq, self._table(lost), limit)

    def _gained(self, place: Place, limit: int) -> Iterator[Row]:
        gained = self._visible.sets - frozenset.intersection(*self._older(place))
        if not gained:
            return iter(())
        after: Cursor = (place.first, place.second)
        table = self._table(gained)
        return following.gained(self._connection, self._db, after, place.seq, table, limit, content=self._content)

    def _new(self, place: Place, limit: int) -> Iterator[Row]:
        table = None if self._visible.everything else self._sets.table(self._connection, self._visible)
        return following.new(
            self._connection, self._db, place.seq, place.upto, self._visible, table, limit, content=self._content
        )

    # -- sets

    def _older(self, place: Place) -> list[frozenset[int]]:
        """The sets that each epoch before today's admits (today's, when there is no other)."""
        epochs = place.epochs[:-1] or place.epochs
        names = self._opened.databases.epochs.all(self._incarnation, self._opened.identity.key, epochs)
        if names is None:
            raise Recompare(UNKNOWN)
        return [self._sets.visible(self._db, each).sets for each in names]

    def _maybe(self, place: Place) -> frozenset[int]:
        """The sets of which the replica may hold documents."""
        return frozenset().union(*self._older(place))

    def _table(self, sets: frozenset[int]) -> str:
        return following.table(self._connection, self._sets, sets)
