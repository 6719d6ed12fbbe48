"""Which SQLite a file is opened with: the standard library's, or SQLCipher when the node is encrypted.

Both speak DB-API 2.0 and know the same pragmas; their errors are different classes, so who catches them names the
tuples of this module. A key is the 64 hex digits of 32 bytes: SQLCipher uses it as it is and derives nothing from
it, since the passphrase was stretched once for all files (keys.py).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, cast

from app.errors import UserError

try:
    from sqlcipher3 import dbapi2 as cipher
except ImportError:  # the extra `encrypted` is not installed
    cipher = None

PAGE = 8_192  # bytes: 1 KB documents fill it better than 4,096, and bulk writes are a fifth quicker

DatabaseErrors: tuple[type[Exception], ...] = (sqlite3.DatabaseError,)
OperationalErrors: tuple[type[Exception], ...] = (sqlite3.OperationalError,)
if cipher is not None:
    DatabaseErrors += (cipher.DatabaseError,)
    OperationalErrors += (cipher.OperationalError,)


class Connection(sqlite3.Connection):
    """A connection that remembers which `visible_…` temporary tables it has, oldest use first."""

    tables: dict[str, None]


if cipher is not None:

    class CipherConnection(cipher.Connection):  # type: ignore[misc]
        """The same over an encrypted file."""

        tables: dict[str, None]


def connect(target: Path | str, key: str | None = None, **options: Any) -> Connection:
    """A connection, every statement its own transaction; `key` opens an encrypted file. UserError without SQLCipher."""
    options = {"isolation_level": None, "check_same_thread": False, **options}
    if key is None:
        plain = sqlite3.connect(target, factory=Connection, **options)
        plain.tables = {}
        return plain
    if cipher is None:
        raise UserError("This data is encrypted; install `davenport[encrypted]` to open it.")
    connection = cipher.connect(str(target), factory=CipherConnection, **options)
    connection.tables = {}
    connection.execute("PRAGMA cipher_log_level = NONE")  # what is wrong is said in a sentence
    connection.execute(f"PRAGMA cipher_default_page_size = {PAGE}")  # also for what is attached later
    connection.execute(f"PRAGMA key = \"x'{key}'\"")
    return cast(Connection, connection)


def attach(connection: sqlite3.Connection, target: str, name: str, key: str | None) -> None:
    """Open a second file beside a connection's own. `key` is that of the second file."""
    if key is None:
        connection.execute(f"ATTACH ? AS {name}", (target,))
    else:
        connection.execute(f"ATTACH ? AS {name} KEY ?", (target, f"x'{key}'"))
