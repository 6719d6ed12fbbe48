"""From an empty file or an older one to the schema of this version.

`PRAGMA user_version` says what a file is. An older file is copied beside itself (`documents.db.v1`), then all
steps run in one transaction; a newer one is refused.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple

from app.errors import UserError
from app.store import driver, portable
from app.store.sqlite import NewerFile, SqliteFile


class Schema(NamedTuple):
    """The SQL of a fresh file, and the steps from each older version: `steps[n]` leads from n to n + 1."""

    version: int
    sql: str
    steps: Mapping[int, Sequence[str]]


def shipped(name: str) -> str:
    """The text of `app/store/schema/<name>`."""
    return files("app.store").joinpath("schema", name).read_text(encoding="utf-8")


_LIVE = (  # live leaves of a tree as `RevisionTree.dump` writes it
    "(SELECT count(*) FROM json_each(CAST(tree AS TEXT)) AS one WHERE NOT json_extract(one.value, '$[2]') & 1"
    " AND one.key NOT IN (SELECT json_extract(two.value, '$[1]') FROM json_each(CAST(tree AS TEXT)) AS two))"
)
_BRANCHED = (
    f"INSERT INTO conflicts SELECT doc, db, live, 0 FROM (SELECT doc, db, {_LIVE} AS live FROM documents"
    " WHERE deleted = 0 AND length(tree) > 30) WHERE live > 1;"
)

DOCUMENTS = Schema(
    5,
    shipped("documents.sql") + shipped("laptop.sql"),
    {
        1: (
            "ALTER TABLE databases ADD COLUMN log_from INTEGER NOT NULL DEFAULT 0;",
            "ALTER TABLE documents ADD COLUMN born INTEGER NOT NULL DEFAULT 0;",
            "CREATE INDEX purged_by_doc ON purged (db, doc);",
        ),
        2: (
            "CREATE TABLE conflicts (doc INTEGER PRIMARY KEY, db INTEGER NOT NULL, live INTEGER NOT NULL,"
            " ended INTEGER NOT NULL);",
            "CREATE INDEX conflicts_by_db ON conflicts (db);",
            _BRANCHED,
        ),
        3: ("ALTER TABLE purged ADD COLUMN born INTEGER NOT NULL DEFAULT 0;",),
        4: (shipped("laptop.sql"),),
    },
)
_NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
_MINE = (  # what was kept before is as if set just now
    f"INSERT INTO mine SELECT person, 'filter', database, id, {_NOW}, 0, 1 FROM filters;",
    f"INSERT INTO mine SELECT person, 'preference', '', name, {_NOW}, 0, 1 FROM preferences;",
    "INSERT INTO mine SELECT person, 'draft', database, id, saved_at, 0, 1 FROM drafts;",
    "INSERT INTO mine SELECT person, CASE rev WHEN '' THEN 'unread' ELSE 'read' END, database, id,"
    f" {_NOW}, 0, 1 FROM marks_read;",
    "UPDATE mine SET n = f.r FROM (SELECT person, kind, database, id, row_number() OVER"
    " (PARTITION BY person ORDER BY kind, database, id) AS r FROM mine) AS f WHERE f.person = mine.person"
    " AND f.kind = mine.kind AND f.database = mine.database AND f.id = mine.id;",
)

NODE = Schema(
    3,
    shipped("node.sql") + shipped("mine.sql"),
    {
        1: (
            "CREATE TABLE devices (id TEXT PRIMARY KEY, person TEXT NOT NULL, label TEXT NOT NULL,"
            " platform TEXT NOT NULL, digest TEXT NOT NULL UNIQUE, wipe_key TEXT NOT NULL, state TEXT NOT NULL,"
            " created_at TEXT NOT NULL, last_seen TEXT, last_sync TEXT, detail TEXT NOT NULL) WITHOUT ROWID;",
            "CREATE INDEX devices_by_person ON devices (person);",
            "CREATE TABLE epochs (id TEXT PRIMARY KEY, incarnation TEXT NOT NULL, person TEXT NOT NULL,"
            " names TEXT NOT NULL, at TEXT NOT NULL) WITHOUT ROWID;",
        ),
        2: (shipped("mine.sql"), *_MINE),
    },
)


def prepare(file: SqliteFile, schema: Schema) -> None:
    """Bring the file to this version's schema. NewerFile when it is ahead of us, UserError when not ours."""
    if file.path.exists() and file.path.stat().st_size:
        with file.reading() as connection:
            if _version(connection) == schema.version:
                return
    with file.transaction() as connection:
        found = _version(connection)
        if found == schema.version:
            return
        if found > schema.version:
            raise NewerFile(
                f"{file.path.name} was written by a newer Davenport (format {found}, this one reads"
                f" {schema.version}). Install that version, or restore a backup made with this one."
            )
        if found == 0:
            if connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
                raise UserError(f"{file.path.name} is not a file of Davenport.")
            _run(connection, schema.sql)
        else:
            _copy(file, found)
            for version in range(found, schema.version):
                for step in schema.steps[version]:
                    _run(connection, step)
            _complete(connection, schema.sql)
        connection.execute(f"PRAGMA user_version = {schema.version}")


_MADE = re.compile(r"CREATE (?:UNIQUE )?(?:TABLE|INDEX) (\w+)")


def _complete(connection: sqlite3.Connection, script: str) -> None:
    """Make what a fresh file has and this one does not: tables and indexes that no step had to fill."""
    here = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    for statement in _statements(script):
        made = _MADE.search(statement)
        if made and made[1] not in here:
            connection.execute(statement)


def _version(connection: sqlite3.Connection) -> int:
    number: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return number


def _run(connection: sqlite3.Connection, script: str) -> None:
    """Statement by statement: `executescript` would commit first."""
    for statement in _statements(script):
        connection.execute(statement)


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _copy(file: SqliteFile, version: int) -> None:
    """The old file beside the new one, made from a snapshot; kept once made."""
    target = file.path.with_name(f"{file.path.name}.v{version}")
    if target.exists():
        return
    part = target.with_name(target.name + ".part")
    source = driver.connect(file.path, file.key)
    copy = driver.connect(part, file.key)
    try:
        source.backup(copy)
    finally:
        copy.close()
        source.close()
    portable.replace(part, target)
