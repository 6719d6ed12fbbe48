"""Persons, groups and units: keys, renames, re-organisation, rows, removal, and who reads what of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from app.access import SYSTEM, Level
from app.errors import BadRequest, Conflict, Forbidden, NotFound

if TYPE_CHECKING:
    from tests.access.conftest import World


def test_principals_of_a_person(world: World) -> None:
    assert world.directory.principals("ann") == {
        "ann", "sellers", "staff", "unit:east", "unit:sales", "unit:acme",
    }  # fmt: skip
    assert world.directory.principals("lea") >= {"lea", "staff", "unit:sales", "leader-of:east"}
    assert world.directory.principals("nobody") == frozenset()


def test_groups_in_a_circle_end(world: World) -> None:
    world.directory.change_group(SYSTEM, "sellers", add=["staff"])
    assert {"sellers", "staff"} <= world.directory.principals("lea")


def test_a_new_leader_holds_the_position_at_once_and_no_document_changes(world: World) -> None:
    world.make("notes", {"-Default-": {"level": "reader"}})
    rev = world.put("notes", "doc", readers=["leader-of:east"])
    world.directory.change_unit(world.identity("ada"), "east", leader="bob")
    assert not world.open("notes", "lea").exists("doc")
    assert world.open("notes", "bob").get("doc")["_rev"] == rev


def test_a_re_organisation_changes_who_holds_unit_names(world: World) -> None:
    world.directory.change_unit(SYSTEM, "east", parent="unit:acme")
    assert "unit:sales" not in world.directory.principals("ann")
    world.directory.change_person(SYSTEM, "ann", unit="unit:sales")
    assert {"unit:sales", "unit:acme"} <= world.directory.principals("ann")
    assert "unit:east" not in world.directory.principals("ann")


def test_a_rename_changes_label_and_sign_in_name_and_nothing_else(world: World) -> None:
    world.make("notes", {"-Default-": {"level": "reader"}})
    rev = world.put("notes", "doc", readers=["ann"])
    world.secrets.set_password("ann", "correct horse")
    world.directory.change_person(world.identity("ada"), "ann", name="Ann Miller", sign_in="miller")
    assert world.open("notes", "ann").get("doc")["_rev"] == rev
    assert world.directory.label("ann") == "Ann Miller"
    assert world.secrets.verify("miller", "correct horse").key == "ann"
    assert world.directory.find("ann") is None


@pytest.mark.parametrize(
    ("item", "value"), [("sign_in", "bob"), ("email", "BOB@example.org"), ("sign_in", "bob@example.org")]
)
def test_nobody_signs_in_as_somebody_else(world: World, item: str, value: str) -> None:
    with pytest.raises(BadRequest) as problem:
        world.directory.change_person(SYSTEM, "ann", **{item: value})
    assert item in problem.value.fields


@pytest.mark.parametrize("key", ["ann", "sellers", "unit:east", "Bad Key", "a,b", "[x]", "*", "system", "acl"])
def test_a_key_is_one_namespace_and_well_formed(world: World, key: str) -> None:
    with pytest.raises((BadRequest, Conflict)):
        world.open("directory", "ada").create({"form": "group", "name": "X", "members": []}, id=key)


def test_a_group_named_like_a_person_gives_nothing(world: World) -> None:
    with pytest.raises((BadRequest, Forbidden)):
        world.directory.create_group(world.identity("ada"), "ann", members=["eve"])
    assert "ann" not in world.directory.principals("eve")


def test_a_key_is_never_issued_twice(world: World) -> None:
    world.make("notes", {"-Default-": {"level": "reader"}})
    world.put("notes", "doc", readers=["ann", "bob"])
    ada = world.identity("ada")
    world.directory.remove_person(ada, "ann")
    with pytest.raises(BadRequest):
        world.directory.create_person(ada, name="Another Ann", key="ann")
    with pytest.raises(BadRequest):
        world.directory.create_group(ada, "ann", members=["eve"])
    assert world.directory.create_person(ada, name="Ann").key == "ann2"


def test_a_removed_person_restored_from_the_trash_is_the_same_person(world: World) -> None:
    ada = world.identity("ada")
    world.directory.remove_person(ada, "ann")
    world.open("directory", "ada").restore("ann")
    assert world.directory.principals("ann") >= {"ann", "sellers"}
    assert not world.secrets.has_password("ann")


@pytest.mark.parametrize(("form", "id"), [("person", "ann"), ("unit", "unit:east"), ("group", "sellers")])
def test_only_managers_change_the_directory_by_any_path(world: World, form: str, id: str) -> None:
    database = world.open("directory", "ann")
    for write in (
        lambda: database.change(id, {"unit": "unit:acme", "leader": "ann", "members": ["ann"]}),
        lambda: database.delete(id),
        lambda: database.create({"form": form, "name": "X"}, id="unit:x" if form == "unit" else "x"),
        lambda: world.directory.change_person(world.identity("ann"), "ann", unit="unit:acme"),
        lambda: world.directory.change_person(world.identity("ann"), "bob", language="zh"),
        lambda: world.directory.change_group(world.identity("ann"), "admins", add=["ann"]),
    ):
        with pytest.raises((Forbidden, NotFound)):
            write()


def test_not_even_an_editor_gives_himself_a_unit(world: World) -> None:
    acl = world.databases.acl("directory")
    from app.access import acl as acls

    entries = {**acl.entries, "ann": acls.AclEntry("ann", "person", Level.EDITOR, frozenset({"delete"}))}
    world.databases.set_acl("directory", SYSTEM, acls.Acl(entries))
    with pytest.raises(Forbidden):
        world.open("directory", "ann").change("ann", {"unit": "unit:acme"})
    assert [
        type(row).__name__ for row in world.open("directory", "ann").create_many([{"form": "group", "_id": "g"}])
    ] == ["Forbidden"]


def test_everybody_sets_their_own_language(world: World) -> None:
    world.directory.change_person(world.identity("ann"), "ann", language="zh")
    person = world.directory.person("ann")
    assert person is not None
    assert person.language == "zh"
    assert world.open("directory", "ann").history("ann")[0].by == "ann"


def test_readers_get_persons_and_units_but_no_groups_and_no_acl(world: World) -> None:
    seen = {row.id for row in world.open("directory", "ann").changes()}
    assert seen == {"ann", "bob", "lea", "eve", "ada", "unit:acme", "unit:sales", "unit:east"}
    assert {row.id for row in world.open("directory", "ada").changes()} == seen | {
        "acl",
        "admins",
        "sellers",
        "staff",
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda world, ada: world.directory.remove_person(ada, "ada"),
        lambda world, ada: world.directory.change_person(ada, "ada", active=False),
        lambda world, ada: world.directory.change_group(ada, "admins", remove=["ada"]),
        lambda world, ada: world.directory.remove_group(ada, "admins"),
        lambda world, ada: world.open("directory", "ada").delete("admins"),
    ],
)
def test_no_database_loses_its_last_living_manager(world: World, change: Any) -> None:
    with pytest.raises(BadRequest):
        change(world, world.identity("ada"))
    assert world.open("directory", "ada").rights.level == Level.MANAGER
    assert world.directory.person("ada") is not None


@pytest.mark.parametrize(
    ("form", "id", "items"),
    [
        ("person", "new", {}),
        ("person", "new", {"name": " "}),
        ("person", "new", {"name": "X", "password": "correct horse"}),
        ("person", "new", {"name": "X", "unit": "unit:none"}),
        ("group", "new", {"members": ["ghost"]}),
        ("group", "new", {"members": ["ann, bob"]}),
        ("unit", "unit:new", {"parent": "unit:none"}),
        ("unit", "unit:new", {"leader": "ghost"}),
        ("unit", "new", {}),
        ("note", "unit:new", {}),
    ],
)
def test_references_must_exist(world: World, form: str, id: str, items: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        world.open("directory", "ada").create({"form": form, **items}, id=id)


def test_units_cannot_stand_in_a_circle(world: World) -> None:
    with pytest.raises(BadRequest):
        world.directory.change_unit(SYSTEM, "acme", parent="unit:east")


def test_persons_from_rows_with_errors_by_row(world: World) -> None:
    rows: list[dict[str, Any]] = [
        {
            "name": "李 明",
            "department": "east",
            "title": "Seller",
            "groups": "sellers, staff",
            "mail": "li@example.org",
        },
        {"name": "", "key": "nameless"},
        {"name": "No Unit", "department": "nowhere"},
        {"name": "No Group", "groups": ["nothing"]},
        {"name": "Same mail", "mail": "LI@example.org"},
        {"name": "王芳"},
    ]
    results = world.directory.create_persons(world.identity("ada"), rows)
    made = [row.person.key if row.person else sorted(row.error.fields) for row in results]  # type: ignore[union-attr]
    assert made == ["li", ["name"], ["unit"], ["groups"], ["email"], "wangfang"]
    assert {"sellers", "staff", "unit:east"} <= world.directory.principals("li")
    person = world.directory.person("li")
    assert person is not None
    assert (person.title, person.email) == ("Seller", "li@example.org")
    link = world.secrets.create_link("li", by="ada")
    assert world.secrets.use_link(link, "correct horse").key == "li"


def test_rows_by_somebody_who_may_not(world: World) -> None:
    results = world.directory.create_persons(world.identity("ann"), [{"name": "X"}])
    assert isinstance(results[0].error, Forbidden)


def test_labels(world: World) -> None:
    world.directory.change_unit(SYSTEM, "east", name={"en": "East", "zh": "东区"})
    label = world.directory.label
    assert [label("ann"), label("unit:east", "zh"), label("leader-of:east", "zh"), label("leader-of:east", "en")] == [
        "Ann", "东区", "东区负责人", "Leader of East",
    ]  # fmt: skip
    world.directory.change_person(SYSTEM, "bob", name="薄波", latin_name="Bo Bo")
    assert [label("bob", "en"), label("bob", "zh"), label("bob")] == ["Bo Bo", "薄波", "薄波"]
    assert [label("[Leaders]"), label("*", "zh"), label("ghost")] == ["[Leaders]", "所有人", "ghost"]


def test_changes_of_the_directory_are_logged(world: World) -> None:
    world.directory.change_group(world.identity("ada"), "sellers", add=["eve"])
    entry = world.databases.search_audit(world.identity("ada"), event="group_changed", person="ada")[0]
    assert entry.subject == "sellers"
    assert entry.detail["members"] == [["ann", "bob"], ["ann", "bob", "eve"]]


def test_why_can_somebody_see_this(world: World) -> None:
    entries: dict[str, Any] = {
        "-Default-": {"level": "none"},
        "sellers": {"type": "group", "level": "author"},
        "lea": {"type": "person", "level": "editor", "roles": ["Leaders"]},
        "ada": {"type": "person", "level": "manager"},
    }
    world.make("notes", entries)
    world.put("notes", "doc", readers=["[Leaders]", "bob"], authors=["ann"])
    database = world.open("notes", "ann")
    seen = {row.person: (row.entry, row.list, row.names, row.edits) for row in database.who_may_see("doc")}
    assert seen == {
        "ann": ("sellers", "authors", ("ann",), True),
        "bob": ("sellers", "readers", ("bob",), False),
        "lea": ("lea", "readers", ("[Leaders]",), True),
    }
    reasons = {key: database.explain("doc", key).reason for key in ("ann", "lea", "ada", "eve", "nobody")}
    assert reasons == {
        "ann": "authors", "lea": "readers", "ada": "not_listed", "eve": "level", "nobody": "level",
    }  # fmt: skip
    world.put("notes", "open")
    assert database.explain("open", "ada").reason == "open"
    with pytest.raises(NotFound):
        world.open("notes", "ada").explain("doc", "ada")


def test_a_row_that_fails_after_its_guard_leaves_no_key_and_no_entry_in_the_log(world: World) -> None:
    directory = world.open("directory", "ada")
    rows = [
        {"form": "person", "_id": "zoe", "name": "Zoe", "readers": ["nobody-there"]},
        {"form": "person", "_id": "yan", "name": "Yan"},
    ]
    answers = directory.create_many(rows)
    assert [type(answer).__name__ for answer in answers] == ["BadRequest", "Saved"]
    ada = world.identity("ada")
    entries = world.databases.search_audit(ada, event="person_created", person="ada")
    assert [entry.subject for entry in entries] == ["yan"]
    with world.store.reading() as connection:
        keys = {key for (key,) in connection.execute("SELECT key FROM issued_keys")}
    assert "zoe" not in keys


def test_a_dry_run_issues_no_key(world: World) -> None:
    directory = world.open("directory", "ada")
    rows = [{"form": "person", "_id": "yan", "name": "Yan"}, {"form": "person", "_id": "ann", "name": "Ann"}]
    answers = directory.check_many(rows)
    assert [isinstance(answer, list) for answer in answers] == [True, False]
    assert not directory.exists("yan")
    assert world.databases.search_audit(world.identity("ada"), event="person_created", person="ada") == []
    directory.create(rows[0])


def test_an_acl_among_many_rows_that_fails_is_not_in_the_log(world: World) -> None:
    world.make("notes", {"-Default-": {"level": "reader"}, "ada": {"type": "person", "level": "manager"}})
    before = len(world.databases.search_audit(world.identity("ada"), event="acl"))
    entries = {"-Default-": {"level": "reader"}, "ada": {"type": "person", "level": "manager"}}
    row = {"_id": "acl", "form": "acl", "entries": entries}
    assert isinstance(world.open("notes", "ada").create_many([row])[0], Conflict)
    world.open("notes", "ada").create({"form": "note"})
    assert len(world.databases.search_audit(world.identity("ada"), event="acl")) == before
