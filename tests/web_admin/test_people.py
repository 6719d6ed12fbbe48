"""People, groups, units: by administrators alone; first sign-in, sheets, leaving."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest

from app.access import SYSTEM, Identity

if TYPE_CHECKING:
    from tests.web_admin.conftest import Client, Web

PAGES = (
    "/admin/people/", "/admin/people/new", "/admin/people/person/north", "/admin/people/person/north/remove",
    "/admin/people/sheet/", "/admin/people/sheet/example.csv", "/admin/groups/", "/admin/groups/new",
    "/admin/groups/group/sellers", "/admin/units/", "/admin/units/new", "/admin/units/unit/unit:sales",
    "/admin/audit/", "/admin/audit/log.csv", "/admin/setup/", "/admin/full-access", "/admin/webhooks",
)  # fmt: skip


@pytest.mark.parametrize("url", PAGES)
def test_pages_are_for_administrators(web: Web, url: str) -> None:
    web.sign_in("ada").get(url)
    web.sign_in("north").get(url, 403)
    web.anonymous().get(url, 302)


def secret_of(page: str) -> str:
    found = re.search(r'<code class="secret">([^<]+)</code>', page)
    assert found
    return found[1]


def test_a_new_person_chooses_a_password_by_link(web: Web, ada: Client) -> None:
    page = ada.post("/admin/people/new", {"name": "李娜", "title": "Sales", "groups": ["sellers"], "way": "link"}, 200)
    assert page.headers["Cache-Control"] == "no-store"
    link = "/password/" + secret_of(page.text).rpartition("/")[2]
    new = web.anonymous()
    new.get(link)
    new.post(link, {"password": "short", "again": "short"}, 400)
    new.post(link, {"password": "a good one 1", "again": "a good one 1"})
    new.get("/")
    new.get(link, 404)
    assert "sellers" in web.node.directory.principals("lina")


def test_a_generated_password_must_be_changed_first(web: Web, ada: Client) -> None:
    page = ada.post("/admin/people/person/north/password", {"way": "generate"}, 200)
    password = secret_of(page.text)
    client = web.sign_in("north", password)
    assert client.client.get("/").headers["Location"] == "/me/password"
    client.get("/me/password")
    wrong = {"old": password, "password": "another 12", "again": "another 13"}
    client.post("/me/password", wrong, 400)
    client.post("/me/password", {**wrong, "again": "another 12"})
    client.get("/")


def test_renaming_keeps_the_key_and_errors_stand_at_their_field(web: Web, ada: Client) -> None:
    values = {"name": "Norbert", "sign_in": "norbert", "unit": "unit:south", "email": "north@example.org"}
    ada.post("/admin/people/person/north", {**values, "groups": ["sellers"]})
    person = web.node.directory.person("north")
    assert person is not None
    assert (person.key, person.name, person.sign_in, person.unit) == (
        "north", "Norbert", "norbert", "unit:south",
    )  # fmt: skip
    answer = ada.post("/admin/people/person/north", {**values, "sign_in": "south"}, 400)
    assert "“South” has the same" in answer.text


def test_deactivated_removed_and_signed_out(web: Web, ada: Client) -> None:
    north, south = web.sign_in("north"), web.sign_in("south")
    ada.post("/admin/people/person/north/sign-out")
    north.get("/", 302)
    ada.post("/admin/people/person/south/active", {"active": "0"})
    south.get("/", 302)
    ada.post("/admin/people/person/south/remove")
    assert web.node.directory.person("south") is None
    problem = ada.post("/admin/people/person/ada/remove", status=400)
    assert "manager" in problem.text


def test_people_from_a_sheet(web: Web, ada: Client) -> None:
    rows = ("姓名,部门,职务,群组,邮箱", "王伟,South,Engineer,sellers,wang@example.org",
            "Bob,Export,Clerk,nobody,bob@example.org")  # fmt: skip
    sheet = "\n".join(rows)
    file = (io.BytesIO(sheet.encode("gb18030")), "people.csv")
    answer = ada.post("/admin/people/sheet/preview", {"file": file}, 200, content_type="multipart/form-data")
    assert "There is no group “nobody”" in answer.text
    assert "Make these units" in answer.text
    assert web.node.directory.find("wang@example.org") is None
    sent = {"name": ["王伟", "Bob"], "unit": ["South", "Export"], "title": ["", "Clerk"], "groups": ["sellers", ""],
            "email": ["wang@example.org", "bob@example.org"], "sign_in": ["", ""]}  # fmt: skip
    more = {"make": ["units"], "way": "generate", "action": "create"}
    made = ada.post("/admin/people/sheet/create", {**sent, **more}, 200)
    assert made.text.count('class="secret"') == 2
    bob = web.node.directory.find("bob@example.org")
    assert bob is not None
    assert bob.unit == "unit:export"
    assert web.node.secrets.must_change(bob.key)


def test_the_form_of_a_group_takes_positions_and_units_by_key_or_by_what_they_are_called(web: Web, ada: Client) -> None:
    directory = web.node.databases.open("directory", Identity(web.node.directory.person("ada")))
    made = directory.create({"form": "group", "name": "Key", "members": ["Leader of Sales", "unit:north"]}, id="key")
    assert directory.get(made.id)["members"] == ["leader-of:sales", "unit:north"]
    offered = ada.client.get("/pick/names?q=leader&kinds=person,group,unit,leader").get_json()["rows"]
    assert {"leader-of:sales", "leader-of:north"} <= {row["value"] for row in offered}


def test_people_are_found_and_shown_by_either_name(web: Web, ada: Client) -> None:
    web.node.directory.change_person(SYSTEM, "eve", name="叶凡", latin_name="Ye Fan")
    for words in ("叶", "ye fan"):
        rows = ada.client.get(f"/pick/names?q={words}&kinds=person").get_json()["rows"]
        assert [row["label"] for row in rows] == ["Ye Fan"]
    ada.client.set_cookie("language", "zh")
    assert ada.client.get("/pick/names?q=ye&kinds=person").get_json()["rows"][0]["label"] == "叶凡"


def test_groups_and_units(web: Web, ada: Client) -> None:
    ada.post("/admin/groups/new", {"name": "Key accounts", "members": ["north", "unit:sales"]})
    assert "key.accounts" in web.node.directory.principals("lea")
    ada.post("/admin/groups/group/key.accounts", {"name": "Key accounts", "members": ["nobody"]}, 400)
    ada.post("/admin/groups/group/key.accounts", {"name": "Key accounts", "members": ["leader-of:sales", "unit:north"]})
    held = {key: "key.accounts" in web.node.directory.principals(key) for key in ("lea", "north", "south")}
    assert held == {"lea": True, "north": True, "south": False}
    assert "Leader of Sales" in ada.get("/admin/groups/group/key.accounts")
    ada.post("/admin/groups/group/key.accounts/remove")
    ada.post("/admin/units/new", {"name": "West", "parent": "unit:sales", "leader": "eve"})
    assert web.node.directory.leader("west").key == "eve"  # type: ignore[union-attr]
    ada.post("/admin/units/unit/unit:sales", {"name": "Sales", "parent": "unit:west"}, 400)
    ada.post("/admin/units/unit/unit:north/remove")
    assert "unit:north" in web.node.directory.snapshot().units
    ada.post("/admin/units/unit/unit:west/remove")
    assert "unit:west" not in web.node.directory.snapshot().units
