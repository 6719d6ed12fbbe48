"""Deals and activities of the demo company: each deal's story up to the stage where it is now."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from app import clock
from app.demo.events import Story, attached, pdf
from app.demo.trade import DATA, Customer, helper

DEALS = {"key": 4, "important": 3, "normal": 2}
NEW_SOURCES = ("fair", "referral", "website", "cold_call", "agent")
OLD_SOURCES = ("existing_customer", "existing_customer", "fair", "tender")
OPEN_STAGES = ("lead", "qualified", "proposal", "negotiation")
EARLY = OPEN_STAGES[1:]
PRODUCT_LINES = {"coffee": ("beans", "drip", "machine", "automatic", "grinder", "service"), "wine": ("red", "white")}
PRODUCT_LINES["food"] = ("oil", "oilbox", "milk", "coconut")


class Deal(NamedTuple):
    """A deal as complaints need it."""

    id: str
    title: str
    customer: Customer
    product: str
    stage: str
    closed: int  # days ago


def deals(story: Story, all_customers: list[Customer]) -> list[Deal]:
    """The deals of all customers, with their activities."""
    found = []
    for customer in all_customers:
        for _ in range(_how_many(story, customer)):
            found.append(_deal(story, customer))
    return found


def _how_many(story: Story, customer: Customer) -> int:
    if customer.kind in ("existing", "dealer", "agent"):
        return DEALS[customer.importance] - story.chance(0.4)
    return int(customer.kind == "potential" and story.chance(0.85))


class _Deal:
    """A deal while its story is told."""

    def __init__(self, story: Story, customer: Customer) -> None:
        self.story = story
        self.customer = customer
        baskets = DATA["baskets"]
        key = f"{customer.industry}_abroad" if customer.abroad else customer.industry
        self.key: str = story.pick(baskets.get(key) or baskets["wholesale_abroad" if customer.abroad else "gifts"])
        self.product = DATA["products"][self.key]
        self.name: str = self.product[customer.language]
        sizes = self.product["sizes"]
        self.quantity: int = sizes[
            min(len(sizes) - 1, {"key": 2, "important": 1, "normal": 0}[customer.importance] + story.rng.randint(0, 1))
        ]
        self.price: int = self.product["price"]
        self.opened = min(customer.since, story.rng.randint(3, 340))
        self.stage = self._stage()
        self.lasted = min(self.opened, story.rng.randint(25, 70))
        self.contact = story.pick(customer.contacts)
        line = next((line for line, keys in PRODUCT_LINES.items() if self.key in keys), "tea")
        self.competitor, zh, en = story.pick(DATA["competitors"][line])
        self.strategy = en if customer.abroad else zh
        self.id = story.new_id()

    def _stage(self) -> str:
        chance = self.story.rng.random()
        if self.customer.kind == "potential":
            if self.opened > 120:
                return "lost" if chance < 0.6 else str(self.story.pick(EARLY))
            return str(self.story.pick(OPEN_STAGES))
        if self.opened > 150:
            return "closed" if chance < 0.68 else "won" if chance < 0.8 else "lost"
        if self.opened > 60:
            return "won" if chance < 0.5 else "lost" if chance < 0.68 else str(self.story.pick(EARLY))
        return str(self.story.pick(OPEN_STAGES))

    @property
    def done(self) -> bool:
        return self.stage in ("won", "closed", "lost")

    @property
    def closing(self) -> int:
        """Days ago (negative: to come) of the closing date."""
        if self.done:
            return self.opened - self.lasted
        return min(-self.story.rng.randint(-6, 60), self.opened)

    def text(self, template: str) -> str:
        """A template with the names of this deal."""
        unit = self.product["unit"]
        values = {
            "short": self.customer.short, "contact": self.contact.name, "product": self.name,
            "competitor": self.competitor,
            "quantity": f"{self.quantity}{unit}" if not self.customer.abroad else str(self.quantity),
        }  # fmt: skip
        return template.format(**values)


def _deal(story: Story, customer: Customer) -> Deal:
    deal = _Deal(story, customer)
    closing = deal.closing
    year = (story.at(deal.opened)).year
    title = f"{customer.short}: {deal.name} ({year})" if customer.abroad else f"{customer.short}：{deal.name}（{year}）"
    story.add(
        "deals",
        customer.owner,
        story.at(deal.opened, 9),
        {
            "form": "deal", "title": title, "customer": customer.id, "stage": "lead",
            "amount": deal.price * deal.quantity, "currency": "CNY", "close_date": story.day(closing),
            "opened_at": story.day(deal.opened), "products": [deal.name],
            "source": story.pick(NEW_SOURCES if customer.kind == "potential" else OLD_SOURCES),
            "description": deal.text(story.pick(DATA["descriptions"][customer.language])),
            "competitors": [{"competitor": deal.competitor, "strategy": deal.strategy}],
            "team": helper(story, customer.owner, customer.importance),
        },
        id=deal.id,
    )  # fmt: skip
    _activities(deal)
    _progress(deal, closing)
    return Deal(deal.id, title, customer, deal.key, deal.stage, closing)


def _progress(deal: _Deal, closing: int) -> None:
    """The changes of stage up to where the deal is now."""
    story, owner = deal.story, deal.customer.owner
    steps = OPEN_STAGES[1 : OPEN_STAGES.index(deal.stage) + 1] if not deal.done else EARLY
    days = max(1, (deal.opened - max(closing, 0)) // (len(steps) + 1)) if steps else 1
    when = deal.opened
    for stage in steps:
        when = max(0, when - days)
        items: dict[str, Any] = {
            "stage": stage,
            "probability": {"qualified": 25, "proposal": 50, "negotiation": 75}[stage],
        }
        if stage == "proposal":
            items |= {
                "order_lines": _lines(deal),
                "amount": _total(deal),
                "next_step": "等待客户答复" if not deal.customer.abroad else "Wait for the answer",
            }
        if stage == "negotiation":
            items["payment_plan"] = _payments(deal, closing, paid=False)
        story.change("deals", owner, story.at(when, 15), deal.id, items)
    if deal.stage == "lost":
        reason = story.pick(["price", "competitor", "no_budget", "timing", "payment_terms", "no_answer"])
        story.change(
            "deals",
            owner,
            story.at(closing, 17),
            deal.id,
            {"stage": "lost", "lost_reason": reason, "probability": 0, "next_step": None},
        )
    elif deal.done:
        _won(deal, closing)


def _won(deal: _Deal, closing: int) -> None:
    story, owner = deal.story, deal.customer.owner
    won: dict[str, Any] = {
        "stage": "won",
        "probability": 100,
        "next_step": None,
        "payment_plan": _payments(deal, closing, paid=True),
    }
    delivered = max(0, closing - 8)
    what = f"{deal.name} × {deal.quantity}"
    received = story.day(max(0, delivered - 4)) if delivered > 4 else None
    won["deliveries"] = (
        [{"date": story.day(delivered), "lines": what, "received_by_customer_at": received}] if closing > 8 else None
    )
    if story.chance(0.25):
        lines = [
            f"Contract for {deal.product['en']}, {deal.quantity} pieces at CNY {deal.price}.",
            f"Total: CNY {_total(deal)}.",
            "Payment: 30 % in advance, the rest 30 days after delivery.",
            "Quality claims within 7 days. Delivery as agreed.",
        ]
        won |= attached({f"contract-{deal.id[:6]}.pdf": pdf("Lanchuan Trading - Contract", lines)}, item="contract")
    story.change("deals", owner, story.at(closing, 16), deal.id, won)
    if deal.stage == "closed":
        paid = _payments(deal, closing, paid=True, all_of_it=True)
        story.change(
            "deals", owner, story.at(max(0, closing - 45), 16), deal.id, {"stage": "closed", "payment_plan": paid}
        )


def _lines(deal: _Deal) -> list[dict[str, Any]]:
    discount = 5 if deal.customer.importance == "key" else 3 if deal.customer.importance == "important" else None
    line = {"product": deal.name, "quantity": deal.quantity, "price": deal.price}
    return [{**line, "discount": discount} if discount else line]


def _total(deal: _Deal) -> float:
    """What the order lines come to."""
    percent = {"key": 95, "important": 97}.get(deal.customer.importance, 100)
    return round(deal.price * deal.quantity * percent / 100, 2)


def _payments(deal: _Deal, closing: int, *, paid: bool, all_of_it: bool = False) -> list[dict[str, Any]]:
    """30 % at signing, the rest 35 days later; late payers are late."""
    total = _total(deal)
    first = round(total * 0.3, 2)
    plan: list[dict[str, Any]] = []
    for place, amount in enumerate((first, round(total - first, 2))):
        due = closing - (3, 35)[place]
        row: dict[str, Any] = {"due": deal.story.day(due), "amount": amount}
        late = place == 1 and int(deal.id[:2], 16) % 5 == 0
        if all_of_it or (paid and due > 0 and not late):
            row |= {"received": amount, "received_at": deal.story.day(max(0, due - int(deal.id[3], 16) % 3))}
        plan.append(row)
    return plan


def _activities(deal: _Deal) -> None:
    """Done ones up to the present stage, and one to come where the deal is open."""
    scripts = DATA["steps"][deal.customer.language]
    names = ["first"]
    if deal.stage not in ("lead",):
        names.append("second")
    if deal.stage in ("proposal", "negotiation", "won", "closed", "lost"):
        names.append("third")
    names += {"won": ["won"], "closed": ["won", "after"], "lost": ["lost"]}.get(deal.stage, [])
    names = [name for name in names if name not in ("second", "third") or deal.story.chance(0.75)]
    closing = max(0, deal.opened - deal.lasted) if deal.done else 0
    for place, name in enumerate(names):
        when = deal.opened - round((deal.opened - closing) * (place + 0.3) / len(names))
        if name == "after":
            when = max(0, closing - 30)
        _done(deal, deal.story.pick(scripts[name]), when)
    if not deal.done and deal.story.chance(0.85):
        _todo(deal, deal.story.pick(scripts["todo"]))


def _done(deal: _Deal, script: list[str], when: int) -> None:
    kind, subject, result, next_step = script
    moment = deal.story.at(when)
    _activity(
        deal, moment, kind, subject,
        due_at=clock.stamp(moment - timedelta(hours=1)), done_at=clock.stamp(moment),
        result=deal.text(result), next_step=next_step,
    )  # fmt: skip


def _todo(deal: _Deal, script: list[str]) -> None:
    kind, subject, next_step = script
    due = deal.story.at(-deal.story.rng.randint(-8, 25))
    made = deal.story.at(deal.story.rng.randint(0, min(10, deal.opened)))
    _activity(deal, made, kind, subject, planned_at=clock.stamp(due), due_at=clock.stamp(due), next_step=next_step)


def _activity(deal: _Deal, moment: datetime, kind: str, subject: str, **items: str) -> None:
    moment = max(moment, deal.story.at(deal.opened, 9) + timedelta(minutes=70))
    place = deal.customer.short if kind == "visit" else None
    text = deal.text(subject)
    deal.story.add(
        "deals",
        deal.customer.owner,
        moment,
        {
            "form": "activity",
            "parent": deal.id,
            "kind": kind,
            "subject": text,
            "place": place,
            "with_contacts": [deal.contact.id],
            **items,
        },
    )
