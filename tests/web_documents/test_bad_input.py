"""What a browser can send that no form of ours would: every address that takes a form refuses it and never crashes."""

from __future__ import annotations

import random
import re
import time
from io import BytesIO
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.access import Database
from app.node import Node
from tests.test_matrix import SKIPPED_WRITES, Hidden, addresses, routes
from tests.web_documents.test_documents import sign_in

SECONDS = 15.0  # a person
NASTY = [
    "", " ", "\0", "a\0b", "\ud800", "x" * 20_000, "-1", "1e999", "NaN", "{}", "[]", "null", "[" * 2000, "true",
    "9" * 400, "2026-13-45", "99:99", "../../etc/passwd", "<script>", "%00", "=1+1", "０１２", "\u202e\u200b",
    "name", "_id", "acl", "design:form:customer", '{"a": {"b": [1, null]}}', "new:customer:x", "blob:x",
    "0000-00-00T00:00", "--13-99",
]  # fmt: skip
NAMES = [
    "_fields", "_rev", "_id", "_key", "_parent", "_anyway", "_stay", "_settled", "_remove_file", "_picture",
    "_choose.name", "item.name", "item.owner", "item.phone", "item.anniversaries.0.date",
    "item.anniversaries.x.lunar", "item.next_contact", "item.attributes", "item.profile", "choose.name", "item",
    "rev", "id", "ids", "name", "value", "items", "query", "columns", "widths", "order", "filter", "form",
    "database", "duplicates", "sheet.0", "map.0.0", "map.0.x", "map.0.99999999999", "key", "members", "level",
    "entries", "label", "text", "source", "password", "language", "zone", "url", "events", "at", "sort",
]  # fmt: skip
FIELDS = "name owner phone anniversaries next_contact attributes profile files region province"


def body(dice: random.Random) -> dict[str, Any]:
    """A form with some names and nasty values."""
    sent: dict[str, Any] = {name: [dice.choice(NASTY)] for name in dice.sample(NAMES, dice.randint(1, 12))}
    if dice.random() < 0.7:
        sent["_fields"] = [FIELDS]
    return sent


def raw(sent: dict[str, Any]) -> bytes:
    """The form as bytes, so that broken characters leave as they are."""
    parts = []
    for name, values in sent.items():
        for value in values:
            text = value.encode("utf-8", "surrogatepass")
            parts.append(f"{quote_from_bytes(name.encode())}={quote_from_bytes(text)}")
    return "&".join(parts).encode()


def walk(client: FlaskClient, app: Flask, hidden: Hidden, dice: random.Random) -> list[str]:
    page = client.get("/").get_data(as_text=True)
    token = re.search(r'name="csrf-token"[^>]*content="([^"]+)"', page)
    assert token
    headers = {"X-CSRFToken": token[1], "Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    places = [
        (method, address)
        for method, endpoint, rule in routes(app, "POST", "PUT", "PATCH", "DELETE")
        if endpoint not in SKIPPED_WRITES and not rule.startswith(("/api/", "/sync", "/me", "/sign"))
        for address in addresses(hidden, rule)
    ]
    broken, until = set(), time.monotonic() + SECONDS
    for turn in range(6):
        dice.shuffle(places)
        for method, address in places:
            if time.monotonic() > until:
                return sorted(broken)
            kind = dice.random()
            options: dict[str, Any] = {"data": raw(body(dice)), "content_type": "application/x-www-form-urlencoded"}
            if kind < 0.1:
                options = {"data": b"\xff\xfe{", "content_type": "application/json"}
            elif kind < 0.2:
                options = {"json": dice.choice([[], None, 3, "x", {"items": 3, "query": [], "ids": {}, "order": {}}])}
            elif kind < 0.3:
                file = (
                    BytesIO(dice.choice([b"", b"\0" * 50, b"PK\x03\x04x", "名称\nA".encode()])),
                    dice.choice(NASTY[:6]),
                )
                options = {"data": {"file": file, "form": "customer"}, "content_type": "multipart/form-data"}
            accept = {"Accept": "application/json"} if dice.random() < 0.5 else {}
            try:
                answer = client.open(address, method=method, headers={**headers, **accept}, buffered=True, **options)
            except UnicodeEncodeError:
                continue  # the client of the test cannot say it
            if answer.status_code >= 500:
                broken.add(f"{method} {address} {answer.status_code} turn {turn}")
    return sorted(broken)


@pytest.mark.parametrize("person", ["north", "admin"])
def test_no_form_brings_a_page_down(app: Flask, node: Node, client: FlaskClient, opened: Any, person: str) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    database: Database = opened("customers", "north")
    hidden = Hidden()
    saved = database.create({"form": "customer", "name": "Target", "owner": "north"})
    hidden.customer, hidden.rev = saved.id, saved.rev
    hidden.contact = database.create({"form": "contact", "name": "Li", "customer": saved.id}).id
    hidden.deleted = database.create({"form": "customer", "name": "Gone", "owner": "north"}).id
    database.delete(hidden.deleted)
    detail = {"view": "customers", "items": {"fax": "1"}, "query": {}}
    hidden.job = node.jobs.create("update", "north", "customers", detail).id
    sign_in(client, person)
    assert walk(client, app, hidden, random.Random(7)) == []
