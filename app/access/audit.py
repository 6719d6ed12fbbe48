"""The log of what matters for rights: append only, in node.db. Entries are never changed and never
replicate."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from app import clock, jsonio
from app.store import SqliteFile

EVENTS = (
    "sign_in",
    "sign_in_failed",
    "sign_out",
    "acl",
    "export",
    "full_access_taken",
    "full_access",
    "full_access_write",
    "person_created",
    "person_changed",
    "person_removed",
    "group_created",
    "group_changed",
    "group_removed",
    "unit_created",
    "unit_changed",
    "unit_removed",
    "password_changed",
    "link_created",
    "token_created",
    "token_revoked",
    "database_created",
    "database_removed",
    "bulk",
    "push_refused",
)


class AuditEntry(NamedTuple):
    """Who did what, where, to whom or what, when, from which address."""

    n: int
    at: str
    person: str
    event: str
    database: str | None
    subject: str | None
    detail: dict[str, Any]
    address: str | None


class Audit:
    """The log of a node. Who may read it is decided by `Databases.search_audit`."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._recent: dict[tuple[str, str, str | None], float] = {}

    def record(
        self,
        event: str,
        person: str,
        *,
        database: str | None = None,
        subject: str | None = None,
        detail: Mapping[str, Any] | None = None,
        address: str | None = None,
        once_in: float = 0,
    ) -> None:
        """Add an entry; with `once_in`, none if the same was noted less than so many seconds ago."""
        if once_in and self._noted(event, person, database, once_in):
            return
        with self._file.transaction() as connection:
            connection.execute(
                "INSERT INTO audit (at, person, event, database, subject, detail, address)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (clock.now(), person, event, database, subject, jsonio.dumps(detail or {}).decode(), address),
            )

    def _noted(self, event: str, person: str, database: str | None, seconds: float) -> bool:
        key, moment = (event, person, database), time.monotonic()
        with self._lock:
            if moment - self._recent.get(key, -seconds) < seconds:
                return True
            self._recent = {known: at for known, at in self._recent.items() if moment - at < 3600}
            self._recent[key] = moment
        return False

    def search(
        self,
        *,
        person: str | None = None,
        event: str | None = None,
        database: str | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int = 100,
        before: int | None = None,
    ) -> list[AuditEntry]:
        """Entries that fit, newest first; `before` is the number of the last one shown."""
        wanted = {
            "person = ?": person,
            "event = ?": event,
            "database = ?": database,
            "at >= ?": since,
            "at < ?": until,
            "n < ?": before,
        }
        given = {condition: value for condition, value in wanted.items() if value is not None}
        where = " AND ".join(given) or "1"
        with self._file.reading() as connection:
            rows = connection.execute(
                "SELECT n, at, person, event, database, subject, detail, address FROM audit"
                f" WHERE {where} ORDER BY n DESC LIMIT ?",
                (*given.values(), limit),
            ).fetchall()
        return [AuditEntry._make((*row[:6], jsonio.loads_object(row[6]), row[7])) for row in rows]
