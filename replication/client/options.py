"""What this laptop was told about replication: kept in node.db, table `settings`, names `upstream.…`.

upstream.url hub person name device token wipe_key insecure     written once, at the join
upstream.databases selection                                    what is taken along (narrowed and widened later)
upstream.attachments                                            bytes above which attachments stay with the hub
upstream.data_limit                                             bytes a day by itself; nought: no limit
upstream.paused                                                 a person pressed stop: nothing by itself
upstream.traffic                                                [date, bytes] over the line today
upstream.updates                                                token of `_updates` behind the last full round
upstream.reported                                               when the hub was last told how far we are
upstream.offset                                                 seconds this machine's clock is ahead of the hub's
"""

from __future__ import annotations

import threading
from typing import Any

import orjson

from app import clock
from app.store import SqliteFile

PREFIX = "upstream."
EVERY = "*"  # in a selection: all databases without an expression of their own


class Options:
    """The settings, read when asked: every process sees what another one wrote."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file
        self._lock = threading.Lock()

    def get(self, name: str) -> str | None:
        """A setting as text; None when it is not set."""
        with self._file.reading() as connection:
            row = connection.execute("SELECT value FROM settings WHERE name = ?", (PREFIX + name,)).fetchone()
        return row[0] if row else None

    def json(self, name: str, default: Any = None) -> Any:
        """A setting that holds JSON."""
        found = self.get(name)
        return default if found is None else orjson.loads(found)

    def put(self, name: str, value: str | None) -> None:
        """Set it; None takes it away."""
        with self._file.transaction() as connection:
            if value is None:
                connection.execute("DELETE FROM settings WHERE name = ?", (PREFIX + name,))
            else:
                connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (PREFIX + name, value))

    def put_json(self, name: str, value: Any) -> None:
        """Set it to JSON; None takes it away."""
        self.put(name, None if value is None else orjson.dumps(value).decode())

    # -- what this module alone decides

    @property
    def databases(self) -> list[str] | None:
        """The databases to take along, the directory always among them; None: all."""
        found: list[str] | None = self.json("databases")
        return None if found is None else sorted({*found, "directory"})

    @property
    def selection(self) -> dict[str, str]:
        """Expressions over the items, per database; `*` for all databases without one of their own."""
        found: dict[str, str] = self.json("selection", {})
        return found

    def selection_of(self, database: str) -> str | None:
        """The expression that says which documents come along; None: all."""
        chosen = self.selection
        return chosen.get(database, chosen.get(EVERY)) or None

    @property
    def attachments(self) -> int | None:
        """Bytes above which an attachment stays with the hub; None: all come."""
        return self.json("attachments")  # type: ignore[no-any-return]

    @property
    def data_limit(self) -> int:
        """Bytes a day that may go over the line without anybody asking; 0: no limit."""
        return int(self.json("data_limit", 0))

    @property
    def paused(self) -> bool:
        """Whether somebody stopped replication until further notice."""
        return bool(self.json("paused", False))

    @property
    def updates(self) -> str | None:
        """The token of `_updates` up to which every database is here; None before the first full round."""
        found: str | None = self.json("updates", [None, None])[0]
        return found

    @property
    def synced(self) -> str | None:
        """The moment as of which everything was here."""
        found: str | None = self.json("updates", [None, None])[1]
        return found

    def settled(self, token: str | None) -> None:
        """Everything up to this token is here now; None: that is no longer so."""
        self.put_json("updates", None if token is None else [token, clock.now()])

    def traffic(self) -> int:
        """Bytes over the line today."""
        day, amount = self.json("traffic", ["", 0])
        return int(amount) if day == clock.now()[:10] else 0

    def add_traffic(self, amount: int) -> None:
        """Count bytes."""
        if amount:
            with self._lock:
                self.put_json("traffic", [clock.now()[:10], self.traffic() + amount])

    def exhausted(self, more: int = 0) -> bool:
        """Whether today's data limit is reached."""
        return 0 < self.data_limit <= self.traffic() + more
