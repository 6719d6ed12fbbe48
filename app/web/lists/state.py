"""What the address of a view says: order, filters, beginning, style. The address is the whole state, so it
can be shared.

?sort=-amount &starts=上 &unread=1 &f.stage=won &f.stage=offer &f.amount.min=1000 &f.name.has=trade
&style=kanban &month=2026-11 &columns=name,phone     (the columns of a list of one's own, in their order)

A filter is `f.<item>[.<operator>]=<value>`; several values of one item mean "one of". For the index the
filters become one text in the filter language of app/views.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from app.design import View
from app.views import ViewQuery

OPERATORS = ("is", "not", "has", "min", "max", "empty", "filled")
MOST = 30  # conditions, and values in one: what app/views takes
WORDS = {"text", "code", "email", "phone", "keyword", "names"}
STYLES = ("table", "kanban", "calendar")
_NAME = re.compile(r"[A-Za-z_]\w{0,63}")


@dataclass(frozen=True)
class Filter:
    """One condition on one item. `values` are as typed; more than one means "one of"."""

    item: str
    operator: str = "is"
    values: tuple[str, ...] = ()

    @property
    def parameter(self) -> str:
        """Its name in the address."""
        return f"f.{self.item}" if self.operator == "is" else f"f.{self.item}.{self.operator}"

    def text(self) -> str:
        """The condition in the filter language of app/views."""
        if self.operator == "empty":
            return f"{self.item}="
        if self.operator == "filled":
            return f"{self.item}!="
        sign = {"is": "=", "not": "!=", "has": "~", "min": ">=", "max": "<="}[self.operator]
        return f"{self.item}{sign}{','.join(map(quoted, self.values))}"


def _find(view: View, kinds: Mapping[str, str]) -> str | None:
    """A column of words to look in; None where the view's own order begins with words, or there is none."""
    if not view.sort or kinds.get(view.sort[0].by, "text") in WORDS:
        return None
    sortable = [column.name for column in view.columns if column.sortable and column.type in WORDS]
    return next((name for name in ("title", "name", "subject") if name in sortable), next(iter(sortable), None))


def quoted(value: str) -> str:
    """A value that may hold the signs of the filter language."""
    return '"' + value.replace('"', '""') + '"'


@dataclass(frozen=True)
class State:
    """A view as its address asks for it."""

    sort: str | None = None
    descending: bool = False
    starts: str = ""
    unread: bool = False
    filters: tuple[Filter, ...] = ()
    style: str = "table"
    month: str = ""
    period: str = "month"
    columns: tuple[str, ...] = ()  # those to show; none: as the person chose for the view
    find: str | None = None  # the column that "begins with" needs, where the view's own order begins with no words

    @classmethod
    def read(cls, arguments: Any, view: View, kinds: Mapping[str, str]) -> State:
        """The state in a request's arguments; what the view does not know is left out. `kinds`: types of items."""
        sort = arguments.get("sort") or ""
        name = sort.lstrip("-")
        known = {column.name for column in view.columns}
        filters = []
        for key in arguments:
            parts = key.split(".")
            if parts[0] != "f" or len(parts) not in (2, 3) or not _NAME.fullmatch(parts[1]):
                continue
            operator = parts[2] if len(parts) == 3 else "is"
            values = tuple(dict.fromkeys(value[:200] for value in arguments.getlist(key)[:MOST] if value))
            if operator in OPERATORS and values:
                filters.append(Filter(parts[1], operator, values))
        style = arguments.get("style") or ("table" if view.style not in STYLES else view.style)
        return cls(
            sort=name if name in known else None,
            descending=sort.startswith("-"),
            starts=(arguments.get("starts") or "").strip()[:100],
            unread=arguments.get("unread") == "1",
            filters=tuple(filters[:MOST]),
            style=style if style in STYLES else "table",
            month=(arguments.get("month") or "")[:10],
            period="week" if arguments.get("period") == "week" else "month",
            columns=tuple(dict.fromkeys(n for n in (arguments.get("columns") or "").split(",") if n in known)),
            find=_find(view, kinds),
        )

    def query(self, *, limit: int = 50, after: str | None = None, category: Any = None) -> ViewQuery:
        """What to ask of the index."""
        return ViewQuery(
            limit=limit,
            after=after,
            category=category,
            sort=self.sort or (self.find if self.starts else None),
            descending=self.descending,
            starts=self.starts or None,
            filter=self.condition(),
            unread=self.unread,
        )

    def condition(self, *more: str) -> str | None:
        """The filters (and `more` of them) as one text; None where there are none."""
        return ";".join([*(one.text() for one in self.filters), *more]) or None

    def arguments(self, default_style: str = "table") -> list[tuple[str, str]]:
        """The state as arguments of an address, in a fixed order."""
        found: list[tuple[str, str]] = []
        if self.sort:
            found.append(("sort", ("-" if self.descending else "") + self.sort))
        if self.starts:
            found.append(("starts", self.starts))
        if self.unread:
            found.append(("unread", "1"))
        for one in self.filters:
            found += [(one.parameter, value) for value in one.values or ("1",)]
        if self.style != default_style:
            found.append(("style", self.style))
        if self.month:
            found.append(("month", self.month))
        if self.period != "month":
            found.append(("period", self.period))
        if self.columns:
            found.append(("columns", ",".join(self.columns)))
        return found

    def address(self, base: str, default_style: str = "table", **extra: str) -> str:
        """The address of this state."""
        arguments = [*self.arguments(default_style), *extra.items()]
        return f"{base}?{urlencode(arguments)}" if arguments else base

    def sorted_by(self, column: str) -> State:
        """What a click on a column's heading gives: ascending, descending, back to the view's own order."""
        if self.sort != column:
            return replace(self, sort=column, descending=False)
        return replace(self, descending=True) if not self.descending else replace(self, sort=None, descending=False)

    def without(self, dropped: Filter) -> State:
        """The state without one filter."""
        return replace(self, filters=tuple(one for one in self.filters if one != dropped))

    def only(self, filters: Iterable[Filter]) -> State:
        """The state with these filters and nothing typed."""
        return replace(self, filters=tuple(filters), starts="", unread=False)
