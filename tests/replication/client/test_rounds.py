"""What a round brings and takes: documents, attachments, deletions, refusals, rights."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from app.access import SYSTEM, Database
from app.access.acl import make
from app.errors import DavenportError, NotFound
from app.node import Node
from replication.client.faults import Refused, Revoked, Unreachable
from tests.conftest import PASSWORD
from tests.replication.client.conftest import MakeLaptop, again, own, unsent
from tests.replication.conftest import ACL

Opened = Callable[[str, str], Database]


def test_a_laptop_holds_what_its_person_reads_and_nothing_else(laptop: MakeLaptop, opened: Opened) -> None:
    base = opened("notes", "south")
    for number in range(500):
        base.create({"n": number, "readers": ["south"] if number % 5 == 0 else ["*"]}, id=f"n{number:03}")
    mine = laptop("north")
    assert own(mine).count() == 400
    with pytest.raises(NotFound):
        own(mine).get("n000")
    assert b"n000" not in mine.store.documents.path.read_bytes()


def test_edits_of_both_sides_meet(laptop: MakeLaptop, opened: Opened) -> None:
    opened("notes", "south").create({"title": "from the hub"}, id="a")
    mine = laptop("north")
    own(mine).create({"title": "from the laptop"}, id="b")
    opened("notes", "south").create({"title": "later"}, id="c")
    assert unsent(mine) == 1
    done = again(mine)
    assert done.pushed == 1
    assert unsent(mine) == 0
    assert opened("notes", "south").get("b")["title"] == "from the laptop"
    assert own(mine).get("c")["title"] == "later"


def test_a_chain_of_edits_arrives_with_every_revision(laptop: MakeLaptop, opened: Opened) -> None:
    mine = laptop("north")
    rev = own(mine).create({"n": 0}, id="x").rev
    for number in range(1, 6):
        rev = own(mine).update("x", {"n": number}, rev).rev
    again(mine)
    assert opened("notes", "north").get("x")["_rev"] == rev
    assert len(opened("notes", "north").history("x")) == 5  # what each change of it did


def test_deletions_go_both_ways(laptop: MakeLaptop, opened: Opened) -> None:
    base = opened("notes", "south")
    first, second = base.create({"n": 1}, id="first").rev, base.create({"n": 2}, id="second").rev
    mine = laptop("north")
    base.delete("first", first)
    own(mine).delete("second", second)
    again(mine)
    assert not own(mine).exists("first")
    assert not base.exists("second")


@pytest.mark.parametrize("size", [10, 100_000, 3_000_000])
def test_attachments_go_both_ways(size: int, laptop: MakeLaptop, opened: Opened) -> None:
    content = hashlib.shake_128(b"x").digest(size)
    base = opened("notes", "south")
    rev = base.create({"n": 1}, id="theirs").rev
    base.put_attachment("theirs", "a/大 file.bin", BytesIO(content), "application/x-test", rev)
    mine = laptop("north")
    stub, file = own(mine).attachment("theirs", "a/大 file.bin")
    with file:
        assert file.read() == content
    assert stub.content_type == "application/x-test"
    rev = own(mine).create({"n": 2}, id="ours").rev
    rev = own(mine).put_attachment("ours", "b.bin", BytesIO(content[::-1]), "text/plain", rev).rev
    own(mine).update("ours", {"n": 3}, rev)
    again(mine)
    stub, file = base.attachment("ours", "b.bin")
    with file:
        assert file.read() == content[::-1]
    assert base.get("ours")["n"] == 3


def test_a_refused_edit_is_kept_with_its_reason_and_the_rest_goes_on(laptop: MakeLaptop, opened: Opened) -> None:
    rev = opened("notes", "south").create({"title": "Theirs", "authors": ["*"]}, id="s").rev
    mine = laptop("north")
    own(mine).update("s", {"title": "Mine"}, rev)
    own(mine).create({"title": "fine"}, id="fine")
    opened("notes", "south").update("s", {"title": "Theirs", "authors": ["south"]}, rev)
    again(mine)
    assert unsent(mine) == 0
    assert opened("notes", "south").exists("fine")
    assert own(mine).get("s")["title"] == "Theirs"
    rejected = mine.databases.mirror("notes").rejected()
    assert [(each.id, each.items["title"][:2]) for each in rejected] == [("s", ["Theirs", "Mine"])]
    assert rejected[0].reason


def test_rights_lost_while_away_purge_and_keep_own_edits_as_rejected(
    laptop: MakeLaptop, opened: Opened, node: Node
) -> None:
    rev = opened("notes", "south").create({"title": "shared secret", "n": 1}, id="s").rev
    mine = laptop("north")
    own(mine).update("s", {"title": "shared secret", "n": 2}, rev)
    opened("notes", "south").update("s", {"title": "shared secret", "readers": ["south"], "authors": ["south"]}, rev)
    again(mine)
    with pytest.raises(NotFound):
        own(mine).get("s")
    rejected = mine.databases.mirror("notes").rejected()
    assert [each.id for each in rejected] == ["s"]
    assert b"shared secret" not in mine.store.documents.path.read_bytes()


def test_a_group_change_brings_old_documents_and_takes_them_again(
    laptop: MakeLaptop, opened: Opened, node: Node
) -> None:
    opened("notes", "south").create({"title": "for support"}, id="s")
    base = node.databases.open("notes", SYSTEM)
    base.update("s", {"title": "for support", "readers": ["support-team"]}, base.get("s")["_rev"])
    mine = laptop("north")
    assert not own(mine).exists("s")
    node.directory.change_group(SYSTEM, "support-team", add=["north"])
    again(mine)
    assert own(mine).get("s")["title"] == "for support"
    node.directory.change_group(SYSTEM, "support-team", remove=["north"])
    again(mine)
    assert not own(mine).exists("s")


def test_a_database_that_is_lost_leaves_the_laptop(laptop: MakeLaptop, opened: Opened, node: Node) -> None:
    opened("notes", "south").create({"title": "x"}, id="s")
    mine = laptop("north")
    node.databases.set_acl("notes", SYSTEM, make({**ACL, "-Default-": {"level": "none", "flags": []}}))
    again(mine)
    assert "notes" not in mine.store.names()


def test_two_laptops_of_different_persons_hold_their_own(laptop: MakeLaptop, opened: Opened) -> None:
    first, second = laptop("north"), laptop("south")
    own(first).create({"title": "n", "readers": ["north"]}, id="n")
    own(first).create({"title": "all"}, id="all")
    again(first)
    again(second)
    assert own(second).exists("all")
    assert not own(second).exists("n")


def test_edits_of_different_items_on_two_laptops_merge(laptop: MakeLaptop, opened: Opened) -> None:
    rev = opened("notes", "south").create({"a": 1, "b": 1}, id="d").rev
    first, second = laptop("north"), laptop("south")
    own(first).update("d", {"a": 2, "b": 1}, rev)
    own(second).update("d", {"a": 1, "b": 2}, rev)
    for each in (first, second, first):
        again(each)
    found = [own(first).get("d"), own(second).get("d"), opened("notes", "south").get("d")]
    assert [(each["a"], each["b"]) for each in found] == [(2, 2)] * 3
    assert len({each["_rev"] for each in found}) == 1


def test_attachments_above_the_limit_stay_until_asked_for(laptop: MakeLaptop, opened: Opened) -> None:
    base = opened("notes", "south")
    rev = base.create({"n": 1}, id="d").rev
    rev = base.put_attachment("d", "small", BytesIO(b"s" * 1_000), "text/plain", rev).rev
    base.put_attachment("d", "large", BytesIO(b"l" * 50_000), "text/plain", rev)
    mine = laptop("north", run=False)
    assert mine.replication is not None
    mine.replication.options.put_json("attachments", 10_000)
    again(mine)
    waiting = mine.databases.mirror("notes").missing_content()
    assert [each.name for each in waiting] == ["large"]
    assert mine.replication.complete()[0]
    with mine.replication.fetch("notes", waiting[0]) as file:
        assert file.read() == b"l" * 50_000
    assert mine.databases.mirror("notes").missing_content() == []


def test_a_selection_takes_part_of_a_database_and_may_change(laptop: MakeLaptop, opened: Opened) -> None:
    base = opened("notes", "south")
    for number in range(100):
        base.create({"n": number}, id=f"n{number:03}")
    mine = laptop("north", selection={"notes": "n < 30"})
    assert own(mine).count() == 30
    assert mine.replication is not None
    mine.replication.select({"notes": "n < 10"})
    again(mine)
    assert own(mine).count() == 10
    mine.replication.select({"notes": "n < 60"})
    again(mine)
    assert own(mine).count() == 60
    assert base.count() == 100


def test_databases_can_be_left_out_and_taken_along_later(laptop: MakeLaptop, opened: Opened) -> None:
    opened("notes", "south").create({"n": 1}, id="d")
    mine = laptop("north", databases=["customers"])
    assert mine.store.names() == ["customers", "directory"]
    assert mine.replication is not None
    mine.replication.choose(["notes"])
    again(mine)
    assert mine.store.names() == ["directory", "notes"]
    assert own(mine).exists("d")


def test_a_revoked_device_is_told_with_proof_and_wipes(laptop: MakeLaptop, node: Node, opened: Opened) -> None:
    opened("notes", "south").create({"n": 1}, id="d")
    mine = laptop("north")
    assert mine.laptop is not None
    assert mine.replication is not None
    node.secrets.devices.revoke(mine.laptop.device)
    with pytest.raises(Revoked):
        again(mine)
    assert mine.replication.revoked
    assert (mine.data / "revoked").exists()


def test_a_false_revocation_wipes_nothing(laptop: MakeLaptop, node: Node, opened: Opened) -> None:
    mine = laptop("north")
    assert mine.laptop is not None
    assert mine.replication is not None
    mine.replication.rounds.hub.credentials.wipe_key = "another"
    node.secrets.devices.revoke(mine.laptop.device)
    with pytest.raises(Refused):
        again(mine)
    assert not (mine.data / "revoked").exists()


def test_a_new_password_does_not_strand_the_laptop(laptop: MakeLaptop, node: Node) -> None:
    mine = laptop("north")
    node.secrets.set_password("north", "quite-another-1")
    again(mine)
    assert mine.secrets.verify("north", "quite-another-1").key == "north"


def test_a_wrong_password_a_dead_hub_and_plain_http_are_said_in_words(
    laptop: MakeLaptop, hub: str, tmp_path: Path
) -> None:
    from app.web.joining import join

    for url, word, reason in (
        (hub, "wrong", "The name or the password is wrong."),
        ("http://127.0.0.1:9", PASSWORD, "cannot be reached"),
        ("http://hub.example.com", PASSWORD, "plain http"),
        ("ftp://hub", PASSWORD, "not the address of a hub"),
    ):
        with pytest.raises(DavenportError, match=reason):
            join(url, tmp_path / "nothing", "north", word)
        assert not (tmp_path / "nothing").exists()


def test_a_dead_hub_leaves_the_laptop_at_work(laptop: MakeLaptop, hub: str, opened: Opened) -> None:
    mine = laptop("north")
    assert mine.replication is not None
    mine.replication.rounds.hub.url = "http://127.0.0.1:9"
    mine.replication.rounds._tries = 1
    own(mine).create({"n": 1}, id="d")
    with pytest.raises(Unreachable, match="cannot be reached"):
        again(mine)
    assert unsent(mine) == 1
    mine.replication.rounds.hub.url = hub
    again(mine)
    assert opened("notes", "north").exists("d")
