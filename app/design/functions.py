"""The functions of the expression language. Each is listed in docs/designer.md (a test says so).

Values are what documents hold: texts, numbers (exact: `Decimal` while an expression runs), true/false, lists, `None`
for an empty item, dates as `2026-11-22` and datetimes as `2026-11-22T08:00:00.000Z`. A function given an
empty item answers with something empty, not with an error.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from app import clock

LONGEST = 100_000  # characters or entries an expression may make
LONGEST_MATCHED = 1_000  # characters `matches` looks at: keeps the worst pattern quick


def exact(value: Any) -> Any:
    """A float as the decimal people see (0.1 is 0.1); everything else unchanged."""
    return Decimal(repr(value)) if type(value) is float else value


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return str(value)


def _list(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, list | tuple | set) else [value]


def trim(text: Any) -> Any:
    """Without spaces at both ends, inner runs of spaces as one."""
    return " ".join(text.split()) if isinstance(text, str) else text


def upper(text: Any) -> Any:
    """In capitals."""
    return text.upper() if isinstance(text, str) else text


def lower(text: Any) -> Any:
    """In small letters."""
    return text.lower() if isinstance(text, str) else text


def title(text: Any) -> Any:
    """Each word with a capital."""
    return text.title() if isinstance(text, str) else text


def text(value: Any) -> str:
    """Any value as text; empty as ''."""
    return _text(value)


def number(value: Any) -> Any:
    """A text as a number; empty when it is none."""
    if isinstance(value, int | Decimal):
        return value
    try:
        return Decimal(_text(value).replace(",", "").strip())
    except InvalidOperation:
        return None


def length(value: Any) -> int:
    """How many characters or entries."""
    return 0 if value is None else len(value) if isinstance(value, str | list | tuple | dict) else len(_text(value))


def join(values: Any, separator: str = ", ") -> str:
    """The entries as one text; empty ones left out."""
    parts = [_text(value) for value in _list(values) if value not in (None, "")]
    if sum(map(len, parts)) + len(separator) * len(parts) > LONGEST:
        raise ValueError("the joined text is too long")
    return separator.join(parts)


def split(value: Any, separator: str = ",") -> list[str]:
    """A text as a list, each part trimmed, empty parts left out."""
    return [part.strip() for part in _text(value).split(separator or ",") if part.strip()]


def replace(value: Any, old: str, new: str) -> str:
    """A text with one part replaced everywhere."""
    source = _text(value)
    if not old:
        return source
    if len(source) + source.count(old) * len(new) > LONGEST:
        raise ValueError("the text is too long")
    return source.replace(old, new)


def first(values: Any) -> Any:
    """The first entry, or empty."""
    found = _list(values)
    return found[0] if found else None


def last(values: Any) -> Any:
    """The last entry, or empty."""
    found = _list(values)
    return found[-1] if found else None


def unique(values: Any) -> list[Any]:
    """Each entry once, in order."""
    kept: list[Any] = []
    seen: set[Any] = set()
    for value in _list(values):
        key = value if isinstance(value, str | int | Decimal) else repr(value)
        if key not in seen:
            seen.add(key)
            kept.append(value)
    return kept


def sum_of(rows: Any, item: str | None = None) -> Any:
    """The sum of a list of numbers, or of one cell over the rows of a table."""
    total: Any = 0
    for row in _list(rows):
        value = row.get(item) if item is not None and isinstance(row, dict) else row
        value = number(exact(value))
        total += value if value is not None else 0
    return total


def count(rows: Any, item: str | None = None, value: Any = None) -> int:
    """How many entries; with a cell's name, in how many rows it is filled (or equals `value`)."""
    found = _list(rows)
    if item is None:
        return len(found)
    cells = [row.get(item) for row in found if isinstance(row, dict)]
    return sum(1 for cell in cells if (cell == value if value is not None else cell not in (None, "", [])))


def values_of(rows: Any, item: str) -> list[Any]:
    """One cell of every row, empty ones left out."""
    cells = [row.get(item) for row in _list(rows) if isinstance(row, dict)]
    return [cell for cell in cells if cell not in (None, "", [])]


def smallest(*values: Any) -> Any:
    """The smallest of the values or of one list; empty ones do not count."""
    found = [exact(value) for value in _spread(values) if value is not None]
    return min(found) if found else None


def largest(*values: Any) -> Any:
    """The largest of the values or of one list; empty ones do not count."""
    found = [exact(value) for value in _spread(values) if value is not None]
    return max(found) if found else None


def _spread(values: tuple[Any, ...]) -> Iterable[Any]:
    return _list(values[0]) if len(values) == 1 else values


def round_(value: Any, places: int = 0) -> Any:
    """A number rounded half up."""
    found = number(exact(value))
    if found is None:
        return None
    return Decimal(found).quantize(Decimal(1).scaleb(-min(max(int(places), 0), 12)), ROUND_HALF_UP)


def whole(value: Any) -> Any:
    """A number without its fraction."""
    found = number(exact(value))
    return None if found is None else Decimal(found).to_integral_value("ROUND_DOWN")


def absolute(value: Any) -> Any:
    """A number without its sign."""
    return None if value is None else abs(exact(value))


def if_(condition: Any, yes: Any, no: Any = None) -> Any:
    """`yes` when the condition holds, else `no`."""
    return yes if condition else no


def coalesce(*values: Any) -> Any:
    """The first value that is not empty."""
    return next((value for value in values if value not in (None, "", [])), None)


def contains(where: Any, what: Any) -> bool:
    """Is `what` an entry of the list or, whatever the case, a part of the text?"""
    if isinstance(where, str):
        return _text(what).casefold() in where.casefold()
    return what in _list(where)


def starts(value: Any, beginning: str) -> bool:
    """Does the text begin so?"""
    return _text(value).startswith(beginning)


def ends(value: Any, ending: str) -> bool:
    """Does the text end so?"""
    return _text(value).endswith(ending)


_REPEATED_GROUP = re.compile(r"\)\s*[*+{]|\\[1-9]|\(\?P=")
_UNBOUNDED = re.compile(r"(?<!\\)[*+]|\{\d+,\}")


@lru_cache(maxsize=512)
def pattern_of(source: str) -> re.Pattern[str]:
    """A regular expression that cannot run away: no repeated groups, at most two open-ended repeats."""
    if len(source) > 200:
        raise ValueError("the pattern is too long")
    if _REPEATED_GROUP.search(source) or len(_UNBOUNDED.findall(source)) > 2:
        raise ValueError("the pattern repeats a group or has more than two * or +")
    try:
        return re.compile(source)
    except re.error as problem:
        raise ValueError(f"the pattern is wrong: {problem}") from problem


def matches(value: Any, pattern: str) -> bool:
    """Does the whole text match the regular expression?"""
    found = _text(value)
    return len(found) <= LONGEST_MATCHED and pattern_of(pattern).fullmatch(found) is not None


def digits(value: Any) -> str:
    """Only the digits of a text."""
    return "".join(c for c in unicodedata.normalize("NFKC", _text(value)) if c.isascii() and c.isdigit())


def _moment(value: Any) -> datetime | None:
    """A stored date, datetime or partial date as a moment; None for anything else."""
    if not isinstance(value, str) or len(value) < 10:
        return None
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None


def date_add(value: Any, days: Any = 0, months: Any = 0, years: Any = 0, hours: Any = 0) -> Any:
    """A date or datetime moved; the last day of a month stays in its month."""
    moment = _moment(value)
    if moment is None:
        return None
    month = moment.month - 1 + int(months) + 12 * int(years)
    year_, month = moment.year + month // 12, month % 12 + 1
    last_day = (date(year_ + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    moved = moment.replace(year=year_, month=month, day=min(moment.day, last_day))
    moved += timedelta(days=float(days), hours=float(hours))
    return moved.date().isoformat() if len(value) == 10 else clock.stamp(moved)


def days_between(start: Any, end: Any) -> Any:
    """Whole days from one date to another, negative when the second is earlier."""
    one, two = _moment(start), _moment(end)
    return None if one is None or two is None else (two.date() - one.date()).days


def hours_between(start: Any, end: Any) -> Any:
    """Hours from one datetime to another, with fractions."""
    one, two = _moment(start), _moment(end)
    if one is None or two is None:
        return None
    return Decimal(int((two.replace(tzinfo=None) - one.replace(tzinfo=None)).total_seconds())) / 3600


def year(value: Any) -> Any:
    """The year of a date, as a number."""
    return int(value[:4]) if isinstance(value, str) and value[:4].isdigit() else None


def month(value: Any) -> Any:
    """The month of a date, 1 to 12."""
    return int(value[5:7]) if isinstance(value, str) and len(value) >= 7 and value[5:7].isdigit() else None


def day(value: Any) -> Any:
    """The day of a date in its month."""
    return int(value[8:10]) if isinstance(value, str) and len(value) >= 10 and value[8:10].isdigit() else None


def weekday(value: Any) -> Any:
    """1 for Monday to 7 for Sunday."""
    moment = _moment(value)
    return moment.isoweekday() if moment else None


def date_of(value: Any, zone: str = clock.DEFAULT_ZONE) -> Any:
    """The date of a datetime in a zone (the organisation's unless named)."""
    moment = _moment(value)
    if moment is None:
        return None
    return moment.date().isoformat() if len(value) == 10 else moment.astimezone(ZoneInfo(zone)).date().isoformat()


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "trim": trim, "upper": upper, "lower": lower, "title": title, "text": text, "number": number,
    "length": length, "join": join, "split": split, "replace": replace, "first": first, "last": last,
    "unique": unique, "sum_of": sum_of, "count": count, "values_of": values_of,
    "min": smallest, "max": largest, "round": round_, "whole": whole, "abs": absolute, "if_": if_,
    "coalesce": coalesce, "contains": contains,
    "starts": starts, "ends": ends, "matches": matches, "digits": digits, "date_add": date_add,
    "days_between": days_between, "hours_between": hours_between, "year": year, "month": month, "day": day,
    "weekday": weekday, "date_of": date_of,
}  # fmt: skip
CONTEXT_FUNCTIONS: dict[str, str] = {
    "lookup": "lookup(database, id, item): an item of another document, if the person may read it",
    "leader_of": "leader_of(unit): the person who leads a unit",
    "unit_of": "unit_of(person): the unit a person belongs to",
    "members_of": "members_of(group): the persons of a group, nested ones too",
    "label_of": "label_of(name): how a person, group or unit is called",
}
