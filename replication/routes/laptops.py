"""What our own replicator asks beside CouchDB's calls: who it is, its rows in large portions, ids to compare, numbers.

None of these calls is CouchDB's; their names begin with `_`, which no database and no document of ours does.
"""

from __future__ import annotations

import zlib
from typing import Any

from flask import Response, g, request

from app.access import Database
from app.errors import BadRequest, Forbidden
from replication import limits, pull
from replication.me import me
from replication.pull import Test
from replication.routes.attachments import send
from replication.routes.gate import answer, blueprint, body_object, opened, replica, whole
from replication.updates import Updates

ROWS, MOST_ROWS = 1_000, 10_000
BYTES, MOST_BYTES = 8_000_000, 64_000_000
IDS = 20_000
NUMBERS = 1_000  # of one series in one block
PACKED_FROM = 2_000  # bytes
LONGEST = 300_000  # milliseconds


@blueprint.get("/_me")
def who() -> Response:
    """{protocol, version, time, hub, person, device, admin, databases, limits}: see replication/me.py."""
    return answer(me(g.node.databases, g.node.secrets.devices, g.identity))


@blueprint.get("/_updates")
def updates() -> Response:
    """{results: [{database, update_seq}], me, last_seq}: as soon as something is there for this person, or their rights
    changed; at the latest after `timeout` milliseconds. Without `since` at once."""
    timeout = whole("timeout", request.args.get("timeout"), 0, most=LONGEST) or 0
    asked = Updates(g.node.databases, g.identity, request.args.get("since"))
    return answer(asked.answer(timeout / 1000))


@blueprint.post("/<database>/_pull")
def pull_rows(database: str) -> Response:
    """{rows, last_seq, pending, end}: see replication/pull.py. With `ids` those documents alone. 410 recompare."""
    base, asked = opened(database), body_object()
    test = _test(base, asked)
    ids = asked.get("ids")
    if ids is not None:
        if not isinstance(ids, list) or not all(isinstance(id, str) for id in ids):
            raise BadRequest("`ids` is a list of document ids.")
        return _sent(pull.by_id(base.replica, ids, test))
    limit = whole("limit", asked.get("limit"), ROWS, most=MOST_ROWS) or 1
    size = whole("bytes", asked.get("bytes"), BYTES, most=MOST_BYTES) or 1
    whole("attachments_below", asked.get("attachments_below"), None)
    return _sent(pull.answer(base.replica, pull.Wanted(asked.get("since"), limit, size, test)))


def _test(base: Database, asked: dict[str, Any]) -> Test | None:
    """What the device selects, and no more than it may."""
    own = asked.get("selection")
    if own is not None and not isinstance(own, str):
        raise BadRequest("`selection` is an expression.")
    most = limits.of(g.node.databases, g.identity).selection.get(base.name)
    tests = [test for test in (pull.selection(base, own), pull.selection(base, most)) if test is not None]
    if len(tests) < 2:
        return tests[0] if tests else None
    return lambda row: all(test(row) for test in tests)


def _sent(content: bytes) -> Response:
    """JSON, packed quickly where the client takes it."""
    found = Response(content, content_type="application/json")
    found.vary.add("Accept-Encoding")
    if len(content) > PACKED_FROM and "gzip" in request.headers.get("Accept-Encoding", ""):
        found.set_data(zlib.compress(content, 1, wbits=31))
        found.headers["Content-Encoding"] = "gzip"
    return found


@blueprint.post("/<database>/_ids")
def ids(database: str) -> Response:
    """{ids: [[id, [leaf revisions], deleted]], next, last_seq}: what the person reads, in the order of ids; `next` is
    the `after` of the next call, null at the end. Who has compared everything goes on from the first `last_seq`."""
    base, asked = opened(database), body_object()
    after = asked.get("after") or ""
    if not isinstance(after, str):
        raise BadRequest("`after` is a document id.")
    limit = whole("limit", asked.get("limit"), IDS, most=IDS) or 1
    test = _test(base, asked)
    place, incarnation = base.replica.place("now")
    rows = base.replica.ids(after, limit)
    return answer(
        {
            "ids": pull.entries(base.replica, rows, test),
            "next": rows[-1].id if len(rows) == limit else None,
            "last_seq": place.text(incarnation),
        }
    )


@blueprint.get("/<database>/_content")
def content_named(database: str) -> Response:
    """The same by `?id=&rev=&name=`: clients and proxies take `..` out of a path, and a name may be that."""
    return content(database, *(request.args.get(name, "") for name in ("id", "rev", "name")))


@blueprint.get("/<database>/_content/<syncid:id>/<rev>/<syncpath:name>")
def content(database: str, id: str, rev: str, name: str) -> Response:
    """An attachment of a revision, with ranges. 404; 403 above the size that this device may hold."""
    most = limits.of(g.node.databases, g.identity).attachments
    return send(replica(database), id, rev, name, most)


@blueprint.post("/_numbers")
def numbers() -> Response:
    """{series, year, first, last}: a block of a series (`<database>/<series>…`) for this device. 403, 404."""
    asked = body_object()
    name, series = asked.get("database"), asked.get("series")
    if not isinstance(name, str) or not isinstance(series, str) or len(series) > 500:
        raise BadRequest("`database` and `series` are texts.")
    base = opened(name)
    base.require_copy()
    if not base.may_create():
        raise Forbidden("You may not create documents here.")
    if not series.startswith(f"{name}/"):
        raise BadRequest("The series is one of this database.")
    year = whole("year", asked.get("year"), None, most=9999)
    count = whole("count", asked.get("count"), 100, most=NUMBERS) or 1
    if year is None:
        raise BadRequest("`year` is a number.")
    return answer(g.node.numbering.lease(series, year, count)._asdict())
