"""The replication page on a hub, and the page of the first start, without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from app.errors import UserError
from app.web.firststart import Door, loopback_only
from tests.conftest import PASSWORD

OWN = {"Origin": "http://localhost", "Accept-Language": "en"}


@pytest.fixture
def hub(app: Flask) -> Iterator[str]:
    """The node of tests/conftest.py behind a socket."""
    import threading

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def client_of(door: Door) -> Any:
    """A client of whatever the door shows."""
    from werkzeug.test import Client

    return Client(door)


def typed(hub: str, password: str = PASSWORD) -> dict[str, str]:
    return {"hub": hub, "name": "north", "password": password}


def test_the_page_joins_and_gives_way_to_the_node(hub: str, tmp_path: Path) -> None:
    from app.web import create_app

    door = Door(tmp_path / "laptop", create_app)
    browser = client_of(door)
    assert b"Address of the hub" in browser.get("/", headers=OWN).data
    refused = browser.post("/", data=typed(hub, "wrong"), headers=OWN)
    assert b"The name or the password is wrong." in refused.data
    assert door.node is None
    joined = browser.post("/", data=typed(hub), headers=OWN)
    assert joined.location == "/sign-in?next=/replication"
    assert door.node is not None
    try:
        assert b'name="password"' in browser.get("/sign-in", headers=OWN).data
        assert door.node.secrets.verify("north", PASSWORD).key == "north"
    finally:
        door.node.close()


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {}, {"Origin": "http://localhost", "Host": "evil.example"}]
)
def test_a_form_of_another_site_joins_nothing(headers: dict[str, str], hub: str, tmp_path: Path) -> None:
    door = Door(tmp_path / "laptop", lambda node: pytest.fail("joined"))
    assert client_of(door).post("/", data=typed(hub), headers=headers).status_code == 403
    assert not (tmp_path / "laptop").exists()


def test_the_page_is_for_this_machine_alone() -> None:
    for host in ("127.0.0.1", "::1", "localhost"):
        loopback_only(host)
    for host in ("0.0.0.0", "192.168.1.5", "example.com"):
        with pytest.raises(UserError):
            loopback_only(host)
