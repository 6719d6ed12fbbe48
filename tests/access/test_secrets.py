"""Passwords, links, tokens, sessions, the log."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from app import clock
from app.access import ANONYMOUS, SYSTEM
from app.errors import BadRequest, Forbidden, NotFound, TooManyRequests, Unauthorized

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.store import Store
    from tests.access.conftest import World

GOOD = "correct horse"


@pytest.fixture
def known(world: World) -> World:
    world.secrets.set_password("ann", GOOD)
    return world


@pytest.mark.parametrize("name", ["ann", "ANN", " ann ", "ann@example.org"])
def test_name_or_mail_and_password(known: World, name: str) -> None:
    assert known.secrets.verify(name, GOOD).key == "ann"


def test_unknown_name_and_wrong_password_give_the_same_answer(known: World) -> None:
    answers = set()
    for name in ("ann", "nobody", "bob"):  # bob has no password
        with pytest.raises(Unauthorized) as problem:
            known.secrets.verify(name, "wrong", "::1")
        answers.add((problem.value.status, problem.value.reason))
    assert len(answers) == 1


def test_unknown_names_are_verified_against_a_hash_too(known: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    verify = type(known.secrets._hasher).verify
    monkeypatch.setattr(
        type(known.secrets._hasher),
        "verify",
        lambda self, stored, word: seen.append(stored) or verify(self, stored, word),
    )
    for name in ("ann", "nobody"):
        with pytest.raises(Unauthorized):
            known.secrets.verify(name, "wrong")
    assert len(seen) == 2


@pytest.mark.parametrize("name", ["ann", "nobody"])
def test_after_five_wrong_passwords_even_the_right_one_waits(known: World, name: str) -> None:
    for _ in range(5):
        with pytest.raises(Unauthorized):
            known.secrets.verify(name, "wrong")
    with pytest.raises(TooManyRequests):
        known.secrets.verify(name, GOOD)


def test_waiting_ends_and_success_forgets_failures(known: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        with pytest.raises(Unauthorized):
            known.secrets.verify("ann", "wrong")
    monkeypatch.setattr(clock.Clock, "frozen", clock.utcnow() + timedelta(seconds=2))
    assert known.secrets.verify("ann", GOOD).key == "ann"
    with pytest.raises(Unauthorized):
        known.secrets.verify("ann", "wrong")


def test_an_address_that_tries_many_names_is_slowed(known: World) -> None:
    for number in range(30):
        with pytest.raises(Unauthorized):
            known.secrets.verify(f"name{number}", "wrong", "10.0.0.9")
    with pytest.raises(TooManyRequests):
        known.secrets.verify("ann", GOOD, "10.0.0.9")
    assert known.secrets.verify("ann", GOOD, "10.0.0.8").key == "ann"


def test_a_remembered_password_is_forgotten_when_another_process_changes_it(
    known: World, store: Store, reopen: Callable[[Store], World]
) -> None:
    known.secrets.verify("ann", GOOD)
    reopen(store).secrets.set_password("ann", "another horse")
    with pytest.raises(Unauthorized):
        known.secrets.verify("ann", GOOD)


def test_a_remembered_password_is_not_hashed_again(known: World, monkeypatch: pytest.MonkeyPatch) -> None:
    known.secrets.verify("ann", GOOD)
    monkeypatch.setattr(known.secrets, "_check", lambda name, password: pytest.fail("hashed again"))
    assert known.secrets.verify("ann", GOOD).key == "ann"


def test_a_new_password_ends_sessions(known: World) -> None:
    before = known.secrets.session_version("ann")
    known.secrets.change_password(known.identity("ann").person, GOOD, "another horse")
    assert known.secrets.session_version("ann") != before


@pytest.mark.parametrize("weak", ["short", "ann", "Ann", "aaaaaaaaaaaa", "x" * 2000])
def test_weak_passwords_are_refused(known: World, weak: str) -> None:
    with pytest.raises(BadRequest) as problem:
        known.secrets.set_password("ann", weak)
    assert "password" in problem.value.fields
    assert known.secrets.verify("ann", GOOD).key == "ann"


def test_a_first_password_must_be_changed(known: World) -> None:
    known.secrets.set_password("bob", "first-password", must_change=True, by="ada")
    assert known.secrets.must_change("bob")
    known.secrets.change_password(known.identity("bob").person, "first-password", GOOD)
    assert not known.secrets.must_change("bob")


def test_a_link_works_once(known: World) -> None:
    link = known.secrets.create_link("bob", by="ada")
    person = known.secrets.link_person(link)
    assert person is not None
    with pytest.raises(BadRequest):
        known.secrets.use_link(link, "bob")
    assert known.secrets.use_link(link, GOOD).key == "bob"
    assert known.secrets.verify("bob", GOOD).key == "bob"
    with pytest.raises(Unauthorized):
        known.secrets.use_link(link, "another horse")


def test_a_link_expires(known: World) -> None:
    link = known.secrets.create_link("bob", hours=-1)
    assert known.secrets.link_person(link) is None


def test_no_secret_lies_readable_in_the_file(known: World) -> None:
    link = known.secrets.create_link("bob")
    _, secret = known.secrets.tokens.create("ann", "script")
    with known.store.node.reading() as connection:
        text = "\n".join(connection.iterdump())
    assert not any(hidden in text for hidden in (GOOD, link, secret))


def test_a_removed_person_cannot_sign_in_and_sessions_end(known: World) -> None:
    version = known.secrets.session_version("ann")
    _, secret = known.secrets.tokens.create("ann", "script")
    known.secrets.verify("ann", GOOD)
    known.directory.remove_person(known.identity("ada"), "ann")
    with pytest.raises(Unauthorized):
        known.secrets.verify("ann", GOOD)
    assert known.secrets.session_version("ann") != version
    assert known.secrets.identify(secret) is None
    assert known.secrets.tokens.list("ann") == []
    assert known.directory.person("ann") is None


def test_an_inactive_person_cannot_sign_in(known: World) -> None:
    known.secrets.verify("ann", GOOD)
    known.directory.change_person(known.identity("ada"), "ann", active=False)
    with pytest.raises(Unauthorized):
        known.secrets.verify("ann", GOOD)


def test_a_token_stands_for_its_person_within_its_scope(known: World) -> None:
    known.make("notes", {"-Default-": {"level": "editor"}, "ada": {"type": "person", "level": "manager"}})
    known.make("other", {"-Default-": {"level": "editor"}})
    known.put("notes", "one")
    _, secret = known.secrets.tokens.create("ann", "script", databases=["notes"], write=False)
    identity = known.secrets.identify(secret)
    assert identity is not None
    database = known.databases.open("notes", identity)
    assert database.get("one")["form"] == "note"
    for write in (
        lambda: database.create({"form": "note"}),
        lambda: database.change("one", {"a": 1}),
        lambda: database.delete("one"),
    ):
        with pytest.raises(Forbidden):
            write()
    assert isinstance(database.create_many([{"form": "note"}])[0], Forbidden)
    assert not database.may_create()
    assert not database.may_edit(database.get("one"))
    with pytest.raises(NotFound):
        known.databases.open("other", identity)
    assert [info.name for info in known.databases.readable(identity)] == ["notes"]
    assert known.secrets.tokens.list("ann")[0].last_used is not None


def test_tokens_end_and_are_revoked_by_their_person_only(known: World) -> None:
    with pytest.raises(BadRequest):
        known.secrets.tokens.create("ann", "old", expires_at="2001-01-01")
    token, secret = known.secrets.tokens.create("ann", "script", expires_at="2099-01-01")
    with pytest.raises(NotFound):
        known.secrets.tokens.revoke(token.id, person="bob")
    known.secrets.tokens.revoke(token.id, person="ann")
    assert known.secrets.identify(secret) is None
    assert known.secrets.identify("dvp_nonsense") is None


def test_the_log_notes_and_is_read_by_administrators_only(known: World) -> None:
    known.secrets.verify("ann", GOOD, "::1")
    with pytest.raises(Unauthorized):
        known.secrets.verify("ann", "wrong", "::1")
    ada = known.identity("ada")
    found = known.databases.search_audit(ada, person="ann", event="sign_in")
    assert [(entry.event, entry.address) for entry in found] == [("sign_in", "::1")]
    failed = known.databases.search_audit(ada, event="sign_in_failed")
    assert [(entry.person, entry.subject) for entry in failed] == [("", "ann")]
    for identity in (known.identity("ann"), ANONYMOUS):
        with pytest.raises(Forbidden):
            known.databases.search_audit(identity)
    page = known.databases.search_audit(SYSTEM, limit=1)
    assert known.databases.search_audit(SYSTEM, limit=1, before=page[0].n)[0].n < page[0].n


def test_a_session_of_a_person_without_password_never_comes_back(world: World) -> None:
    ada, secrets = world.identity("ada"), world.secrets
    seen = [secrets.session_version("bob")]
    secrets.end_sessions("bob")
    for _ in range(2):
        assert secrets.session_version("bob") not in seen
        seen.append(secrets.session_version("bob"))
        directory = world.databases.open("directory", ada)
        directory.delete("bob")
        assert secrets.session_version("bob") not in seen
        directory.restore("bob")
    assert not secrets.has_password("bob")


def test_a_removed_person_who_is_restored_has_no_old_session_without_ever_a_row(world: World) -> None:
    directory = world.databases.open("directory", world.identity("ada"))
    before = world.secrets.session_version("bob")
    directory.delete("bob")
    directory.restore("bob")
    assert world.secrets.session_version("bob") != before


def test_a_password_set_again_in_the_same_second_begins_no_old_session(known: World) -> None:
    before = known.secrets.session_version("ann")
    known.secrets.forget("ann")
    known.secrets.set_password("ann", GOOD)
    assert known.secrets.session_version("ann") > before
