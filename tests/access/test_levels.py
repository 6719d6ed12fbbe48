"""The table “Levels” and the flags of the access rules, one line a row: pure functions, no store."""

from __future__ import annotations

import pytest

from app.access import rules
from app.access.acl import Level, Rights
from app.access.principals import in_database

OPEN = {"form": "note"}
MINE = {"form": "note", "authors": ["ann"]}
FOR_ANN = {"form": "note", "readers": ["ann"]}
FOR_BOB = {"form": "note", "readers": ["bob"]}
PUBLIC = {"form": "note", "public": True, "readers": ["*", "flag:read_public"]}

NO, YES = False, True


def rights(level: Level, flags: str = "") -> Rights:
    return Rights(level, frozenset(flags.split()))


def principals(given: Rights) -> frozenset[str]:
    return in_database(frozenset({"ann"}), given)


# level, open document, readers name her, readers name another
READS = [
    (Level.MANAGER, YES, YES, NO),
    (Level.DESIGNER, YES, YES, NO),
    (Level.EDITOR, YES, YES, NO),
    (Level.AUTHOR, YES, YES, NO),
    (Level.READER, YES, YES, NO),
    (Level.DEPOSITOR, NO, NO, NO),
    (Level.NONE, NO, NO, NO),
]


@pytest.mark.parametrize(("level", "open_", "named", "other"), READS)
def test_reads(level: Level, open_: bool, named: bool, other: bool) -> None:
    given = rights(level, "create delete replicate_or_copy")
    answers = [rules.may_read(given, principals(given), document) for document in (OPEN, FOR_ANN, FOR_BOB)]
    assert answers == [open_, named, other]


# level, creates without the flag, creates with the flag `create`
CREATES = [
    (Level.MANAGER, YES, YES),
    (Level.DESIGNER, YES, YES),
    (Level.EDITOR, YES, YES),
    (Level.AUTHOR, NO, YES),
    (Level.READER, NO, NO),
    (Level.DEPOSITOR, YES, YES),
    (Level.NONE, NO, NO),
]


@pytest.mark.parametrize(("level", "bare", "flagged"), CREATES)
def test_creates(level: Level, bare: bool, flagged: bool) -> None:
    assert [rules.may_create(rights(level)), rules.may_create(rights(level, "create"))] == [bare, flagged]


# level, edits an open document, edits where `authors` names her, edits what another reads
EDITS = [
    (Level.MANAGER, YES, YES, NO),
    (Level.DESIGNER, YES, YES, NO),
    (Level.EDITOR, YES, YES, NO),
    (Level.AUTHOR, NO, YES, NO),
    (Level.READER, NO, NO, NO),
    (Level.DEPOSITOR, NO, NO, NO),
    (Level.NONE, NO, NO, NO),
]


@pytest.mark.parametrize(("level", "open_", "mine", "other"), EDITS)
def test_edits(level: Level, open_: bool, mine: bool, other: bool) -> None:
    given = rights(level, "create delete")
    answers = [rules.may_edit(given, principals(given), document) for document in (OPEN, MINE, FOR_BOB)]
    assert answers == [open_, mine, other]


# level, flag delete: open document, where `authors` names her; the same without the flag is always no
DELETES = [
    (Level.MANAGER, YES, YES),
    (Level.DESIGNER, YES, YES),
    (Level.EDITOR, YES, YES),
    (Level.AUTHOR, NO, YES),
    (Level.READER, NO, NO),
    (Level.DEPOSITOR, NO, NO),
    (Level.NONE, NO, NO),
]


@pytest.mark.parametrize(("level", "open_", "mine"), DELETES)
def test_deletes_only_with_the_flag(level: Level, open_: bool, mine: bool) -> None:
    given, bare = rights(level, "delete"), rights(level)
    assert [rules.may_delete(given, principals(given), document) for document in (OPEN, MINE)] == [
        open_,
        mine,
    ]
    assert not any(rules.may_delete(bare, principals(bare), document) for document in (OPEN, MINE))


@pytest.mark.parametrize(
    ("level", "design", "manage"),
    [
        (Level.MANAGER, YES, YES),
        (Level.DESIGNER, YES, NO),
        (Level.EDITOR, NO, NO),
        (Level.AUTHOR, NO, NO),
        (Level.READER, NO, NO),
        (Level.DEPOSITOR, NO, NO),
        (Level.NONE, NO, NO),
    ],
)
def test_design_and_acl(level: Level, design: bool, manage: bool) -> None:
    assert (rules.may_design(rights(level)), rules.may_manage(rights(level))) == (design, manage)


@pytest.mark.parametrize(
    ("level", "flags", "sees", "sees_open", "creates", "edits"),
    [
        (Level.NONE, "", NO, NO, NO, NO),
        (Level.NONE, "read_public", YES, NO, NO, NO),
        (Level.NONE, "read_public write_public", YES, NO, YES, YES),
        (Level.NONE, "write_public", NO, NO, YES, NO),
        (Level.DEPOSITOR, "read_public", YES, NO, YES, NO),
        (Level.READER, "", YES, YES, NO, NO),
        (Level.READER, "read_public write_public", YES, YES, YES, YES),
    ],
)
def test_public_documents(level: Level, flags: str, sees: bool, sees_open: bool, creates: bool, edits: bool) -> None:
    given = rights(level, flags)
    held = principals(given)
    assert rules.may_read(given, held, PUBLIC) is sees
    assert rules.may_read(given, held, OPEN) is sees_open
    assert rules.may_create(given, public=True) is creates
    assert rules.may_edit(given, held, PUBLIC) is edits
    assert not rules.may_delete(given, held, PUBLIC)


def test_copying_needs_its_flag_at_every_level() -> None:
    assert [rules.may_copy(rights(level)) for level in Level] == [NO] * 7
    assert [rules.may_copy(rights(level, "replicate_or_copy")) for level in Level] == [YES] * 7
