"""`davenport check`: is what lies in the data directory consistent in itself? Reads only, in one snapshot.

Winners are computed anew from the trees, reader sets from the bodies, counters from the rows, digests from
the attachment files. Whoever derives rows from documents adds checks of his own to `Store.checks`.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson

from app.store import compaction, rows, sets, tree
from app.store.rows import Row
from app.store.sqlite import SqliteFile

if TYPE_CHECKING:
    from app.store.store import Store


def check(store: Store) -> list[str]:
    """Everything that is wrong, one sentence each."""
    problems = [*_whole(store.documents), *_whole(store.node)]
    if problems:
        return problems
    with store.reading() as connection:
        problems += _documents(connection)
        problems += _sets(connection)
        problems += _numbers(connection)
        for more in store.checks:
            problems += more(connection)
        named = compaction.named_blobs(connection) - compaction.absent_blobs(connection)
    problems += [f"Attachment content {one} is missing or damaged." for one in named if store.blobs.damaged(one)]
    return problems


def digests(store: Store) -> dict[str, dict[str, Any]]:
    """{database: {documents, deleted, attachments, digest}}: the same on every node that holds the same.

    The digest covers, in order of id, every leaf, the winner's content and the digests of its attachments; sequences
    and incarnations are a node's own and do not count.
    """
    found: dict[str, dict[str, Any]] = {}
    with store.reading() as connection:
        for db, name in connection.execute("SELECT db, name FROM databases ORDER BY name").fetchall():
            digest, counts = hashlib.sha256(), Counter[str]()
            for db_row in connection.execute(f"SELECT {rows.COLUMNS} FROM documents WHERE db = ? ORDER BY id", (db,)):
                row = Row(*db_row)
                stubs = sorted((file, stub.address) for file, stub in rows.stubs(row.attachments).items())
                counts["deleted" if row.deleted else "documents"] += 1
                counts["attachments"] += len(stubs)
                leaves = sorted(tree.load(row.tree).leaves)
                digest.update(
                    orjson.dumps(
                        [row.id, row.rev, row.deleted, leaves, row.items(), stubs], option=orjson.OPT_SORT_KEYS
                    )
                )
            kinds = ("documents", "deleted", "attachments")
            found[name] = {**{kind: counts[kind] for kind in kinds}, "digest": digest.hexdigest()}
    return found


def _whole(file: SqliteFile) -> Iterator[str]:
    with file.reading() as connection:
        for (answer,) in connection.execute("PRAGMA integrity_check"):
            if answer != "ok":
                yield f"{file.path.name}: {answer}"


def _documents(connection: sqlite3.Connection) -> Iterator[str]:
    """Every document against its tree, and the sums against the counters."""
    names = {
        access: tuple(orjson.loads(found)) for access, found in connection.execute("SELECT access, names FROM sets")
    }
    bodies: defaultdict[int, set[str]] = defaultdict(set)
    for doc, rev in connection.execute("SELECT doc, rev FROM bodies"):
        bodies[doc].add(rev)
    branches = dict(connection.execute("SELECT doc, live FROM conflicts").fetchall())
    live: Counter[int] = Counter()
    counts: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for db, *fields in connection.execute(f"SELECT db, {rows.COLUMNS} FROM documents"):
        row = Row(*fields)
        counts[db][row.deleted] += 1
        if not row.deleted:
            live[row.access] += 1
        listed = branches.pop(row.doc, 0)
        for problem in _document(row, names.get(row.access), bodies.pop(row.doc, set()), listed):
            yield f"Document {row.id!r} (database {db}): {problem}"
    for doc in branches:
        yield f"Branches are listed of document number {doc}, which is not there."
    for doc in bodies:
        yield f"Bodies are kept of document number {doc}, which is not there."
    for db, name, documents, deleted in connection.execute("SELECT db, name, documents, deleted FROM databases"):
        if counts.pop(db, [0, 0]) != [documents, deleted]:
            yield f"Database {name}: it counts {documents} documents and {deleted} deletions, and has others."
    if counts:
        yield f"Documents belong to databases that are not there: {sorted(counts)}."
    for access, documents in connection.execute("SELECT access, documents FROM sets"):
        if live[access] != documents:
            yield f"Reader set {access} counts {documents} documents and has {live[access]}."


def _document(row: Row, names: tuple[str, ...] | None, bodies: set[str], listed: int) -> Iterator[str]:
    here = tree.load(row.tree)
    if not here.leaves:
        yield "its revision tree is empty."
        return
    if here.winner != row.rev or here.deleted(here.winner) != bool(row.deleted):
        yield f"the winner is {here.winner}, the row says {row.rev}."
    missing = [rev for rev in here.leaves if rev != row.rev and rev not in bodies]
    if missing:
        yield f"the content of {', '.join(missing)} is missing."
    live = len(here.live)
    if listed != live and (live > 1 or listed > 1 or not live):
        yield f"it has {live} live leaves, and is listed with {listed}."
    if names is None:
        yield f"its reader set {row.access} is unknown."
    elif not row.deleted and sets.reader_names(row.items()) != names:
        yield f"its readers are not those of its set {row.access}."


def _sets(connection: sqlite3.Connection) -> Iterator[str]:
    listed: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
    for db, access, name in connection.execute("SELECT db, access, name FROM set_names ORDER BY db, name"):
        listed[db, access].append(name)
    for db, access, names in connection.execute("SELECT db, access, names FROM sets"):
        if sorted(orjson.loads(names)) != sorted(listed.pop((db, access), [])):
            yield f"Reader set {access} is not listed under its names."
    for _, access in listed:
        yield f"Names are listed for reader set {access}, which is not there."


def _numbers(connection: sqlite3.Connection) -> Iterator[str]:
    """Sequences are used once and lie below their counters."""
    for db, seq in connection.execute("SELECT db, seq FROM documents GROUP BY db, seq HAVING count(*) > 1"):
        yield f"Database {db}: two documents have sequence {seq}."
    for name, newest in connection.execute(
        "SELECT d.name, (SELECT max(seq) FROM documents AS c WHERE c.db = d.db) AS newest FROM databases AS d"
        " WHERE newest > d.update_seq"
    ):
        yield f"Database {name}: sequence {newest} lies ahead of its counter."
    for counter, table, column in (
        ("document", "documents", "doc"),
        ("access", "sets", "access"),
        ("database", "databases", "db"),
    ):
        (behind,) = connection.execute(
            f"SELECT coalesce(max({column}), 0) >= (SELECT next FROM counters WHERE name = ?) FROM {table}",
            (counter,),
        ).fetchone()
        if behind:
            yield f"The counter for new {counter} numbers is behind."
