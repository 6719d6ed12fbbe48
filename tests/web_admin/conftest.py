"""A small organisation on a real node, its pages by a test client, and the same in a real browser.

ada (administrator), north and south (group sellers, units north and south below sales, led by lea), eve (nothing).
`web.sign_in("ada")` gives a client that sends the forgery token by itself.
"""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from werkzeug.serving import make_server

from app.access import SYSTEM, acl
from app.node import Node
from app.web import create_app

PASSWORD = "rain on tin"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PEOPLE = {"ada": "", "north": "north", "south": "south", "lea": "sales", "eve": ""}


def build(folder: Path) -> Node:
    """The organisation, with quick password hashes."""
    node = Node.create(folder, admin="ada", password=PASSWORD)
    node.secrets._hasher = QUICK
    directory = node.directory
    with node.store.transaction():
        for unit, parent in (("sales", ""), ("north", "unit:sales"), ("south", "unit:sales")):
            directory.create_unit(SYSTEM, unit, name=unit.title(), parent=parent)
        for key, unit in list(PEOPLE.items())[1:]:
            mail = f"{key}@example.org"
            directory.create_person(SYSTEM, name=key.title(), key=key, unit=unit and f"unit:{unit}", email=mail)
        directory.change_unit(SYSTEM, "sales", leader="lea")
        directory.create_group(SYSTEM, "sellers", name="Sellers", members=["north", "south"])
    for key in PEOPLE:
        node.secrets.set_password(key, PASSWORD, check=False)
    every = node.databases.acl("customers")
    sellers = acl.AclEntry("sellers", "group", acl.Level.AUTHOR, frozenset({"create", "replicate_or_copy"}))
    node.databases.set_acl("customers", SYSTEM, acl.Acl({**every.entries, "sellers": sellers}))
    return node


class Client:
    """A test client that keeps the forgery token of the last page."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        self.client.set_cookie("language", "en")
        self.token = ""

    def get(self, url: str, status: int = 200, **options: Any) -> str:
        answer = self.client.get(url, **options)
        assert answer.status_code == status, (url, answer.status_code, answer.text[:300])
        if found := re.search(r'name="csrf_token" value="([^"]+)"', answer.text):
            self.token = found[1]
        return answer.text

    def post(self, url: str, data: dict[str, Any] | None = None, status: int = 303, **options: Any) -> Any:
        answer = self.client.post(url, data={"csrf_token": self.token, **(data or {})}, **options)
        assert answer.status_code == status, (url, answer.status_code, re.sub(r"\s+", " ", answer.text)[-1500:])
        return answer


class Web:
    """The application over the node."""

    def __init__(self, node: Node, **settings: Any) -> None:
        self.node = node
        if settings:
            node.settings = replace(node.settings, **settings)
        self.app = create_app(node, TESTING=True, PROPAGATE_ERRORS=True)

    def anonymous(self) -> Client:
        return Client(self.app)

    def sign_in(self, name: str, password: str = PASSWORD) -> Client:
        client = self.anonymous()
        client.get("/sign-in")
        client.post("/sign-in", {"name": name, "password": password}, 302)
        client.get("/", 302 if self.node.secrets.must_change(name) else 200)
        return client


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("organisation") / "node"
    build(folder).close()
    return folder


@pytest.fixture
def node(built: Path, tmp_path: Path) -> Iterator[Node]:
    folder = tmp_path / "node"
    shutil.copytree(built, folder)
    made = Node.open(folder)
    made.secrets._hasher = QUICK
    yield made
    made.close()


@pytest.fixture
def web(node: Node) -> Web:
    return Web(node)


@pytest.fixture
def with_settings(node: Node) -> Callable[..., Web]:
    return lambda **settings: Web(node, **settings)


@pytest.fixture
def ada(web: Web) -> Client:
    return web.sign_in("ada")


# -- in a browser


@pytest.fixture
def site(node: Node) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, create_app(node), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.fixture
def visit(browser: Any, site: str) -> Iterator[Callable[..., Any]]:
    """`visit("ada")`: a page of a new browser profile, signed in; errors of the console fail the test."""
    contexts, errors = [], []

    def open_page(name: str | None = None, password: str = PASSWORD) -> Any:
        context = browser.new_context(base_url=site, locale="en-GB", viewport={"width": 1280, "height": 900})
        context.set_default_timeout(8000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda problem: errors.append(str(problem)))
        page.on("console", lambda told: errors.append(told.text) if "Content Security" in told.text else None)
        if name:
            page.goto("/sign-in")
            page.fill("[name=name]", name)
            page.fill("[name=password]", password)
            page.click("form.panel button[type=submit]")
            page.wait_for_url(lambda url: "/sign-in" not in url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
