"""A laptop's own side: what its person may, what is unsent, what was refused."""

from __future__ import annotations

import pytest

from app.access import ANONYMOUS, SYSTEM, Identity
from app.access.acl import make
from app.errors import Forbidden, NotFound, Unauthorized
from app.node import Node
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
