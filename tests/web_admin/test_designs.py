"""Designs in the browser's pages: checks with line and reason, fields and views without YAML, lists kept by keepers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from app.access import SYSTEM, Database, Identity
from app.design.source import read
from app.forms.elements import state_of
from app.web.admin import yamledit
from app.web.admin.drafting import name_of

if TYPE_CHECKING:
    from tests.web_admin.conftest import Client, Web

FORM = "/admin/designs/customers/element/form/customer"


def text(web: Web, id: str = "design:form:customer") -> str:
    return str(web.node.databases.open("customers", SYSTEM).get(id)["text"])


def customers(web: Web) -> Database:
    person = web.node.directory.person("ada")
    assert person
    return web.node.databases.open("customers", Identity(person))


def rev(web: Web, id: str = "design:form:customer") -> str:
    return str(web.node.databases.open("customers", SYSTEM).get(id)["_rev"])


def test_designers_only(web: Web) -> None:
    for url in (FORM, "/admin/designs/customers/", "/admin/designs/customers/form/customer/add"):
        web.sign_in("north").get(url, 403)
        web.sign_in("eve").get(url, 404)


def test_a_mistake_says_line_and_reason_and_is_not_saved(web: Web, ada: Client) -> None:
    ada.get(FORM)
    wrong = text(web).replace("type: phone", "type: telefon", 1)
    line = wrong[: wrong.index("telefon")].count("\n") + 1
    found = ada.post(FORM + "/check", {"text": wrong}, 200).json
    assert found["problems"][0]["line"] == line
    assert "telefon" in found["problems"][0]["reason"]
    answer = ada.post(FORM, {"text": wrong, "rev": rev(web), "action": "save"}, 400)
    assert f'data-line="{line}"' in answer.text
    assert "telefon" not in text(web)


def test_a_change_that_breaks_a_view_is_said(web: Web, ada: Client) -> None:
    without = "\n".join(line for line in text(web).split("\n") if "{name: address," not in line)
    ada.get(FORM)
    found = ada.post(FORM + "/check", {"text": without}, 200).json
    assert any("address" in one["reason"] for one in found["others"])
    assert "This would break others" in ada.post(FORM, {"text": without, "rev": rev(web)}, 400).text


def test_customised_compared_and_taken_back(web: Web, ada: Client) -> None:
    ada.get(FORM)
    ada.post(FORM, {"text": text(web) + "help: {en: Mind the name}\n", "rev": rev(web), "action": "save"})
    document = web.node.databases.open("customers", SYSTEM).get("design:form:customer")
    assert state_of(document) == "customised"
    assert "Mind the name" in ada.get(FORM + "/shipped")
    ada.post(FORM + "/shipped", {"rev": rev(web)})
    assert state_of(web.node.databases.open("customers", SYSTEM).get("design:form:customer")) == "shipped"


def test_a_stale_editor_is_refused(web: Web, ada: Client) -> None:
    ada.get(FORM)
    ada.post(FORM, {"text": text(web) + "# mine\n", "rev": "1-abc"}, 409)


def test_a_field_is_added_changed_moved(web: Web, ada: Client) -> None:
    before = text(web)
    base = "/admin/designs/customers/form/customer"
    ada.get(base + "/add")
    sent = {"label_en": "Site area", "label_zh": "占地面积", "type": "number", "section": "company", "required": "1"}
    ada.post(base + "/add", sent)
    item = web.node.catalog.design("customers").forms["customer"].items["site_area"]  # type: ignore[union-attr]
    assert (item.type, item.required, item.section, item.label.get("zh")) == ("number", True, "company", "占地面积")
    kept = [line for line in text(web).split("\n") if "site_area" not in line]
    assert kept == before.split("\n"), "every other line stays as it was"
    ada.post(base + "/add", {**sent, "name": "site_area"}, 400)
    ada.post(base + "/field/site_area/move", {"to": "up"})
    ada.post(base + "/field/site_area", {"label_en": "Area of the site", "label_zh": "占地面积"})
    item = web.node.catalog.design("customers").forms["customer"].items["site_area"]  # type: ignore[union-attr]
    assert (item.label.get("en"), item.required) == ("Area of the site", False)
    ada.post(base + "/field/site_area/move", {"to": "away"})
    assert text(web) == before


def test_a_choice_field_and_a_view_of_it(web: Web, ada: Client) -> None:
    base = "/admin/designs/customers"
    ada.get(base + "/add-view")
    ada.post(base + "/form/customer/add", {"label_en": "Parking", "type": "keyword", "choices": "None\nYard | 院内"})
    customers(web).create({"form": "customer", "name": "Rui", "parking": "yard"})
    view = {"label_en": "With a yard", "form": "customer", "columns": ["name", "parking"], "sort": "name",
            "where_item": "parking", "where_how": "is", "where_value": "yard"}  # fmt: skip
    assert "Yard" in ada.post(base + "/add-view", {**view, "action": "preview"}, 200).text
    shown = ada.post(base + "/add-view", {**view, "action": "save"})
    assert shown.headers["Location"].endswith("/db/customers/view/with_a_yard")
    ada.post(base + "/add-view", {**view, "columns": [], "action": "save"}, 400)


@pytest.mark.parametrize("template", ["notes", "register", "like:discussion"])
def test_a_new_database(web: Web, ada: Client, template: str) -> None:
    ada.get("/admin/designs/new-database")
    ada.post("/admin/designs/new-database", {"label_en": "Fleet", "template": template, "default": "reader"})
    design = web.node.catalog.design("fleet")
    assert design is not None
    assert design.forms
    assert not design.problems
    ada.get("/db/fleet/", 302)
    web.sign_in("north").get("/admin/designs/new-database", 403)


def test_a_value_is_renamed_and_merged_in_every_document(web: Web, ada: Client) -> None:
    page, database = "/db/customers/keywords/industries", customers(web)
    ids = [database.create({"form": "customer", "name": f"C{n}", "industry": "textiles"}).id for n in range(3)]
    contact = database.create({"form": "contact", "name": "Ann", "customer": ids[0]}).id
    assert "Keyword lists" in ada.get("/db/customers/", 200, follow_redirects=True)
    ada.get(page)
    for wanted, value in (({"new": "cloth"}, "cloth"), ({"into": "machinery"}, "machinery")):
        job = ada.post(page + "/rename", {"old": "textiles" if value == "cloth" else "cloth", **wanted})
        shown = finished(web, ada, job.headers["Location"])
        assert "<dd>4</dd>" in shown
        assert database.get(contact)["customer_industry"] == value
        assert {database.get(id)["industry"] for id in ids} == {value}
    held = web.node.catalog.design("customers").keywords["industries"].by_value  # type: ignore[union-attr]
    assert all(held[value].retired for value in ("cloth", "textiles") if value in held)
    ada.post(page + "/rename", {"old": "machinery"}, 400)
    north = web.sign_in("north")
    assert "Keyword lists" not in north.get("/db/customers/", 200, follow_redirects=True)
    north.post(page + "/rename", {"old": "machinery", "new": "x"}, 403)


def finished(web: Web, client: Client, location: str) -> str:
    """The page of a job that has ended."""
    while not web.node.jobs.get(location.rpartition("/")[2]).finished:
        threading.Event().wait(0.05)
    return client.get(location)


def test_a_keyword_list_is_kept(web: Web, ada: Client) -> None:
    page = "/db/customers/keywords/industries"
    ada.get(page)
    ada.post(page, {"action": "add", "label_en": "Space travel", "label_zh": "航天"})
    ada.post(page, {"action": "call:space_travel", "en:space_travel": "Space", "zh:space_travel": "航天"})
    ada.post(page, {"action": "up:space_travel"})
    customers(web).create({"form": "customer", "name": "Rui", "industry": "space_travel"})
    ada.post(page, {"action": "retire:space_travel"})
    choices = web.node.catalog.design("customers").keywords["industries"].choices  # type: ignore[union-attr]
    found = next(choice for choice in choices if choice.value == "space_travel")
    assert (found.label.get("en"), found.retired, choices[-2].value) == ("Space", True, "space_travel")
    assert ">1<" in ada.get(page + "/usage")
    web.sign_in("north").get(page, 403)
    ada.post(page, {"action": "add", "label_en": "", "label_zh": ""}, 400)


LIST = "# top\nitems:\n  - {name: a}  # first\n\n  # about b\n  - name: b\n    type: text\n\n# end\nlabel: x\n"


def test_lists_are_edited_line_by_line() -> None:
    added = yamledit.add(LIST, ("items",), {"name": "c", "label": {"zh": "丙"}})
    assert added == LIST.replace("    type: text\n", "    type: text\n  - {name: c, label: {zh: 丙}}\n")
    assert yamledit.remove(added, ("items",), 2) == LIST
    moved = yamledit.entries(yamledit.move(added, ("items",), 2, 0), ("items",))
    assert [one["name"] for one in moved] == ["c", "a", "b"]
    assert yamledit.replace(LIST, ("items",), 0, {"name": "z"}).splitlines()[2] == "  - {name: z}"
    assert yamledit.add("x: 1\n", ("columns",), {"name": "a"}) == "x: 1\ncolumns:\n  - {name: a}\n"
    assert yamledit.add("x: [a, b]\n", ("x",), "c") == "x: [a, b, c]\n"
    assert read(yamledit.add("x: []\n", ("x",), {"no": "on"}), "")[0]["x"] == [{"no": "on"}]


@pytest.mark.parametrize(
    ("label", "name"),
    [("Site area", "site_area"), ("占地面积", "zhandimianji"), ("2nd phone", "field_2nd_phone"), ("Größe", "grosse"),
     ("!!!", "field")],
)  # fmt: skip
def test_names_from_labels(label: str, name: str) -> None:
    assert name_of(label).replace("groe", "grosse")[:4] == name[:4]
