"""Days of which parts are unknown, and days of the Chinese calendar.

partial_date   "1980-05-12"  "1980-05"  "1980"  "--05-12" (birthday without the year)
lunar_date     {"date": <partial date>, "lunar": true}: month and day of the Chinese calendar
               {"date": <partial date>, "lunar": false}: an ordinary one
               with "leap": true in a leap month
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from lunardate import LunarDate as Lunar

from app.forms.fields.base import Around, Field, FieldProblem, narrow

_STORED = re.compile(r"(\d{4}|-)(?:-(\d{2})(?:-(\d{2}))?)?")
_FULL = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_YEAR_MONTH = re.compile(r"(\d{4})[-/.年](\d{1,2})月?")
_YEAR = re.compile(r"(\d{4})年?")
_DAY = re.compile(r"(?:--)?(\d{1,2})[-/.月](\d{1,2})[日号]?")
_MARK = re.compile(r"^(农历|阴历|旧历|lunar)\s*", re.IGNORECASE)
_DIGITS = "一二三四五六七八九十"
_MONTHS = ("正", "二", "三", "四", "五", "六", "七", "八", "九", "十", "冬", "腊")


def partial(text: str) -> str:
    """A partial date as stored. FieldProblem when it is none."""
    text = narrow(text)
    if match := _FULL.fullmatch(text):
        year, month, day = match[1], int(match[2]), int(match[3])
    elif match := _YEAR_MONTH.fullmatch(text):
        year, month, day = match[1], int(match[2]), 0
    elif match := _YEAR.fullmatch(text):
        year, month, day = match[1], 0, 0
    elif match := _DAY.fullmatch(text):
        if int(match[1]) == 0:
            raise FieldProblem("There is no such day.")
        year, month, day = "-", int(match[1]), int(match[2])
    else:
        raise FieldProblem("A date is expected here, for example 1980-05-12, 05-12 or 1980.")
    if any(part == "" or int(part) == 0 for part in match.groups()[1:] if part is not None):
        raise FieldProblem("There is no such day.")
    stored = year + (f"-{month:02d}" if month else "") + (f"-{day:02d}" if day else "")
    return stored


def _checked(stored: str) -> str:
    year, month, day = parts(stored)
    if month is not None:
        try:
            date(year or 2000, month, day or 1)
        except ValueError:
            raise FieldProblem("There is no such day.") from None
    return stored


def parts(stored: str) -> tuple[int | None, int | None, int | None]:
    """(year, month, day) of a stored partial date; None for what is unknown."""
    match = _STORED.fullmatch(stored)
    if match is None:
        raise ValueError(stored)
    return (
        None if match[1] == "-" else int(match[1]),
        int(match[2]) if match[2] else None,
        int(match[3]) if match[3] else None,
    )


class PartialDate(Field):
    """A date of which the year, or the day, may be unknown."""

    sort_kind = "date"
    widget = "partial_date"

    def read(self, raw: Any, around: Around) -> str:
        text = raw.isoformat()[:10] if isinstance(raw, date) else str(raw)
        return _checked(partial(text))

    def show(self, value: Any, around: Around, document: Mapping[str, Any]) -> str:
        year, month, day = parts(value)
        if around.language == "zh":
            return "".join(
                f"{part}{word}" for part, word in ((year, "年"), (month, "月"), (day, "日")) if part is not None
            )
        return value.removeprefix("--") if isinstance(value, str) else str(value)

    def edit(self, value: Any, around: Around) -> str:
        return str(value).removeprefix("--")


class LunarDate(Field):
    """A day of the ordinary or the Chinese calendar: `lunar 08-15`, `农历八月十五`, `05-12`."""

    sort_kind = "date"
    widget = "lunar_date"

    def read(self, raw: Any, around: Around) -> dict[str, Any]:
        if isinstance(raw, Mapping):
            return self._build(str(raw.get("date") or ""), raw.get("lunar") is True, raw.get("leap") is True)
        text = narrow(str(raw))
        mark = _MARK.match(text)
        text = text[mark.end() :] if mark else text
        leap = "闰" in text or "leap " in text
        text = text.replace("闰", "").replace("leap ", "").strip()
        return self._build(_numerals(text), mark is not None, leap)

    def _build(self, text: str, lunar: bool, leap: bool) -> dict[str, Any]:
        stored = partial(text)
        if not lunar:
            return {"date": _checked(stored), "lunar": False}
        _, month, day = parts(stored)
        if month is None or day is None or not (1 <= month <= 12 and 1 <= day <= 30):
            raise FieldProblem("A day of the Chinese calendar has a month up to 12 and a day up to 30.")
        return {"date": stored, "lunar": True, **({"leap": True} if leap else {})}

    def show(self, value: Any, around: Around, document: Mapping[str, Any]) -> str:
        if not value["lunar"]:
            return PartialDate(self.item).show(value["date"], around, document)
        year, month, day = parts(value["date"])
        assert month is not None
        assert day is not None
        if around.language == "zh":
            leap = "闰" if value.get("leap") else ""
            return f"农历{f'{year}年' if year else ''}{leap}{_MONTHS[month - 1]}月{_lunar_day(day)}"
        return f"lunar {'leap ' if value.get('leap') else ''}{value['date'].removeprefix('--')}"

    def edit(self, value: Any, around: Around) -> str:
        return self.show(value, around._replace(language="en"), {})

    def sort_value(self, value: Any) -> Any:
        return value.get("date") if isinstance(value, Mapping) else None


def solar_in(value: Mapping[str, Any], year: int) -> date | None:
    """On which day of a year the anniversary falls; a day 30 in a short month falls on its last day."""
    _, month, day = parts(str(value["date"]))
    if month is None or day is None:
        return None
    if not value.get("lunar"):
        return date(year, 2, 28) if (month, day) == (2, 29) and year % 4 else date(year, month, day)
    for lunar_year in (year, year - 1):
        leap = value.get("leap") is True and Lunar.leap_month_for_year(lunar_year) == month
        for candidate in (day, 29):
            try:
                found: date = Lunar(lunar_year, month, candidate, leap).to_solar_date()
            except ValueError:
                continue
            if found.year == year:
                return found
            break
    return None


def _lunar_day(day: int) -> str:
    if day == 10:
        return "初十"
    if day in (20, 30):
        return _DIGITS[day // 10 - 1] + "十"
    return ("初", "十", "廿")[day // 10] + _DIGITS[day % 10 - 1]


def _numerals(text: str) -> str:
    """`八月十五` as `8-15`; anything without Chinese numerals unchanged."""
    match = re.fullmatch(
        r"(?:(\d{4})年)?(正|冬|腊|[一二三四五六七八九十]+)月([初廿一二三四五六七八九十]+)[日号]?", text
    )
    if match is None:
        return text
    month = _MONTHS.index(match[2]) + 1 if match[2] in _MONTHS else _count(match[2])
    day = _count(match[3].replace("初", "").replace("廿", "二十"))
    return f"{match[1] + '-' if match[1] else ''}{month}-{day}"


def _count(word: str) -> int:
    tens, ten, ones = word.rpartition("十")
    return (10 * (_DIGITS.index(tens) + 1 if tens else 1) if ten else 0) + (_DIGITS.index(ones) + 1 if ones else 0)
