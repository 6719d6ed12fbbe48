"""Hub and laptops as real processes: live both ways, killed in the middle, revoked, two at once on one directory."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.access import SYSTEM
from app.access.acl import make
from app.node import Node
from app.store import Context, Edit
from tests.conftest import PASSWORD
from tests.replication.client import faulty
from tests.replication.client.faulty import Faulty
from tests.replication.client.processes import DAVENPORT, Served, davenport, until
from tests.replication.conftest import ACL

MANY = 4_000


@pytest.fixture
def notes() -> None:
    """Not the fixture of the folder above: the hub is another process here."""


@pytest.fixture
def site(data: Path, tmp_path: Path) -> Iterator[tuple[Served, Path]]:
    """A hub with `notes`, and the folder for laptops. Laptops that a test left running are stopped."""
    with Node.open(data) as node:
        node.databases.create("notes", SYSTEM, make(ACL))
    hub = Served(data)
    yield hub, tmp_path / "laptop"
    if hub.process.poll() is None:
        hub.stop()


def fill(data: Path, many: int = MANY) -> None:
    """Documents that everybody reads, without the door's price for each."""
    with Node.open(data) as node:
        raw = node.store.database("notes")
        body = {"text": "x" * 500, "readers": ["*"], "authors": ["*"]}
        context = Context("south", "2026-11-22T08:00:00.000Z")
        raw.put_many([Edit(f"n{number:05}", None, body | {"n": number}) for number in range(many)], context)


def join(hub: Served, data: Path, person: str = "north", url: str | None = None) -> None:
    davenport("join", url or hub.url, data, "--person", person, "--password-file", "-")


def test_edits_are_on_the_other_side_without_anybody_asking(site: tuple[Served, Path]) -> None:
    hub, data = site
    join(hub, data)
    laptop = Served(data)
    try:
        until(lambda: laptop.call("north", "GET", "/replication").json()["upstream"]["state"] == "ok")
        rev = hub.put("south", "a", title="from the hub")
        until(lambda: laptop.get("north", "a"))
        laptop.put("north", "a", rev, title="from the laptop")
        until(lambda: hub.get("south", "a")["title"] == "from the laptop")
        davenport("replicate", data)  # another process, while it serves
    finally:
        laptop.stop()


def test_work_without_a_hub_and_in_step_when_it_returns(site: tuple[Served, Path]) -> None:
    hub, data = site
    hub.put("south", "a", title="x")
    join(hub, data)
    laptop = Served(data)
    try:
        port = hub.port
        hub.kill()
        until(lambda: laptop.call("north", "GET", "/replication").json()["upstream"]["state"] == "offline")
        laptop.put("north", "b", title="alone")
        assert laptop.call("north", "POST", "/replication/run").status_code == 503
        hub = Served(hub.data, port=port)
        until(lambda: hub.get("north", "b"))
        until(lambda: laptop.call("north", "GET", "/replication").json()["upstream"]["state"] == "ok")
    finally:
        laptop.stop()
        hub.stop()


def test_no_replicate_contacts_the_hub_only_when_asked(site: tuple[Served, Path]) -> None:
    hub, data = site
    join(hub, data)
    laptop = Served(data, "--no-replicate")
    try:
        laptop.put("north", "b", title="mine")
        hub.put("south", "a", title="theirs")
        time.sleep(2)
        assert hub.get("north", "b") is None
        assert laptop.get("north", "a") is None
        told = laptop.run("north")
        assert hub.get("north", "b")
        assert laptop.get("north", "a")
        assert all(row["unsent"] == 0 for row in told["databases"])
    finally:
        laptop.stop()


@pytest.mark.parametrize("moment", [0.2, 0.5, 0.9, 1.4, 2.0])
def test_a_first_sync_killed_at_any_point_goes_on(moment: float, site: tuple[Served, Path]) -> None:
    hub, data = site
    fill(hub.data)
    with Faulty(hub.url, lambda number, method, path: faulty.slow(0.001) if "_pull" in path else None) as proxy:
        command = [*DAVENPORT, "join", proxy.url, str(data), "--person", "north", "--password-file", "-"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        assert process.stdin is not None
        process.stdin.write(PASSWORD.encode() + b"\n")
        process.stdin.close()
        time.sleep(0.8 + moment)
        process.kill()
        process.wait()
        join(hub, data, url=proxy.url)
    with Node.open(data) as node:
        assert node.store.database("notes").info().documents == MANY
        assert node.store.check() == []


@pytest.mark.parametrize("moment", [0.05, 0.3, 0.6])
def test_a_push_killed_at_any_point_loses_nothing(moment: float, site: tuple[Served, Path]) -> None:
    hub, data = site
    join(hub, data)
    with Node.open(data) as node:
        raw = node.store.database("notes")
        body = {"text": "x" * 300, "readers": ["*"], "authors": ["*"]}
        context = Context("north", "2026-11-22T08:00:00.000Z")
        raw.put_many([Edit(f"m{number:05}", None, body | {"n": number}) for number in range(1_500)], context)
    process = subprocess.Popen(
        [*DAVENPORT, "replicate", str(data)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    time.sleep(1.0 + moment)
    process.kill()
    process.wait()
    davenport("replicate", data)
    status = json.loads(davenport("status", data, "--json").stdout)
    assert [row["unsent"] for row in status["databases"] if row["name"] == "notes"] == [0]
    hub.stop()
    with Node.open(hub.data) as node:
        assert node.store.database("notes").info().documents == 1_501  # with the ACL
        assert node.store.check() == []


def test_a_revoked_laptop_is_empty_after_its_next_contact(site: tuple[Served, Path]) -> None:
    hub, data = site
    hub.put("south", "a", title="secret of the firm")
    join(hub, data)
    laptop = Served(data)
    with Node.open(hub.data) as node:
        device = node.secrets.devices.list("north")[0]
        node.secrets.devices.revoke(device.id)
    assert laptop.process.wait(60) == 1
    laptop._end()
    assert list(data.iterdir()) == []
    with Node.open(hub.data) as node:
        assert node.secrets.devices.list("north")[0].state == "wiped"


def test_rounds_of_several_processes_wait_for_each_other(site: tuple[Served, Path]) -> None:
    hub, data = site
    fill(hub.data, 500)
    join(hub, data)
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(davenport("replicate", data).returncode)) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [0, 0, 0]


def test_what_the_command_line_says_when_it_cannot(site: tuple[Served, Path], tmp_path: Path) -> None:
    hub, data = site
    wrong = tmp_path / "wrong"
    wrong.write_text("not it\n", encoding="utf-8")
    said = davenport("join", hub.url, data, "--person", "north", "--password-file", wrong, sign=1)
    assert said.stderr == "davenport: The name or the password is wrong.\n"
    assert not data.exists()
    assert "no hub" in davenport("replicate", hub.data, sign=1).stderr
    join(hub, data)
    join(hub, data)  # again: goes on
    assert "belongs to" in davenport("join", hub.url, data, "--person", "south", "--password-file", "-", sign=1).stderr
    hub.stop()
    assert "cannot be reached" in davenport("replicate", data, sign=1).stderr


@pytest.mark.skipif(os.name == "nt", reason="a file system of a fixed size needs Linux")
def test_a_full_disk_stops_with_a_sentence_and_goes_on(site: tuple[Served, Path]) -> None:
    hub, data = site
    small = data.parent / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(small)], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        join(hub, small / "laptop")
        fill(hub.data)
        said = davenport("replicate", small / "laptop", sign=1).stderr
        assert "The disk of this machine is full" in said
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
        davenport("replicate", small / "laptop")
        with Node.open(small / "laptop") as node:
            assert node.store.database("notes").info().documents == MANY
    finally:
        subprocess.run(["umount", "-l", str(small)], check=False)
