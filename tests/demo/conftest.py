"""A node with the demo company, made once a run; tests only read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from argon2 import PasswordHasher

from app import clock
from app.access import Database, Identity
from app.demo import install_demo
from app.node import Node

NOW = datetime(2026, 6, 17, 6, 0, tzinfo=UTC)  # a Wednesday afternoon in Shanghai
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

Open = Callable[[str, str], Database]


@pytest.fixture
def at_noon() -> Iterator[None]:
    """The clock stands at NOW."""
    before, clock.Clock.frozen = clock.Clock.frozen, NOW
    yield
    clock.Clock.frozen = before


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """The demo node as it would be at NOW."""
    before, clock.Clock.frozen = clock.Clock.frozen, NOW
    try:
        with Node.create(tmp_path_factory.mktemp("demo") / "node", admin="admin", password="demo", demo=True) as node:
            node.secrets._hasher = QUICK
            install_demo(node)
            yield node
    finally:
        clock.Clock.frozen = before


@pytest.fixture
def opened(company: Node) -> Open:
    """`opened("customers", "north")`: a database as somebody."""

    def open_as(name: str, key: str) -> Database:
        person = company.directory.person(key)
        assert person is not None
        return company.databases.open(name, Identity(person))

    return open_as
