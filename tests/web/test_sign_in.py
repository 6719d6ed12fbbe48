"""Signing in and out, and what protects a session."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.access import SYSTEM
from app.node import Node
from app.web.security import safe_next
from tests.conftest import PASSWORD, QUICK
from tests.web.conftest import Web, csrf, sign_in


@pytest.mark.parametrize(
    "address",
    ["//evil.example", "/\\evil.example", "https://evil.example", "evil", "", None, "/a\nb", "javascript:alert(1)"],
)
def test_after_sign_in_nobody_is_sent_to_another_site(address: str | None) -> None:
    assert safe_next(address) == "/"


def test_an_address_on_this_site_is_kept() -> None:
    assert safe_next("/db/customers/view/customers?sort=-name") == "/db/customers/view/customers?sort=-name"


def test_a_stranger_is_asked_to_sign_in_and_comes_back(firm_app: Flask) -> None:
    client = firm_app.test_client()
    asked = client.get("/db/customers/view/customers?sort=name")
    assert asked.status_code == 302
    assert asked.location == "/sign-in?next=/db/customers/view/customers%3Fsort%3Dname"
    answer = sign_in(client, "north", next="/db/customers/view/customers?sort=name")
    assert answer.location == "/db/customers/view/customers?sort=name"  # type: ignore[attr-defined]


def test_unknown_name_and_wrong_password_look_the_same(firm_app: Flask) -> None:
    pages = []
    for name in ("north", "nobody-at-all"):
        client = firm_app.test_client()
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
        form = {"name": name, "password": "wrong-one", "csrf_token": csrf(client, "/sign-in")}
        answer = client.post("/sign-in", data=form)
        assert answer.status_code == 401
        pages.append(answer.text.count("do not fit together"))
    assert pages == [1, 1]


def test_sign_in_without_token_is_refused(firm_app: Flask) -> None:
    answer = firm_app.test_client().post("/sign-in", data={"name": "north", "password": PASSWORD})
    assert answer.status_code == 400


def test_sign_out_ends_the_session(web: Web) -> None:
    client = web("north")
    assert client.get("/").status_code == 200
    client.post("/sign-out", data={"csrf_token": csrf(client)})
    assert client.get("/").status_code == 302


def test_a_form_without_token_changes_nothing(web: Web) -> None:
    client = web("north")
    assert client.post("/frame/language", data={"language": "zh"}).status_code == 400


def test_json_with_a_cookie_must_come_from_here(web: Web) -> None:
    client = web("north")
    path = "/api/v1/databases/customers/documents"
    body = {"form": "customer", "name": "Forged"}
    assert client.post(path, json=body).status_code == 403
    assert client.post(path, json=body, headers={"Origin": "http://evil.example"}).status_code == 403
    headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert client.post(path, data="{}", content_type="text/plain", headers=headers).status_code == 403


def test_a_raised_session_version_ends_every_session(client: FlaskClient, node: Node) -> None:
    sign_in(client, "north")
    assert client.get("/").status_code == 200
    node.secrets.end_sessions("north")
    assert client.get("/").status_code == 302


def test_a_first_password_must_be_changed_before_anything_else(client: FlaskClient, node: Node) -> None:
    node.secrets._hasher = QUICK
    node.secrets.set_password("north", PASSWORD, must_change=True)
    sign_in(client, "north")
    assert client.get("/db/customers/view/customers").location == "/me/password"


def test_a_removed_person_is_signed_out(client: FlaskClient, node: Node) -> None:
    sign_in(client, "outsider")
    node.directory.remove_person(SYSTEM, "outsider")
    assert client.get("/").status_code == 302
