"""A view as a calendar: a month or a week of days, each with its documents, in the zone of the person.

    Calendar(title, previous, next, weeks: [[Day(date, events)]])

The days of other months at the edges are shown too; more than `DAY` documents of a day fold into "+ n".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from babel import dates
from flask import g

from app.web import context, i18n
from app.web.lists import grid
from app.web.lists.page import ListPage

MOST = 500  # documents of a month
DAY = 4


@dataclass(frozen=True)
class Event:
    """A document on a day."""

    row: grid.ShownRow
    title: str
    time: str
    tone: str


@dataclass
class Day:
    """A day with its documents."""

    date: date
    within: bool
    today: bool
    weekend: bool
    events: list[Event]


@dataclass(frozen=True)
class Calendar:
    """A month or a week."""

    title: str
    names: list[str]
    weeks: list[list[Day]]
    previous: str
    next: str
    now: str
    other: str
    period: str
    partial: bool


def start_of(text: str) -> date:
    """The day an address names (`2026-11` or `2026-11-22`); today where it names none."""
    try:
        return date.fromisoformat(text if len(text) == 10 else f"{text}-01")
    except ValueError:
        return i18n.today()


def span(found: ListPage) -> tuple[date, date, date]:
    """First day shown, last day shown, and the day that is asked for."""
    asked = start_of(found.state.month)
    if found.state.period == "week":
        first = asked - timedelta(days=asked.weekday())
        return first, first + timedelta(days=6), asked
    first = asked.replace(day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return first - timedelta(days=first.weekday()), last + timedelta(days=6 - last.weekday()), asked


def build(found: ListPage) -> Calendar:
    """The calendar the address asks for."""
    first, last, asked = span(found)
    rows = _rows(found, first, last)
    days: dict[date, list[Event]] = {}
    for row in rows:
        day, time = _when(row.columns.get(found.view.date or "") or row.doc.get(found.view.date or ""))
        if day:
            days.setdefault(day, []).append(Event(row, _title(row), time, _tone(found, row)))
    week = found.state.period == "week"
    today = i18n.today()
    shown = []
    for start in range(0, (last - first).days + 1, 7):
        line = [first + timedelta(days=start + offset) for offset in range(7)]
        shown.append(
            [Day(d, week or d.month == asked.month, d == today, d.weekday() > 4, days.get(d, [])) for d in line]
        )
    before, after = (asked - timedelta(days=7), asked + timedelta(days=7)) if week else _months(asked)

    def address(day: date | None, period: str) -> str:
        text = day.isoformat()[: 10 if period == "week" else 7] if day else ""
        state = replace(found.state, month=text, period=period)
        return found.address(state)

    period = found.state.period
    return Calendar(
        title=_heading(first, last, asked, week),
        names=[dates.format_skeleton("E", line, locale=g.language) for line in (day.date for day in shown[0])],
        weeks=shown,
        previous=address(before, period),
        next=address(after, period),
        now=address(None, period),
        other=address(asked, "month" if week else "week"),
        period=period,
        partial=len(rows) >= MOST,
    )


def _months(asked: date) -> tuple[date, date]:
    first = asked.replace(day=1)
    return (first - timedelta(days=1)).replace(day=1), (first + timedelta(days=31)).replace(day=1)


def _heading(first: date, last: date, asked: date, week: bool) -> str:
    if week:
        return f"{i18n.format_date(first)} – {i18n.format_date(last)}"
    return dates.format_skeleton("yMMMM", asked, locale=g.language)


def _rows(found: ListPage, first: date, last: date) -> list[grid.ShownRow]:
    """The documents of the days shown, a day more on each side for the zone."""
    lower, upper = first - timedelta(days=1), last + timedelta(days=2)
    rows = context.node().views.calendar(
        found.database, found.view.name, lower.isoformat(), upper.isoformat(), found.state.condition()
    )
    return grid.shown_rows(found.database, found.columns, rows, found.cells)


def _when(value: Any) -> tuple[date | None, str]:
    """The day and the time of a stored date or datetime, where the person is."""
    if isinstance(value, str) and len(value) == 10:
        try:
            return date.fromisoformat(value), ""
        except ValueError:
            return None, ""
    moment = i18n.moment(value)
    return (moment.date(), f"{moment:%H:%M}") if moment else (None, "")


def _title(row: grid.ShownRow) -> str:
    cell = next((cell for cell in row.cells if cell.column.linking), None)
    return cell.html.striptags() if cell else row.id


def _tone(found: ListPage, row: grid.ShownRow) -> str:
    """Done things are quiet; the kind gives the colour."""
    if row.doc.get("done_at") or row.doc.get("state") == "closed":
        return "done"
    for column in found.view.columns:
        if column.type == "keyword" and column.item is not None and row.columns.get(column.name):
            return found.cells.tone(column.item, row.columns[column.name])
    return "1"
