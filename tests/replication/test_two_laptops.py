"""A hub and two laptops as real processes: both are edited without a network, and a person settles in the page what the
hub could not merge."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser

from tests.conftest import PASSWORD

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("DAVENPORT_")}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "from app.web.cli import main; main()", *arguments]


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """`serve(data)`: the node in a process of its own; its address."""
    with ExitStack() as running:

        def start(data: Path, *options: str) -> str:
            serving = command("serve", str(data), "--port", "0", *options)
            process = running.enter_context(
                subprocess.Popen(serving, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
            )
            running.callback(process.terminate)
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"http://[\w.:]+", line)
            assert found, line
            return found[0]

        yield start


class Laptop:
    """A person's laptop, asked over REST."""

    def __init__(self, address: str, person: str) -> None:
        self.address, self.person = address, person

    def ask(self, method: str, path: str, **json: Any) -> Any:
        answer = requests.request(
            method, f"{self.address}/api/v1{path}", auth=(self.person, PASSWORD), json=json or None, timeout=60
        )
        assert answer.ok, answer.text
        return answer.json()

    def document(self, id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", f"/databases/customers/documents/{id}?conflicts=true")
        return found

    def change(self, id: str, **items: Any) -> None:
        self.ask("PATCH", f"/databases/customers/documents/{id}", _rev=self.document(id)["_rev"], **items)

    def sync(self) -> None:
        self.ask("POST", "/replication/run")


@pytest.fixture
def three(made_once: Path, tmp_path: Path, serve: Callable[..., str]) -> list[Laptop]:
    """The laptops of north and leader, and the hub as north sees it."""
    shutil.copytree(made_once, tmp_path / "hub")
    (tmp_path / "password").write_text(PASSWORD)
    hub = serve(tmp_path / "hub")
    found = []
    for person in ("north", "leader"):
        data = tmp_path / person
        joining = command("join", hub, str(data), "--person", person, "--password-file", str(tmp_path / "password"))
        done = subprocess.run(joining, capture_output=True, text=True, timeout=120, env=ENVIRONMENT)
        assert done.returncode == 0, done.stderr
        found.append(Laptop(serve(data, "--no-replicate"), person))
    return [*found, Laptop(hub, "north")]


def test_edits_without_a_network_meet_and_are_settled_in_the_page(three: list[Laptop], browser: Browser) -> None:
    north, leader, hub = three
    items = {"form": "customer", "name": "Acme", "class": "existing", "owner": "north", "phone": "020-1111111"}
    id = north.ask("POST", "/databases/customers/documents", **items)["id"]
    for laptop in (north, leader):
        laptop.sync()
    north.change(id, phone="020-2222222", address="Harbour Road 1")
    leader.change(id, phone="020-3333333", fax="020-4444444")
    for laptop in (north, leader, north):
        laptop.sync()
    assert len(north.document(id)["_conflicts"]) == 1
    assert north.document(id) == leader.document(id) == hub.document(id)

    settle_in_the_page(browser, north)
    for laptop in (north, leader):
        laptop.sync()
    found = north.document(id)
    assert found == leader.document(id) == hub.document(id)
    assert "_conflicts" not in found
    assert found["phone"] in ("020-2222222", "020-3333333")
    assert (found["address"], found["fax"]) == ("Harbour Road 1", "020-4444444")
    told = repr(hub.ask("GET", f"/databases/customers/documents/{id}/history"))
    assert all(value in told for value in ("020-1111111", "020-2222222", "020-3333333"))


def settle_in_the_page(browser: Browser, laptop: Laptop) -> None:
    """From the number in the header to the one button; what only one side changed is chosen already."""
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    page.goto(f"{laptop.address}/sign-in")
    page.fill("[name=name]", laptop.person)
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.locator("a.conflicts-waiting").click()
    page.get_by_role("link", name="Acme").click()
    with page.expect_navigation():
        page.locator("#settle").click()
    assert page.locator("a.conflicts-waiting").count() == 0
    context.close()
