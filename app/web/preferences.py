"""What a person chose for themselves: columns and their widths, the last filter. Kept in node.db, by
person and name.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app import jsonio
from app.web import context

LIMIT = 20_000  # bytes of one preference


@contextmanager
def connection(data: Path) -> Iterator[sqlite3.Connection]:
    """node.db, for a few statements that each commit by themselves."""
    opened = sqlite3.connect(data / "node.db", timeout=10, isolation_level=None)
    try:
        yield opened
    finally:
        opened.close()


def read(name: str) -> dict[str, Any]:
    """A preference of the person who asks; {} where none was kept."""
    with connection(context.node().data) as opened:
        row = opened.execute(
            "SELECT value FROM preferences WHERE person = ? AND name = ?",
            (context.identity().person.key, name),
        ).fetchone()
    value = jsonio.loads(row[0]) if row else {}
    return value if isinstance(value, dict) else {}


def write(name: str, value: dict[str, Any]) -> None:
    """Keep a preference; an empty one is forgotten."""
    key = context.identity().person.key
    text = jsonio.dumps(value).decode()
    if len(text) > LIMIT:
        return
    with connection(context.node().data) as opened:
        if value:
            opened.execute("INSERT OR REPLACE INTO preferences VALUES (?, ?, ?)", (key, name, text))
        else:
            opened.execute("DELETE FROM preferences WHERE person = ? AND name = ?", (key, name))
