"""Word pools for made-up but plausible data: people, places, companies, numbers; from `data/pools.yaml`.

Every pool is a tuple in a fixed order, so that the same seed picks the same words on any machine.
"""

from __future__ import annotations

from typing import NamedTuple

from app.demo.reading import load


class Place(NamedTuple):
    """A city as customers have it: keys of the region and province lists, names, codes, and some streets."""

    region: str
    province: str
    city: str
    latin: str
    area: str  # telephone area code
    postcode: str  # first four digits
    streets: tuple[str, ...]


class Business(NamedTuple):
    """A line of business: key of the industry list, the word in a company's name, what it does."""

    industry: str
    word: str
    scope: str


def _place(text: str) -> Place:
    region, province, city, latin, area, postcode, streets = text.split()
    return Place(region, province, city, latin, area, postcode, tuple(streets.split(",")))


def _business(text: str) -> Business:
    industry, word, scope = text.split("|")
    return Business(industry, word, scope)


def _product(text: str) -> tuple[str, int]:
    name, price = text.split("|")
    return name, int(price)


def _words(name: str) -> tuple[str, ...]:
    return tuple(_DATA[name].split())


_DATA = load("pools.yaml")
SURNAMES = _words("surnames")
GIVEN_MALE = _words("given_male")
GIVEN_FEMALE = _words("given_female")
BRANDS_FIRST = _words("brands_first")
BRANDS_SECOND = _words("brands_second")
COMPANY_FORMS = _words("company_forms")
MOBILE_PREFIXES = _words("mobile_prefixes")
TITLES = _words("titles")
DEPARTMENTS = _words("departments")
HOBBIES = _words("hobbies")
PLACES = tuple(_place(line) for line in _DATA["places"])
BUSINESS = tuple(_business(line) for line in _DATA["business"])
PRODUCTS = tuple(_product(line) for line in _DATA["products"])
REMARKS: tuple[str, ...] = tuple(_DATA["remarks"])


def person_name(first: int, second: int, male: bool) -> str:
    """A Chinese name picked by two numbers."""
    given = GIVEN_MALE if male else GIVEN_FEMALE
    return SURNAMES[first % len(SURNAMES)] + given[second % len(given)]
