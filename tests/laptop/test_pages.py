"""Pages and REST on a laptop: refused changes, attachments that have not come, and what is done on the hub."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.access.mirroring import Missing, Refusal, Revoked
from app.web import create_app
from tests.conftest import PASSWORD
from tests.laptop.conftest import Pair

CUSTOMER = {"form": "customer", "name": "Anhui Tools", "owner": "north", "class": "existing"}
TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@pytest.fixture
def app(pair: Pair) -> Flask:
    return create_app(pair.laptop, TESTING=True)


def signed_in(app: Flask, language: str = "en") -> FlaskClient:
    client = app.test_client()
    client.set_cookie("language", language)
    found = TOKEN.search(client.get("/sign-in").text)
    assert found is not None
    form = {"name": "north", "password": PASSWORD, "csrf_token": found[1]}
    assert client.post("/sign-in", data=form).status_code == 302
    return client


def send(client: FlaskClient, address: str, **form: str) -> Any:
    found = TOKEN.search(client.get("/replication/rejected").text) or TOKEN.search(client.get("/me").text)
    assert found is not None
    return client.post(address, data={**form, "csrf_token": found[1]})


def call(app: Flask, method: str, path: str, **more: Any) -> Any:
    return app.test_client().open("/api/v1" + path, method=method, auth=("north", PASSWORD), **more)


@pytest.fixture
def refused(pair: Pair) -> str:
    id: str = pair.at_hub("customers").create({**CUSTOMER, "remarks": "first words"}).id
    pair.pull()
    pair.here("customers").change(id, {"remarks": "my own words"})
    mirror = pair.laptop.databases.mirror("customers")
    mirror.settle([(each.n, Refusal("forbidden", "You may not change this document.")) for each in mirror.unsent()])
    return id


def test_the_page_shows_reason_difference_and_three_choices(app: Flask, refused: str) -> None:
    page = signed_in(app).get("/replication/rejected").text
    for text in ("You may not change this document.", "first words", "my own words", "Anhui Tools"):
        assert text in page
    assert re.findall(r'name="choice" value="(\w+)"', page) == ["resend", "new", "discard"]
    assert "您不能修改此文档。" in signed_in(app, "zh").get("/replication/rejected").text


def test_sending_again_from_the_page(app: Flask, pair: Pair, refused: str) -> None:
    client = signed_in(app)
    assert send(client, "/replication/rejected/1", choice="resend").status_code == 303
    assert pair.here("customers").get(refused)["remarks"] == "my own words"
    assert "Nothing was refused" in client.get("/replication/rejected").text


def test_saving_as_a_new_document_from_the_page_leads_there(app: Flask, pair: Pair, refused: str) -> None:
    client = signed_in(app)
    answer = send(client, "/replication/rejected/1", choice="new")
    id = answer.headers["Location"].rsplit("/", 1)[1]
    assert id != refused
    assert pair.here("customers").get(id)["remarks"] == "my own words"


def test_what_cannot_be_done_says_why_and_stays(app: Flask, pair: Pair, refused: str) -> None:
    pair.laptop.databases.mirror("customers").apply([Revoked(refused)], "t")
    client = signed_in(app)
    page = client.get("/replication/rejected").text
    assert "first words" not in page
    assert "my own words" in page
    assert 'value="resend"' not in page
    assert send(client, "/replication/rejected/1", choice="resend").status_code == 303
    assert "You no longer see this document." in client.get("/replication/rejected").text
    assert send(client, "/replication/rejected/99", choice="discard").status_code == 404


def test_refused_changes_over_rest(app: Flask, pair: Pair, refused: str) -> None:
    (row,) = call(app, "GET", "/replication/rejected").json
    assert (row["database"], row["id"], row["reason"]) == ("customers", refused, "You may not change this document.")
    assert row["items"] == {"remarks": ["first words", "my own words"]}
    assert row["document"]["remarks"] == "my own words"
    assert call(app, "POST", "/replication/rejected/1", json={"choice": "perhaps"}).status_code == 400
    answer = call(app, "POST", "/replication/rejected/1", json={"choice": "resend"})
    assert answer.json == {"id": refused, "rev": pair.here("customers").get(refused)["_rev"]}
    assert call(app, "GET", "/replication/rejected").json == []
    assert call(app, "POST", "/replication/rejected/1", json={"choice": "resend"}).status_code == 404


def test_an_attachment_that_has_not_arrived_can_be_fetched(app: Flask, pair: Pair) -> None:
    hub = pair.at_hub("customers")
    id = hub.create(CUSTOMER).id
    hub.put_attachment(id, "plan.txt", BytesIO(b"the plan"), "text/plain")
    pair.pull()
    client = signed_in(app)
    address = f"/db/customers/doc/{id}/attachments/plan.txt"
    page = client.get(address)
    assert page.status_code == 503
    assert "This attachment has not arrived" in page.text
    assert call(app, "GET", f"/databases/customers/documents/{id}/attachments/plan.txt").json["error"] == "not_arrived"
    fetch = f"/db/customers/doc/{id}/fetch-attachment/plan.txt"
    assert send(client, fetch).status_code == 303  # nobody to ask
    assert client.get(address).status_code == 503
    mirror = pair.laptop.databases.mirror("customers")

    def fetched(database: str, missing: Missing) -> Any:
        with pair.hub.store.blobs.open(missing.address) as content:
            mirror.content_arrived(missing.address, content)
        return mirror.content(missing.address)

    assert pair.laptop.laptop is not None
    pair.laptop.laptop.fetch = fetched
    assert send(client, fetch).status_code == 303
    with client.get(address) as answer:
        assert answer.data == b"the plan"
    assert mirror.missing_content() == []


@pytest.mark.parametrize("page", ["/admin/audit/", "/admin/people/", "/admin/groups/", "/me/password"])
def test_what_is_done_on_the_hub_says_so(app: Flask, pair: Pair, page: str) -> None:
    answer = signed_in(app).get(page)
    assert answer.status_code == 403
    assert "on the hub" in answer.text


def test_the_own_page_opens_and_the_language_is_this_browsers(app: Flask, pair: Pair) -> None:
    client = signed_in(app)
    assert client.get("/me").status_code == 200
    answer = send(client, "/me", language="zh", zone="", phone="", mobile="")
    assert "This is changed on the hub." in answer.text
    send(client, "/frame/language", language="zh")
    assert 'lang="zh' in client.get("/").text


def test_lists_documents_and_forms_open(app: Flask, pair: Pair, refused: str) -> None:
    client = signed_in(app)
    pages = ("/", "/db/customers/view/customers", f"/db/customers/doc/{refused}", "/db/customers/new/customer")
    for page in (*pages, f"/db/customers/doc/{refused}/edit", f"/db/customers/doc/{refused}/history", "/conflicts"):
        assert client.get(page).status_code == 200, page
