"""A CouchDB server at the other end of a replication, asked over HTTP: pouchdb-server from npm, started here, or the
server that `COUCHDB_URL` names (`http://admin:secret@127.0.0.1:5984`)."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

POUCH = Path(__file__).parent / "pouch"
GIVEN = os.environ.get("COUCHDB_URL", "").rstrip("/")
READY = 30.0  # seconds for the server to answer first
USUAL = 20.0  # seconds for what a continuous replication brings


class Foreign:
    """A server with `_replicate`."""

    def __init__(self, address: str, pouch: bool) -> None:
        self.address, self.pouch = address, pouch

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """The JSON it answers. AssertionError when it refuses."""
        answer = requests.request(method, f"{self.address}{path}", timeout=60, **options)
        assert answer.ok, answer.text
        return answer.json()

    def create(self) -> Base:
        """A new database."""
        name = f"davenport-{uuid.uuid4().hex}"
        self.ask("PUT", f"/{name}")
        return Base(self, name)

    def replicate(self, source: str, target: str, **options: Any) -> dict[str, Any]:
        """One `_replicate`."""
        found: dict[str, Any] = self.ask("POST", "/_replicate", json={"source": source, "target": target, **options})
        return found


class Base:
    """A database on it."""

    def __init__(self, server: Foreign, name: str) -> None:
        self.server, self.name = server, name
        # CouchDB asks for whole addresses; pouchdb-server knows its own databases by name
        self.address = name if server.pouch else f"{server.address}/{name}"

    def ask(self, method: str, path: str = "", **options: Any) -> Any:
        """As `Foreign.ask`."""
        return self.server.ask(method, f"/{self.name}{path}", **options)

    def pull(self, gateway: str, **options: Any) -> dict[str, Any]:
        """From the gateway to here; the counts of this run."""
        return counts(self.server.replicate(gateway, self.address, **options))

    def push(self, gateway: str, **options: Any) -> dict[str, Any]:
        """From here to the gateway; the counts of this run."""
        return counts(self.server.replicate(self.address, gateway, **options))

    def put(self, id: str, **items: Any) -> str:
        """Saves a document over the one there is; its revision."""
        there = self.find(id)
        rev = {"_rev": there["_rev"]} if there else {}
        rest = {"_attachments": there["_attachments"]} if there and "_attachments" in there else {}
        saved: str = self.ask("PUT", f"/{quote(id, safe='')}", json={**rest, **rev, **items})["rev"]
        return saved

    def remove(self, id: str) -> None:
        """A tombstone."""
        self.ask("DELETE", f"/{quote(id, safe='')}", params={"rev": self.get(id)["_rev"]})

    def get(self, id: str) -> dict[str, Any]:
        """The winner, with the names of other live leaves."""
        found: dict[str, Any] = self.ask("GET", f"/{quote(id, safe='')}", params={"conflicts": "true"})
        return found

    def find(self, id: str) -> dict[str, Any] | None:
        """As `get`; None when it is not there."""
        return self.get(id) if id in self.ids() else None

    def leaves(self, id: str) -> list[tuple[str, bool]]:
        """Every leaf: revision, whether deleted."""
        asked = {"open_revs": "all"}
        found = self.ask("GET", f"/{quote(id, safe='')}", params=asked, headers={"Accept": "application/json"})
        return sorted((each["ok"]["_rev"], bool(each["ok"].get("_deleted"))) for each in found)

    def ids(self) -> list[str]:
        """Live documents."""
        return [row["id"] for row in self.ask("GET", "/_all_docs")["rows"]]

    def everything(self) -> str:
        """All that was ever told to it, as text: live documents and tombstones."""
        asked = {"include_docs": "true", "style": "all_docs", "attachments": "true"}
        rows = self.ask("GET", "/_changes", params=asked)["results"]
        return repr(rows)

    def attachment(self, id: str, name: str) -> bytes:
        """The content of an attachment."""
        found = self.ask(
            "GET",
            f"/{quote(id, safe='')}",
            params={"attachments": "true"},
            headers={"Accept": "application/json"},
        )
        return base64.b64decode(found["_attachments"][name]["data"])


def until(reached: Callable[[], bool], what: str) -> None:
    """Asks again and again. AssertionError after a while."""
    end = time.monotonic() + USUAL
    while not reached():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def counts(answer: dict[str, Any]) -> dict[str, int]:
    """{read, written, failures} of a run. CouchDB tells in its history the sums of all runs so far, newest first."""
    if answer.get("no_changes") or "history" not in answer:
        return dict.fromkeys(NAMES, 0)
    if "docs_read" in answer:
        return {name: answer[told] for name, told in NAMES.items()}
    newest, before = (*answer["history"], {})[:2]
    return {name: newest[told] - before.get(told, 0) for name, told in NAMES.items()}


NAMES = {"read": "docs_read", "written": "docs_written", "failures": "doc_write_failures"}


@contextmanager
def running(folder: Path) -> Iterator[Foreign]:
    """The server that is given, or pouchdb-server in memory for as long as this lasts."""
    if GIVEN:
        yield Foreign(GIVEN, pouch="express-pouchdb" in requests.get(GIVEN, timeout=10).text)
        return
    with socket.socket() as free:  # pouchdb-server has no port 0
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = POUCH / "node_modules" / "pouchdb-server" / "bin" / "pouchdb-server"
    # it leaves rejected promises alone, which would end Node otherwise
    command = ["node", "--unhandled-rejections=warn", str(program), "--in-memory", "--no-stdout-logs"]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--dir", str(folder)], cwd=folder, stdout=output, stderr=output
        )
        try:
            address = f"http://127.0.0.1:{port}"
            end = time.monotonic() + READY
            while not _answers(address):
                assert process.poll() is None, (folder / "output").read_text()
                assert time.monotonic() < end, "pouchdb-server does not answer"
                time.sleep(0.05)
            yield Foreign(address, pouch=True)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=5).ok
    except requests.ConnectionError:
        return False
