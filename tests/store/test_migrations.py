"""A file of each older format ends as a fresh one: the same tables, columns and indexes."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from app.store import migrations
from app.store.migrations import Schema
from app.store.sqlite import SqliteFile

SCHEMAS = Path(__file__).parent / "schemas"


def shape(file: SqliteFile) -> dict[str, list[tuple[str, ...]]]:
    """Every table with its columns, every index with what it is on."""
    with file.reading() as connection:
        names = connection.execute(
            "SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND type IN ('table', 'index')"
        ).fetchall()
        return {
            name: sorted(
                (row[1], row[2], str(row[3]), str(row[5]))
                for row in connection.execute(f"PRAGMA {'table' if kind == 'table' else 'index'}_xinfo({name})")
                if row[1] is not None and kind == "table"
            )
            for kind, name in names
        }


@pytest.mark.parametrize(
    ("name", "schema"), [("documents.1", migrations.DOCUMENTS), ("node.1", migrations.NODE)], ids=["documents", "node"]
)
def test_an_old_file_becomes_as_a_fresh_one(tmp_path: Path, name: str, schema: Schema) -> None:
    old = sqlite3.connect(tmp_path / "old.db")
    old.executescript((SCHEMAS / f"{name}.sql").read_text(encoding="utf-8"))
    old.execute(f"PRAGMA user_version = {name.rpartition('.')[2]}")
    old.commit()
    old.close()
    shapes = []
    for which in ("old", "fresh"):
        file = SqliteFile(tmp_path / f"{which}.db")
        migrations.prepare(file, schema)
        shapes.append(shape(file))
        file.close()
    assert shapes[0] == shapes[1]
