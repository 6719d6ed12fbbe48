"""The table “Readers and authors”, as far as lists alone decide: pure functions, one line a row."""

from __future__ import annotations

from typing import Any

import pytest

from app.access import rules
from app.access.acl import Level, Rights
from app.access.principals import in_database
from app.errors import BadRequest
from app.store.sets import reader_names

# what the row says, level, roles, document, sees it
ROWS: list[tuple[str, Level, str, dict[str, Any], bool]] = [
    ("all readers empty: every reader and above", Level.READER, "", {"readers": []}, True),
    ("blanks alone name nobody", Level.READER, "", {"readers": ["", ""]}, False),
    ("one non-empty among several decides", Level.READER, "", {"readers": ["", "hr"]}, False),
    ("a list without any name", Level.MANAGER, "", {"readers": [1, 2]}, False),
    ("named in readers", Level.READER, "", {"readers": ["ann"]}, True),
    ("in authors only, readers non-empty", Level.READER, "", {"readers": ["bob"], "authors": ["ann"]}, True),
    ("authors set, readers empty hides from nobody", Level.READER, "", {"authors": ["bob"]}, True),
    ("manager not in readers", Level.MANAGER, "", {"readers": ["bob"]}, False),
    ("editor not in readers", Level.EDITOR, "", {"readers": ["bob"]}, False),
    ("in readers, level none", Level.NONE, "", {"readers": ["ann"]}, False),
    ("in authors, level none", Level.NONE, "", {"readers": ["bob"], "authors": ["ann"]}, False),
    ("star in readers", Level.READER, "", {"readers": ["*"]}, True),
    ("star among others", Level.READER, "", {"readers": ["bob", "*"]}, True),
    ("star, but depositor", Level.DEPOSITOR, "", {"readers": ["*"]}, False),
    ("role held here", Level.READER, "Leaders", {"readers": ["[Leaders]"]}, True),
    ("role not held here", Level.MANAGER, "", {"readers": ["[Leaders]"]}, False),
    ("level name", Level.MANAGER, "", {"readers": ["level:manager"]}, True),
    ("level name of a higher level", Level.EDITOR, "", {"readers": ["level:manager"]}, False),
]


@pytest.mark.parametrize(
    ("level", "roles", "document", "sees"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_who_sees(level: Level, roles: str, document: dict[str, Any], sees: bool) -> None:
    rights = Rights(level, frozenset(), frozenset(roles.split()))
    assert rules.may_read(rights, in_database(frozenset({"ann"}), rights), document) is sees


@pytest.mark.parametrize(
    "value", [["A, B"], ["a;b"], ["李明，王芳"], ["a\nb"], "a, b", "ann", {"ann": 1}, [1], [["a"]], 7]
)
def test_a_list_that_would_lock_everyone_out_is_refused(value: Any) -> None:
    with pytest.raises(BadRequest) as problem:
        rules.checked_names("readers", value)
    assert "readers" in problem.value.fields


def test_names_are_trimmed_and_stand_once() -> None:
    assert rules.checked_names("readers", [" ann", "", "bob", "ann"]) == ["ann", "bob"]


def test_a_public_document_is_open_to_the_flag_and_closing_it_takes_that_away() -> None:
    items: dict[str, Any] = {"public": True, "readers": ["ann"]}
    rules.settle_lists(items)
    assert items["readers"] == ["ann", "flag:read_public"]
    items["public"] = False
    rules.settle_lists(items)
    assert items["readers"] == ["ann"]


def test_a_public_document_for_everybody_stays_readable_for_everybody() -> None:
    items: dict[str, Any] = {"public": True}
    rules.settle_lists(items)
    assert items["readers"] == ["level:reader", "flag:read_public"]


def test_nobody_opens_a_document_to_the_public_by_naming_the_flag() -> None:
    items: dict[str, Any] = {"readers": ["ann", "flag:read_public"]}
    rules.settle_lists(items)
    assert items["readers"] == ["ann"]


@pytest.mark.parametrize(
    "readers",
    [None, "", [], [""], ["", "  "], " ", 0, 7, {}, {"a": 1}, [1], [["ann"]], "ann", ["ann"], ["*"], ["ann", ""]],
)
@pytest.mark.parametrize("authors", [None, [], ["lea"], "lea", [""]])
def test_the_store_and_the_door_say_the_same_of_readers(readers: object, authors: object) -> None:
    body = {"readers": readers, "authors": authors}
    said, stored = rules.readers_of(body), frozenset(reader_names(body))
    assert ("*" in said) == ("*" in stored)
    assert "*" in said or said == stored
