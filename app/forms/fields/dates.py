"""Days, times and moments. A day has no zone; a moment is entered in the person's zone and stored in UTC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from app import clock
from app.forms.fields.base import Around, Field, FieldProblem, narrow

_DAY = re.compile(r"(\d{4})[-/.年 ](\d{1,2})[-/.月 ](\d{1,2})日?|(\d{4})(\d{2})(\d{2})")
_STORED_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_STORED = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")
_TIME = re.compile(r"(\d{1,2})[:：时点h](\d{1,2})?(?:[:：分](\d{1,2}))?[秒分]?")


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """A zone by name; the organisation's when there is no such zone."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo(clock.DEFAULT_ZONE)


def day_of(raw: Any) -> date:
    """A day: `2026-11-22`, `2026/11/22`, `2026年11月22日`, `20261122`. FieldProblem when it is none."""
    if isinstance(raw, datetime):
        return raw.date()
    if isinstance(raw, date):
        return raw
    text = narrow(raw) if isinstance(raw, str) else str(raw)
    match = _DAY.fullmatch(text)
    if match is None and text.endswith((" 00:00:00", "T00:00:00")):
        match = _DAY.fullmatch(text[:-9])
    if match is None:
        raise FieldProblem("A date is expected here, for example 2026-11-22.")
    year, month, day = (int(part) for part in match.groups() if part)
    try:
        return date(year, month, day)
    except ValueError:
        raise FieldProblem("There is no such day.") from None


class Date(Field):
    """A day, `2026-11-22`."""

    sort_kind = "date"
    widget = "date"

    def read(self, raw: Any, around: Around) -> str:
        return day_of(raw).isoformat()

    def check(self, value: Any) -> None:
        least, most = self.item.minimum, self.item.maximum
        if least is not None and value < str(least):
            raise FieldProblem("The earliest date possible is %(min)s.", min=least)
        if most is not None and value > str(most):
            raise FieldProblem("The latest date possible is %(max)s.", max=most)

    def show(self, value: Any, around: Around, document: Mapping[str, Any]) -> str:
        day = date.fromisoformat(value)
        return f"{day.year}年{day.month}月{day.day}日" if around.language == "zh" else value

    def edit(self, value: Any, around: Around) -> str:
        return str(value)


class Time(Field):
    """A time of day, `16:30`."""

    sort_kind = "date"
    widget = "time"

    def read(self, raw: Any, around: Around) -> str:
        if isinstance(raw, time):
            return raw.strftime("%H:%M")
        match = _TIME.fullmatch(narrow(str(raw)))
        hour, minute = (int(match[1]), int(match[2] or 0)) if match else (99, 0)
        if hour > 23 or minute > 59:
            raise FieldProblem("A time is expected here, for example 16:30.")
        return f"{hour:02d}:{minute:02d}"


class DateTime(Field):
    """A moment, `2026-11-22T08:00:00.000Z`. Without a zone, what is entered is the person's local time."""

    sort_kind = "date"
    widget = "datetime-local"

    def read(self, raw: Any, around: Around) -> str:
        if isinstance(raw, str) and _STORED.fullmatch(raw):
            try:
                datetime.fromisoformat(raw)
            except ValueError:
                raise FieldProblem("There is no such day.") from None
            return raw
        moment = raw if isinstance(raw, datetime) else self._moment(raw)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone_of(around.zone))
        try:
            return clock.stamp(moment.astimezone(UTC))
        except (OverflowError, ValueError):
            raise FieldProblem("There is no such day.") from None

    def _moment(self, raw: Any) -> datetime:
        text = narrow(str(raw))
        try:
            return datetime.fromisoformat(text.replace("/", "-"))
        except ValueError:
            pass
        day, _, rest = text.replace("T", " ").partition(" ")
        found = day_of(day)
        match = _TIME.fullmatch(rest.strip()) if rest.strip() else None
        if rest.strip() and (match is None or int(match[1]) > 23 or int(match[2] or 0) > 59):
            raise FieldProblem("A date and a time are expected here, for example 2026-11-22 16:30.")
        return datetime.combine(found, time(int(match[1]), int(match[2] or 0)) if match else time())

    def _local(self, value: Any, around: Around) -> datetime:
        return clock.parse(value).astimezone(zone_of(around.zone))

    def show(self, value: Any, around: Around, document: Mapping[str, Any]) -> str:
        moment = self._local(value, around)
        if around.language == "zh":
            return f"{moment.year}年{moment.month}月{moment.day}日 {moment:%H:%M}"
        return f"{moment:%Y-%m-%d %H:%M}"

    def edit(self, value: Any, around: Around) -> str:
        moment = self._local(value, around)
        if moment.microsecond:
            return moment.replace(tzinfo=None).isoformat(timespec="milliseconds")
        return f"{moment:%Y-%m-%dT%H:%M:%S}" if moment.second else f"{moment:%Y-%m-%dT%H:%M}"
