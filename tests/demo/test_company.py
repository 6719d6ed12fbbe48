"""The demo company: the same every time, plausible, and each person sees what is theirs."""

from __future__ import annotations

from collections import Counter

import pytest

from app.access import Identity
from app.demo import company as demo
from app.errors import NotFound
from app.node import Node
from tests.demo.conftest import QUICK, Open

PEOPLE = ("admin", "leader", "north", "south", "support", "editor", "outsider")
BUSINESS = ("customers", "deals")


def documents(opened: Open, name: str, key: str) -> dict[str, dict[str, object]]:
    """What somebody sees, by id, without design elements and the ACL."""
    ids = [row.id for row in opened(name, key).changes() if not row.deleted]
    found = opened(name, key).get_many(ids)
    return {id: body for id, body in found.items() if body["form"] not in ("design", "acl")}


@pytest.mark.usefixtures("at_noon")
def test_the_same_day_tells_the_same_story() -> None:
    assert demo.plan()._events == demo.plan()._events


@pytest.mark.usefixtures("at_noon")
def test_the_same_story_makes_the_same_revisions(tmp_path_factory: pytest.TempPathFactory) -> None:
    assert _short_story(tmp_path_factory) == _short_story(tmp_path_factory)


def _short_story(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Revisions after the first 120 writes."""
    with Node.create(tmp_path_factory.mktemp("again") / "node", admin="admin", password="demo", demo=True) as node:
        node.secrets._hasher = QUICK
        demo.staff.hire(node.directory, node.secrets)
        story = demo.plan()
        story._events = sorted(story._events, key=lambda event: (event.moment, event.number))[:120]
        story.tell(node.databases, node.directory)
        changes = node.store.database("customers").changes(include_docs=True)
        return {row.id: row.revs[0] for row in changes if not row.id.startswith("design:")}


def test_there_is_enough_of_everything(company: Node, opened: Open) -> None:
    found = Counter(
        str(body["form"])
        for name in ("customers", "deals", "service", "knowledge", "discussion")
        for body in documents(opened, name, "admin").values()
    )
    least = {
        "customer": 110, "contact": 230, "deal": 150, "activity": 400, "complaint": 60, "complaint_handling": 20,
        "article": 60, "standard_question": 12, "topic": 49, "anonymous_topic": 1, "reply": 150, "support_call": 20,
    }  # fmt: skip
    assert {form: count for form, count in least.items() if found[form] < count} == {}


def test_deals_and_complaints_are_in_every_state(opened: Open) -> None:
    deals = {body.get("stage") for body in documents(opened, "deals", "leader").values() if body["form"] == "deal"}
    assert deals == {"lead", "qualified", "proposal", "negotiation", "won", "closed", "lost"}
    cases = documents(opened, "service", "leader").values()
    assert {body.get("state") for body in cases if body["form"] == "complaint"} >= {"received", "assigned", "closed"}


@pytest.mark.parametrize("name", BUSINESS)
def test_north_and_south_do_not_see_each_others(name: str, opened: Open) -> None:
    north, south = documents(opened, name, "north"), documents(opened, name, "south")
    assert north
    assert south
    assert not north.keys() & south.keys()
    leader = documents(opened, name, "leader")
    assert north.keys() | south.keys() <= leader.keys()


@pytest.mark.parametrize("name", BUSINESS)
def test_who_may_not_read_gets_nothing(name: str, opened: Open) -> None:
    foreign = next(iter(documents(opened, name, "south").keys() - documents(opened, name, "north").keys()))
    with pytest.raises(NotFound):
        opened(name, "north").get(foreign)
    for key in ("outsider", "editor"):
        with pytest.raises(NotFound):
            opened(name, key)


def test_support_reads_customers_but_no_deals(opened: Open) -> None:
    assert documents(opened, "customers", "support").keys() == documents(opened, "customers", "leader").keys()
    customer = next(iter(documents(opened, "customers", "support").values()))
    assert not opened("customers", "support").may_edit(customer)
    with pytest.raises(NotFound):
        opened("deals", "support")


def test_complaints_are_seen_by_those_concerned(opened: Open) -> None:
    assert documents(opened, "service", "support").keys() == documents(opened, "service", "leader").keys()
    assert documents(opened, "service", "outsider") == {}
    held = opened("service", "north").principals
    for body in documents(opened, "service", "north").values():
        if body["form"] == "complaint":
            team = body.get("customer_team", [])
            assert isinstance(team, list)
            assert held & {body["received_by"], body["customer_owner"], body.get("department"), *team}


def test_discussion_and_published_knowledge_are_open_to_everybody(opened: Open) -> None:
    for key in PEOPLE:
        assert len(documents(opened, "discussion", key)) >= 200
    knowledge = documents(opened, "knowledge", "outsider").values()
    assert len(knowledge) > 50
    assert {body.get("state") for body in knowledge if body["form"] == "article"} == {"published"}


def test_price_lists_are_for_sales_alone(opened: Open) -> None:
    restricted = [body for body in documents(opened, "knowledge", "admin").values() if body.get("audience")]
    assert restricted
    seen = documents(opened, "knowledge", "outsider")
    assert not [body for body in restricted if body["_id"] in seen]


def test_history_tells_who_did_what(opened: Open) -> None:
    deals = documents(opened, "deals", "leader")
    won = next(body for body in deals.values() if body.get("stage") == "closed")
    entries = opened("deals", "leader").history(str(won["_id"]))
    stages = [entry.items["stage"][1] for entry in reversed(entries) if "stage" in entry.items]
    assert stages == ["qualified", "proposal", "negotiation", "won", "closed"]
    assert {entry.by for entry in entries} == {won["owner"]}


def test_nobody_wrote_the_anonymous_topic(opened: Open) -> None:
    topic = next(
        body for body in documents(opened, "discussion", "admin").values() if body["form"] == "anonymous_topic"
    )
    assert "created_by" not in topic
    assert "outsider" not in str({name: value for name, value in topic.items() if name != "body"})


def test_links_lead_somewhere(opened: Open) -> None:
    customers = documents(opened, "customers", "leader")
    for name in ("deals", "service"):
        for body in documents(opened, name, "leader").values():
            assert body.get("customer") is None or body["customer"] in customers
    for body in documents(opened, "discussion", "leader").values():
        assert body["form"] != "reply" or body["parent"]


def test_sums_are_exact(opened: Open) -> None:
    for body in documents(opened, "deals", "leader").values():
        if body.get("order_lines") and body["form"] == "deal":
            assert body["amount"] == body["order_total"]
            assert body.get("payment_plan") is None or _paid(body) == body["order_total"]


def _paid(body: dict[str, object]) -> float:
    rows = body["payment_plan"]
    assert isinstance(rows, list)
    return round(sum(row["amount"] for row in rows), 2)


def test_demo_people_sign_in(company: Node) -> None:
    for key in PEOPLE:
        assert company.secrets.verify(key, "demo").key == key
    assert Identity(company.secrets.verify("admin", "demo")).key == "admin"
