"""Random ACLs, groups, documents and persons: the door answers what a plain reading of the rules says.

The reference below is written from the requirements' tables alone and shares no code with app/access.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.access import SYSTEM, Identity, acl, open_access
from app.errors import DavenportError, NotFound
from app.store import Store

PERSONS = ["p1", "p2", "p3", "p4"]
GROUPS = ["g1", "g2", "g3"]
UNITS = ["unit:a", "unit:b", "unit:c"]  # c below b below a
PARENTS = {"unit:c": "unit:b", "unit:b": "unit:a", "unit:a": ""}
LEVELS = ["none", "depositor", "reader", "author", "editor", "designer", "manager"]
FLAGS = ["create", "delete", "read_public", "write_public"]
NAMES = [*PERSONS, *GROUPS, *UNITS, "leader-of:b", "[R]", "[S]", "*", "level:editor", "ghost"]

entry = st.fixed_dictionaries(
    {
        "level": st.sampled_from(LEVELS),
        "flags": st.lists(st.sampled_from(FLAGS), unique=True),
        "roles": st.lists(st.sampled_from(["R", "S"]), unique=True),
    }
)
entries = st.dictionaries(
    st.sampled_from([*PERSONS, *GROUPS, *UNITS, "*/b/a", "*/a", "leader-of:b"]), entry, max_size=5
)
lists = st.one_of(st.none(), st.lists(st.sampled_from(NAMES), max_size=3, unique=True))
documents = st.lists(st.tuples(lists, lists, st.booleans()), min_size=1, max_size=6)
members = st.dictionaries(
    st.sampled_from(GROUPS), st.lists(st.sampled_from([*PERSONS, *GROUPS, "unit:b"]), unique=True), max_size=3
)
units = st.dictionaries(st.sampled_from(PERSONS), st.sampled_from(UNITS))


class Reference:
    """The rules, naively."""

    def __init__(self, acl_: dict[str, Any], groups: dict[str, list[str]], homes: dict[str, str], leader: str) -> None:
        self.acl, self.groups, self.homes, self.leader = acl_, groups, homes, leader

    def units(self, person: str) -> list[str]:
        found, unit = [], self.homes.get(person, "")
        while unit:
            found.append(unit)
            unit = PARENTS[unit]
        return found

    def held(self, person: str) -> set[str]:
        held = {person, *self.units(person)} | ({"leader-of:b"} if person == self.leader else set())
        while True:
            more = {group for group, inside in self.groups.items() if held & set(inside)} - held
            if not more:
                return held
            held |= more

    def rights(self, person: str) -> tuple[int, set[str], set[str]]:
        path = "/".join(unit.removeprefix("unit:") for unit in self.units(person))
        held = self.held(person) - {person}
        if person in self.acl:
            chosen = [self.acl[person]]
        elif any(name in held for name in self.acl):
            chosen = [one for name, one in self.acl.items() if name in held]
        else:
            wild = [(LEVELS.index(one["level"]), len(name), name) for name, one in self.acl.items()
                    if name.startswith("*/") and ("/" + path).endswith(name[1:])]  # fmt: skip
            chosen = [self.acl[max(wild)[2]] if wild else self.acl["-Default-"]]
        level = max(LEVELS.index(one["level"]) for one in chosen)
        return level, {f for one in chosen for f in one["flags"]}, {r for one in chosen for r in one["roles"]}

    def reads(self, person: str, readers: list[str] | None, authors: list[str] | None, public: bool) -> bool:
        level, flags, roles = self.rights(person)
        if public and "read_public" in flags:
            return True
        if level < 2:
            return False
        names = self.held(person) | {f"[{role}]" for role in roles} | {"*"}
        names |= {f"level:{name}" for place, name in enumerate(LEVELS) if 0 < place <= level}
        return not readers or bool(names & {*readers, *(authors or [])})

    def edits(self, person: str, readers: list[str] | None, authors: list[str] | None, public: bool) -> bool:
        level, flags, roles = self.rights(person)
        if not self.reads(person, readers, authors, public):
            return False
        names = self.held(person) | {f"[{role}]" for role in roles} | {"*"}
        names |= {f"level:{name}" for place, name in enumerate(LEVELS) if 0 < place <= level}
        listed = level == 3 and bool(names & set(authors or []))
        return level >= 4 or listed or (public and "write_public" in flags)

    def deletes(self, person: str, readers: list[str] | None, authors: list[str] | None, public: bool) -> bool:
        level, flags, _ = self.rights(person)
        plain = self.edits(person, readers, authors, False if level == 3 else public)
        readable = self.reads(person, readers, authors, public)
        named = level == 3 and self.edits(person, ["*"], authors, False)
        return "delete" in flags and level >= 3 and readable and (named if level == 3 else plain)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(entries=entries, default=entry, groups=members, homes=units, leader=st.sampled_from(PERSONS), rows=documents)
def test_the_door_says_what_the_rules_say(
    entries: dict[str, Any],
    default: dict[str, Any],
    groups: dict[str, list[str]],
    homes: dict[str, str],
    leader: str,
    rows: list[tuple[list[str] | None, list[str] | None, bool]],
) -> None:
    rules = {**entries, "-Default-": default}
    reference = Reference(rules, groups, homes, leader)
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(Store.open(Path(folder), create=True)) as store:
        access = open_access(store)
        with store.transaction():
            _fill(access, rules, groups, homes, leader, rows)
        for person in PERSONS:
            found = access.directory.person(person)
            assert found is not None
            expected = {f"d{place}" for place, row in enumerate(rows) if reference.reads(person, *row)}
            level, flags, _ = reference.rights(person)
            try:
                database = access.databases.open("notes", Identity(found))
            except NotFound:
                assert level == 0
                assert not flags & {"read_public", "write_public"}
                continue
            shown = [row.id for row in database.changes() if row.id != "acl"]
            assert sorted(shown) == sorted(expected)
            assert set(database.get_many([f"d{place}" for place in range(len(rows))])) == expected
            assert database.count() == len(expected) + (level == 6)
            assert database.may_create() is (level in (1, 4, 5, 6) or (level == 3 and "create" in flags)
                                             or "write_public" in flags)  # fmt: skip
            _compare_writes(database, reference, person, rows, store)


def _fill(access: Any, rules: Any, groups: Any, homes: Any, leader: str, rows: Any) -> None:
    access.databases.create("directory", SYSTEM, acl.make({"-Default-": {"level": "reader"}}))
    for unit in UNITS:
        access.directory.create_unit(SYSTEM, unit, parent=PARENTS[unit])
    for person in PERSONS:
        access.directory.create_person(SYSTEM, name=person, key=person, unit=homes.get(person, ""))
    access.directory.change_unit(SYSTEM, "unit:b", leader=leader)
    for group in GROUPS:
        access.directory.create_group(SYSTEM, group)
    for group, inside in groups.items():
        access.directory.change_group(SYSTEM, group, add=inside)
    access.databases.create("notes", SYSTEM, acl.make(rules))
    system = access.databases.open("notes", SYSTEM)
    for place, (readers, authors, public) in enumerate(rows):
        items = {"form": "note", "readers": readers, "authors": authors, "public": public}
        system.create({name: value for name, value in items.items() if value is not None}, id=f"d{place}")


def _compare_writes(database: Any, reference: Reference, person: str, rows: Any, store: Store) -> None:
    """Try each write for real and take it back."""
    for place, row in enumerate(rows):
        id = f"d{place}"
        for attempt, allowed in (
            (lambda id=id: database.change(id, {"text": "x"}), reference.edits(person, *row)),
            (lambda id=id: database.delete(id), reference.deletes(person, *row)),
        ):
            assert _tried(store, attempt) == ("done" if allowed else 403 if reference.reads(person, *row) else 404)


def _tried(store: Store, attempt: Any) -> object:
    outcome: object = "done"
    with contextlib.suppress(ZeroDivisionError), store.transaction():
        try:
            attempt()
        except DavenportError as problem:
            outcome = problem.status if problem.status in (403, 404) else "done"  # 400: nobody else could read
        raise ZeroDivisionError  # take it back
    return outcome
