"""What the hub refused, or was lost with its document, is kept for the person, who has three choices."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest

from app.access import SYSTEM
from app.access.mirroring import Refusal, Rejected, Revoked
from app.errors import BadRequest, NotFound
from tests.laptop.conftest import Pair

CUSTOMER = {"form": "customer", "name": "Anhui Tools", "owner": "north", "class": "existing"}
NO = Refusal("forbidden", "You may not change this document.")


def mirror(pair: Pair) -> Any:
    return pair.laptop.databases.mirror("customers")


def refuse_all(pair: Pair) -> None:
    mirror(pair).settle([(each.n, NO) for each in mirror(pair).unsent()])


def known(pair: Pair, **items: Any) -> str:
    """A customer on the hub and here."""
    id: str = pair.at_hub("customers").create({**CUSTOMER, **items}).id
    pair.pull()
    return id


def listed(pair: Pair) -> list[Rejected]:
    return pair.laptop.databases.rejected(pair.identity(pair.laptop))


def settle(pair: Pair, row: Rejected, choice: str) -> Any:
    return pair.laptop.databases.settle_rejected(row.n, choice, pair.identity(pair.laptop))


def test_a_refused_edit_leaves_the_tree_and_is_kept_with_every_value(pair: Pair) -> None:
    id = known(pair, remarks="first")
    before = pair.here("customers").get(id)
    pair.here("customers").change(id, {"remarks": "second"})
    pair.here("customers").change(id, {"remarks": "third", "fax": "1234567"})
    refuse_all(pair)
    assert pair.here("customers").get(id) == before
    assert mirror(pair).count_unsent() == 0
    (row,) = listed(pair)
    assert (row.database, row.id, row.error, row.reason) == ("customers", id, "forbidden", NO.reason)
    assert row.items == {"remarks": ["first", "third", "second"], "fax": [None, "1234567"]}
    assert row.base_rev == before["_rev"]
    assert not row.new
    assert pair.laptop.store.check() == []


def test_what_followed_a_taken_revision_is_refused_alone(pair: Pair) -> None:
    id = known(pair)
    here = pair.here("customers")
    kept = here.change(id, {"remarks": "taken"}).rev
    here.change(id, {"fax": "1234567"})
    first, second = mirror(pair).unsent()
    mirror(pair).settle([(first.n, None), (second.n, NO)])
    assert pair.here("customers").get(id)["_rev"] == kept
    (row,) = listed(pair)
    assert list(row.items) == ["fax"]


def test_the_parent_of_a_taken_revision_stays(pair: Pair) -> None:
    id = known(pair)
    here = pair.here("customers")
    here.change(id, {"remarks": "one"})
    last = here.change(id, {"remarks": "two"}).rev
    first, second = mirror(pair).unsent()
    mirror(pair).settle([(first.n, NO), (second.n, None)])
    assert pair.here("customers").get(id)["_rev"] == last
    assert (listed(pair), mirror(pair).count_unsent()) == ([], 0)


def test_a_refused_new_document_goes_and_can_be_saved_anew(pair: Pair) -> None:
    id = pair.here("customers").create({**CUSTOMER, "name": "Nobody Ltd"}).id
    refuse_all(pair)
    with pytest.raises(NotFound):
        pair.here("customers").get(id)
    (row,) = listed(pair)
    assert row.new
    assert row.body["name"] == "Nobody Ltd"
    saved = settle(pair, row, "new")
    assert saved.id != id
    assert pair.here("customers").get(saved.id)["name"] == "Nobody Ltd"
    assert listed(pair) == []
    assert pair.push("customers") == []


def test_sending_again_is_an_edit_of_the_present_revision(pair: Pair) -> None:
    id = known(pair, remarks="first")
    pair.here("customers").change(id, {"remarks": "mine"})
    refuse_all(pair)
    pair.at_hub("customers").change(id, {"fax": "7654321"})
    pair.pull()
    settle(pair, listed(pair)[0], "resend")
    found = pair.here("customers").get(id)
    assert (found["remarks"], found["fax"]) == ("mine", "7654321")
    assert pair.push("customers") == []
    assert pair.at_hub("customers").get(id)["remarks"] == "mine"


def test_a_refused_new_document_is_sent_again_under_its_id(pair: Pair) -> None:
    id = pair.here("customers").create(CUSTOMER).id
    refuse_all(pair)
    settle(pair, listed(pair)[0], "resend")
    assert pair.push("customers") == []
    assert pair.at_hub("customers").get(id)["name"] == CUSTOMER["name"]


def test_a_refused_deletion_brings_the_document_back(pair: Pair) -> None:
    id = known(pair)
    pair.here("customers").delete(id)
    refuse_all(pair)
    assert pair.here("customers").exists(id)
    (row,) = listed(pair)
    assert row.deleted
    settle(pair, row, "resend")
    assert not pair.here("customers").exists(id)


def test_a_removed_item_and_an_attachment_are_sent_again(pair: Pair) -> None:
    id = known(pair, remarks="old", fax="1234567")
    here = pair.here("customers")
    current = here.get(id)
    here.update(id, {name: value for name, value in current.items() if name not in ("fax", "_id")}, current["_rev"])
    here.put_attachment(id, "photo.txt", BytesIO(b"picture"), "text/plain")
    refuse_all(pair)
    assert "_attachments" not in pair.here("customers").get(id)
    pair.laptop.store.blobs.grace = 0
    pair.laptop.store.collect()
    pair.laptop.store.collect()
    (row,) = listed(pair)
    assert row.items["fax"] == ["1234567", None]
    settle(pair, row, "resend")
    assert "fax" not in pair.here("customers").get(id)
    _, content = pair.here("customers").attachment(id, "photo.txt")
    with content:
        assert content.read() == b"picture"


def test_discarding_forgets_it(pair: Pair) -> None:
    known(pair)
    pair.here("customers").create(CUSTOMER)
    refuse_all(pair)
    settle(pair, listed(pair)[0], "discard")
    assert listed(pair) == []


def test_a_choice_that_fails_keeps_the_change(pair: Pair) -> None:
    id = known(pair)
    pair.here("customers").change(id, {"remarks": "mine"})
    refuse_all(pair)
    (row,) = listed(pair)
    with pytest.raises(BadRequest):
        settle(pair, row, "perhaps")
    pair.hub.store.database("customers").get(id)
    mirror(pair).apply([Revoked(id)], "t2")
    (row,) = listed(pair)
    with pytest.raises(NotFound):
        settle(pair, row, "resend")
    assert len(listed(pair)) == 1


def test_nobody_else_sees_or_settles_them(pair: Pair) -> None:
    known(pair)
    pair.here("customers").create(CUSTOMER)
    refuse_all(pair)
    south = pair.identity(pair.laptop, "south")
    assert pair.laptop.databases.rejected(south) == []
    with pytest.raises(NotFound):
        pair.laptop.databases.settle_rejected(listed(pair)[0].n, "discard", south)


def test_a_lost_document_leaves_only_the_persons_own_values(pair: Pair) -> None:
    id = known(pair, remarks="the company's secret")
    pair.here("customers").change(id, {"fax": "1234567"})
    pair.here("customers").change(id, {"remarks": "my note"})
    mirror(pair).apply([Revoked(id)], "t2")
    (row,) = listed(pair)
    assert row.error == "lost"
    assert row.items == {"fax": [None, "1234567"], "remarks": [None, "my note"]}
    assert row.body == {"form": "customer", "fax": "1234567", "remarks": "my note"}
    assert mirror(pair).count_unsent() == 0


def test_an_earlier_refusal_loses_what_is_not_own_when_the_document_is_lost(pair: Pair) -> None:
    id = known(pair, remarks="the company's secret")
    pair.here("customers").change(id, {"remarks": "my note"})
    refuse_all(pair)
    mirror(pair).apply([Revoked(id)], "t2")
    (row,) = listed(pair)
    assert row.items == {"remarks": [None, "my note"]}
    assert "name" not in row.body


def test_changed_rights_try_again_by_themselves(pair: Pair) -> None:
    id = known(pair, remarks="first")
    pair.here("customers").change(id, {"remarks": "mine"})
    refuse_all(pair)
    assert mirror(pair).unsent() == []  # the same rights: nothing is tried
    pair.hub.directory.create_group(SYSTEM, "club", members=["north"])
    pair.pull()
    (again,) = mirror(pair).unsent()
    assert again.body["remarks"] == "mine"
    assert listed(pair) == []
    assert pair.push("customers") == []
    assert pair.at_hub("customers").get(id)["remarks"] == "mine"


def test_a_database_that_leaves_is_wiped_and_its_unsent_edits_are_kept(pair: Pair) -> None:
    id = known(pair, remarks="secret")
    pair.here("customers").change(id, {"fax": "1234567"})
    told = pair.me()
    del told["databases"]["customers"]
    laptop = pair.laptop.laptop
    assert laptop is not None
    done = laptop.apply_me(told)
    assert done.dropped == ["customers"]
    assert "customers" not in pair.laptop.store.names()
    with pytest.raises(NotFound):
        pair.here("customers")
    (row,) = listed(pair)
    assert (row.database, row.items) == ("customers", {"fax": [None, "1234567"]})
    laptop.apply_me(pair.me())
    pair.pull()
    settle(pair, listed(pair)[0], "resend")
    assert pair.here("customers").get(id)["fax"] == "1234567"


def test_what_was_attached_and_taken_away_again_is_kept_too(pair: Pair) -> None:
    id = known(pair)
    here = pair.here("customers")
    here.put_attachment(id, "plan.txt", BytesIO(b"first"), "text/plain")
    here.put_attachment(id, "plan.txt", BytesIO(b"second"), "text/plain")
    here.delete(id)
    mirror(pair).apply([Revoked(id)], "9")
    (row,) = listed(pair)
    contents = []
    for stub in row.attachments.values():
        with mirror(pair).content(stub.address) as content:
            contents.append(content.read())
    assert sorted(contents) == [b"first", b"second"]
    assert "plan.txt" in row.attachments
    assert len(row.attachments) == 2
