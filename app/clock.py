"""What time it is: UTC with milliseconds and `Z` for datetimes, plain dates in the organisation's zone.

No rule of winner, merge or access reads the clock. Tests set `Clock.frozen`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

DEFAULT_ZONE = "Asia/Shanghai"


class Clock:
    """The node's clock; `frozen` (a datetime in UTC) stops it for a test."""

    frozen: datetime | None = None


def utcnow() -> datetime:
    """The current moment, aware, UTC."""
    return Clock.frozen or datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """A moment as documents hold it: `2026-11-22T08:00:00.000Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def now() -> str:
    """The current moment as documents hold it."""
    return stamp(utcnow())


def today(zone: str = DEFAULT_ZONE) -> date:
    """The date in a zone (the organisation's unless named)."""
    return utcnow().astimezone(ZoneInfo(zone)).date()


def parse(text: str) -> datetime:
    """A stored datetime as an aware datetime. ValueError when it is none."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
