"""`davenport check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.store.store import Store


def check(store: Store) -> list[str]:
    """Problems found."""
    with store.reading() as connection:
        return [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
