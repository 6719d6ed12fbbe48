"""Drafts: what somebody typed and has not saved yet, kept on the node so that a crash loses nothing.

A draft is the form's values as the browser sent them (`formdata.kept`), per person, database and document; a
new document has the id `new:<form>:<n>`. Saving or discarding the form removes it.
"""

from __future__ import annotations

from typing import NamedTuple

from werkzeug.datastructures import MultiDict

from app import clock, jsonio
from app.store import SqliteFile

KEPT_PER_PERSON = 200


class Draft(NamedTuple):
    """What was typed: the form's values, the revision they were typed over, and when."""

    id: str
    rev: str | None
    values: list[list[str]]
    saved_at: str

    def sent(self) -> MultiDict[str, str]:
        """The values as a form that was just sent."""
        return MultiDict([(name, value) for name, value in self.values])


class Drafts:
    """The drafts of one person in one database."""

    def __init__(self, file: SqliteFile, person: str, database: str) -> None:
        self._file = file
        self._key = (person, database)

    def get(self, id: str) -> Draft | None:
        """The draft for a document, or None."""
        with self._file.reading() as connection:
            row = connection.execute(
                "SELECT id, rev, items, saved_at FROM drafts WHERE person = ? AND database = ? AND id = ?",
                (*self._key, id),
            ).fetchone()
        return _draft(row) if row else None

    def of_form(self, form: str) -> list[Draft]:
        """Drafts of new documents of a form, newest first."""
        start = f"new:{form}:"
        with self._file.reading() as connection:
            rows = connection.execute(
                "SELECT id, rev, items, saved_at FROM drafts WHERE person = ? AND database = ?"
                " AND substr(id, 1, ?) = ? ORDER BY saved_at DESC",
                (*self._key, len(start), start),
            ).fetchall()
        return [_draft(row) for row in rows]

    def put(self, id: str, rev: str | None, values: list[list[str]]) -> str:
        """Keep what was typed; the moment it was kept. The oldest drafts go when there are very many."""
        at = clock.now()
        text = jsonio.dumps(values).decode()
        with self._file.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO drafts (person, database, id, rev, items, saved_at) VALUES (?, ?, ?, ?, ?, ?)",
                (*self._key, id, rev, text, at),
            )
            connection.execute(
                "DELETE FROM drafts WHERE person = ?1 AND (database, id) IN (SELECT database, id FROM drafts"
                " WHERE person = ?1 ORDER BY saved_at DESC LIMIT -1 OFFSET ?2)",
                (self._key[0], KEPT_PER_PERSON),
            )
        return at

    def drop(self, id: str) -> None:
        """Forget a draft."""
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM drafts WHERE person = ? AND database = ? AND id = ?", (*self._key, id))


def _draft(row: tuple[str, str | None, str, str]) -> Draft:
    return Draft(row[0], row[1], jsonio.loads(row[2]), row[3])
