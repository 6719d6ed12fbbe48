"""Documents whose readers come from a document above follow it: contacts their customer, activities their deal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.access import Database
from app.errors import NotFound
from app.node import Node
from app.transfer import following

Opened = Callable[[str, str], Database]


def reads(database: Database, *ids: str) -> bool:
    """Whether somebody reads all of them; refused where it is some."""
    found = len(database.get_many(ids))
    assert found in (0, len(ids))
    return found > 0


@pytest.fixture
def customer(opened: Opened) -> str:
    return opened("customers", "north").create({"form": "customer", "name": "Nahua Foods"}).id


def contacts(opened: Opened, customer: str, count: int) -> list[str]:
    rows = [{"form": "contact", "name": f"Contact {n}", "customer": customer} for n in range(count)]
    return [saved.id for saved in opened("customers", "north").create_many(rows)]  # type: ignore[union-attr]


def hand_over(opened: Opened, customer: str) -> None:
    opened("customers", "leader").change(customer, {"owner": "south"})


def test_contacts_go_with_a_customer_that_is_handed_over(node: Node, opened: Opened, customer: str) -> None:
    ids = contacts(opened, customer, 3)
    node.views.catch_up()
    assert (reads(opened("customers", "north"), *ids), reads(opened("customers", "south"), *ids)) == (True, False)
    hand_over(opened, customer)
    assert (reads(opened("customers", "north"), *ids), reads(opened("customers", "south"), *ids)) == (False, True)
    entry = opened("customers", "south").history(ids[0])[0]
    assert (entry.by, entry.action, entry.items["owner"]) == ("system", "inherit", ["north", "south"])
    assert node.store.check() == []


def test_what_follows_is_nobodys_change_and_read_by_who_had_read_it(node: Node, opened: Opened, customer: str) -> None:
    marks, leader = node.views.marks, opened("customers", "leader")
    read, new, opened_once = contacts(opened, customer, 3)
    before = opened("customers", "north").get(read)
    for person in ("leader", "north"):
        marks.read_all(opened("customers", person))
    opened("customers", "north").change(new, {"phone": "0571-88001234"})
    opened("customers", "north").change(opened_once, {"phone": "0571-88005678"})
    marks.read(leader, opened_once)
    node.views.catch_up()
    assert unread(node, leader, "contacts") == {new}
    hand_over(opened, customer)
    assert unread(node, leader, "contacts") == {new}
    after = opened("customers", "south").get(read)
    assert after["_rev"] != before["_rev"]
    assert (after["changed_by"], after["changed_at"]) == ("north", before["changed_at"])
    opened("customers", "south").change(read, {"phone": "0571-88009999"})
    assert unread(node, leader, "contacts") == {read, new}


def unread(node: Node, database: Database, view: str) -> set[str]:
    """Ids of the documents of a view that are unread."""
    return {document["_id"] for document in node.views.marks.newest(database, view, 100)}


def test_a_change_that_says_nothing_about_readers_writes_nothing_below(
    node: Node, opened: Opened, customer: str
) -> None:
    ids = contacts(opened, customer, 1)
    node.views.catch_up()
    opened("customers", "north").change(customer, {"phone": "0571-88001234"})
    assert opened("customers", "north").get(ids[0])["_rev"].startswith("1-")


def test_more_than_a_few_follow_in_a_job(
    node: Node, opened: Opened, customer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MOST", 5)
    ids = contacts(opened, customer, 12)
    node.views.catch_up()
    hand_over(opened, customer)
    finish(node)
    assert (reads(opened("customers", "north"), *ids), reads(opened("customers", "south"), *ids)) == (False, True)


def test_what_no_index_knows_yet_follows_too(node: Node, opened: Opened, customer: str) -> None:
    ids = contacts(opened, customer, 120)  # so many that their index waits
    assert node.views.pending(opened("customers", "north")) > 0
    hand_over(opened, customer)
    finish(node)
    assert (reads(opened("customers", "north"), *ids), reads(opened("customers", "south"), *ids)) == (False, True)


def test_activities_follow_their_deal_and_complaints_their_customer(node: Node, opened: Opened, customer: str) -> None:
    deal = opened("deals", "north").create({"form": "deal", "title": "Tea", "customer": customer}).id
    items = {"form": "activity", "parent": deal, "subject": "Call", "owner": "leader"}
    activity = opened("deals", "leader").create(items).id
    items = {"form": "complaint", "customer": customer, "subject": "Late"}
    complaint = opened("service", "support").create(items).id
    opened("deals", "leader").change(deal, {"owner": "south"})
    hand_over(opened, customer)
    for database, id in (("deals", activity), ("service", complaint)):
        assert reads(opened(database, "south"), id), database
        assert not reads(opened(database, "north"), id), database


def test_replies_to_replies_follow_their_topic(node: Node, opened: Opened) -> None:
    items: dict[str, Any] = {"form": "topic", "title": "Prices", "body": "x", "audience": ["north", "leader"]}
    above = topic = opened("discussion", "leader").create(items).id
    replies = []
    for _ in range(3):
        above = opened("discussion", "leader").create({"form": "reply", "body": "y", "parent": above}).id
        replies.append(above)
    assert reads(opened("discussion", "north"), *replies)
    opened("discussion", "leader").change(topic, {"audience": ["south", "leader"]})
    assert reads(opened("discussion", "south"), *replies)
    assert not reads(opened("discussion", "north"), *replies)


def test_a_change_that_fails_takes_what_followed_back(node: Node, opened: Opened, customer: str) -> None:
    ids = contacts(opened, customer, 2)
    node.views.catch_up()

    def fail() -> None:
        with node.store.transaction():
            hand_over(opened, customer)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert reads(opened("customers", "north"), *ids)
    assert node.jobs.list(kind=following.KIND) == []


def test_what_lies_below_need_not_pass_its_form(node: Node, opened: Opened, customer: str) -> None:
    ids = contacts(opened, customer, 1)
    raw = node.store.database("customers")
    from app.store import Context, Edit

    revision = raw.get(ids[0])
    body = {name: value for name, value in revision.body.items() if name != "name"}
    raw.put(Edit(ids[0], revision.rev, body), Context("north", "2026-01-01T00:00:00.000Z"))
    node.views.catch_up()
    hand_over(opened, customer)
    with pytest.raises(NotFound):
        opened("customers", "north").get(ids[0])


def finish(node: Node) -> None:
    """Wait for the jobs that follow."""
    assert node.jobs._pool is not None
    node.jobs._pool.shutdown(wait=True)
    node.jobs._pool = None
    assert [job.state for job in node.jobs.list(kind=following.KIND)] == ["done"]
