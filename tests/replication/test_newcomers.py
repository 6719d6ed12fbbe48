"""Many new documents pushed at once are judged as each by itself would be."""

from __future__ import annotations

from typing import Any

import pytest

from app.access import SYSTEM
from app.access.acl import make
from app.access.newcomers import Newcomers
from app.node import Node
from tests.replication.conftest import ACL, revision


@pytest.fixture
def batch() -> list[dict[str, Any]]:
    """Good ones, a forged one, one with lists that cannot be, one whose ancestry lies, one without a readable end."""
    good = [revision(f"n{n}", "1-a", title=f"T{n}", readers=["north"] if n % 2 else []) for n in range(6)]
    forged = revision("forged", "2-b", "1-a", title="F", created_by="south", changed_by="south")
    lists = revision("lists", "1-a", readers=["a, b"])
    lying = {"_id": "lying", "_rev": "3-c", "_revisions": {"start": 3, "ids": ["c", "b", "a"]}, "readers": ["nobody"]}
    return [*good[:3], forged, lists, lying, *good[3:]]


def stored(opened: Any, database: str) -> dict[str, Any]:
    """Every document as it is stored, without the moments of the test."""
    base = opened(database, "north")
    found = base.get_many([row.id for row in base.changes()])
    return {
        id: {name: value for name, value in document.items() if not name.endswith("_at") and name != "_rev"}
        for id, document in found.items()
    }


def test_a_batch_is_stored_and_refused_as_one_by_one(
    node: Node, push: Any, opened: Any, batch: list[dict[str, Any]]
) -> None:
    node.databases.create("single", SYSTEM, make(ACL))
    together = push("north", "notes", *batch)
    single = [refusal for each in batch for refusal in push("north", "single", each)]
    assert together == single
    assert {refusal["id"] for refusal in together} == {"lists", "lying"}
    assert stored(opened, "notes") == stored(opened, "single")
    assert stored(opened, "notes")["forged"]["created_by"] == "north"


def test_documents_that_name_each_other_go_one_by_one(push: Any, opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    together: list[bool] = []
    kept = Newcomers.push

    def noted(self: Newcomers, branches: Any) -> Any:
        answer = kept(self, branches)
        together.append(answer is not None)
        return answer

    monkeypatch.setattr(Newcomers, "push", noted)
    customer = revision("c" * 32, "1-a", form="customer", name="Pushed Ltd", owner="north", phone="020-1234567")
    contact = revision("d" * 32, "1-a", form="contact", name="Li", customer="c" * 32)
    assert push("north", "customers", customer, contact) == []
    other = revision("e" * 32, "1-a", form="customer", name="Another Ltd", owner="north", phone="020-7654321")
    third = revision("f" * 32, "1-a", form="customer", name="Third Ltd", owner="north", phone="020-7654322")
    assert push("north", "customers", other, third) == []
    assert together == [False, True]
    base = opened("customers", "north")
    assert base.get("d" * 32)["readers"] == base.get("c" * 32)["readers"]
    codes = [base.get(letter * 32)["code"] for letter in "cef"]
    assert len(set(codes)) == 3
