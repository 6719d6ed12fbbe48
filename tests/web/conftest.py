"""A small company on a node that serves, for tests of the frame and the views; real browsers of its people.

firm       an open node (made once a run): 64 customers and 12 deals of north, 4 customers of south
web        `web("north")`: a Flask test client, signed in
visit      `visit("north", "/db/…")`: that page in a real browser; what the console complains about, refusals of the
           content policy and requests to other sites fail the test
"""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, BrowserContext, Page
from waitress.server import create_server

from app.access import Database, Identity
from app.node import Node
from app.web import create_app
from tests.conftest import PASSWORD, QUICK

STAGES = ("lead", "qualified", "proposal", "negotiation")

Web = Callable[[str], FlaskClient]
Visit = Callable[..., Page]


def database(node: Node, name: str, person: str) -> Database:
    """A database opened for somebody."""
    found = node.directory.person(person)
    assert found is not None
    return node.databases.open(name, Identity(found))


def fill(node: Node) -> None:
    """The company's records."""
    north, south = database(node, "customers", "north"), database(node, "customers", "south")
    first = ""
    for number in range(64):
        name = "上海锦绣贸易" if number == 5 else f"Alder Trading {number:02d}"
        kind = ("existing", "potential", "partner", "agent")[number % 4]
        phone = f"021-6{number:07d}"
        saved = north.create(
            {"form": "customer", "name": name, "class": kind, "phone": phone, "industry": "food_production"}
        )
        first = first or saved.id
    for number in range(4):
        south.create(
            {
                "form": "customer",
                "name": f"Birch Secret {number}",
                "class": "existing",
                "phone": f"0755-{number}1234567",
            }
        )
    deals = database(node, "deals", "north")
    for number in range(12):
        deals.create(
            {
                "form": "deal",
                "title": f"Order {number:02d}",
                "customer": first,
                "stage": STAGES[number % 4],
                "amount": 1000 * (number + 1),
                "currency": "CNY",
                "probability": 50,
                "opened_at": "2026-01-05",
                "close_date": "2026-12-20",
                "payment_plan": [{"due": "2026-12-01", "amount": 100}],
            }
        )


@pytest.fixture(scope="session")
def firm(made_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """The company's node, open for the whole run."""
    data = tmp_path_factory.mktemp("firm") / "node"
    shutil.copytree(made_once, data)
    with Node.open(data) as node:
        node.secrets._hasher = QUICK
        fill(node)
        node.views.catch_up()
        yield node


@pytest.fixture(scope="session")
def firm_app(firm: Node) -> Flask:
    """The application over it."""
    return create_app(firm)


def sign_in(client: FlaskClient, person: str, **more: str) -> object:
    """Sign in on the page; the answer."""
    token = csrf(client, "/sign-in")
    return client.post("/sign-in", data={"name": person, "password": PASSWORD, "csrf_token": token, **more})


def csrf(client: FlaskClient, path: str = "/") -> str:
    """The forgery token of a page."""
    found = re.search(r'name="csrf-token" content="([^"]+)"', client.get(path).text)
    assert found is not None
    return found[1]


@pytest.fixture
def web(firm_app: Flask) -> Web:
    """Signed-in clients."""

    def opening(person: str) -> FlaskClient:
        client = firm_app.test_client()
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
        sign_in(client, person)
        return client

    return opening


@pytest.fixture(scope="session")
def site(firm_app: Flask) -> Iterator[str]:
    """The address of the company's node."""
    made = create_server(firm_app, host="127.0.0.1", port=0, threads=6)
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{made.effective_port}"
    made.close()
    thread.join(5)


@pytest.fixture
def visit(browser: Browser, site: str) -> Iterator[Visit]:
    """Pages in real browsers, one browser a person."""
    contexts: dict[str, BrowserContext] = {}
    complaints: list[str] = []

    def watch(page: Page) -> None:
        def heard(kind: str, text: str) -> None:
            if kind == "error" and "Failed to load resource" not in text:
                complaints.append(text)

        page.on("console", lambda message: heard(message.type, message.text))
        page.on("pageerror", lambda problem: complaints.append(str(problem)))
        page.on("request", lambda request: complaints.append(request.url) if foreign(request.url) else None)

    def foreign(url: str) -> bool:
        return not url.startswith((site + "/", "data:", "blob:"))

    def visiting(person: str, path: str = "/", *, width: int = 1280, height: int = 800) -> Page:
        if person not in contexts:
            contexts[person] = browser.new_context(
                base_url=site, locale="en", viewport={"width": width, "height": height}
            )
            contexts[person].set_default_timeout(8_000)
        page = contexts[person].new_page()
        watch(page)
        page.goto(path)
        if "/sign-in" in page.url:
            page.fill("#field-name", person)
            page.fill("#field-password", PASSWORD)
            page.click("form.panel button[type=submit]")
            page.wait_for_url(lambda url: "/sign-in" not in url)
        return page

    yield visiting
    for context in contexts.values():
        context.close()
    assert complaints == []
