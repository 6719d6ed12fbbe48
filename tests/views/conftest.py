"""A real store, the door and a design with every kind of view; `world.put` writes documents with given readers.

persons ann, bob, eve; group sellers ⊃ {ann, bob}
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from hypothesis import settings

from app.access import SYSTEM, Database, Identity, acl, open_access
from app.design import Design, load_folder
from app.store import Context, Edit, Store
from app.views import ViewQuery, Views

settings.register_profile("untimed", deadline=None)  # the first text read loads the tables of pinyin
settings.load_profile("untimed")

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
CONTEXT = Context("system", "2026-01-01T00:00:00.000Z")
FLAGS = ["create", "delete", "personal_views"]
FORMS = {
    "deal": """
label: {en: Deal}
title: title
sections:
  - name: basics
    label: {en: Basics}
    items:
      - {name: title, type: text, label: {en: Title}}
      - {name: stage, type: text, label: {en: Stage}}
      - {name: region, type: text, label: {en: Region}}
      - {name: amount, type: money, label: {en: Amount}}
      - {name: labels, type: text, multiple: true, label: {en: Labels}}
      - {name: due, type: date, label: {en: Due}}
      - {name: ends, type: date, label: {en: Ends}}
      - {name: note, type: text, label: {en: Note}}
""",
    "reply": """
label: {en: Reply}
response_to: [deal, reply]
title: title
sections:
  - name: basics
    label: {en: Basics}
    items:
      - {name: title, type: text, label: {en: Title}}
""",
}
COLUMNS = """
columns:
  - {name: title, sortable: true}
  - {name: stage, sortable: true, indexed: true}
  - {name: amount, sortable: true, indexed: true, total: true}
  - {name: labels, indexed: true}
  - {name: note}
"""
VIEWS = {
    "all": "label: {en: All}\nforms: [deal]\nsort: [{by: title}]" + COLUMNS,
    "by_stage": "label: {en: S}\nforms: [deal]\ncategories: [stage, region]\nsort: [{by: title}]" + COLUMNS,
    "by_label": "label: {en: L}\nforms: [deal]\ncategories: [labels]\nsort: [{by: title}]" + COLUMNS,
    "open": "label: {en: O}\nforms: [deal]\nwhere: \"stage != 'lost'\"\n"
    "sort: [{by: amount, descending: true}, {by: title}]" + COLUMNS,
    "threads": "label: {en: T}\nforms: [deal, reply]\nresponses: true\nsort: [{by: title}]\ncolumns: [{name: title}]",
    "threads_by_stage": "label: {en: T}\nforms: [deal, reply]\nresponses: true\ncategories: [stage]\n"
    "sort: [{by: title}]\ncolumns: [{name: title}]",
    "board": "label: {en: B}\nforms: [deal]\nstyle: kanban\ngroup: stage\nsort: [{by: title}]" + COLUMNS,
    "calendar": "label: {en: C}\nforms: [deal]\nstyle: calendar\ndate: due\nend: ends\nsort: [{by: title}]" + COLUMNS,
    "hidden": "label: {en: H}\nforms: [deal]\nsort: [{by: title}]\nshow_when: \"person == 'ann'\"" + COLUMNS,
}


def make_design(folder: Path, views: dict[str, str] | None = None) -> Design:
    """The design from YAML, without problems."""
    folder = folder / "deals"
    for kind, files in (("forms", FORMS), ("views", VIEWS if views is None else views)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / kind / f"{name}.yaml").write_text(text, encoding="utf-8")
    (folder / "database.yaml").write_text("title: {en: Deals}\n", encoding="utf-8")
    design = load_folder(folder)
    assert not design.problems, design.problems
    return design


class World:
    """A node with views, and short ways to act in it."""

    def __init__(self, data: Path, design: Design) -> None:
        self.store = Store.open(data, create=True)
        self.design: Design | None = design
        self.access = open_access(self.store, hasher=QUICK)
        self.access.databases.designs = self.designs
        self.views = Views(self.store, self.designs)
        directory = self.access.directory
        everybody = {"-Default-": {"level": "editor", "flags": FLAGS}}
        self.access.databases.create("directory", SYSTEM, acl.make(everybody))
        with self.store.transaction():
            for key in ("ann", "bob", "eve"):
                directory.create_person(SYSTEM, name=key.title(), key=key, email=f"{key}@example.org")
            directory.create_group(SYSTEM, "sellers", members=["ann", "bob"])
        self.access.databases.create("deals", SYSTEM, acl.make(everybody))
        self.raw = self.store.database("deals")

    def designs(self, name: str) -> Design | None:
        return self.design if name == "deals" else None

    def open(self, key: str) -> Database:
        person = self.access.directory.person(key)
        assert person is not None
        return self.access.databases.open("deals", Identity(person))

    def put(self, id: str, **items: Any) -> None:
        """Write a document, whether it is there or not."""
        self.put_many({id: items}, defer=False)

    def put_many(self, documents: dict[str, dict[str, Any]], *, defer: bool = True) -> None:
        known = self.raw.get_many(documents)
        edits = [
            Edit(id, known[id].rev if id in known else None, {"form": "deal", **items})
            for id, items in documents.items()
        ]
        self.raw.put_many(edits, CONTEXT, defer=defer)

    def delete(self, id: str) -> None:
        self.raw.delete(id, self.raw.get(id).rev, CONTEXT)

    def ids(self, person: str, view: str = "all", **query: Any) -> list[str]:
        """Ids on the first page."""
        return [row.id for row in self.views.page(self.open(person), view, ViewQuery(**query)).rows]

    def walk(self, person: str, view: str, **query: Any) -> list[Any]:
        """All rows, page by page."""
        database, rows, after = self.open(person), [], None
        while True:
            page = self.views.page(database, view, ViewQuery(after=after, **query))
            rows += page.rows
            if page.next is None:
                assert not page.more
                return rows
            after = page.next


@pytest.fixture(scope="session")
def design(tmp_path_factory: pytest.TempPathFactory) -> Design:
    return make_design(tmp_path_factory.mktemp("design"))


@pytest.fixture
def world(tmp_path: Path, design: Design) -> Iterator[World]:
    found = World(tmp_path / "node", design)
    yield found
    found.store.close()
