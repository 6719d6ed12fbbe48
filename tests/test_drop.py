"""A database that was removed leaves nothing behind: every table of documents.db is walked."""

from __future__ import annotations

import io

from app.access import SYSTEM
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
