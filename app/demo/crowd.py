"""The people of the generated data and the reader sets of their documents. Pure: same seed, same crowd.

salespeople s001 … s240 in units unit:sales-01 … unit:sales-12      (the first of a unit leads it)
7,000 teams (owner, helpers), used with Zipf-like frequency:
    the document's readers and authors are what the forms' rules compute for that owner and team
observers   bench-100  sees every document       (group leaders, role [Leaders])
            bench-10   sees 10 % of them         (helper in that many teams)
            bench-1    sees 1 %
            bench-001  sees 0.01 %
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from app.demo import pools

SALESPEOPLE = 240
UNITS = 12
TEAMS = 7_000
SKEW = 0.8  # the n-th most frequent team has 1/n^SKEW of the most frequent one's documents
SLOTS = 1 << 18  # a document draws one of these; a team owns some of them, so shares are exact
OBSERVERS: dict[str, float] = {"bench-10": 0.1, "bench-1": 0.01, "bench-001": 0.0001}
ALL_SEEING = "bench-100"


class Seller(NamedTuple):
    """A salesperson of the generated company."""

    key: str
    name: str
    unit: str
    leads: bool


class Team(NamedTuple):
    """Who owns and who helps, and what the forms' rules make of it."""

    owner: str
    helpers: list[str]
    customer_lists: dict[str, list[str]]  # items owner, team, readers, authors of customers and contacts
    deal_lists: dict[str, list[str]]


def sellers(seed: int) -> list[Seller]:
    """The salespeople, unit by unit."""
    rng = Random(f"sellers-{seed}")  # noqa: S311 - made-up data, nothing secret
    per_unit = SALESPEOPLE // UNITS
    found = []
    for number in range(SALESPEOPLE):
        name = pools.person_name(rng.getrandbits(16), rng.getrandbits(16), rng.random() < 0.6)
        unit = f"unit:sales-{number // per_unit + 1:02d}"
        found.append(Seller(f"s{number + 1:03d}", name, unit, number % per_unit == 0))
    return found


def teams(seed: int) -> tuple[list[Team], list[int]]:
    """The teams, most frequent first, and the slots: SLOTS numbers of teams."""
    rng = Random(f"teams-{seed}")  # noqa: S311
    people = sellers(seed)
    unit_of = {person.key: person.unit for person in people}
    combinations = _combinations(rng, [person.key for person in people])
    shares = _shares(len(combinations))
    for observer, share in OBSERVERS.items():
        _let_see(rng, combinations, shares, observer, share)
    made = [_team(owner, helpers, unit_of[owner]) for owner, helpers in combinations]
    slots = [number for number, share in enumerate(shares) for _ in range(share)]
    return made, slots


def _combinations(rng: Random, keys: list[str]) -> list[tuple[str, list[str]]]:
    """Distinct (owner, helpers): first everybody alone, then with one to three others."""
    found: dict[tuple[str, ...], None] = dict.fromkeys((key,) for key in keys)
    while len(found) < TEAMS:
        owner = keys[int(rng.random() * len(keys))]
        others = {keys[int(rng.random() * len(keys))] for _ in range(1 + int(rng.random() * 3))} - {owner}
        if others:
            found[(owner, *sorted(others))] = None
    return [(names[0], list(names[1:])) for names in found]


def _shares(count: int) -> list[int]:
    """How many of the SLOTS each team has: falling as 1/n^SKEW, at least one, together all of them."""
    weights = [(n + 1) ** -SKEW for n in range(count)]
    scale = SLOTS / sum(weights)
    shares = [max(1, int(weight * scale)) for weight in weights]
    for n in range(SLOTS - sum(shares)):
        shares[n % count] += 1
    return shares


def _let_see(
    rng: Random, combinations: list[tuple[str, list[str]]], shares: list[int], observer: str, share: float
) -> None:
    """Put an observer into random teams until their slots make up the share."""
    wanted = round(SLOTS * share)
    largest = max(wanted // 4, min(shares))
    order = sorted(range(len(shares)), key=lambda _: rng.random())
    for number in order:
        if shares[number] <= min(wanted, largest):
            combinations[number][1].append(observer)
            wanted -= shares[number]


def _team(owner: str, helpers: list[str], unit: str) -> Team:
    """The lists as `designs/customers` and `designs/deals` compute them (a test compares)."""
    leader = unit.replace("unit:", "leader-of:")
    authors = [owner, *helpers, leader, "[Leaders]", "[Admins]"]
    served = [owner, *helpers, leader, "[Leaders]", "[Service]", "[Admins]"]
    customer: dict[str, list[str]] = {"readers": served, "authors": authors}
    deal: dict[str, list[str]] = {"readers": authors, "authors": authors}
    if helpers:
        customer["team"] = deal["team"] = helpers
    return Team(owner, helpers, customer, deal)
