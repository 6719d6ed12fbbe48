"""Customers and contacts of the demo company."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from app.demo import pools
from app.demo.events import Story
from app.demo.reading import load

DATA: Mapping[str, Any] = load("trade.yaml")
ABROAD = "abroad"
FREQUENCY = {"key": "weekly", "important": "monthly", "normal": "quarterly"}
CONTACTS = {"key": 3, "important": 3, "normal": 2}
COMPANY_TYPES = {
    "food_production": "production", "beverages": "production", "agriculture": "production", "packaging": "production",
    "machinery": "production", "wholesale": "trade", "retail": "trade", "ecommerce": "trade", "catering": "service",
    "hotels": "service", "trade_media": "service",
}  # fmt: skip
SUBTYPES = {
    "food_production": "food_production", "beverages": "food_production", "agriculture": "raw_materials",
    "packaging": "packaging_design", "machinery": "food_machinery", "wholesale": "food_production",
    "retail": "food_production", "ecommerce": "food_production", "trade_media": "trade_media",
}  # fmt: skip
TRADED = {
    "retail": (["alcohol", "non_staple"], ["stores", "retail_outlets"]),
    "wholesale": (["alcohol", "seasoning", "beverages"], ["city", "suburbs_counties"]),
    "catering": (["beverages"], ["catering"]),
    "hotels": (["alcohol", "beverages"], ["catering", "groups"]),
    "food_production": (["convenience_snacks", "confectionery"], ["groups", "stores"]),
    "ecommerce": (["beverages", "non_staple"], ["retail_outlets"]),
    "beverages": (["beverages", "alcohol"], ["retail_outlets", "night_venues"]),
}


class Contact(NamedTuple):
    """A contact as later stories need it."""

    id: str
    name: str
    mobile: str


class Customer(NamedTuple):
    """A customer as later stories need it."""

    id: str
    name: str
    short: str
    kind: str  # class
    industry: str
    owner: str
    importance: str
    abroad: bool
    since: int  # days ago
    contacts: list[Contact]

    @property
    def language(self) -> str:
        """In which language its records are kept."""
        return "en" if self.abroad else "zh"


def customers(story: Story) -> list[Customer]:
    """All customers with their contacts."""
    return [_customer(story, line) for line in load("customers.yaml")]


def _customer(story: Story, line: str) -> Customer:
    name, short, city, industry, kind, owner, importance, profile = line.split("|")
    rng = story.rng
    since = rng.randint(320, 360) if kind == "supplier" else rng.randint(25, 300)
    if kind in ("existing", "dealer", "agent"):
        since = rng.randint(150, 355)
    country, _, town = city.partition("/") if "/" in city else ("CN", "", city)
    items = _abroad(story, country, town, short) if town != city else _at_home(story, town)
    dormant = kind in ("existing", "potential") and importance == "normal" and story.chance(0.16)
    traded = TRADED.get(industry)
    moment = story.at(since)
    id = story.add(
        "customers",
        owner,
        moment,
        {
            "form": "customer", "name": name, "short_name": short, "class": kind, "industry": industry, **items,
            "ownership": _ownership(story, industry, country),
            "size": {"key": "large", "important": "medium"}.get(importance, story.pick(["small", "small", "medium"])),
            "business_scope": next((b.scope for b in pools.BUSINESS if b.industry == industry), ""),
            "profile": profile,
            "importance": importance,
            "status": "dormant" if dormant else "active",
            "stage": _life(story, kind),
            "grade": {"key": "A", "important": "B"}.get(importance, story.pick("CCD")),
            "credit": story.pick(["excellent", "good", "good", "good", "fair", "unknown"]),
            "source": story.pick(["fair", "fair", "referral", "website", "cold_call", "agent", "journal", "walk_in"]),
            "company_type": COMPANY_TYPES.get(industry),
            "company_subtype": SUBTYPES.get(industry),
            "product_class": traded[0] if traded else None,
            "channels": traded[1] if traded else None,
            "attributes": _attributes(story, industry, importance),
            "team": helper(story, owner, importance),
            "contact_frequency": FREQUENCY[importance],
            "next_contact": story.day(rng.randint(20, 90) if dormant else -rng.randint(1, 60)),
            "anniversaries": [{"title": "公司成立日", "date": f"{rng.randint(1998, 2019)}-{rng.randint(1, 12):02d}-18"}]
            if importance == "key" and country == "CN"
            else None,
        },
    )  # fmt: skip
    made = Customer(id, name, short, kind, industry, owner, importance, country not in ("CN", "HK"), since, [])
    phone = items["phone"]
    for place in range(CONTACTS[importance] + story.chance(0.15) - (kind == "potential" and story.chance(0.6))):
        made.contacts.append(_contact(story, made, country, phone, place, moment + timedelta(minutes=7 * place + 5)))
    return made


def _at_home(story: Story, town: str) -> dict[str, Any]:
    place = next(place for place in pools.PLACES if place.city == town)
    rng = story.rng
    street = story.pick(place.streets)
    number = f"{rng.randint(2, 8)}{rng.randint(100, 999)} {rng.randint(1000, 9999)}"
    if place.province == "hong_kong":
        return {
            "country": "HK", "region": place.region, "province": place.province,
            "address": f"香港{street}{rng.randint(1, 380)}号",
            "phone": f"+852 {rng.randint(2100, 3999)} {rng.randint(1000, 9999)}",
        }  # fmt: skip
    return {
        "country": "CN", "region": place.region, "province": place.province,
        "address": f"{town}市{street}{rng.randint(1, 980)}号",
        "postcode": f"{place.postcode}{rng.randint(10, 99)}",
        "phone": f"{place.area}-{number}",
        "fax": f"{place.area}-{number[:-2]}{rng.randint(10, 99)}" if story.chance(0.6) else None,
        "email": f"info@{place.latin.lower()}-{rng.randint(100, 999)}.example",
        "legal_representative": pools.person_name(rng.getrandbits(12), rng.getrandbits(12), story.chance(0.7)),
    }  # fmt: skip


def _abroad(story: Story, country: str, town: str, short: str) -> dict[str, Any]:
    code, street, _ = DATA[ABROAD][country]
    host = "".join(c for c in short.lower() if c.isascii() and c.isalnum())
    return {
        "country": country,
        "region": "overseas",
        "address": f"{street} {story.rng.randint(2, 190)}, {town}",
        "phone": f"{code} {story.rng.randint(20, 99)} {story.rng.randint(100, 999)} {story.rng.randint(1000, 9999)}",
        "email": f"office@{host}.example",
        "website": f"https://www.{host}.example",
    }


def _ownership(story: Story, industry: str, country: str) -> str:
    if country != "CN":
        return "foreign"
    return str(
        story.pick(
            ["state", "joint_venture"]
            if industry in ("construction", "trade_media")
            else ["individual", "other", "joint_venture", "other"]
        )
    )


def _life(story: Story, kind: str) -> str:
    if kind == "existing":
        return "developed" if story.chance(0.3) else "existing"
    return {"potential": str(story.pick(["prospect", "target"])), "competitor": "prospect"}.get(kind, "developed")


def _attributes(story: Story, industry: str, importance: str) -> list[str]:
    found = {
        "catering": ["chain"],
        "retail": ["chain"],
        "food_production": ["invoice_first"],
        "construction": ["tender"],
    }
    extra = ["festival_gifts"] if industry in ("retail", "it", "education", "textiles", "surveying") else []
    return [*found.get(industry, []), *extra, *(["own_brand"] if importance == "key" and story.chance(0.5) else [])]


def _foreigner(story: Story, country: str) -> str:
    """The next person of a country: those named first, then other first names with the same family names."""
    names = DATA[ABROAD][country][2]
    round_, place = divmod(story.met[country], len(names))
    story.met[country] += 1
    if not round_:
        return str(names[place])
    first, family = names[place].split(" ", 1)[0], names[(place + round_) % len(names)].split(" ", 1)[1]
    return f"{first} {family}"


def helper(story: Story, owner: str, importance: str) -> list[str]:
    mates = {"north": "zhao.min", "zhao.min": "north", "south": "huang.lan", "huang.lan": "south"}
    return [mates[owner]] if owner in mates and importance == "key" and story.chance(0.7) else []


def _contact(story: Story, customer: Customer, country: str, phone: str, place: int, moment: datetime) -> Contact:
    rng = story.rng
    department, title, role = DATA["roles"][customer.language][place]
    male = story.chance(0.55)
    if customer.abroad:
        name = _foreigner(story, country)
        mobile = f"{DATA[ABROAD][country][0]} {rng.randint(600, 799)} {rng.randint(100000, 999999)}"
    else:
        name = pools.person_name(rng.getrandbits(12), rng.getrandbits(12), male)
        mobile = f"{story.pick(pools.MOBILE_PREFIXES)}{rng.randint(0, 99999999):08d}"
    born = f"{rng.randint(1964, 1996)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
    id = story.add(
        "customers",
        customer.owner,
        moment,
        {
            "form": "contact", "name": name, "customer": customer.id, "department": department, "title": title,
            "decision_role": role, "main_contact": place == 1 or None,
            "gender": None if customer.abroad else "male" if male else "female",
            "phone": phone if customer.abroad else f"{phone}-{800 + rng.randint(1, 99)}", "mobile": mobile,
            "email": f"contact{rng.randint(1000, 9999)}@{customer.id[:6]}.example",
            "birthday": born if story.chance(0.5) else born[4:].replace("-", "--", 1) if story.chance(0.4) else None,
            "hobbies": story.pick(pools.HOBBIES) if not customer.abroad and story.chance(0.5) else None,
            "language": customer.language, "do_not_contact": True if story.chance(0.03) else None,
        },
    )  # fmt: skip
    return Contact(id, name, mobile)
