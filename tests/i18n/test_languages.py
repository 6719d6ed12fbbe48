"""Whose language a page, a refusal and a program's answer is in."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask, g
from flask.testing import FlaskClient

from app.access import SYSTEM
from app.errors import Message
from app.node import Node
from app.web import i18n
from tests.conftest import PASSWORD


def sign_in(client: FlaskClient, name: str) -> None:
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/sign-in").text)
    assert token is not None
    data = {"name": name, "password": PASSWORD, "csrf_token": token[1]}
    assert client.post("/sign-in", data=data).status_code in (302, 303)


def prefer(node: Node, name: str, language: str) -> None:
    node.directory.change_person(SYSTEM, name, language=language)


def test_the_browser_decides_before_sign_in(client: FlaskClient) -> None:
    assert "登录" in client.get("/sign-in", headers={"Accept-Language": "zh-CN"}).text
    assert "Sign in" in client.get("/sign-in", headers={"Accept-Language": "en"}).text


def test_the_person_decides_after_it(node: Node, client: FlaskClient) -> None:
    sign_in(client, "north")
    for language, word in (("zh", "回收站"), ("en", "Trash")):
        prefer(node, "north", language)
        page = client.get("/db/customers/trash", headers={"Accept-Language": "en" if language == "zh" else "zh"})
        assert word in page.text
        assert f'lang="{language}"' in page.text


def test_refusals_are_said_in_it_too(node: Node, client: FlaskClient) -> None:
    prefer(node, "north", "zh")
    sign_in(client, "north")
    answer = client.get("/admin/people/", headers={"Accept": "application/json"})
    assert answer.json is not None
    assert answer.json["reason"] == "此页面只供管理员使用。"
    assert answer.json["error"] == "forbidden"


def test_programs_read_english_unless_they_ask(call: Any) -> None:
    wrong = {"form": "customer", "phone": "many"}
    plain = call("north", "POST", "/databases/customers/documents", json=wrong)
    asked = call("north", "POST", "/databases/customers/documents", json=wrong, headers={"Accept-Language": "zh"})
    assert plain.status_code == asked.status_code == 400
    assert plain.json["error"] == asked.json["error"] == "bad_request"
    assert plain.json["fields"]["name"] == "This must be filled in."
    assert asked.json["fields"]["name"] == "必须填写。"
    assert plain.json["fields"].keys() == asked.json["fields"].keys()


def test_values_inside_a_sentence_are_said_too(app: Flask) -> None:
    inner = Message("At most %(max)s characters fit here.", max=5)
    kept = Message.unpack(Message("%(item)s: %(problem)s", item="x", problem=inner).pack())
    assert kept == "x: At most 5 characters fit here."
    with app.test_request_context("/"):
        g.language = "en"
        assert i18n.say(kept, "zh") == "x：最多 5 个字符。"
        assert i18n.say(kept) == "x: At most 5 characters fit here."
