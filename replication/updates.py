"""`_updates`: one long poll for all databases of a replica. Knows no Flask.

    token ─► what moved since: databases with something for this person, whether their rights changed
             └── nothing: wait for any commit ─► look only at what moved ─► …

Waiting holds a thread and nothing else. What 200 waiters ask after a commit is found once for all of them
(`app.store.following.Touched`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from typing import Any, NamedTuple

import orjson

from app.access import DIRECTORY, Database, Databases, Identity
from app.errors import BadRequest, NotFound
from replication import limits

SLICE = 300.0  # seconds of one wait


class Seen(NamedTuple):
    """One database as a replica was last told of it."""

    incarnation: str
    seq: int
    rights: str


class Updates:
    """What one person is told; `since` as the last answer gave it, None to begin."""

    def __init__(self, databases: Databases, identity: Identity, since: str | None) -> None:
        self._databases = databases
        self._identity = identity
        self._told = _read(since)
        self._news: dict[str, int] = {}
        self._me = False
        self._seen: dict[str, Seen] = {}
        self._numbers: dict[str, int] = {}
        self._directory = 0

    def answer(self, timeout: float) -> dict[str, Any]:
        """{results: [{database, update_seq}], me, last_seq}, at the latest after so many seconds."""
        deadline = time.monotonic() + timeout
        self._look_at_all()
        waiting = self._databases.store.waiting
        while not self._news and not self._me and self._told is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            marks = {number: self._seen[name].seq for name, number in self._numbers.items()}
            marks[self._directory_number()] = self._directory
            began, most = time.monotonic(), min(left, SLICE)
            if waiting.wait_any(marks, most):
                self._look(waiting.sequences())
            elif time.monotonic() - began < most / 2:  # the node closes
                break
        results = [{"database": name, "update_seq": seq} for name, seq in sorted(self._news.items())]
        return {"results": results, "me": self._me, "last_seq": _write(self._seen)}

    # -- looking

    def _look(self, sequences: dict[int, int]) -> None:
        """After a commit: only what moved."""
        if sequences.get(self._directory_number(), 0) != self._directory:
            self._look_at_all()
            return
        for name, number in self._numbers.items():
            if sequences.get(number, 0) > self._seen[name].seq:
                self._look_at(name)

    def _look_at_all(self) -> None:
        self._directory = self._databases.directory.snapshot().seq
        for name in {*self._databases.store.names(), *self._seen, *(self._told or ())}:
            self._look_at(name)

    def _look_at(self, name: str) -> None:
        database = self._open(name)
        before = self._seen.get(name) or (self._told or {}).get(name)
        if database is None:
            self._seen.pop(name, None)
            self._numbers.pop(name, None)
            if self._told is not None:
                self._me = self._me or before is not None
                self._told.pop(name, None)
            return
        place, incarnation = database.replica.place("now")
        now = Seen(incarnation, place.seq, _rights(database))
        self._seen[name] = now
        self._numbers[name] = database.number
        if before is None or before.incarnation != now.incarnation:
            self._news[name] = now.seq
            self._me = self._me or self._told is not None
        elif before.rights != now.rights:
            self._news[name] = now.seq
            self._me = True
        elif now.seq > before.seq and database.replica.concerned(before.seq):
            self._news[name] = now.seq

    def _open(self, name: str) -> Database | None:
        try:
            database = self._databases.open(name, self._identity)
        except NotFound:
            return None
        allowed = limits.of(self._databases, self._identity).covers(name)
        return database if database.may_copy and allowed else None

    def _directory_number(self) -> int:
        return self._databases.known(DIRECTORY).raw.number


def _rights(database: Database) -> str:
    """A digest of what `_me` tells of rights."""
    rights = database.rights
    told = [
        rights.level.label,
        sorted(rights.flags),
        sorted(rights.roles),
        sorted(database.principals),
        sorted(database.replica.reading),
    ]
    return hashlib.blake2b(orjson.dumps(told), digest_size=6).hexdigest()


def _write(seen: dict[str, Seen]) -> str:
    return (
        base64.urlsafe_b64encode(orjson.dumps({name: list(each) for name, each in seen.items()})).decode().rstrip("=")
    )


def _read(token: str | None) -> dict[str, Seen] | None:
    """BadRequest for what no server gives out."""
    if not token:
        return None
    try:
        value = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        found = {name: Seen(*seen) for name, seen in value.items()}
        if all(isinstance(seen.seq, int) and isinstance(seen.incarnation, str) for seen in found.values()):
            return found
    except (ValueError, TypeError, AttributeError, binascii.Error):
        pass
    raise BadRequest("Malformed sequence supplied in 'since' parameter.")
