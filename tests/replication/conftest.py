"""The gateway over a node: people as in tests/conftest.py, and `notes`, a database without a design.

`sync("north", "GET", "/notes/_changes")` calls the gateway as somebody. `push("north", "notes", doc, …)` sends
revisions made elsewhere and gives the refusals.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from app.access import SYSTEM
from app.access.acl import make
from app.node import Node
from tests.conftest import PASSWORD

Sync = Callable[..., Any]
FULL = ["create", "delete", "replicate_or_copy"]
ACL = {
    "-Default-": {"level": "editor", "flags": FULL},
    "admins": {"type": "group", "level": "manager", "flags": FULL},
    "support": {"type": "person", "level": "reader", "flags": ["replicate_or_copy"]},
    "leader": {"type": "person", "level": "author", "flags": FULL},
    "outsider": {"type": "person", "level": "editor", "flags": ["create", "delete"]},
}


@pytest.fixture(autouse=True)
def notes(node: Node) -> str:
    """A database without a design: north, south editors; leader author; support reader; outsider may not copy."""
    node.databases.create("notes", SYSTEM, make(ACL))
    return "notes"


@pytest.fixture
def sync(client: FlaskClient) -> Sync:
    """The gateway as a person; None: nobody."""

    def calling(person: str | None, method: str, path: str, **options: Any) -> Any:
        auth = (person, PASSWORD) if person else None
        options.setdefault("buffered", True)
        return client.open("/sync" + path, method=method, auth=auth, **options)

    return calling


@pytest.fixture
def push(sync: Sync) -> Callable[..., Any]:
    """Revisions made elsewhere; the answer is the list of refusals."""

    def pushing(person: str, database: str, *docs: dict[str, Any]) -> Any:
        answer = sync(person, "POST", f"/{database}/_bulk_docs", json={"docs": list(docs), "new_edits": False})
        assert answer.status_code == 201, answer.json
        return answer.json

    return pushing


@pytest.fixture
def served(app: Flask) -> Iterator[str]:
    """The same application behind a real socket; its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def revision(id: str, *path: str, **items: Any) -> dict[str, Any]:
    """A revision made elsewhere: `revision("a", "2-bb", "1-aa", title="x")`, newest first."""
    start = int(path[0].partition("-")[0])
    ids = [rev.partition("-")[2] for rev in path]
    return {"_id": id, "_rev": path[0], "_revisions": {"start": start, "ids": ids}, **items}
