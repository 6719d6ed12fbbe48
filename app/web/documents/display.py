"""Values of a document as HTML: by the type of the item, in the person's language and zone.

    Layout(sections=[Shown section ─ rows ─ Row(item, label, html, empty, wide)])

Text is escaped here and nowhere else decided to be HTML; rich text goes through `markdown.render`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from babel import dates
from flask import g, url_for
from flask_babel import gettext
from markupsafe import Markup, escape

from app.design import Choice, Design, Form, Item
from app.forms.fields import Around, field_of
from app.web.assets import icon
from app.web.context import label, person_label
from app.web.documents.markdown import render
from app.web.documents.merging import empty
from app.web.documents.titles import linked
from app.web.i18n import format_date, format_datetime, format_number, initials
from app.web.lists.cells import BADGED, Cells, tone_of

WIDE = {"richtext", "table", "longtext"}
_SUM_OF = re.compile(r"sum_of\(\s*(\w+)\s*,\s*['\"](\w+)['\"]\s*\)")


class Shower(NamedTuple):
    """What showing a value may need: the design for choices, the form for totals, the document for currencies."""

    design: Design | None
    form: Form | None
    document: Mapping[str, Any]

    def html(self, item: Item, value: Any) -> Markup:
        """A value as HTML; nothing for an empty one."""
        if empty(value):
            return Markup("")
        if item.type == "table":
            return self.table(item, value)
        if isinstance(value, list):
            return self._list(item, value)
        return SHOW.get(item.type, _text)(self, item, value)

    def text(self, item: Item, value: Any) -> str:
        """A value as plain text, for history, titles of chips, comparisons."""
        if item.type == "table" and isinstance(value, list):
            return "\n".join(self._line(item, row) for row in value if isinstance(row, dict))
        if item.type == "richtext":
            return str(value or "")
        return self.html(item, value).striptags()

    def choice(self, item: Item, value: Any) -> Choice | None:
        """The choice of a keyword item for a stored value, retired ones too."""
        for choice in item.choices:
            if choice.value == value:
                return choice
        listed = self.design.keywords.get(item.keywords or "") if self.design else None
        return listed.by_value.get(value) if listed and isinstance(value, str) else None

    def table(self, item: Item, value: Any) -> Markup:
        """Sub-items as a table with totals under the columns that add up."""
        lines = [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
        head = [Markup('<th scope="col"{}>{}</th>').format(_right(cell), label(cell.label)) for cell in item.items]
        body = [
            Markup("<tr>{}</tr>").format(
                Markup("").join(
                    Markup("<td{}>{}</td>").format(_right(cell), self.html(cell, row.get(cell.name)))
                    for cell in item.items
                )
            )
            for row in lines
        ]
        return Markup('<div class="table-scroll"><table class="subitems"><thead><tr>{}</tr></thead>'
                      "<tbody>{}</tbody>{}</table></div>").format(
            Markup("").join(head), Markup("").join(body), self._totals(item, lines)
        )  # fmt: skip

    def _totals(self, item: Item, lines: list[dict[str, Any]]) -> Markup:
        summed = totalled(self.form, item)
        if not summed or len(lines) < 2:
            return Markup("")
        cells = []
        for index, cell in enumerate(item.items):
            if cell.name in summed:
                total = sum(row.get(cell.name) or 0 for row in lines if _is_number(row.get(cell.name)))
                shown = self.html(cell, round(total, 6))
            else:
                shown = escape(gettext("Total")) if index == 0 else Markup("")
            cells.append(Markup("<td{}>{}</td>").format(_right(cell), shown))
        return Markup("<tfoot><tr>{}</tr></tfoot>").format(Markup("").join(cells))

    def _line(self, item: Item, row: dict[str, Any]) -> str:
        parts = ((label(cell.label), self.text(cell, row.get(cell.name))) for cell in item.items)
        return " · ".join(f"{name} {shown}" for name, shown in parts if shown)

    def _list(self, item: Item, values: list[Any]) -> Markup:
        show = SHOW.get(item.type, _text)
        shown = [show(self, item, value) for value in values if not empty(value)]
        if item.type in ("keyword", "text"):
            return Markup(" ").join(
                part if "class=" in part else Markup('<span class="chip">{}</span>').format(part) for part in shown
            )
        return Markup('<span class="comma">, </span>').join(shown)


def totalled(form: Form | None, item: Item) -> set[str]:
    """The number columns of a table that make sense as a sum: computed ones, and those the form adds up itself."""
    added = set()
    for other in form.items.values() if form else ():
        source = other.computed.source if other.computed else ""
        added |= {cell for table, cell in _SUM_OF.findall(source) if table == item.name}
    return {
        cell.name
        for cell in item.items
        if cell.type in ("money", "number", "integer") and (cell.computed or cell.name in added)
    }


def _right(cell: Item) -> Markup:
    return Markup(' class="number"') if cell.type in ("money", "number", "integer") else Markup("")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# -- one function a type ----------------------------------------------------------------------------------------------


def _text(shower: Shower, item: Item, value: Any) -> Markup:
    if item.lines > 1 or (isinstance(value, str) and "\n" in value):
        return Markup('<div class="plain-text">{}</div>').format(str(value))
    return escape(value if isinstance(value, str) else str(value))


def _number(shower: Shower, item: Item, value: Any) -> Markup:
    if not _is_number(value):
        return escape(str(value))
    shown = format_number(value, item.places)
    return Markup("{} {}").format(shown, label(item.unit)) if item.unit else escape(shown)


def currency_of(item: Item, document: Mapping[str, Any]) -> str:
    """The currency of a money item: named by another item or by the design."""
    named = document.get(item.currency_item) if item.currency_item else None
    return str(named or item.currency or "")


def _money(shower: Shower, item: Item, value: Any) -> Markup:
    shown = field_of(item, shower.design).display(value, Around(g.language, g.zone), shower.document)
    return Markup('<span class="money">{}</span>').format(shown)


def _date(shower: Shower, item: Item, value: Any) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(value, format_date(value))


def _datetime(shower: Shower, item: Item, value: Any) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(value, format_datetime(value))


def _boolean(shower: Shower, item: Item, value: Any) -> Markup:
    if value:
        return Markup("{} {}").format(icon("check-lg"), gettext("Yes"))
    return escape(gettext("No"))


def _keyword(shower: Shower, item: Item, value: Any) -> Markup:
    choice = shower.choice(item, value)
    shown = label(choice.label) if choice else str(value)
    if item.multiple:
        return Markup('<span class="chip">{}</span>').format(shown)
    if item.name in BADGED:
        tone = Cells(shower.design).tone(item, value)
        return Markup('<span class="badge-word tone-{}">{}</span>').format(tone, shown)
    return escape(shown)


def _person(shower: Shower, item: Item, value: Any) -> Markup:
    name = person_label(str(value))
    if str(value).startswith(("[", "level:", "unit:", "leader-of:", "*")):
        return Markup('<span class="person">{}{}</span>').format(icon("people"), name)
    return Markup('<a class="person" href="{}"><span class="avatar tone-{}" aria-hidden="true">{}</span>{}</a>').format(
        url_for("document.document", database="directory", id=str(value)), tone_of(str(value)), initials(name), name
    )


def _link(shower: Shower, item: Item, value: Any) -> Markup:
    database = item.database or (shower.design.database if shower.design else "")
    found = linked(database, [str(value)])[str(value)]
    if found.restricted:
        return Markup('<span class="restricted">{}{}</span>').format(icon("lock"), found.title)
    return Markup('<a class="doc-link" href="{}">{}{}</a>').format(found.url, icon(found.icon), found.title)


def _email(shower: Shower, item: Item, value: Any) -> Markup:
    return Markup('<a href="mailto:{0}">{0}</a>').format(value)


def _phone(shower: Shower, item: Item, value: Any) -> Markup:
    dialled = re.sub(r"[^\d+]", "", str(value))
    return Markup('<a href="tel:{}">{}</a>').format(dialled, value) if dialled else escape(str(value))


def _url(shower: Shower, item: Item, value: Any) -> Markup:
    address = str(value)
    target = address if "://" in address else f"https://{address}"
    if urlsplit(target).scheme not in ("http", "https"):
        return escape(address)
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(target, address)


def _richtext(shower: Shower, item: Item, value: Any) -> Markup:
    return Markup('<div class="rich">{}</div>').format(render(str(value)))


def _code(shower: Shower, item: Item, value: Any) -> Markup:
    return Markup('<span class="code">{}</span>').format(str(value))


def _partial(shower: Shower, item: Item, value: Any) -> Markup:
    if isinstance(value, dict):
        shown = partial_text(str(value.get("date", "")))
        return escape(gettext("%(date)s (lunar)", date=shown) if value.get("lunar") else shown)
    return escape(partial_text(str(value)))


def partial_text(value: str) -> str:
    """`1980-05-12`, `--05-12`, `1980-05` or `1980` as people write it."""
    if match := re.fullmatch(r"--(\d\d)-(\d\d)", value):
        from datetime import date

        try:
            day = date(2000, int(match[1]), int(match[2]))
        except ValueError:
            return value
        return dates.format_skeleton("MMMd", day, locale=g.language)
    return format_date(value) if len(value) == 10 else value


SHOW: dict[str, Callable[[Shower, Item, Any], Markup]] = {
    "text": _text, "longtext": _text, "number": _number, "integer": _number, "money": _money, "date": _date,
    "datetime": _datetime, "boolean": _boolean, "keyword": _keyword, "names": _person, "readers": _person,
    "authors": _person, "link": _link, "email": _email, "phone": _phone, "url": _url, "richtext": _richtext,
    "code": _code, "partial_date": _partial, "lunar_date": _partial,
}  # fmt: skip
