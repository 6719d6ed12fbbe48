"""A cell of a table as the value of an item: labels become keys, dates lose their local form, names become
persons.

What cannot be understood is passed on as it is, so that the form's own validation names the item and the
reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache, partial
from typing import Any
from zoneinfo import ZoneInfo

from app.clock import stamp
from app.design import Item
from app.transfer.mapping import normal

Find = Callable[[str], str | None]  # text -> key or id, None when there is no such thing

_LIST = re.compile(r"[;；、|\n]|,(?=\s|\D)|，")
_DATE = re.compile(r"^(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[ T]+(.*))?$")
_COMPACT = re.compile(r"^(\d{4})(\d{2})(\d{2})$")
_TIME = re.compile(r"^(\d{1,2})[:时点](\d{1,2})(?::(\d{1,2}))?")
_MONEY = re.compile(r"^[¥￥$€£]?\s*(-?[\d,，\s]*\.?\d+)\s*(万|千|%|元)?$")
_YES = {"是", "对", "有", "yes", "y", "true", "1", "√", "x"}
_NO = {"否", "不", "无", "no", "n", "false", "0", "×"}
_EXCEL_EPOCH = date(1899, 12, 30)


class Converter:
    """Cells to values for one form. `keywords` is {item: {normal label or value: value}}."""

    def __init__(
        self,
        items: Mapping[str, Item],
        *,
        keywords: Mapping[str, Mapping[str, str]],
        names: Find,
        links: Mapping[str, Find],
        zone: str,
    ) -> None:
        self._items = items
        self._keywords = keywords
        self._names = names
        self._links = links
        self._zone = ZoneInfo(zone)
        self._ways: dict[str, Callable[[Any], Any]] = {}

    def row(self, cells: list[Any], columns: Mapping[int, str]) -> dict[str, Any]:
        """The items of one row; empty cells give nothing. Link and name texts nobody knows are left as they
        are."""
        found: dict[str, Any] = {}
        there, ways = len(cells), self._ways
        for index, name in columns.items():
            cell = cells[index] if index < there else None
            if cell is None or cell == "":
                continue
            way = ways.get(name)
            if way is None:
                way = ways[name] = self._way(self._items[name])
            found[name] = way(cell)
        return found

    def value(self, item: Item, cell: Any) -> Any:
        """One cell as the item's value."""
        return self._way(item)(cell)

    def _way(self, item: Item) -> Callable[[Any], Any]:
        """How cells of an item become values."""
        match item.type:
            case "keyword" if item.multiple:
                return partial(self._keyword, item)
            case "keyword":
                chosen = lru_cache(maxsize=1_000)(partial(self._keyword, item))
                return lambda cell: chosen(text(cell))
            case "names":
                return partial(self._several, item, find=self._names)
            case "link":
                return partial(self._several, item, find=self._links.get(item.name, lambda _: None))
            case "number" | "integer" | "money":
                return number
            case "date":
                return day
            case "datetime":
                return self._moment
            case "boolean":
                return yes_or_no
            case _:
                return text

    def _keyword(self, item: Item, cell: Any) -> Any:
        known = self._keywords.get(item.name, {})
        whole = known.get(normal(text(cell))) or _shortened(known, normal(text(cell)))
        if not item.multiple:
            return whole if whole is not None else text(cell)
        if whole is not None:
            return [whole]
        return [known.get(normal(part), part) for part in split(text(cell))]

    def _several(self, item: Item, cell: Any, find: Find) -> Any:
        whole = text(cell)
        if not item.multiple:
            return find(whole) or whole
        found = find(whole)
        return [found] if found else [find(part) or part for part in split(whole)]

    def _moment(self, cell: Any) -> Any:
        parts = _DATE.match(str(cell).strip())
        if not parts:
            return cell
        clock = _TIME.match(parts[4] or "0:0")
        if not clock:
            return cell
        try:
            year, month, day = (int(parts[group]) for group in (1, 2, 3))
            hour, minute, second = (int(clock[group] or 0) for group in (1, 2, 3))
            local = datetime(year, month, day, hour, minute, second, tzinfo=self._zone)
        except ValueError:
            return cell
        return stamp(local)


PLACES = ("特别行政区", "维吾尔自治区", "壮族自治区", "回族自治区", "自治区", "地区", "大区", "区域", "省", "市", "区")


def _shortened(known: Mapping[str, str], word: str) -> str | None:
    """`潜在` for `潜在客户`: the one choice whose label begins so; `浙江省` and `华东地区` mean `浙江` and
    `华东`."""
    for ending in PLACES:
        if word.endswith(ending) and (bare := known.get(word.removesuffix(ending))):
            return bare
    found = {value for label, value in known.items() if len(word) > 1 and label.startswith(word)}
    return found.pop() if len(found) == 1 else None


def text(cell: Any) -> str:
    """A cell as text: `13812345678` for the number a spreadsheet made of a telephone number."""
    if type(cell) is str:
        return cell.strip()
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(cell).strip()


def split(cell: str) -> list[str]:
    """The parts of a list in one cell, without empty ones and repetitions."""
    return list(dict.fromkeys(part.strip() for part in _LIST.split(cell) if part.strip()))


def number(cell: Any) -> Any:
    """`￥1,200.50`, `3.5万`, `40%` (40) as a number; money keeps its digits as text decides later."""
    if isinstance(cell, int | float):
        return cell
    found = _MONEY.match(str(cell).strip())
    if not found:
        return cell
    digits = re.sub(r"[,，\s]", "", found[1])
    value = float(digits) * {"万": 10_000, "千": 1_000}.get(found[2] or "", 1)
    return int(value) if value.is_integer() and "." not in digits else round(value, 6)


def day(cell: Any) -> Any:
    """`2026/1/5`, `2026年1月5日`, `20260105` or a spreadsheet's day number as `2026-01-05`."""
    if isinstance(cell, int | float) and not isinstance(cell, bool) and 1 <= cell < 200_000:
        return (_EXCEL_EPOCH + timedelta(days=int(cell))).isoformat()
    found = _DATE.match(str(cell).strip()) or _COMPACT.match(str(cell).strip())
    if not found:
        return cell
    try:
        return date(int(found[1]), int(found[2]), int(found[3])).isoformat()
    except ValueError:
        return cell


def yes_or_no(cell: Any) -> Any:
    """是/否, yes/no, true/false, 1/0, √/× as a truth value."""
    if isinstance(cell, bool):
        return cell
    word = str(cell).strip().casefold()
    return True if word in _YES else False if word in _NO else cell
