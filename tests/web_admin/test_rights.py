"""The ACL page: managers alone, warnings before saving, what somebody would be allowed, why a document is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.access import SYSTEM, Level, acl
from app.web.pages.acl import parse_link

if TYPE_CHECKING:
    from tests.web_admin.conftest import Client, Web


def fields(web: Web, database: str = "customers", **changed: dict[str, Any]) -> dict[str, Any]:
    """The form as the page sends it, some entries changed (None removes one)."""
    found: dict[str, Any] = {"rev": web.node.databases.open(database, SYSTEM).get("acl")["_rev"]}
    entries = acl.to_document(web.node.databases.acl(database))["entries"]
    for number, (name, entry) in enumerate({**entries, **changed}.items()):
        for key, value in {"name": name, **entry}.items():
            found[f"e{number}-{key}"] = value
    return found


def level(web: Web, person: str) -> Level:
    return web.node.databases.known("customers").standing(person).rights.level


def test_a_saved_entry_counts_at_once(web: Web, ada: Client) -> None:
    north = web.sign_in("north")
    north.get("/db/customers/", 302)
    none = {"type": "person", "level": "none", "flags": [], "roles": []}
    refused = ada.post("/admin/acl/customers", {**fields(web, north=none), "action": "save"}, 400)
    assert "North loses access" in refused.text
    ada.post("/admin/acl/customers", {**fields(web, north=none), "action": "save", "anyway": "1"})
    north.get("/db/customers/", 404)
    assert web.node.audit.search(event="acl", limit=1)[0].person == "ada"


def test_checks_are_sentences(web: Web, ada: Client) -> None:
    low = {"type": "person", "level": "reader", "flags": [], "roles": []}
    checked = ada.post("/admin/acl/customers", {**fields(web, north=low), "action": "check"}, 200)
    assert "an own entry counts alone" in checked.text
    gone = {"type": "person", "level": "author", "flags": [], "roles": []}
    checked = ada.post("/admin/acl/customers", {**fields(web, ghost=gone), "action": "check"}, 200)
    assert "nobody in the directory" in checked.text
    assert "not write anything new" in checked.text
    assert level(web, "north") == Level.AUTHOR


def test_no_manager_left_is_refused(web: Web, ada: Client) -> None:
    admins = {"type": "group", "level": "reader", "flags": [], "roles": []}
    sent = {**fields(web, admins=admins), "action": "save", "anyway": "1"}
    assert "must stay manager" in ada.post("/admin/acl/customers", sent, 400).text


def test_lines_are_added_and_removed_without_saving(web: Web, ada: Client) -> None:
    added = ada.post("/admin/acl/customers", {**fields(web), "action": "add", "add-name": "unit:south"}, 200)
    assert "South: new, Reader" in added.text
    path = {"action": "add", "add-kind": "path", "add-path": "north/sales"}
    assert "*/north/sales" in ada.post("/admin/acl/customers", {**fields(web), **path}, 200).text
    assert "unit:south" not in web.node.databases.acl("customers").entries


def test_what_would_somebody_be_allowed(ada: Client) -> None:
    page = ada.get("/admin/acl/customers?person=north")
    assert "member of Sellers" in page


def test_a_stale_page_is_refused(web: Web, ada: Client) -> None:
    sent = fields(web, eve={"type": "person", "level": "reader", "flags": [], "roles": []})
    web.node.databases.set_acl("customers", SYSTEM, acl.Acl({
        **web.node.databases.acl("customers").entries, "lea": acl.AclEntry("lea", "person", Level.READER)
    }))  # fmt: skip
    ada.post("/admin/acl/customers", {**sent, "action": "save"}, 409)


def test_only_managers(web: Web) -> None:
    web.sign_in("north").get("/admin/acl/customers", 403)
    web.sign_in("eve").get("/admin/acl/", 404)


def test_why_somebody_sees_a_document(web: Web, ada: Client) -> None:
    raw = web.node.databases.open("customers", SYSTEM)
    made = raw.create({"form": "customer", "name": "Rui Feng", "owner": "north"})
    address = f"https://crm.example.org/db/customers/doc/{made.id}"
    assert "does not see it" in ada.get(f"/admin/acl/customers/why?document={address}&person=eve")
    assert "reads it" in ada.get(f"/admin/acl/customers/why?document={address}&person=north")
    assert "cannot see such a document" in ada.get("/admin/acl/customers/why?document=nothing&person=north")


def test_links() -> None:
    assert parse_link("https://x.example/db/deals/doc/ab%2Fc/edit?x=1", "customers") == ("deals", "ab/c")
    assert parse_link("/db/deals/doc/abc", "customers") == ("deals", "abc")
    assert parse_link("abc", "customers") == ("customers", "abc")


def test_full_access_is_taken_on_purpose_and_ends(web: Web, ada: Client) -> None:
    raw = web.node.databases.open("discussion", SYSTEM)
    only = acl.Acl({
        "-Default-": acl.AclEntry("-Default-", "unspecified", Level.NONE),
        "north": acl.AclEntry("north", "person", Level.MANAGER),
    })  # fmt: skip
    web.node.databases.set_acl(raw.name, SYSTEM, only)
    ada.get("/db/discussion/", 404)
    ada.post("/admin/full-access", {"reason": ""}, 400)
    ada.post("/admin/full-access", {"reason": "North has left the company"})
    assert "Full access until" in ada.get("/")
    ada.get("/db/discussion/", 302)
    assert ada.client.get("/api/v1/databases/discussion/views").status_code == 404
    ada.post("/admin/full-access/end")
    ada.get("/db/discussion/", 404)
    taken = web.node.audit.search(event="full_access_taken", limit=1)[0]
    assert taken.detail["reason"] == "North has left the company"


def test_full_access_ends_by_itself(web: Web, ada: Client) -> None:
    ada.post("/admin/full-access", {"reason": "a good reason"})
    with web.node.store.node.transaction() as connection:
        connection.execute(
            "UPDATE preferences SET value = json_set(value, '$.until', '2001-01-01T00:00:00.000Z')"
            " WHERE name = 'full_access'"
        )
    assert "Full access until" not in ada.get("/")
    assert web.node.audit.search(event="full_access_ended", limit=1)[0].detail == {"why": "time"}
