"""Running numbers on a laptop: leased blocks, provisional codes when they are used up, replaced by the hub."""

from __future__ import annotations

from typing import Any

from app import clock
from app.forms.numbering import BLOCK, LOW, is_provisional
from tests.laptop.conftest import Pair

CUSTOMER = {"form": "customer", "owner": "north", "class": "existing"}
SERIES = "customers/customer"


def lease(pair: Pair) -> int:
    """As the replicator does it; how many blocks."""
    mirror = pair.laptop.databases.mirror("customers")
    wanted = mirror.numbers_wanted()
    for series, year, count in wanted:
        block = pair.hub.numbering.lease(series, year, count)
        mirror.grant_numbers(*block)
    return len(wanted)


def make(pair: Pair, name: str, **items: Any) -> str:
    id: str = pair.here("customers").create({**CUSTOMER, "name": name, **items}).id
    return id


def test_new_documents_get_final_numbers_from_the_block(pair: Pair) -> None:
    year = clock.today().year
    assert (SERIES, year, BLOCK) in pair.laptop.databases.mirror("customers").numbers_wanted()
    assert lease(pair) == 2
    assert lease(pair) == 0
    at_hub = pair.at_hub("customers")
    there = at_hub.get(at_hub.create({**CUSTOMER, "name": "There"}).id)["code"]
    codes = [pair.here("customers").get(make(pair, f"Here {n}"))["code"] for n in range(BLOCK - LOW + 1)]
    assert len({*codes, there}) == len(codes) + 1
    assert not any(map(is_provisional, codes))
    assert lease(pair) == 1
    assert pair.push("customers") == []
    pair.pull()
    assert {*codes, there} <= {items["code"] for items in everything(pair)}


def everything(pair: Pair) -> list[dict[str, Any]]:
    here = pair.here("customers")
    found = here.get_many([row.id for row in here.changes()])
    return [items for items in found.values() if items.get("form") == "customer"]


def test_the_hub_replaces_a_provisional_code(pair: Pair) -> None:
    id = make(pair, "Far Away Ltd")
    assert is_provisional(pair.here("customers").get(id)["code"])
    assert pair.push("customers") == []
    code = pair.at_hub("customers").get(id)["code"]
    assert not is_provisional(code)
    pair.pull()
    assert pair.here("customers").get(id)["code"] == code
    assert pair.laptop.store.database("customers").conflicts(id) == []


def test_edits_before_the_push_keep_the_number_that_the_hub_gives(pair: Pair) -> None:
    id = make(pair, "Far Away Ltd")
    pair.here("customers").change(id, {"remarks": "called"})
    pair.here("customers").change(id, {"fax": "1234567"})
    assert pair.push("customers") == []
    found = pair.at_hub("customers").get(id, conflicts=True)
    assert "_conflicts" not in found
    assert not is_provisional(found["code"])
    assert (found["remarks"], found["fax"]) == ("called", "1234567")
    pair.pull()
    assert pair.here("customers").get(id) == pair.at_hub("customers").get(id)


def test_nobody_asks_for_numbers_who_makes_no_documents(pair: Pair) -> None:
    told = pair.me()
    told["databases"]["customers"] |= {"level": "reader", "flags": ["replicate_or_copy"]}
    assert pair.laptop.laptop is not None
    pair.laptop.laptop.apply_me(told)
    assert pair.laptop.databases.mirror("customers").numbers_wanted() == []


def test_a_source_asks_for_none(pair: Pair) -> None:
    assert pair.hub.numbering.wanted("customers", {"customer": "C{year}{seq:5}"}) == []
