"""A hub behind a real socket (waitress, in this process) and laptops joined to it.

`hub` has the people of tests/conftest.py and `notes`, a database without a design: north and south editors, leader
author, support reader. `laptop("north")` joins and opens a laptop with its first round done; `again(laptop)` is a
round. `proxy` stands between when a test asks for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import waitress
from flask import Flask

from app.access import Database
from app.node import Node
from app.web.joining import join
from replication.client.rounds import Done
from tests.conftest import PASSWORD
from tests.replication.client.faulty import Faulty

MakeLaptop = Callable[..., Node]


@pytest.fixture
def hub(app: Flask) -> Iterator[str]:
    """The address of the hub, on the server that `davenport serve` uses."""
    server: Any = waitress.create_server(app, host="127.0.0.1", port=0, threads=16, asyncore_use_poll=True)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    for channel in list(server._map.values()):  # laptops keep their connections open
        channel.close()
    thread.join(10)


@pytest.fixture
def proxy(hub: str) -> Iterator[Faulty]:
    """Between laptops and the hub; harmless until `proxy.fault` is set."""
    with Faulty(hub) as found:
        yield found


@pytest.fixture
def laptop(hub: str, tmp_path: Path) -> Iterator[MakeLaptop]:
    """`laptop("north", url=…, run=True, databases=[…], …)`: joins, and makes the first round."""
    nodes: list[Node] = []

    def make(person: str, *, url: str | None = None, run: bool = True, **options: Any) -> Node:
        found = join(url or hub, tmp_path / f"laptop{len(nodes)}", person, PASSWORD, **options)
        nodes.append(found)
        if run:
            again(found)
        return found

    yield make
    for node in nodes:
        node.close()


def again(laptop: Node, **options: Any) -> Done:
    """A full round."""
    assert laptop.replication is not None
    return laptop.replication.run(**options)


def own(laptop: Node, database: str = "notes") -> Database:
    """A database of the laptop for its person."""
    assert laptop.laptop is not None
    return laptop.databases.open(database, laptop.laptop.identity())


def unsent(laptop: Node, database: str = "notes") -> int:
    """Revisions that wait."""
    return laptop.databases.mirror(database).count_unsent()
