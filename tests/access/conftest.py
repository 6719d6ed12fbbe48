"""A real store with a directory: `world.open("notes", "ann")` is a database opened for a person.

unit:acme ─ unit:sales ─ unit:east (led by lea)      groups: staff ⊃ sellers ⊃ {ann, bob}; staff ∋ lea
persons: ann, bob (unit:east), lea (unit:sales), eve (nothing), ada (administrator)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from app.access import SYSTEM, Access, Database, Identity, acl, open_access
from app.store import Store

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
DIRECTORY_ACL = {
    "-Default-": {"level": "reader"},
    "Anonymous": {"level": "none"},
    "admins": {"type": "group", "level": "manager", "flags": ["delete"], "roles": ["Admins"]},
}


class World:
    """A node's access, and short ways to act in it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.access: Access = open_access(store, hasher=QUICK)
        self.databases = self.access.databases
        self.directory = self.access.directory
        self.secrets = self.access.secrets
        self.audit = self.access.audit

    def identity(self, key: str, **options: Any) -> Identity:
        person = self.directory.person(key)
        assert person is not None
        return Identity(person, **options)

    def make(self, name: str, entries: dict[str, Any]) -> None:
        self.databases.create(name, SYSTEM, acl.make(entries))

    def open(self, name: str, key: str, **options: Any) -> Database:
        return self.databases.open(name, self.identity(key, **options))

    def put(self, name: str, id: str, **items: Any) -> str:
        """A document from nobody in particular, with lists as given."""
        return self.databases.open(name, SYSTEM).create({"form": "note", **items}, id=id).rev


@pytest.fixture
def reopen() -> Callable[[Store], World]:
    """A second view of a store, as another process has it: nothing remembered."""
    return World


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path / "node", create=True)
    yield opened
    opened.close()


@pytest.fixture
def world(store: Store) -> World:
    found = World(store)
    found.make("directory", DIRECTORY_ACL)
    directory = found.directory
    with store.transaction():
        for unit, parent in (("acme", ""), ("sales", "unit:acme"), ("east", "unit:sales")):
            directory.create_unit(SYSTEM, unit, parent=parent)
        for key, unit in (("ann", "east"), ("bob", "east"), ("lea", "sales"), ("eve", ""), ("ada", "")):
            directory.create_person(
                SYSTEM, name=key.title(), key=key, unit=unit and f"unit:{unit}", email=f"{key}@example.org"
            )
        directory.change_unit(SYSTEM, "east", leader="lea")
        directory.create_group(SYSTEM, "sellers", members=["ann", "bob"])
        directory.create_group(SYSTEM, "staff", members=["sellers", "lea"])
        directory.create_group(SYSTEM, "admins", members=["ada"])
    return found
