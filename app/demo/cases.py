"""Complaints, support calls and after-sales service of the demo company, from deals that were won."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app import clock
from app.demo.deals import Deal
from app.demo.events import Story, attached
from app.demo.trade import DATA

COMPLAINTS = 60
STATES = ("received", "judged", "assigned", "proposed", "approved", "carried_out", "closed")
SHORT = ("received", "judged", "assigned", "carried_out", "closed")  # opinions and praise need no approval
HANDLERS = {
    "unit:support": "zhou.jun",
    "unit:logistics": "he.qing",
    "unit:marketing": "editor",
    "unit:sales": "leader",
    "deng.rui": "deng.rui",
}
SATISFACTION = ("very_satisfied", "satisfied", "satisfied", "satisfied", "neutral")
MACHINES = ("machine", "automatic", "grinder")


def complaints(story: Story, deals: list[Deal]) -> None:
    """Complaints in all states: the older, the further."""
    fitting = [deal for deal in deals if deal.stage in ("won", "closed") and deal.closed > 6]
    for number in range(COMPLAINTS):
        for _ in range(50):
            deal = story.pick(fitting)
            scripts = [case for case in DATA["cases"][deal.customer.language] if deal.product in case[2]]
            if scripts:
                _complaint(story, deal, story.pick(scripts), number)
                break


def _complaint(story: Story, deal: Deal, script: list[Any], number: int) -> None:
    kind, group, _, department, subject, content, incident, verification, method, result, opinion = script
    recent = number % 3 == 0
    received = story.rng.randint(0, min(14, deal.closed - 5) if recent else deal.closed - 5)
    moment = story.at(received)
    path = STATES if kind == "complaint" else SHORT
    reached = _reached(story, path, received)
    product = DATA["products"][deal.product][deal.customer.language]
    if not deal.customer.abroad:
        product = product.partition(" ")[0]  # people leave the size out when they complain
    contact = story.pick(deal.customer.contacts)
    taker = story.pick(["support", "support", "zhou.jun", deal.customer.owner])
    names = {"product": product, "code": f"《{deal.title}》" if not deal.customer.abroad else f"“{deal.title}”"}
    items: dict[str, Any] = {
        "form": "complaint", "kind": kind, "class": group, "subject": subject.format(**names), "object": product,
        "customer": deal.customer.id, "contact": contact.id, "content": content.format(**names), "incident": incident,
        "received_at": clock.stamp(moment), "received_by": taker,
        "occurred_at": clock.stamp(moment - timedelta(hours=story.rng.randint(2, 40))),
        "expected_by": clock.stamp(moment + timedelta(days=story.pick([2, 3, 5, 7]))) if kind == "complaint" else None,
    }  # fmt: skip
    if number % 9 == 0:
        note = f"{items['subject']}\n\n{items['content']}\n\n{contact.name} {contact.mobile}\n"
        items |= attached({"说明.txt": note.encode()})
    id = story.add("service", taker, moment, items)
    for place, state in enumerate(path[1 : reached + 1], 1):
        when = story.at(max(0, received - _days(received, place)), 11)
        change: dict[str, Any] = {"state": state}
        if state == "judged" and verification:
            change["verification"] = verification
        if state == "assigned":
            change["department"] = department
        story.change("service", "leader" if state == "approved" else "support", when, id, change)
        if state == ("proposed" if kind == "complaint" else "carried_out"):
            _handling(
                story,
                deal,
                id,
                HANDLERS[department],
                max(0, received - _days(received, place)),
                (method, result, opinion),
                reached == len(path) - 1,
            )


def _days(received: int, place: int) -> int:
    return min(received, place + place // 2)


def _reached(story: Story, path: tuple[str, ...], received: int) -> int:
    """How far a case has come: closed after three weeks, a few stuck on the way."""
    last = len(path) - 1
    if received > 21:
        return last if story.chance(0.93) else story.rng.randint(2, last - 1)
    return min(last, story.rng.randint(0, max(1, received // 2)))


def _handling(
    story: Story, deal: Deal, id: str, handler: str, days: int, texts: tuple[str, str, str], over: bool
) -> None:
    method, result, opinion = texts
    moment = story.at(days, 10)
    called = max(0, days - 5)
    calls = [
        {
            "due_at": story.day(called),
            "called_at": story.day(called),
            "caller": "support",
            "satisfied": True,
            "opinion": opinion,
        }
    ]
    story.add(
        "service",
        handler,
        moment,
        {
            "form": "complaint_handling", "parent": id, "method": method, "handled_by": handler,
            "handled_at": clock.stamp(moment), "place": deal.customer.short, "result": result,
            "satisfaction": story.pick(SATISFACTION) if over else None,
            "customer_opinion": opinion if over else None,
            "return_calls": calls if over and called else None,
        },
    )  # fmt: skip


def calls(story: Story, deals: list[Deal]) -> None:
    """Support calls, and visits for machines."""
    won = [deal for deal in deals if deal.stage in ("won", "closed") and deal.closed > 6]
    for _ in range(24):
        deal = story.pick(won)
        question, answer, solved = story.pick(DATA["support"][deal.customer.language])
        contact = story.pick(deal.customer.contacts)
        story.add(
            "service",
            story.pick(["support", "zhou.jun"]),
            story.at(story.rng.randint(0, deal.closed)),
            {
                "form": "support_call", "customer": deal.customer.id, "contact": contact.id,
                "caller_number": contact.mobile, "question": question, "answer": answer, "solved": solved,
                "passed_to": None if solved else "zhou.jun",
            },
        )  # fmt: skip
    machines = [deal for deal in won if deal.product in MACHINES and not deal.customer.abroad]
    for deal in machines[:16]:
        days = max(0, deal.closed - 12)
        kind, content, result = story.pick(DATA["visits"]["zh"])
        started = story.at(days)
        story.add(
            "service",
            "zhou.jun",
            started + timedelta(hours=3),
            {
                "form": "after_sales", "customer": deal.customer.id,
                "kind": "telephone" if kind == "远程指导" else "on_site",
                "product": DATA["products"][deal.product]["zh"], "started_at": clock.stamp(started),
                "ended_at": clock.stamp(started + timedelta(hours=2)), "place": deal.customer.short,
                "content": f"{kind}：{content}", "result": result,
                "confirmed_by": story.pick(deal.customer.contacts).name,
            },
        )  # fmt: skip
