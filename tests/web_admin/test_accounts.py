"""One's own page, tokens, forgotten passwords by mail, the log, set-up, webhooks."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from flask_mail import email_dispatched

from app.transfer.sending import signature

if TYPE_CHECKING:
    from tests.web_admin.conftest import Client, Web


@pytest.fixture
def mails() -> Any:
    found: list[Any] = []

    def keep(sender: Any, message: Any, **_more: Any) -> None:
        found.append(message)

    email_dispatched.connect(keep)
    yield found
    email_dispatched.disconnect(keep)


def wait_for(condition: Callable[[], Any]) -> None:
    for _ in range(200):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen")


def test_profile(web: Web) -> None:
    north = web.sign_in("north")
    north.get("/me")
    north.post("/me", {"language": "zh", "zone": "Europe/Berlin", "mobile": "13901080003", "theme": "dark"})
    person = web.node.directory.person("north")
    assert person is not None
    assert (person.language, person.zone) == ("zh", "Europe/Berlin")
    assert north.client.get_cookie("theme").value == "dark"  # type: ignore[union-attr]
    north.post("/me", {"zone": "Mars/Olympus"}, 400)


def test_own_password_and_sessions(web: Web) -> None:
    north, elsewhere = web.sign_in("north"), web.sign_in("north")
    north.get("/me/password")
    new = {"password": "a new one 1", "again": "a new one 1"}
    north.post("/me/password", {"old": "wrong", **new}, 400)
    north.post("/me/password", {"old": "rain on tin", **new})
    elsewhere.get("/", 302)
    north.get("/")
    other = web.sign_in("north", "a new one 1")
    north.post("/me/sign-out-everywhere")
    other.get("/", 302)


def test_a_token_is_shown_once_and_scoped(web: Web) -> None:
    north = web.sign_in("north")
    north.get("/me/tokens")
    north.post("/me/tokens", {"label": "", "days": "30"}, 400)
    sent = {"label": "ERP", "days": "30", "which": "some", "databases": ["customers", "secret"], "write": "0"}
    page = north.post("/me/tokens", sent, 200)
    secret = re.search(r'class="secret">(dvp_[^<]+)<', page.text)
    assert secret
    assert secret[1] not in north.get("/me/tokens")
    token = web.node.secrets.tokens.list("north")[0]
    assert (token.scope.databases, token.scope.write) == (frozenset({"customers"}), False)
    south = web.sign_in("south")
    south.get("/me/tokens")
    south.post(f"/me/tokens/{token.id}/revoke", status=404)
    north.post(f"/me/tokens/{token.id}/revoke")
    assert web.node.secrets.identify(secret[1]) is None


def test_forgotten_without_a_relay(web: Web) -> None:
    assert "Ask your administrator" in web.anonymous().get("/password/forgotten")


def test_forgotten_mails_a_link_and_says_the_same_to_everybody(
    with_settings: Callable[..., Web], mails: list[Any]
) -> None:
    web = with_settings(mail_server="relay.example.org", base_url="https://crm.example.org", organisation="Acme")
    client = web.anonymous()
    client.get("/password/forgotten")
    unknown = client.post("/password/forgotten", {"name": "nobody"}, 200)
    known = client.post("/password/forgotten", {"name": "north"}, 200)
    assert unknown.text.replace("nobody", "") == known.text.replace("north", "")
    wait_for(lambda: mails)
    assert mails[0].recipients == ["north@example.org"]
    link = re.search(r"https://crm\.example\.org(/password/\S+)", mails[0].body)
    assert link
    client.get(link[1])
    client.post(link[1], {"password": "remembered 1", "again": "remembered 1"})
    client.get("/")
    client.post("/password/forgotten", {"name": "north"}, 200)
    time.sleep(0.1)
    assert len(mails) == 1, "not again within minutes"


def test_strangers_do_not_choose_where_the_link_points(with_settings: Callable[..., Web]) -> None:
    web = with_settings(mail_server="relay.example.org")
    page = web.anonymous().get("/password/forgotten", headers={"Host": "evil.example.org", "Accept-Language": "en"})
    assert "Ask your administrator" in page


def test_the_log_is_searched_and_taken_away(web: Web, ada: Client) -> None:
    web.sign_in("north")
    page = ada.get("/admin/audit/?event=sign_in&person=north")
    assert "Signed in" in page
    assert "Nothing in the log fits" in ada.get("/admin/audit/?since=2001-01-01&until=2001-01-02")
    csv = ada.get("/admin/audit/log.csv?event=sign_in")
    assert "North (north)" in csv
    assert web.node.audit.search(event="export", limit=1)[0].subject == "audit"


def test_set_up(with_settings: Callable[..., Web], mails: list[Any]) -> None:
    web = with_settings(mail_server="relay.example.org", organisation="Acme")
    ada = web.sign_in("ada")
    page = ada.get("/admin/setup/")
    assert page.count('class="step ') == 8
    assert re.search(r'class="step missing" id="step-mail"', page)
    ada.post("/admin/setup/test-mail", {"to": "not an address"})
    ada.post("/admin/setup/test-mail", {"to": "ada@example.org"})
    assert mails[0].recipients == ["ada@example.org"]
    assert re.search(r'class="step done" id="step-mail"', ada.get("/admin/setup/"))


@pytest.fixture
def receiver() -> Any:
    got: list[Any] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", got
    server.shutdown()
    server.server_close()


def test_webhooks(web: Web, ada: Client, receiver: Any) -> None:
    url, got = receiver
    web.node.webhooks.loopback = True
    ada.get("/me/webhooks")
    ada.post("/me/webhooks", {"database": "customers", "url": url, "events": []}, 400)
    page = ada.post("/me/webhooks", {"database": "customers", "url": url, "events": ["created"], "label": "ERP"}, 200)
    secret = re.search(r'class="secret">([^<]+)<', page.text)
    hook = web.node.webhooks.list()[0]
    assert secret
    assert secret[1] not in ada.get(f"/webhooks/{hook.id}")
    assert "The test arrived" in ada.post(f"/webhooks/{hook.id}/test", status=200).text
    headers, body = got[0]
    moment = int(re.search(r"\d{9,}", headers["Davenport-Signature"])[0])  # type: ignore[index]
    assert headers["Davenport-Signature"] == signature(secret[1], moment, body)
    ada.post(f"/webhooks/{hook.id}", {"active": "0"})
    assert not web.node.webhooks.get(hook.id).active
    north = web.sign_in("north")
    north.get(f"/webhooks/{hook.id}", 404)
    assert "ERP" in ada.get("/admin/webhooks")
    ada.post(f"/webhooks/{hook.id}/remove")
    assert not web.node.webhooks.list()
