"""A node that serves on a free port, and real browsers of the people of tests/conftest.py.

`visit("north", "/db/customers/…")` gives a page of a browser of their own; whatever the console complains about,
refusals of the content policy included, fails the test.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page
from waitress.server import create_server

from app.access import Database
from tests.conftest import PASSWORD

Visit = Callable[[str, str], Page]


@pytest.fixture
def server(app: Flask) -> Iterator[str]:
    """The address of the node."""
    made = create_server(app, host="127.0.0.1", port=0, threads=4)

    def serve() -> None:
        with contextlib.suppress(OSError):  # its socket is closed under its feet at the end
            made.run()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{made.effective_port}"
    made.close()
    thread.join(5)


@pytest.fixture
def visit(browser: Browser, server: str) -> Iterator[Visit]:
    """`visit(person, path)`: that page, in the person's own browser."""
    contexts: dict[str, BrowserContext] = {}
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    def visiting(person: str, path: str) -> Page:
        known = person in contexts
        if not known:
            contexts[person] = browser.new_context(locale="en", accept_downloads=True)
            contexts[person].set_default_timeout(8_000)
        page = contexts[person].new_page()
        page.on("console", heard)
        page.on("pageerror", lambda problem: complaints.append(str(problem)))
        if not known:
            page.goto(f"{server}/sign-in")
            page.fill("[name=name]", person)
            page.fill("[name=password]", PASSWORD)
            page.click("button:has-text('Sign in')")
            page.wait_for_url(f"{server}/")
        page.goto(server + path)
        return page

    yield visiting
    for context in contexts.values():
        context.close()
    assert complaints == []


@pytest.fixture
def customer(opened: Callable[[str, str], Database]) -> str:
    """The id of a customer of north."""
    items = {"form": "customer", "name": "Nahua Foods", "phone": "0571-88001234", "owner": "north"}
    return opened("customers", "north").create(items).id
