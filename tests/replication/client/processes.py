"""Hub and laptops as a user runs them: `davenport …` in processes of their own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from tests.conftest import PASSWORD

DAVENPORT = [sys.executable, "-c", "import sys; from app.web.cli import main; sys.exit(main())"]
PATIENCE = 30.0  # seconds until something that must happen has happened


def davenport(*arguments: object, sign: int = 0) -> subprocess.CompletedProcess[str]:
    """A command to its end."""
    found = subprocess.run(
        [*DAVENPORT, *map(str, arguments)], capture_output=True, text=True, input=PASSWORD + "\n", timeout=120
    )
    assert found.returncode == sign, found.stderr + found.stdout
    return found


class Served:
    """`davenport serve DATA`; a REST client as one person."""

    def __init__(self, data: Path, *options: str, port: int = 0) -> None:
        self.data = data
        command = [*DAVENPORT, "serve", str(data), "--port", str(port), *options]
        self.log = data.with_suffix(".log").open("ab")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://[^\s]+:(\d+)", line)
        assert found is not None, data.with_suffix(".log").read_text(encoding="utf-8")
        self.url, self.port = found[0], int(found[1])

    def kill(self) -> None:
        """As when the power goes."""
        self.process.kill()
        self._end()

    def stop(self) -> int:
        """As Ctrl+C; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self._end()

    def _end(self) -> int:
        status = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.log.close()
        return status

    def call(self, person: str, method: str, path: str, **options: Any) -> requests.Response:
        """REST."""
        return requests.request(method, f"{self.url}/api/v1{path}", auth=(person, PASSWORD), timeout=60, **options)

    def get(self, person: str, id: str, database: str = "notes") -> Any:
        """A document, None when it is not there."""
        found = self.call(person, "GET", f"/databases/{database}/documents/{id}")
        return found.json() if found.status_code == 200 else None

    def put(self, person: str, id: str, rev: str | None = None, database: str = "notes", **items: Any) -> str:
        """Save; the revision."""
        body = {**items, **({"_rev": rev} if rev else {"_id": id})}
        method, path = ("PUT", f"/{id}") if rev else ("POST", "")
        found = self.call(person, method, f"/databases/{database}/documents{path}", json=body)
        assert found.status_code in (200, 201), found.text
        return str(found.json()["rev"])

    def run(self, person: str) -> Any:
        """A round now."""
        found = self.call(person, "POST", "/replication/run")
        assert found.status_code == 200, found.text
        return found.json()


def until(what: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """What it answers once that is true."""
    deadline = time.monotonic() + seconds
    while True:
        found = what()
        if found or time.monotonic() > deadline:
            assert found
            return found
        time.sleep(0.05)
