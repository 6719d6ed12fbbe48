"""Epochs: the names with which a person read a database, kept so that a token of the feed can quote them by id.

An id is a digest of what it stands for, so that the same names are the same epoch; a row is given only to the person
and the database it was made for. Who makes up an id, or quotes somebody else's, quotes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import orjson

from app import clock
from app.store import SqliteFile

MOST = 50_000  # rows remembered


class Epochs:
    """The epochs of a node."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._known: dict[tuple[str, str, str], frozenset[str]] = {}

    def intern(self, incarnation: str, person: str, names: frozenset[str]) -> str:
        """The id of these names of a person, in the database of this incarnation."""
        text = orjson.dumps(sorted(names)).decode()
        id = hashlib.blake2b(f"{incarnation}\0{person}\0{text}".encode(), digest_size=8).hexdigest()
        if (incarnation, person, id) not in self._known:
            if self.names(incarnation, person, id) is None:
                with self._file.transaction() as connection:
                    connection.execute(
                        "INSERT INTO epochs (id, incarnation, person, names, at) VALUES (?, ?, ?, ?, ?)"
                        " ON CONFLICT DO NOTHING",
                        (id, incarnation, person, text, clock.now()),
                    )
            self._remember((incarnation, person, id), names)
        return id

    def names(self, incarnation: str, person: str, id: str) -> frozenset[str] | None:
        """What an id stands for; None when it is none of this person's in this database."""
        key = (incarnation, person, id)
        found = self._known.get(key)
        if found is None:
            with self._file.reading() as connection:
                row = connection.execute(
                    "SELECT names FROM epochs WHERE id = ? AND incarnation = ? AND person = ?",
                    (id, incarnation, person),
                ).fetchone()
            if row is None:
                return None
            found = frozenset(orjson.loads(row[0]))
            self._remember(key, found)
        return found

    def all(self, incarnation: str, person: str, ids: Sequence[str]) -> list[frozenset[str]] | None:
        """What several ids stand for; None when one of them is unknown."""
        found = [self.names(incarnation, person, id) for id in ids]
        return None if None in found else [names for names in found if names is not None]

    def forget(self, person: str) -> None:
        """A person is gone: their tokens mean nothing any more."""
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM epochs WHERE person = ?", (person,))
        self._known = {key: names for key, names in self._known.items() if key[1] != person}

    def _remember(self, key: tuple[str, str, str], names: frozenset[str]) -> None:
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[key] = names
