"""The answer of `_pull`: rows of the feed with what they hold, written without parsing the stored bodies.

    {seq, id, leaves: [[path, deleted, body, stubs], …]}      path newest first; stubs {name: [content_type, length,
    {seq, id, revoked: true}                                   digest, address, revpos]} or null

With a selection a document that does not match comes as `revoked` where the replica may hold it, else not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import orjson

from app import clock
from app.access import DIRECTORY, Database
from app.access.acl import ACL_ID
from app.access.following import Place, Told
from app.access.replica import Found, Replica
from app.design.expressions import Expression, ExpressionError
from app.errors import BadRequest, Message
from app.store.rows import Row, dump_stubs, loads
from app.store.tree import straight

SCANNED = 20_000  # documents looked at for one answer with a selection
_ALWAYS = ("design:", "_design/")  # what a database needs to be shown at all, with the ACL

Test = Callable[[Row], bool]


class Wanted(NamedTuple):
    """What a replica asks for: rows at most, bytes of bodies from which no further row comes."""

    since: object
    limit: int
    size: int
    test: Test | None = None


def selection(database: Database, source: str | None) -> Test | None:
    """The test that an expression over the items stands for; one that fails on a document lets it through.
    BadRequest when it is none."""
    if source is None or not source.strip() or database.name == DIRECTORY:
        return None
    try:
        expression = Expression(source)
    except ExpressionError as problem:
        raise BadRequest(Message("The selection is not understood: %(why)s", why=str(problem))) from problem
    person = {"person": database.identity.key, "principals": sorted(database.principals), "today": clock.now()[:10]}

    def holds(row: Row) -> bool:
        if row.id == ACL_ID or row.id.startswith(_ALWAYS) or row.deleted:
            return True
        try:
            return expression.holds({**loads(row.body), **person})
        except ExpressionError:
            return True

    return holds


def answer(replica: Replica, asked: Wanted) -> bytes:
    """{rows, last_seq, pending, end} as JSON. Recompare, BadRequest."""
    start, incarnation = replica.place(asked.since, revocations=True)
    place, end = start, False
    pieces: list[bytes] = []
    left, scanned = asked.size, 0
    while not end and len(pieces) < asked.limit and left > 0 and scanned < SCANNED:
        found = replica.follow(place, asked.limit - len(pieces), revocations=True, content=True, size=left)
        place, end = found.place, found.end
        scanned += len(found.rows)
        for told, row in _chosen(replica, found.rows, asked.test, start):
            piece = _piece(replica, told, row, incarnation)
            left -= len(piece)
            pieces.append(piece)
    pending = 0 if end else replica.left(place)
    tail = {"last_seq": place.text(incarnation), "pending": pending, "end": end}
    return b'{"rows":[' + b",\n".join(pieces) + b"]," + orjson.dumps(tail)[1:]


def _chosen(replica: Replica, rows: list[Told], test: Test | None, start: Place) -> list[tuple[Told, Row | None]]:
    """The rows that are told, None in place of what is to be forgotten."""
    if test is None:
        return [(told, told.row) for told in rows]
    left_out = [told.row for told in rows if told.row is not None and not test(told.row)]
    forget = replica.held([row for row in left_out if row.seq > start.seq], start.seq) if start.seq else set()
    out = {row.id for row in left_out}
    chosen: list[tuple[Told, Row | None]] = []
    for told in rows:
        if told.id not in out:
            chosen.append((told, told.row))
        elif told.id in forget:
            chosen.append((told, None))
    return chosen


def _piece(replica: Replica, told: Told, row: Row | None, incarnation: str) -> bytes:
    head = b'{"seq":"%b","id":%b,' % (told.place.text(incarnation).encode(), orjson.dumps(told.id))
    if row is None:
        return head + b'"revoked":true}'
    return head + b'"leaves":' + leaves(replica, row) + b"}"


def leaves(replica: Replica, row: Row) -> bytes:
    """The leaves of a document that the person reads, as JSON."""
    path = straight(row.tree)
    if path is not None:
        return b"[[%b,%d,%b,%b]]" % (orjson.dumps(path), row.deleted, row.body, row.attachments or b"null")
    return b"[" + b",".join(_leaf(found) for found in replica.branches(row)) + b"]"


def _leaf(found: Found) -> bytes:
    revision = found.revision
    body = orjson.dumps(revision.body)
    stubs = dump_stubs(revision.attachments) or b"null"
    return b"[%b,%d,%b,%b]" % (orjson.dumps(found.path), revision.deleted, body, stubs)


def entries(replica: Replica, rows: list[Row], test: Test | None) -> list[tuple[str, list[str], int]]:
    """(id, leaves that the person reads, deleted) of documents, for comparing."""
    return [(row.id, replica.revs(row), row.deleted) for row in rows if test is None or test(row)]


def by_id(replica: Replica, ids: list[str], test: Test | None) -> bytes:
    """{rows: [{id, leaves} | {id, revoked: true}], last_seq, pending, end} of documents asked for by id; `last_seq` is
    where a replica stands that has everything now."""
    place, incarnation = replica.place("now")
    found = {row.id: row for row in replica.rows(ids) if test is None or test(row)}
    pieces = []
    for id in dict.fromkeys(ids):
        row = found.get(id)
        told = b'"leaves":' + leaves(replica, row) if row is not None else b'"revoked":true'
        pieces.append(b'{"id":%b,%b}' % (orjson.dumps(id), told))
    tail = {"last_seq": place.text(incarnation), "pending": 0, "end": True}
    return b'{"rows":[' + b",\n".join(pieces) + b"]," + orjson.dumps(tail)[1:]


__all__ = ["Wanted", "answer", "by_id", "entries", "selection"]
