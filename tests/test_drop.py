"""A database that was removed leaves nothing behind: every table of documents.db is walked."""

from __future__ import annotations

import io
import sqlite3

from app.access import SYSTEM
from app.access.dropping import LOG
from app.node import Node


def test_nothing_of_a_dropped_database_is_left(node: Node) -> None:
    customers = node.databases.open("customers", SYSTEM)
    items = {"form": "customer", "owner": "north"}
    ids = [customers.create({**items, "name": f"Customer {n}", "phone": f"021-6123456{n}"}).id for n in range(4)]
    contact = customers.create({"form": "contact", "owner": "north", "name": "Ann", "customer": ids[0]}).id
    customers.change(ids[0], {"name": "Other"})
    customers.put_attachment(ids[1], "a.txt", io.BytesIO(b"x"), "text/plain")
    raw = node.store.database("customers")
    raw.local_put("mine", {"n": 1})
    customers.delete(ids[2])
    customers.delete(ids[3])
    raw.purge(ids[3])
    node.views.catch_up()
    with node.store.reading() as connection:
        numbers = {
            "db": {raw.number},
            "doc": {doc for (doc,) in connection.execute("SELECT doc FROM documents WHERE db = ?", (raw.number,))},
            "access": {n for (n,) in connection.execute("SELECT access FROM sets WHERE db = ?", (raw.number,))},
            "ord": {n for (n,) in connection.execute("SELECT ord FROM orders WHERE db = ?", (raw.number,))},
        }
    assert all(numbers.values())
    assert contact
    node.store.drop("customers")
    assert _left(node, numbers) == []
    assert node.store.check() == []


def test_nothing_of_a_dropped_database_is_left_in_the_other_file(node: Node) -> None:
    """Every table of node.db that has a column `database` gets a row; the log alone keeps its."""
    with node.store.node.transaction() as connection:
        tables = _with_database(connection)
        for table in tables:
            for name in ("customers", "deals"):
                _fill(connection, table, name)
        for name in ("columns:customers/all", "folds:customers/all", "columns:deals/all"):
            connection.execute("INSERT INTO preferences VALUES ('north', ?, '{}')", (name,))
        connection.execute("INSERT INTO job_rows (job, n) SELECT id, 1 FROM jobs")
        columns = "webhook, document, seq, event, rev, state, due, at"
        connection.execute(
            f"INSERT INTO deliveries ({columns}) SELECT id, 'd', 1, 'e', 'r', 'sent', 0, '' FROM webhooks"
        )
        jobs = dict(connection.execute("SELECT database, id FROM jobs").fetchall())
    for id in jobs.values():
        node.jobs.file(id, "source").open("w").close()
    for databases in (["customers"], ["customers", "deals"], ["deals"], None):
        node.secrets.tokens.create("north", str(databases), databases=databases)
    node.databases.drop("customers", SYSTEM)
    with node.store.node.reading() as connection:
        for table in tables:
            names = {name for (name,) in connection.execute(f"SELECT database FROM {table}")}
            assert names >= {"deals"}, table
            assert ("customers" in names) is (table in LOG), table
        assert connection.execute("SELECT job FROM job_rows").fetchall() == [(jobs["deals"],)]
        assert connection.execute("SELECT count(*) FROM deliveries").fetchone() == (1,)
        assert connection.execute("SELECT name FROM preferences").fetchall() == [("columns:deals/all",)]
    assert [path.name for path in (node.data / "jobs").iterdir()] == [jobs["deals"]]
    scopes = {token.label: token.scope.databases for token in node.secrets.tokens.list("north")}
    assert scopes == {"['customers', 'deals']": {"deals"}, "['deals']": {"deals"}, "None": None}


def test_what_was_kept_for_a_database_does_not_meet_another_of_its_name(node: Node) -> None:
    with node.store.node.transaction() as connection:
        _fill(connection, "filters", "plans")
    node.databases.create("plans", SYSTEM)
    with node.store.node.reading() as connection:
        assert connection.execute("SELECT count(*) FROM filters").fetchone() == (0,)


def _with_database(connection: sqlite3.Connection) -> list[str]:
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = [table for table in tables if any(row[1] == "database" for row in _columns(connection, table))]
    assert {"marks", "marks_read", "filters", "drafts", "jobs", "webhooks", "audit"} <= set(found)
    return found


def _columns(connection: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    return connection.execute(f"PRAGMA table_info({table})").fetchall()


def _fill(connection: sqlite3.Connection, table: str, database: str) -> None:
    """A row about a database, with something in every column that must have a value."""
    row: dict[str, object] = {"database": database}
    for _n, name, kind, required, default, key in _columns(connection, table):
        if name != "database" and (required or key) and default is None:
            row[str(name)] = None if kind == "INTEGER" and key == 1 else 0 if kind in ("INTEGER", "REAL") else database
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))


def _left(node: Node, numbers: dict[str, set[int]]) -> list[str]:
    found = []
    with node.store.reading() as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            for row in connection.execute(f"SELECT * FROM {table}"):
                values = dict(zip(columns, row, strict=True))
                by_number = any(values.get(column) in gone for column, gone in numbers.items())
                if by_number or any(isinstance(value, str) and value.startswith("customers/") for value in row):
                    found.append(f"{table}: {values}")
    return found
