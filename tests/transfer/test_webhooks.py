"""Webhooks against a real listener: signed, retried, logged, switched off, with a person's rights."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.access import SYSTEM, Database
from app.clock import Clock, utcnow
from app.errors import BadRequest, Forbidden
from app.node import Node
from app.transfer import webhooks as module
from app.transfer.sending import checked_url, resolve

Open = Callable[[str, str], Database]


class Listener(HTTPServer):
    """Keeps what it is sent; answers `status`."""

    status = 200
    received: list[tuple[dict[str, str], bytes]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?x=1"


class Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()
        self.wfile.write(b"thanks")

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def listener(node: Node) -> Iterator[Listener]:
    node.webhooks.loopback = True
    server = Listener(("127.0.0.1", 0), Handler)
    server.received = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def made(node: Node, database: Database, listener: Listener, *events: str) -> tuple[Any, str]:
    return node.webhooks.create(database, listener.url, list(events or module.EVENTS))


def tell(node: Node, hook: Any) -> int:
    node.webhooks.poll()
    return node.webhooks.send(hook.id)


def test_each_event_is_sent_once_and_signed(node: Node, opened: Open, listener: Listener) -> None:
    north = opened("customers", "north")
    hook, secret = made(node, north, listener)
    saved = north.create({"form": "customer", "name": "One", "owner": "north"})
    assert tell(node, hook) == 1
    saved = north.change(saved.id, {"fax": "020-1111111"}, saved.rev)
    assert tell(node, hook) == 1
    north.delete(saved.id, saved.rev)
    assert tell(node, hook) == 1
    assert tell(node, hook) == 0
    events = [json.loads(body) for _, body in listener.received]
    assert [event["event"] for event in events] == ["created", "updated", "deleted"]
    assert events[1]["document"]["fax"] == "020-1111111"
    assert "document" not in events[2]
    headers, body = listener.received[0]
    moment, digest = (part.split("=", 1)[1] for part in headers["Davenport-Signature"].split(","))
    assert hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest() == digest
    assert abs(int(moment) - time.time()) < 60


def test_a_change_within_the_same_millisecond_is_an_update(
    node: Node, opened: Open, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Clock, "frozen", utcnow())
    north = opened("customers", "north")
    hook, _ = made(node, north, listener)
    saved = north.create({"form": "customer", "name": "One", "owner": "north"})
    tell(node, hook)
    north.change(saved.id, {"fax": "020-1111111"}, saved.rev)
    tell(node, hook)
    assert [json.loads(body)["event"] for _, body in listener.received] == ["created", "updated"]


def test_others_documents_are_not_told(node: Node, opened: Open, listener: Listener) -> None:
    hook, _ = made(node, opened("customers", "north"), listener)
    opened("customers", "south").create({"form": "customer", "name": "Hidden", "owner": "south"})
    assert tell(node, hook) == 0
    assert listener.received == []


def test_rights_are_looked_at_when_it_is_sent(node: Node, opened: Open, listener: Listener) -> None:
    north = opened("customers", "north")
    hook, _ = made(node, north, listener)
    saved = north.create({"form": "customer", "name": "Moves", "owner": "north"})
    node.webhooks.poll()
    opened("customers", "admin").change(saved.id, {"owner": "south"})
    assert node.webhooks.send(hook.id) == 0
    assert listener.received == []
    assert node.webhooks.deliveries(hook.id)[0].state == "dropped"


def test_a_person_who_left_tells_nothing(node: Node, opened: Open, listener: Listener) -> None:
    north = opened("customers", "north")
    hook, _ = made(node, north, listener)
    north.create({"form": "customer", "name": "One", "owner": "north"})
    node.webhooks.poll()
    node.directory.change_person(SYSTEM, "north", active=False)
    assert node.webhooks.send(hook.id) == 0
    assert listener.received == []


def test_refusals_are_retried_with_back_off_then_it_is_switched_off(
    node: Node, opened: Open, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TOO_MANY", 3)
    listener.status = 500
    north = opened("customers", "north")
    hook, _ = made(node, north, listener)
    north.create({"form": "customer", "name": "One", "owner": "north"})
    assert tell(node, hook) == 0
    first = node.webhooks.deliveries(hook.id)[0]
    assert (first.state, first.tries, first.status) == ("retry", 1, 500)
    assert first.due > time.time() + 5
    assert tell(node, hook) == 0
    assert len(listener.received) == 1
    for _ in range(2):
        node.webhooks.repeat(hook.id, first.n)
        node.webhooks.send(hook.id)
    off = node.webhooks.get(hook.id)
    assert not off.active
    assert "3 failures" in (off.problem or "")
    listener.status = 200
    node.webhooks.change(hook.id, active=True)
    node.webhooks.repeat(hook.id, first.n)
    assert node.webhooks.send(hook.id) == 1
    assert node.webhooks.get(hook.id).failures == 0


def test_redirects_are_not_followed(node: Node, opened: Open, listener: Listener) -> None:
    listener.status = 302
    north = opened("customers", "north")
    hook, _ = made(node, north, listener)
    north.create({"form": "customer", "name": "One", "owner": "north"})
    assert tell(node, hook) == 0
    assert node.webhooks.deliveries(hook.id)[0].status == 302


def test_the_background_worker_sends_by_itself(node: Node, opened: Open, listener: Listener) -> None:
    north = opened("customers", "north")
    made(node, north, listener)
    node.webhooks.serve()
    north.create({"form": "customer", "name": "One", "owner": "north"})
    for _ in range(100):
        if listener.received:
            break
        time.sleep(0.1)
    assert len(listener.received) == 1


def test_what_was_queued_survives_a_restart(node: Node, opened: Open, listener: Listener) -> None:
    north = opened("customers", "north")
    hook, _ = made(node, north, listener)
    north.create({"form": "customer", "name": "One", "owner": "north"})
    node.webhooks.poll()
    again = module.Webhooks(node.store.node, node.databases, node.directory, loopback=True)
    assert again.send(hook.id) == 1


def test_without_the_right_to_copy_there_is_no_webhook(node: Node, opened: Open) -> None:
    acl = node.databases.acl("customers", SYSTEM)
    from app.access.acl import AclEntry, Level, make

    entry = AclEntry("support", "person", Level.READER, frozenset(), frozenset({"Service"}))
    node.databases.set_acl("customers", SYSTEM, make([*acl.entries.values(), entry]))
    with pytest.raises(Forbidden):
        node.webhooks.create(opened("customers", "support"), "http://example.com/", ["created"])


@pytest.mark.parametrize(
    "url", ["ftp://x/", "http://", "file:///etc/passwd", "http://u:p@x/", "http://a b/", "x", "http://x:0/"]
)
def test_addresses_that_are_none_are_refused(url: str) -> None:
    with pytest.raises(BadRequest):
        checked_url(url)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "169.254.169.254", "0.0.0.0", "::ffff:127.0.0.1", "224.0.0.1"])
def test_addresses_only_this_machine_reaches_are_refused(host: str) -> None:
    with pytest.raises(OSError, match="not allowed"):
        resolve(host, 80, loopback=False)


@pytest.mark.parametrize("wanted", [False, True])
def test_a_setting_lets_webhooks_call_this_machine(data: Path, wanted: bool) -> None:
    (data / "davenport.toml").write_text(f"webhook_loopback = {str(wanted).lower()}\n", encoding="utf-8")
    with Node.open(data) as node:
        assert node.webhooks.loopback is wanted


def test_management_over_rest(node: Node, call: Any) -> None:
    sent = {"database": "customers", "url": "http://erp.example/hook", "events": ["created"], "label": "ERP"}
    answer = call("north", "POST", "/webhooks", json=sent)
    assert answer.status_code == 201
    assert answer.json["secret"]
    path = f"/webhooks/{answer.json['id']}"
    assert "secret" not in call("north", "GET", path).json
    assert call("south", "GET", path).status_code == 404
    assert call("south", "DELETE", path).status_code == 404
    assert [hook["id"] for hook in call("admin", "GET", "/webhooks").json] == [answer.json["id"]]
    assert call("north", "PATCH", path, json={"active": False}).json["active"] is False
    assert call("north", "PATCH", path, json={"events": ["sometimes"]}).status_code == 400
    assert call("north", "DELETE", path).status_code == 204
    assert call("outsider", "POST", "/webhooks", json=sent).status_code == 404
