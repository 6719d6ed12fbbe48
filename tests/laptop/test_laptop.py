"""A laptop's own side: what its person may, what is unsent, what was refused."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from app.access import ANONYMOUS, SYSTEM, Identity
from app.access.acl import make
from app.access.mirroring import Pulled, Revoked
from app.errors import BadRequest, Forbidden, NotFound, Unauthorized
from app.node import Node
from app.store import Store
from tests.conftest import PASSWORD
from tests.laptop.conftest import Pair

CUSTOMER = {"form": "customer", "name": "Anhui Tools", "owner": "north", "class": "existing"}


def test_what_the_hub_has_is_read_here_and_edits_go_back(pair: Pair) -> None:
    id = pair.at_hub("customers").create(CUSTOMER).id
    pair.pull()
    here = pair.here("customers")
    found = here.get(id)
    assert found["name"] == "Anhui Tools"
    saved = here.change(id, {"remarks": "visited"}, found["_rev"])
    assert pair.laptop.databases.mirror("customers").count_unsent() == 1
    assert pair.push("customers") == []
    assert pair.laptop.databases.mirror("customers").count_unsent() == 0
    assert pair.at_hub("customers").get(id)["remarks"] == "visited"
    assert saved.rev in pair.hub.store.database("customers").tree(id)
    pair.pull()
    assert pair.here("customers").get(id)["_rev"] == pair.at_hub("customers").get(id)["_rev"]


def test_designs_and_documents_that_come_together_are_indexed_once(pair: Pair) -> None:
    assert pair.laptop.store.check() == []


def test_a_new_document_goes_to_the_hub_and_comes_back_the_same(pair: Pair) -> None:
    id = pair.here("customers").create(CUSTOMER).id
    assert pair.push("customers") == []
    pair.pull()
    assert pair.here("customers").get(id) == pair.at_hub("customers").get(id)


def test_every_revision_made_here_is_unsent_oldest_first(pair: Pair) -> None:
    here = pair.here("customers")
    id = here.create(CUSTOMER).id
    here.change(id, {"remarks": "one"})
    here.change(id, {"remarks": "two"})
    here.delete(id)
    waiting = pair.laptop.databases.mirror("customers").unsent()
    assert [len(each.path) for each in waiting] == [1, 2, 3, 4]
    assert [each.body.get("remarks") for each in waiting[:3]] == [None, "one", "two"]
    assert [each.deleted for each in waiting] == [False, False, False, True]


def test_only_its_own_person_signs_in(pair: Pair) -> None:
    secrets = pair.laptop.secrets
    assert secrets.verify("north", PASSWORD).key == "north"
    for name in ("south", "admin", "nobody"):
        with pytest.raises(Unauthorized):
            secrets.verify(name, PASSWORD)


def test_a_new_password_counts_once_the_hub_knows_it(pair: Pair) -> None:
    asked = []

    def prove(name: str, password: str) -> bool:
        asked.append((name, password))
        return password == "purple-chair-9"

    laptop = pair.laptop.laptop
    assert laptop is not None
    laptop.prove = prove
    assert pair.laptop.secrets.verify("north", PASSWORD).key == "north"
    assert asked == []
    assert pair.laptop.secrets.verify("north", "purple-chair-9").key == "north"
    laptop.prove = None
    assert pair.laptop.secrets.verify("north", "purple-chair-9").key == "north"
    with pytest.raises(Unauthorized):
        pair.laptop.secrets.verify("north", PASSWORD)


def test_nobody_else_has_any_right(pair: Pair) -> None:
    for identity in (pair.identity(pair.laptop, "south"), pair.identity(pair.laptop, "admin"), ANONYMOUS):
        for name in pair.laptop.store.names():
            with pytest.raises(NotFound):
                pair.laptop.databases.open(name, identity)
    admin = Identity(pair.laptop.directory.person("admin"))  # type: ignore[arg-type]
    assert not pair.laptop.databases.is_administrator(admin)


def test_rights_do_not_come_from_directory_documents(pair: Pair) -> None:
    with pytest.raises(Forbidden, match="hub"):
        pair.laptop.directory.change_person(pair.identity(pair.laptop), "north", language="zh")
    assert not pair.laptop.databases.is_administrator(pair.identity(pair.laptop))


def test_a_node_without_a_hub_has_no_mirror(node: Node) -> None:
    with pytest.raises(Forbidden):
        node.databases.mirror("customers")


def test_a_document_closed_to_its_own_maker_leaves_once_the_hub_has_it(pair: Pair) -> None:
    everybody = make({"-Default-": {"level": "editor", "flags": ["create", "replicate_or_copy"]}})
    pair.hub.databases.create("notes", SYSTEM, everybody)
    pair.pull()
    id = pair.here("notes").create({"form": "note", "title": "for the leader", "readers": ["leader"]}).id
    raw = pair.laptop.store.database("notes")
    assert raw.exists(id)
    assert pair.push("notes") == []
    assert not raw.exists(id)
    assert pair.at_hub("notes", "leader").get(id)["title"] == "for the leader"


def test_contents_that_have_not_come_hinder_neither_check_nor_backup(pair: Pair, tmp_path: Path) -> None:
    hub = pair.at_hub("customers")
    id = hub.create(CUSTOMER).id
    hub.put_attachment(id, "large.txt", BytesIO(b"large" * 100), "text/plain")
    pair.pull()
    (missing,) = pair.laptop.databases.mirror("customers").missing_content()
    assert (missing.id, missing.name, missing.length) == (id, "large.txt", 500)
    assert pair.laptop.databases.mirror("customers").missing_content(largest=499) == []
    assert pair.laptop.store.check() == []
    pair.laptop.store.backup(tmp_path / "backup.zip")
    with Node.open(restored(tmp_path)) as again:
        assert again.laptop is not None
        assert len(again.databases.mirror("customers").missing_content()) == 1
        assert again.store.check() == []


def restored(folder: Path) -> Path:
    Store.restore(folder / "backup.zip", folder / "again")
    return folder / "again"


def test_a_content_of_another_address_is_not_taken(pair: Pair) -> None:
    hub = pair.at_hub("customers")
    id = hub.create(CUSTOMER).id
    hub.put_attachment(id, "large.txt", BytesIO(b"large" * 100), "text/plain")
    pair.pull()
    mirror = pair.laptop.databases.mirror("customers")
    (missing,) = mirror.missing_content()
    with pytest.raises(BadRequest):
        mirror.content_arrived(missing.address, BytesIO(b"something else"))
    assert mirror.missing_content() == [missing]
    mirror.content_arrived(missing.address, BytesIO(b"large" * 100))
    assert mirror.missing_content() == []
    assert pair.laptop.store.check() == []


def test_an_edit_of_a_document_whose_content_has_not_come_keeps_its_stub(pair: Pair) -> None:
    hub = pair.at_hub("customers")
    id = hub.create(CUSTOMER).id
    hub.put_attachment(id, "large.txt", BytesIO(b"large" * 100), "text/plain")
    pair.pull()
    pair.here("customers").change(id, {"remarks": "seen"})
    assert "large.txt" in pair.here("customers").get(id)["_attachments"]


def test_bodies_that_the_hub_has_not_are_never_compacted(pair: Pair) -> None:
    id = pair.at_hub("customers").create({**CUSTOMER, "remarks": "base"}).id
    pair.pull()
    here = pair.here("customers")
    here.change(id, {"remarks": "one"})
    here.change(id, {"remarks": "two"})
    raw = pair.laptop.store.database("customers")
    raw.compact(keep_days=-1)
    assert [each.body["remarks"] for each in pair.laptop.databases.mirror("customers").unsent()] == ["one", "two"]
    path = raw.tree(id).path(raw.get(id).rev)
    assert raw.get(id, path[2]).body["remarks"] == "base"
    pair.push("customers")
    raw.compact(keep_days=-1)
    assert raw.revision_body(id, path[2]) is None


def test_a_branch_that_the_hub_no_longer_shows_goes(pair: Pair) -> None:
    id = pair.at_hub("customers").create(CUSTOMER).id
    pair.pull()
    mirror = pair.laptop.databases.mirror("customers")
    raw = pair.laptop.store.database("customers")
    body, first = raw.get(id).body, raw.get(id).rev
    leaves = [(["2-a", first], False, body, None), (["2-b", first], False, {**body, "remarks": "hidden"}, None)]
    mirror.apply([Pulled(id, leaves)], "one")
    assert raw.tree(id).leaves == ["2-b", "2-a"]
    mine = pair.here("customers").change(id, {"remarks": "mine"}, "2-a").rev
    mirror.apply([Pulled(id, leaves[:1])], "two")
    assert raw.tree(id).leaves == [mine]
    assert raw.revision_body(id, "2-b") is None
    assert mirror.count_unsent() == 1


def test_what_comes_twice_changes_nothing(pair: Pair) -> None:
    pair.at_hub("customers").create(CUSTOMER)
    pair.pull()
    before = pair.laptop.store.database("customers").info().update_seq
    pair.pull()
    assert pair.laptop.store.database("customers").info().update_seq == before


def test_a_document_lost_and_gained_in_one_batch_is_there(pair: Pair) -> None:
    id = pair.at_hub("customers").create(CUSTOMER).id
    pair.pull()
    revision = pair.hub.store.database("customers").get(id)
    mirror = pair.laptop.databases.mirror("customers")
    row = Pulled(id, [([revision.rev], False, revision.body, None)])
    assert mirror.apply([Revoked(id), row], "one") == (1, 1)
    assert pair.here("customers").exists(id)
    assert mirror.apply([row, Revoked(id)], "two") == (0, 1)
    assert not pair.here("customers").exists(id)


def test_figures(pair: Pair) -> None:
    id = pair.at_hub("customers").create(CUSTOMER).id
    pair.pull()
    pair.here("customers").change(id, {"remarks": "mine"})
    mirror = pair.laptop.databases.mirror("customers")
    state = mirror.state()
    assert (state["unsent"], state["rejected"], state["missing"], state["error"]) == (1, 0, 0, None)
    mirror.note_run("The hub does not answer.")
    assert mirror.state()["error"] == "The hub does not answer."
    mirror.note_run()
    assert mirror.state()["error"] is None
    assert mirror.state()["last_sync"] is not None
