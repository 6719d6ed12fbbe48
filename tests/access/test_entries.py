"""The table “Which entry counts”: own name, groups, wildcards, -Default-, Anonymous; and the names a person
holds."""

from __future__ import annotations

from typing import Any

import pytest

from app.access import acl as acls
from app.access.acl import Level, Subject, effective
from app.access.principals import closure, in_database, in_directory, is_key, unit_path
from app.errors import BadRequest

ANN = Subject("ann", frozenset({"ann", "sales", "everyone", "unit:east", "leader-of:east"}), ("east", "sales", "acme"))


def entry(level: str, *, kind: str = "group", flags: str = "", roles: str = "") -> dict[str, Any]:
    return {"type": kind, "level": level, "flags": flags.split(), "roles": roles.split()}


# what the row says, entries, subject, level, flags, roles, deciding entry
ROWS: list[tuple[str, dict[str, Any], Subject, Level, str, str, str]] = [
    (
        "own name counts alone, even when lower; roles and flags too",
        {"ann": entry("reader", kind="person"), "sales": entry("editor", flags="delete", roles="Leaders")},
        ANN,
        Level.READER,
        "",
        "",
        "ann",
    ),
    (
        "own name as none shuts out whom a group lets in",
        {"ann": entry("none", kind="person"), "sales": entry("manager"), "-Default-": entry("editor")},
        ANN,
        Level.NONE,
        "",
        "",
        "ann",
    ),
    (
        "several groups: highest level, union of flags and roles",
        {
            "sales": entry("author", flags="create", roles="A"),
            "everyone": entry("editor", flags="delete", roles="A B"),
        },
        ANN,
        Level.EDITOR,
        "create delete",
        "A B",
        "everyone, sales",
    ),
    (
        "a group counts even when -Default- is higher",
        {"sales": entry("reader"), "-Default-": entry("editor")},
        ANN,
        Level.READER,
        "",
        "",
        "sales",
    ),
    (
        "a unit entry counts as a group",
        {"unit:east": entry("author", kind="unit")},
        ANN,
        Level.AUTHOR,
        "",
        "",
        "unit:east",
    ),
    (
        "a position counts as a group",
        {"leader-of:east": entry("designer", kind="unspecified")},
        ANN,
        Level.DESIGNER,
        "",
        "",
        "leader-of:east",
    ),
    (
        "a wildcard counts when no name and no group does",
        {"*/sales/acme": entry("editor", kind="unit")},
        ANN,
        Level.EDITOR,
        "",
        "",
        "*/sales/acme",
    ),
    (
        "case of a wildcard does not count",
        {"*/Sales/Acme": entry("editor", kind="unit")},
        ANN,
        Level.EDITOR,
        "",
        "",
        "*/Sales/Acme",
    ),
    (
        "the highest matching wildcard, not the longest",
        {"*/acme": entry("designer", kind="unit"), "*/sales/acme": entry("reader", kind="unit")},
        ANN,
        Level.DESIGNER,
        "",
        "",
        "*/acme",
    ),
    (
        "a group goes before a wildcard",
        {"sales": entry("reader"), "*/acme": entry("manager", kind="unit")},
        ANN,
        Level.READER,
        "",
        "",
        "sales",
    ),
    (
        "a wildcard of another unit does not match",
        {"*/sales": entry("manager", kind="unit"), "-Default-": entry("reader")},
        ANN,
        Level.READER,
        "",
        "",
        "-Default-",
    ),
    (
        "otherwise -Default-",
        {"others": entry("manager"), "-Default-": entry("author", flags="create")},
        ANN,
        Level.AUTHOR,
        "create",
        "",
        "-Default-",
    ),
    (
        "no -Default- in the document is none",
        {"others": entry("manager")},
        ANN,
        Level.NONE,
        "",
        "",
        "-Default-",
    ),
    (
        "not signed in: Anonymous",
        {"Anonymous": entry("reader"), "-Default-": entry("editor")},
        acls.NOBODY,
        Level.READER,
        "",
        "",
        "Anonymous",
    ),
    (
        "not signed in without Anonymous: -Default-",
        {"-Default-": entry("editor")},
        acls.NOBODY,
        Level.EDITOR,
        "",
        "",
        "-Default-",
    ),
    (
        "Anonymous is nobody who signed in",
        {"Anonymous": entry("manager"), "-Default-": entry("reader")},
        ANN,
        Level.READER,
        "",
        "",
        "-Default-",
    ),
    (
        "a group entry named like the person is not the person's own",
        {"ann": entry("manager", kind="group"), "-Default-": entry("reader")},
        ANN,
        Level.READER,
        "",
        "",
        "-Default-",
    ),
    (
        "a person entry named like a group gives the group nothing",
        {"sales": entry("manager", kind="person"), "-Default-": entry("reader")},
        ANN,
        Level.READER,
        "",
        "",
        "-Default-",
    ),
]


@pytest.mark.parametrize(
    ("entries", "subject", "level", "flags", "roles", "decides"),
    [row[1:] for row in ROWS],
    ids=[row[0] for row in ROWS],
)
def test_which_entry_counts(
    entries: dict[str, Any], subject: Subject, level: Level, flags: str, roles: str, decides: str
) -> None:
    rights = effective(acls.make(entries), subject)
    assert (rights.level, rights.flags, rights.roles, rights.entry) == (
        level,
        frozenset(flags.split()),
        frozenset(roles.split()),
        decides,
    )


def test_groups_nest_and_cycles_end() -> None:
    above = {"ann": ["g3"], "g3": ["g2"], "g2": ["g1", "g3"], "g1": ["g2"]}
    assert closure(["ann"], above) == {"ann", "g3", "g2", "g1"}


def test_units_with_their_ancestors_positions_and_groups_of_units() -> None:
    held = in_directory(
        "ann",
        "unit:east",
        groups_of={"unit:sales": ["outside"], "leader-of:east": ["leaders"]},
        parents={"unit:east": "unit:sales", "unit:sales": "unit:acme"},
        led_by={"ann": ["unit:east"]},
    )
    assert held == {"ann", "unit:east", "unit:sales", "unit:acme", "leader-of:east", "outside", "leaders"}


def test_units_in_a_circle_end() -> None:
    assert unit_path("unit:a", {"unit:a": "unit:b", "unit:b": "unit:a"}) == ("a", "b")


def test_names_held_in_a_database() -> None:
    rights = effective(acls.make({"sales": entry("author", roles="Leaders")}), ANN)
    held = in_database(ANN.principals, rights) - ANN.principals
    assert held == {"[Leaders]", "level:depositor", "level:reader", "level:author", "*"}


def test_somebody_without_level_holds_no_star() -> None:
    assert in_database(frozenset({"ann"}), effective(acls.make({}), ANN)) == {"ann"}


@pytest.mark.parametrize("key", ["north", "li.ming", "李明", "a-b_c", "x1"])
def test_good_keys(key: str) -> None:
    assert is_key(key)


@pytest.mark.parametrize(
    "key", ["", "North", "a,b", "[x]", "*", "unit:x", "system", "a b", "-Default-", "a/b", "x" * 64]
)
def test_bad_keys(key: str) -> None:
    assert not is_key(key)


def test_an_acl_survives_its_document() -> None:
    acl = acls.make({"-Default-": entry("none"), "ann": entry("manager", kind="person", flags="delete", roles="A")})
    assert acls.from_document(acls.to_document(acl)) == acl


@pytest.mark.parametrize(
    "entries",
    [
        [],
        {"ann": 5},
        {"ann": {"level": "boss"}},
        {"ann": {"level": "editor", "flags": ["fly"]}},
        {"ann": {"level": "editor", "type": "robot"}},
        {"ann": {"level": "editor", "roles": "Leaders"}},
        {"ann": {}},
    ],
)
def test_a_malformed_acl_is_refused(entries: Any) -> None:
    with pytest.raises(BadRequest):
        acls.from_document({"entries": entries})
