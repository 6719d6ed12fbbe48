"""Made-up documents by the million: realistic customers, contacts and deals. Pure, some 70,000 a second.

    documents(seed, 1_000_000)  →  Made(kind, id, body) in groups of 20: 15 customers, 3 contacts, 2 deals

Speed comes from pools made once (names, places, dates, lists) and one draw of random bits a document, cut
into small numbers. The same seed gives the same ids and the same bodies, on any machine and day; a larger count
continues the smaller one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from typing import Any, NamedTuple

from app import clock
from app.demo import crowd, pools

# Nothing generated is younger, so that bodies do not depend on today.
LAST_DAY = datetime(2026, 9, 30, 8, tzinfo=UTC)
DAYS = 3 * 365
GROUP = "cccccpcccccpcccccpdd"  # customer, contact (person), deal
STAGES = (
    *("lead", "lead", "qualified", "qualified", "proposal", "proposal", "negotiation", "won"),
    *("won", "closed", "closed", "closed", "closed", "lost", "lost", "lost"),
)
PROBABILITY = {"lead": 10, "qualified": 25, "proposal": 50, "negotiation": 75, "won": 100, "closed": 100}
LOST = ("price", "competitor", "no_budget", "timing", "product", "payment_terms", "no_answer", "no_need")
CLASSES = (*("potential",) * 5, *("existing",) * 6, "partner", "agent", "dealer", "supplier", "potential")
LIFE = {"potential": "prospect", "existing": "existing", "partner": "developed", "agent": "developed"}
IMPORTANCE = (*("normal",) * 10, *("important",) * 4, "key", "key")
FREQUENCY = {"normal": "quarterly", "important": "monthly", "key": "weekly"}
STATUS = (*("active",) * 12, "dormant", "dormant", "suspended", "closed")
OWNERSHIP = (
    *(*("individual",) * 5, *("other",) * 6),
    *("state", "collective", "joint_venture", "foreign", "foreign"),
)
SIZES = (*("small",) * 9, *("medium",) * 5, "large", "large")
GRADES = tuple("AABBBBCCCCCCDDDD")
CREDITS = ("excellent", "good", "good", "good", "good", "fair", "fair", "unknown")
SOURCES = ("fair", "referral", "website", "advertisement", "cold_call", "agent", "journal", "walk_in")
DEAL_SOURCES = ("fair", "referral", "website", "cold_call", "existing_customer", "tender", "service", "agent")
ATTRIBUTES: tuple[list[str] | None, ...] = (
    *((None,) * 4),
    *(["chain"], ["own_brand"], ["exporter", "tender"], ["cold_chain"], ["prepaid"], ["festival_gifts"]),
    *(["chain", "own_fleet"], ["invoice_first"], ["samples_only"], ["tender"], ["own_brand"], None),
)


class Made(NamedTuple):
    """One made-up document. `kind` is its form: customer, contact or deal."""

    kind: str
    id: str
    body: dict[str, Any]


class _Customer(NamedTuple):
    id: str
    body: dict[str, Any]
    team: crowd.Team


def documents(seed: int, count: int) -> Iterator[Made]:
    """`count` documents."""
    return islice(_Maker(seed).all(), count)


class _Maker:
    def __init__(self, seed: int) -> None:
        self._rng = Random(f"documents-{seed}")  # noqa: S311
        self._bits: Callable[[int], int] = self._rng.getrandbits
        self._teams, self._slots = crowd.teams(seed)
        self._number = 0
        self._group: list[_Customer] = []
        self._stamps = [self._stamp_pair() for _ in range(4096)]
        self._days = [(LAST_DAY - timedelta(days=day)).date().isoformat() for day in range(-180, DAYS)]
        first = datetime(1962, 1, 1)
        self._birthdays = [(first + timedelta(days=2 * n)).date().isoformat() for n in range(8192)]
        self._brands = [a + b for a in pools.BRANDS_FIRST for b in pools.BRANDS_SECOND if a != b]
        self._places = [self._place(place, street) for place in pools.PLACES for street in place.streets]
        self._names = [
            (pools.person_name(n, self._bits(16), male), male) for n in range(1024) for male in (True, False)
        ]

    def _stamp_pair(self) -> tuple[str, str]:
        created = LAST_DAY - timedelta(seconds=self._rng.random() * DAYS * 86400)
        changed = created + (LAST_DAY - created) * self._rng.random() ** 2
        return clock.stamp(created), clock.stamp(changed)

    @staticmethod
    def _place(place: pools.Place, street: str) -> tuple[pools.Place, str, dict[str, str]]:
        town = place.city + ("市" if place.region != "hk_mo_tw" else "")
        kept = {"country": "HK" if place.province == "hong_kong" else "CN"}
        kept |= {"region": place.region, "province": place.province}
        return place, town + street, kept

    def all(self) -> Iterator[Made]:
        """Documents without end."""
        make = {"c": self._customer, "p": self._contact, "d": self._deal}
        while True:
            self._group = []
            for kind in GROUP:
                self._number += 1
                yield make[kind]()

    def _customer(self) -> Made:
        bits = self._bits
        a, b, c = bits(60), bits(60), bits(60)
        place, street, region = self._places[(a & 0xFFFF) % len(self._places)]
        brand = self._brands[(a >> 16 & 0xFFFF) % len(self._brands)]
        industry, word, scope = pools.BUSINESS[(a >> 32 & 0xFFF) % len(pools.BUSINESS)]
        kind = CLASSES[a >> 44 & 15]
        importance = IMPORTANCE[a >> 48 & 15]
        created, changed = self._stamps[b & 0xFFF]
        team = self._teams[self._slots[b >> 12 & (crowd.SLOTS - 1)]]
        local = b >> 30
        id = f"{bits(128):032x}"
        host = f"{place.latin.lower()}{self._number}"
        line = f"{(2 + (c & 7) % 7)}{c >> 3 & 0xFFFFFF:08d}"[:8]
        body: dict[str, Any] = {
            "form": "customer",
            "code": f"G{self._number:08d}",
            "name": f"{place.city}{brand}{word}{pools.COMPANY_FORMS[a >> 52 & 7]}",
            "short_name": f"{place.city}{brand}",
            "class": kind,
            "industry": industry,
            **region,
            "address": f"{street}{1 + local % 998}号",
            "postcode": f"{place.postcode}{local % 90 + 10}",
            "phone": f"{place.area}-{line}",
            "mobile": f"{pools.MOBILE_PREFIXES[c & 31]}{c >> 5 & 0xFFFFFFF:08d}"[:11],
            "email": f"info@{host}.example",
            "website": f"https://www.{host}.example",
            "ownership": OWNERSHIP[c >> 27 & 15],
            "legal_representative": self._names[c >> 31 & 0x7FF][0],
            "business_scope": scope,
            "size": SIZES[c >> 42 & 15],
            "importance": importance,
            "status": STATUS[c >> 46 & 15],
            "stage": LIFE.get(kind, "target"),
            "grade": GRADES[c >> 50 & 15],
            "credit": CREDITS[c >> 54 & 7],
            "source": SOURCES[c >> 57 & 7],
            "owner": team.owner,
            **team.customer_lists,
            "contact_frequency": FREQUENCY[importance],
            "next_contact": self._days[(a >> 20 & 0xFF) % 180],
            "remarks": pools.REMARKS[b >> 50 & 7],
            "created_by": team.owner,
            "created_at": created,
            "changed_by": team.owner,
            "changed_at": changed,
        }
        attributes = ATTRIBUTES[b >> 54 & 15]
        if attributes:
            body["attributes"] = attributes
        self._group.append(_Customer(id, body, team))
        return Made("customer", id, body)

    def _contact(self) -> Made:
        bits = self._bits
        a, b = bits(60), bits(60)
        customer = self._group[(a & 15) % len(self._group)]
        of, team = customer.body, customer.team
        name, male = self._names[a >> 4 & 0x7FF]
        created, changed = self._stamps[b & 0xFFF]
        number = self._number
        body: dict[str, Any] = {
            "form": "contact",
            "code": f"H{number:08d}",
            "name": name,
            "customer": customer.id,
            "customer_name": of["name"],
            "customer_class": of["class"],
            "customer_region": of["region"],
            "customer_industry": of["industry"],
            "owner": team.owner,
            **team.customer_lists,
            "department": pools.DEPARTMENTS[(a >> 15 & 63) % len(pools.DEPARTMENTS)],
            "title": pools.TITLES[(a >> 21 & 127) % len(pools.TITLES)],
            "gender": "male" if male else "female",
            "phone": f"{of['phone']}-{800 + (a >> 28 & 63)}",
            "mobile": f"{pools.MOBILE_PREFIXES[b >> 12 & 31]}{b >> 17 & 0xFFFFFFF:08d}"[:11],
            "email": f"lianxi{number}@{of['email'].partition('@')[2]}",
            "birthday": self._birthdays[a >> 34 & 0x1FFF],
            "hobbies": pools.HOBBIES[a >> 48 & 15],
            "main_contact": bool(a >> 52 & 1),
            "language": "zh",
            "created_by": team.owner,
            "created_at": created,
            "changed_by": team.owner,
            "changed_at": changed,
        }
        return Made("contact", f"{bits(128):032x}", body)

    def _deal(self) -> Made:
        bits = self._bits
        a, b = bits(60), bits(60)
        customer = self._group[(a & 15) % len(self._group)]
        of, team = customer.body, customer.team
        stage = STAGES[a >> 4 & 15]
        product, price = pools.PRODUCTS[a >> 8 & 15]
        quantity = 1 + (a >> 12 & 63)
        amount = price * quantity
        probability = PROBABILITY.get(stage, 0)
        created, changed = self._stamps[b & 0xFFF]
        body: dict[str, Any] = {
            "form": "deal",
            "code": f"E{self._number:08d}",
            "title": f"{of['short_name']} {product} {quantity}",
            "customer": customer.id,
            "customer_name": of["name"],
            "customer_phone": of["phone"],
            "customer_region": of["region"],
            "owner": team.owner,
            **team.deal_lists,
            "opened_at": created[:10],
            "stage": stage,
            "amount": amount,
            "currency": "CNY",
            "probability": probability,
            "weighted": _cents(amount * probability),
            "close_date": max(created[:10], self._days[(b >> 12 & 0x3FF) % len(self._days)]),
            "source": DEAL_SOURCES[a >> 18 & 7],
            "order_lines": [{"product": product, "quantity": quantity, "price": price, "amount": amount}],
            "created_by": team.owner,
            "created_at": created,
            "changed_by": team.owner,
            "changed_at": changed,
        }
        if stage == "lost":
            body["lost_reason"] = LOST[a >> 21 & 7]
        return Made("deal", f"{bits(128):032x}", body)


def _cents(hundredths: int) -> int | float:
    """Hundredths of an amount as documents hold it: whole amounts without a fraction."""
    whole, rest = divmod(hundredths, 100)
    return hundredths / 100 if rest else whole
