"""Tokens for programs and devices: a person's name with a scope and an end. Only digests are kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from typing import NamedTuple

from app import clock, jsonio
from app.access.audit import Audit
from app.access.directory import Directory
from app.access.identity import Identity, Scope
from app.errors import BadRequest, NotFound
from app.ids import new_id
from app.store import SqliteFile

PREFIX = "dvp_"
USED_EVERY = 60.0  # seconds between two notes of "last used"


class Token(NamedTuple):
    """What a person sees of a token afterwards."""

    id: str
    person: str
    label: str
    scope: Scope
    created_at: str
    expires_at: str | None
    last_used: str | None


class Tokens:
    """The tokens of a node."""

    def __init__(self, file: SqliteFile, directory: Directory, audit: Audit) -> None:
        self._file = file
        self._directory = directory
        self._audit = audit

    def create(
        self,
        person: str,
        label: str,
        *,
        databases: Iterable[str] | None = None,
        write: bool = True,
        expires_at: str | None = None,
    ) -> tuple[Token, str]:
        """A token and its secret, which is shown this once. BadRequest when the end is no moment to come."""
        if expires_at is not None:
            expires_at = _moment(expires_at)
        scope = Scope(frozenset(databases) if databases is not None else None, write)
        token = Token(new_id(), person, label.strip()[:200], scope, clock.now(), expires_at, None)
        secret = PREFIX + secrets.token_urlsafe(32)
        with self._file.transaction() as connection:
            connection.execute(
                "INSERT INTO tokens (digest, id, person, label, scope, created_at, expires_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (_digest(secret), token.id, person, token.label, _dump(scope), token.created_at, expires_at),
            )
        detail = {"label": token.label, "scope": _plain(scope), "expires_at": expires_at}
        self._audit.record("token_created", person, subject=token.id, detail=detail)
        return token, secret

    def identify(self, secret: str) -> Identity | None:
        """Whom a token stands for; None when unknown, expired, or its person is gone."""
        if not secret.startswith(PREFIX):
            return None
        now = clock.now()
        with self._file.reading() as connection:
            row = connection.execute(
                "SELECT person, scope, expires_at, last_used FROM tokens WHERE digest = ?", (_digest(secret),)
            ).fetchone()
        if row is None or (row[2] is not None and row[2] <= now):
            return None
        person = self._directory.person(row[0])
        if person is None or not person.active:
            return None
        self._note_use(secret, row[3], now)
        return Identity(person, _load(row[1]), via="token")

    def _note_use(self, secret: str, last: str | None, now: str) -> None:
        if last and (clock.parse(now) - clock.parse(last)).total_seconds() < USED_EVERY:
            return
        with self._file.transaction() as connection:
            connection.execute("UPDATE tokens SET last_used = ? WHERE digest = ?", (now, _digest(secret)))

    def list(self, person: str | None = None) -> list[Token]:
        """A person's tokens (None: everybody's), newest first."""
        with self._file.reading() as connection:
            rows = connection.execute(
                "SELECT id, person, label, scope, created_at, expires_at, last_used FROM tokens"
                " WHERE ?1 IS NULL OR person = ?1 ORDER BY created_at DESC",
                (person,),
            ).fetchall()
        return [Token(row[0], row[1], row[2], _load(row[3]), *row[4:]) for row in rows]

    def revoke(self, id: str, *, person: str | None = None, by: str = "") -> None:
        """End a token; with `person` only if it is theirs. NotFound."""
        with self._file.transaction() as connection:
            found = connection.execute(
                "DELETE FROM tokens WHERE id = ?1 AND (?2 IS NULL OR person = ?2) RETURNING person",
                (id, person),
            ).fetchone()
        if found is None:
            raise NotFound("missing")
        self._audit.record("token_revoked", by or found[0], subject=id)


def _moment(text: str) -> str:
    try:
        moment = clock.parse(text)
    except ValueError as problem:
        raise BadRequest("The end of a token is a date or a moment.") from problem
    if moment <= clock.utcnow():
        raise BadRequest("The end of a token lies in the future.")
    return clock.stamp(moment)


def _plain(scope: Scope) -> dict[str, object]:
    return {
        "databases": sorted(scope.databases) if scope.databases is not None else None,
        "write": scope.write,
    }


def _dump(scope: Scope) -> str:
    return jsonio.dumps(_plain(scope)).decode()


def _load(text: str) -> Scope:
    value = jsonio.loads_object(text)
    databases = value.get("databases")
    return Scope(frozenset(databases) if databases is not None else None, bool(value.get("write")))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
