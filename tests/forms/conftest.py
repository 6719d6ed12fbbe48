"""A node with one designed database: `node.open("ann")` is `shop` opened for a person, `node.design(…)` changes a file.

persons: ann, bob (author), eve (reader), ada (manager, [Admins]); unit:east is led by bob; group sellers = ann, bob
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from argon2 import PasswordHasher

from app.access import SYSTEM, Access, Database, Identity, acl, open_access
from app.design import Design
from app.forms import Forms, install, open_forms
from app.store import Store

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
DATABASE = """
title: {en: Shop, zh: 商店}
acl:
  -Default-: {level: none}
  ann: {type: person, level: author, flags: [create, delete]}
  bob: {type: person, level: author, flags: [create, delete], roles: [Leaders]}
  eve: {type: person, level: reader}
  ed: {type: person, level: editor}
  ada: {type: person, level: manager, flags: [create, delete], roles: [Admins]}
numbering: {customer: "C{year}{seq:5}"}
"""
CUSTOMER = """
label: {en: Customer, zh: 客户}
title: name
duplicates: [name, phone]
items:
  - {name: code, type: code, series: customer}
  - {name: name, type: text, required: true, unique: warn, translate: "trim(value)", label: {en: Name, zh: 名称}}
  - {name: tax_number, type: text, unique: refuse}
  - {name: phone, type: phone}
  - {name: class, type: keyword, keywords: classes, default: "'new'"}
  - {name: tags, type: keyword, multiple: true, allow_new: true, choices: [vip, foreign]}
  - {name: mood, type: keyword, keywords: classes, allow_new: true}
  - {name: kind, type: keyword, choices: [{value: trade}, {value: service}]}
  - name: subkind
    type: keyword
    depends_on: kind
    choices: [{value: shop, parent: trade}, {value: bank, parent: service}]
  - {name: owner, type: names, default: person, required: true}
  - {name: team, type: names, kinds: [person, group], multiple: true}
  - {name: watchers, type: readers}
  - {name: limit, type: money, min_level: editor}
  - {name: closed, type: boolean}
  - {name: note, type: text, readonly_when: "closed", required_when: "class == 'lost'"}
  - name: lines
    type: table
    items:
      - {name: product, type: text, required: true}
      - {name: quantity, type: number}
      - {name: price, type: money}
      - {name: amount, type: money, computed: "quantity * price"}
  - {name: total, type: money, computed: "sum_of(lines, 'amount')"}
  - {name: share, type: number}
access:
  readers: "if_(owner == 'open', [], [owner] + team + ['[Admins]'])"
  authors: "[owner] + ['[Admins]']"
validate:
  - {when: "share > 100", item: share, message: {en: At most 100., zh: 最多 100。}}
"""
CONTACT = """
label: {en: Contact, zh: 联系人}
title: name
create: "'[Leaders]' in principals or level >= EDITOR"
response_to: [customer]
items:
  - {name: name, type: text, required: true}
  - {name: customer, type: link, database: shop, form: customer, pull: {customer_phone: phone}}
  - {name: customer_phone, type: phone}
access: {readers: "[created_by] + ['[Admins]']", authors: "[created_by]"}
"""
CLASSES = """
label: {en: Classes}
keepers: "'[Leaders]' in principals"
choices:
  - {value: new, label: {en: New, zh: 新}}
  - {value: lost, label: {en: Lost, zh: 流失}}
  - {value: old, label: {en: Old, zh: 老}, retired: true}
"""


class Node:
    """A store, its door and its forms."""

    def __init__(self, data: Path, folder: Path) -> None:
        self.folder = folder
        self.store = Store.open(data, create=True)
        self.access: Access = open_access(self.store, hasher=QUICK)
        self.databases = self.access.databases
        self.forms: Forms = open_forms(self.store, self.databases, self.access.directory)
        self.rules = self.forms.rules

    def file(self, path: str, text: str) -> None:
        """Write a file of the shipped design."""
        target = self.folder / "shop" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(dedent(text), encoding="utf-8")

    def install(self):  # type: ignore[no-untyped-def]
        """Install what is shipped."""
        return install(self.databases, self.folder)

    @property
    def design(self) -> Design:
        """The design of the shop."""
        found = self.forms.catalog.design("shop")
        assert found is not None
        return found

    def identity(self, key: str) -> Identity:
        """Somebody signed in."""
        return Identity(self.access.directory.person(key))

    def open(self, key: str) -> Database:
        """The shop, opened for somebody."""
        return self.databases.open("shop", self.identity(key))


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    found = Node(tmp_path / "node", tmp_path / "designs")
    entries = {
        "-Default-": {"level": "reader"},
        "ada": {"type": "person", "level": "manager", "roles": ["Admins"]},
    }
    found.databases.create("directory", SYSTEM, acl.make(entries))
    directory = found.access.directory
    with found.store.transaction():
        directory.create_unit(SYSTEM, "east")
        for key in ("ann", "bob", "eve", "ed", "ada"):
            directory.create_person(SYSTEM, name=key.title(), key=key, unit="unit:east")
        directory.create_group(SYSTEM, "sellers", members=["ann", "bob"])
        directory.change_unit(SYSTEM, "east", leader="bob")
    found.file("database.yaml", DATABASE)
    found.file("forms/customer.yaml", CUSTOMER)
    found.file("forms/contact.yaml", CONTACT)
    found.file("keywords/classes.yaml", CLASSES)
    done = found.install()
    assert done.problems == []
    yield found
    found.store.close()
