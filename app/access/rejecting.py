"""Rejected changes: what becomes of edits that the hub refused, or of a document that was lost.

An edit is kept as what the person set, with every value that was acknowledged to them:

    {"stage": ["open", "won", "offer"]}      what it was, what it became, and values in between

Items that forms compute, stamps and effective lists are not the person's. Once the document is lost, what it was
before goes too: only the person's own values stay.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from app import clock, jsonio
from app.access.mirroring import Refusal, Rejected
from app.errors import Message, NotFound
from app.store import RawDatabase, Revision, Store, Stub
from app.store.rows import dump_stubs, stubs

if TYPE_CHECKING:
    from app.design import Design

LOST = Message("You no longer see this document.")
Computed = Mapping[str, frozenset[str]]  # form → items that are not the person's; "" for every form
STAMPS = frozenset({"created_by", "created_at", "changed_by", "changed_at"})
_COLUMNS = "n, database, id, at, error, reason, base_rev, items, body, attachments, new, deleted"


def computed_by(design: Design | None) -> Computed:
    """Which items each form computes."""
    if design is None or not design.forms:
        return {"": STAMPS}
    found: dict[str, frozenset[str]] = {"": STAMPS | {"readers", "authors", "anonymous"}}
    for form in design.forms.values():
        found[form.name] = frozenset(name for name, item in form.items.items() if item.computed is not None)
    return found


def own(items: Mapping[str, Any], computed: Computed) -> dict[str, Any]:
    """The items that people set."""
    theirs = computed[""] | computed.get(str(items.get("form")), frozenset())
    return {name: value for name, value in items.items() if name not in theirs}


def keep(
    raw: RawDatabase,
    connection: sqlite3.Connection,
    id: str,
    revs: Sequence[str],
    refusal: Refusal,
    computed: Computed,
    *,
    lost: bool = False,
) -> None:
    """Note an edit as rejected: `revs` are its revisions, oldest first. `lost`: without what was there before."""
    tree = raw.tree(id)
    parent = tree.nodes[revs[0]].parent
    base = _kept(raw, id, parent)
    chain = [found for found in (_kept(raw, id, rev) for rev in revs) if found is not None]
    if not chain:
        return
    last, values, before = chain[-1], dict[str, list[Any]](), _items(base, computed)
    for revision in chain:
        after = before if revision.deleted else _items(revision, computed)
        for name in after.keys() | before.keys():
            if name != "form" and jsonio.canonical(after.get(name)) != jsonio.canonical(before.get(name)):
                values.setdefault(name, []).append(after.get(name))
        before = after
    first = _items(base, computed)
    items = {name: [None if lost else first.get(name), one[-1], *one[:-1]] for name, one in sorted(values.items())}
    body = dict(last.body)
    if lost:
        body = {name: value[1] for name, value in items.items()}
        if "form" in last.body:
            body["form"] = last.body["form"]
    added = _added(base, chain)
    connection.execute(
        "INSERT INTO rejected (database, id, at, error, reason, base_rev, items, body, attachments, new, deleted)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            raw.name,
            id,
            clock.now(),
            refusal.error,
            refusal.reason,
            parent,
            orjson.dumps(items),
            orjson.dumps(body),
            dump_stubs(added),
            parent is None,
            last.deleted,
        ),
    )


def _added(base: Revision | None, chain: Sequence[Revision]) -> dict[str, Stub]:
    """What was attached on the way, also when a later revision took it away again. Of several contents under one name
    the earlier ones are kept as `2-name`, after the generation that brought them."""
    known = base.attachments if base else {}
    added: dict[str, Stub] = {}
    for revision in chain:
        for name, stub in revision.attachments.items():
            earlier = added.get(name, stub)
            if earlier.address != stub.address:
                added[f"{earlier.revpos}-{name}"] = earlier
            if known.get(name) != stub:
                added[name] = stub
    return added


def _kept(raw: RawDatabase, id: str, rev: str | None) -> Revision | None:
    try:
        return raw.get(id, rev) if rev else None
    except NotFound:
        return None


def _items(revision: Revision | None, computed: Computed) -> dict[str, Any]:
    return {} if revision is None or revision.deleted else own(revision.body, computed)


def keep_lost(store: Store, raw: RawDatabase, ids: Iterable[str], reason: str, computed: Computed) -> None:
    """Before documents are purged: their unsent edits become rejected ones; earlier ones lose what is not own."""
    with store.transaction() as connection:
        for id in ids:
            revs = [
                rev
                for (rev,) in connection.execute(
                    "SELECT rev FROM unsent WHERE db = ? AND id = ? ORDER BY n", (raw.number, id)
                )
            ]
            if revs:
                keep(raw, connection, id, revs, Refusal("lost", reason), computed, lost=True)
            _scrub(connection, raw.name, id)


def _scrub(connection: sqlite3.Connection, database: str, id: str) -> None:
    """A lost document's rejected edits: only the person's own values stay."""
    rows = connection.execute(
        "SELECT n, items, body FROM rejected WHERE database = ? AND id = ?", (database, id)
    ).fetchall()
    for n, items, body in rows:
        theirs = {name: [None, *values[1:]] for name, values in orjson.loads(items).items()}
        form = orjson.loads(body).get("form")
        left = {name: values[1] for name, values in theirs.items()} | ({"form": form} if form else {})
        connection.execute(
            "UPDATE rejected SET items = ?, body = ? WHERE n = ?", (orjson.dumps(theirs), orjson.dumps(left), n)
        )


def keep_all(store: Store, name: str, reason: str, computed: Computed) -> None:
    """Before a database is wiped: as `keep_lost`, for every document with unsent or refused edits."""
    raw = store.database(name)
    with store.reading() as connection:
        ids = [
            id
            for (id,) in connection.execute(
                "SELECT id FROM unsent WHERE db = ? UNION SELECT id FROM rejected WHERE database = ?",
                (raw.number, name),
            )
        ]
    keep_lost(store, raw, ids, reason, computed)


def flag(store: Store, name: str) -> None:
    """Rights changed: what was refused in this database is to be tried again."""
    with store.transaction() as connection:
        connection.execute("UPDATE rejected SET retry = 1 WHERE database = ?", (name,))


def flagged(store: Store, name: str) -> list[Rejected]:
    """What is to be tried again."""
    return _read(store, "database = ? AND retry = 1", (name,))


def unflag(store: Store, n: int) -> None:
    """It was tried and cannot be done."""
    with store.transaction() as connection:
        connection.execute("UPDATE rejected SET retry = 0 WHERE n = ?", (n,))


def every(store: Store, database: str | None = None) -> list[Rejected]:
    """All of them, or those of one database, oldest first."""
    return _read(store, "1", ()) if database is None else _read(store, "database = ?", (database,))


def one(store: Store, n: int) -> Rejected:
    """One of them. NotFound."""
    found = _read(store, "n = ?", (n,))
    if not found:
        raise NotFound("missing")
    return found[0]


def remove(store: Store, n: int) -> None:
    """It is settled."""
    with store.transaction() as connection:
        connection.execute("DELETE FROM rejected WHERE n = ?", (n,))


def _read(store: Store, where: str, values: Sequence[Any]) -> list[Rejected]:
    with store.reading() as connection:
        rows = connection.execute(f"SELECT {_COLUMNS} FROM rejected WHERE {where} ORDER BY n", values).fetchall()
    return [
        Rejected._make(
            (*row[:7], orjson.loads(row[7]), orjson.loads(row[8]), stubs(row[9]), bool(row[10]), bool(row[11]))
        )
        for row in rows
    ]
