"""What a person chose for themselves: columns and their widths, what stands unfolded. Kept in node.db, by
person and name.
"""

from __future__ import annotations

from typing import Any

from app import jsonio
from app.web import context

LIMIT = 20_000  # bytes of one preference


def read(name: str) -> dict[str, Any]:
    """A preference of the person who asks; {} where none was kept."""
    with context.node().store.node.reading() as opened:
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
    with context.node().store.node.transaction() as opened:
        if value:
            opened.execute("INSERT OR REPLACE INTO preferences VALUES (?, ?, ?)", (key, name, text))
        else:
            opened.execute("DELETE FROM preferences WHERE person = ? AND name = ?", (key, name))
