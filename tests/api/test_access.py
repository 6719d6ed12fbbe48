"""Who asks: Basic, tokens with scope and end, the cookie of a page; behind a proxy."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from app.clock import Clock, utcnow
from app.node import Node
from app.settings import Settings
from app.web import create_app

NEW = {"form": "customer", "name": "Northwind", "owner": "north"}
DOCUMENTS = "/databases/customers/documents"


def token(call: Any, person: str = "north", **about: Any) -> dict[str, Any]:
    answer = call(person, "POST", "/tokens", json={"label": "ERP", **about})
    assert answer.status_code == 201, answer.json
    return dict(answer.json)


def bearer(made: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {made['token']}"}


def test_token_acts_as_its_person(call: Any) -> None:
    made = token(call)
    assert call(None, "POST", DOCUMENTS, json=NEW, headers=bearer(made)).status_code == 201
    assert call("north", "GET", "/tokens").json[0]["label"] == "ERP"
    assert "token" not in call("north", "GET", "/tokens").json[0]


def test_reading_token_writes_nothing(call: Any) -> None:
    made = token(call, write=False)
    assert call(None, "GET", "/databases/customers/views", headers=bearer(made)).status_code == 200
    answer = call(None, "POST", DOCUMENTS, json=NEW, headers=bearer(made))
    assert (answer.status_code, answer.json["error"]) == (403, "forbidden")


def test_token_of_one_database_does_not_open_another(call: Any) -> None:
    made = token(call, databases=["deals"])
    assert call(None, "GET", "/databases/customers/views", headers=bearer(made)).status_code == 404
    assert [entry["name"] for entry in call(None, "GET", "/databases", headers=bearer(made)).json] == ["deals"]


def test_token_makes_no_token(call: Any) -> None:
    made = token(call)
    assert call(None, "POST", "/tokens", json={"label": "more"}, headers=bearer(made)).status_code == 403


def test_expired_and_revoked_tokens_are_refused(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    short, other = token(call, days=1), token(call)
    monkeypatch.setattr(Clock, "frozen", utcnow() + timedelta(days=2))
    assert call(None, "GET", "/databases", headers=bearer(short)).status_code == 401
    monkeypatch.setattr(Clock, "frozen", None)
    assert call("south", "DELETE", f"/tokens/{other['id']}").status_code == 404
    assert call("north", "DELETE", f"/tokens/{other['id']}").status_code == 204
    assert call(None, "GET", "/databases", headers=bearer(other)).status_code == 401


@pytest.mark.parametrize("sent", [{}, {"label": ""}, {"label": "x", "days": 0}, {"label": "x", "databases": "all"}])
def test_bad_tokens_are_refused(call: Any, sent: dict[str, Any]) -> None:
    assert call("north", "POST", "/tokens", json=sent).status_code == 400


def signed_in(app: Flask, person: str = "north") -> Any:
    client = app.test_client()
    page = client.get("/sign-in").get_data(as_text=True)
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    form = {"name": person, "password": "orange-lamp-7", "csrf_token": found[1] if found else ""}
    assert client.post("/sign-in", data=form).status_code == 302
    return client


def test_cookie_writes_need_the_same_origin_and_json(app: Flask) -> None:
    client = signed_in(app)
    path = "/api/v1" + DOCUMENTS
    assert client.get("/api/v1/databases").status_code == 200
    assert client.post(path, json=NEW).status_code == 403
    assert client.post(path, json=NEW, headers={"Origin": "http://evil.example"}).status_code == 403
    here = {"Origin": "http://localhost"}
    assert client.post(path, data='{"form": "customer"}', content_type="text/plain", headers=here).status_code == 403
    assert client.post(path, json=NEW, headers=here).status_code == 201


def test_sent_credentials_win_over_the_cookie(app: Flask) -> None:
    client = signed_in(app)
    saved = client.post("/api/v1" + DOCUMENTS, json=NEW, headers={"Origin": "http://localhost"}).json
    path = f"/api/v1{DOCUMENTS}/{saved['id']}"
    assert client.get(path).status_code == 200
    assert client.get(path, auth=("south", "orange-lamp-7")).status_code == 404
    assert client.get(path, auth=("north", "wrong")).status_code == 401


def behind(node: Node, **settings: Any) -> Flask:
    node.settings = Settings(**settings)
    return create_app(node, TESTING=True)


FORWARDED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "crm.example"}


def test_forwarded_headers_count_only_when_trusted(node: Node) -> None:
    trusting = behind(node, trusted_proxies=1, secure_cookies=True)
    answer = trusting.test_client().get("/sign-in", headers=FORWARDED)
    assert "max-age" in answer.headers.get("Strict-Transport-Security", "")
    careful = behind(node)
    answer = careful.test_client().get("/sign-in", headers=FORWARDED)
    assert "Strict-Transport-Security" not in answer.headers


def test_cookies_are_secure_where_set(node: Node) -> None:
    app = behind(node, trusted_proxies=1, secure_cookies=True)
    answer = app.test_client().get("/sign-in", headers=FORWARDED, base_url="https://crm.example")
    cookies = answer.headers.getlist("Set-Cookie")
    assert cookies
    assert all("Secure" in cookie and "HttpOnly" in cookie for cookie in cookies if "davenport_" in cookie)


def test_a_forged_address_does_not_escape_the_slow_down(node: Node) -> None:
    client = behind(node).test_client()
    for number in range(40):
        headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        answer = client.get("/api/v1/databases", auth=("north", f"wrong {number}"), headers=headers)
    assert answer.status_code == 429
