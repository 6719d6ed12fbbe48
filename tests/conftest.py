"""A whole node for tests of the edge: made once a run, copied for each test.

people     admin (admins) · leader (leaders; leads unit:sales) · north, south (sales) · support (support-team)
           · outsider
password   `PASSWORD` for everybody

`client` is a Flask test client; `call("north", "GET", "/databases")` calls the REST interface as somebody.
"""

from __future__ import annotations

import ast
import functools
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, sync_playwright

from app.access import SYSTEM, Database, Identity
from app.node import Node
from app.web import create_app

PASSWORD = "orange-lamp-7"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
GROUPS = {"leaders": ["leader"], "sales": ["north", "south"], "support-team": ["support"]}

Call = Callable[..., Any]


def _one_at_a_time(parse: Callable[..., Any]) -> Callable[..., Any]:
    """Up to Python 3.11.8 `ast.parse` in two threads at once may fail (SystemError): Hypothesis and pytest parse while
    nodes under test do."""
    lock = threading.RLock()

    @functools.wraps(parse)
    def parsing(*arguments: Any, **named: Any) -> Any:
        with lock:
            return parse(*arguments, **named)

    return parsing


ast.parse = _one_at_a_time(ast.parse)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory that each test gets a copy of."""
    data = tmp_path_factory.mktemp("made") / "node"
    with Node.create(data, admin="admin", password=PASSWORD) as node:
        node.secrets._hasher = QUICK
        node.directory.create_unit(SYSTEM, "unit:sales", name="Sales")
        for key in ("leader", "north", "south", "support", "outsider"):
            unit = "unit:sales" if key in ("leader", "north", "south") else ""
            items = {"unit": unit} if unit else {}
            node.directory.create_person(SYSTEM, name=key.capitalize(), key=key, sign_in=key, **items)
        node.directory.change_unit(SYSTEM, "unit:sales", leader="leader")
        for key, members in GROUPS.items():
            known = {group.key for group in node.directory.groups()}
            if key in known:
                node.directory.change_group(SYSTEM, key, add=members)
            else:
                node.directory.create_group(SYSTEM, key, members=members)
        for key in ("admin", "leader", "north", "south", "support", "outsider"):
            node.secrets.set_password(key, PASSWORD)
    return data


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, one a process."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def data(made_once: Path, tmp_path: Path) -> Path:
    """A data directory of its own."""
    path = tmp_path / "node"
    shutil.copytree(made_once, path)
    return path


@pytest.fixture
def node(data: Path) -> Iterator[Node]:
    """An open node."""
    with Node.open(data) as found:
        found.secrets._hasher = QUICK
        yield found


@pytest.fixture
def app(node: Node) -> Flask:
    """The application over it."""
    return create_app(node, TESTING=True)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client without cookies of anybody, whose pages are in English."""
    found = app.test_client()
    found.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return found


@pytest.fixture
def call(client: FlaskClient) -> Call:
    """`call("north", "GET", "/databases", json=…)`: the REST interface as a person; None: nobody."""

    def calling(person: str | None, method: str, path: str, **options: Any) -> Any:
        auth = (person, PASSWORD) if person else None
        options.setdefault("buffered", True)
        return client.open("/api/v1" + path, method=method, auth=auth, **options)

    return calling


@pytest.fixture
def opened(node: Node) -> Callable[[str, str], Database]:
    """`opened("customers", "north")`: a database opened for a person."""

    def opening(database: str, person: str) -> Database:
        found = node.directory.person(person)
        assert found is not None
        return node.databases.open(database, Identity(found))

    return opening
