"""What node.db holds about a database goes with it: marks, filters, drafts, jobs, webhooks, scopes of tokens, what
people chose for its views. Only the log of the node keeps the name.

documents.db is emptied first. Should the node die in between, the rest goes when a database of that name is made again,
so that nobody's filter, token or webhook ever reaches another database than the one it was made for.
"""

from __future__ import annotations

from sqlite3 import Connection

from app import jsonio
from app.store import Store

LOG = frozenset({"audit"})  # says what happened, for good
_BELOW = (("job_rows", "job", "jobs"), ("deliveries", "webhook", "webhooks"))


def forget(store: Store, name: str) -> None:
    """Remove every row of node.db about the database `name`."""
    with store.node.transaction() as connection:
        for table, column, above in _BELOW:
            connection.execute(
                f"DELETE FROM {table} WHERE {column} IN (SELECT id FROM {above} WHERE database = ?)", (name,)
            )
        for table in tables(connection):
            connection.execute(f"DELETE FROM {table} WHERE database = ?", (name,))
        connection.execute("DELETE FROM preferences WHERE name GLOB ?", (f"*:{name}/*",))
        _narrow_tokens(connection, name)


def tables(connection: Connection) -> list[str]:
    """The tables of node.db whose rows are about one database each."""
    found = connection.execute(
        "SELECT DISTINCT m.name FROM sqlite_master m, pragma_table_info(m.name) c"
        " WHERE m.type = 'table' AND c.name = 'database' ORDER BY m.name"
    )
    return [table for (table,) in found if table not in LOG]


def _narrow_tokens(connection: Connection, name: str) -> None:
    """Tokens lose the database; one that was good for it alone ends."""
    for digest, text in connection.execute("SELECT digest, scope FROM tokens").fetchall():
        scope = jsonio.loads_object(text.encode())
        if name not in (scope.get("databases") or ()):
            continue
        kept = [other for other in scope["databases"] if other != name]
        if kept:
            changed = jsonio.dumps({**scope, "databases": kept}).decode()
            connection.execute("UPDATE tokens SET scope = ? WHERE digest = ?", (changed, digest))
        else:
            connection.execute("DELETE FROM tokens WHERE digest = ?", (digest,))
