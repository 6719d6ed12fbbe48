"""A round leases running numbers, so that documents made without the hub have their final codes."""

from __future__ import annotations

from app.access import Identity
from app.forms.numbering import is_provisional
from app.node import Node
from tests.replication.client.conftest import MakeLaptop, again

CUSTOMER = {"form": "customer", "owner": "north", "class": "existing"}


def test_a_document_made_offline_keeps_its_number(node: Node, laptop: MakeLaptop) -> None:
    own = laptop("north")
    person = own.directory.person("north")
    assert person is not None
    here = own.databases.open("customers", Identity(person))
    id = here.create({**CUSTOMER, "name": "Anhui Tools"}).id
    code = here.get(id)["code"]
    assert not is_provisional(code)
    again(own)
    assert node.store.database("customers").get(id).body["code"] == code
    assert here.get(id)["_rev"] == node.store.database("customers").get(id).rev
