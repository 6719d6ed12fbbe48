"""Fields and views that somebody describes in a form, as the YAML that designs hold.

    "Site area" · Number · required  ──>  {name: site_area, type: number, label: {en: Site area}, required: true}

Only what can be said without expressions; the text editor beside says the rest.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from flask_babel import gettext as _

from app.design import Design, Form
from app.design.expressions import SYSTEM_ITEMS
from app.errors import BadRequest
from app.web.admin.yamledit import flow


class Kind(NamedTuple):
    """A type of field as people choose it."""

    type: str
    label: str
    icon: str


def kinds() -> list[Kind]:
    """The types offered, the usual ones first."""
    return [
        Kind("text", _("Text, one line"), "input-cursor-text"),
        Kind("longtext", _("Text, several lines"), "text-paragraph"),
        Kind("keyword", _("Choice from a list"), "list-check"),
        Kind("number", _("Number"), "123"),
        Kind("money", _("Amount of money"), "cash-coin"),
        Kind("date", _("Date"), "calendar-event"),
        Kind("datetime", _("Date and time"), "clock"),
        Kind("boolean", _("Yes or no"), "check-square"),
        Kind("names", _("Person"), "person"),
        Kind("email", _("Mail address"), "envelope"),
        Kind("phone", _("Telephone number"), "telephone"),
        Kind("url", _("Web address"), "link-45deg"),
        Kind("link", _("Another document"), "file-earmark-arrow-up"),
        Kind("richtext", _("Formatted text"), "type"),
        Kind("attachment", _("Files"), "paperclip"),
    ]


def name_of(text: str, taken: Collection[str] = (), fallback: str = "field") -> str:
    """A name like `site_area` for a label; Chinese in pinyin; a number when it is taken."""
    from pypinyin import lazy_pinyin  # 50 MB that a serving node does not hold

    latin = "".join(lazy_pinyin(text, errors=lambda rest: rest))
    latin = unicodedata.normalize("NFKD", latin).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "_", latin).strip("_")[:40]
    if not stem or not stem[0].isalpha():
        stem = f"{fallback}_{stem}".rstrip("_")
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem}_{number}"
    return name


def label(english: str, chinese: str, field: str = "label") -> dict[str, str]:
    """A label in one or both languages. BadRequest when both are empty."""
    found = {code: text.strip() for code, text in (("en", english), ("zh", chinese)) if text.strip()}
    if not found:
        raise BadRequest("", fields={field: _("Give it a label in at least one language.")})
    if "en" not in found:
        found = {"en": found["zh"], **found}
    return found


def choices(text: str) -> list[dict[str, Any]]:
    """Choices, one a line: `Large`, `Large | 大`, or `large: Large | 大`."""
    found: list[dict[str, Any]] = []
    taken: set[str] = set()
    for line in text.splitlines():
        value, colon, rest = line.partition(":")
        words = [word.strip() for word in (rest if colon else line).split("|")]
        if not any(words):
            continue
        named = label(words[0], words[1] if len(words) > 1 else "", "choices")
        key = value.strip() if colon and value.strip() else name_of(named["en"], taken, "choice")
        if key in taken:
            raise BadRequest("", fields={"choices": _("“%(value)s” is there twice.", value=key)})
        taken.add(key)
        found.append({"value": key, "label": named})
    return found


def field(
    sent: Mapping[str, str], form: Form, design: Design, *, old: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A field's entry. With `old`, only what this page can say is changed. BadRequest with `fields`."""
    named = label(sent.get("label_en", ""), sent.get("label_zh", ""), "label_en")
    kind = str(old["type"]) if old and "type" in old else sent.get("type", "text")
    if old is None and kind not in {one.type for one in kinds()}:
        raise BadRequest("", fields={"type": _("Choose what the field holds.")})
    taken = {*form.items, *SYSTEM_ITEMS}
    name = str(old["name"]) if old else sent.get("name", "").strip() or name_of(named["en"], taken)
    if old is None:
        _check_name(name, taken)
    entry: dict[str, Any] = dict(old or {"name": name, "type": kind})
    entry["label"] = {**(old or {}).get("label", {}), **named} if isinstance((old or {}).get("label"), dict) else named
    _put(entry, "required", sent.get("required") == "1")
    help_text = {code: sent.get(f"help_{code}", "").strip() for code in ("en", "zh")}
    _put(entry, "help", {code: text for code, text in help_text.items() if text})
    if kind == "keyword":
        _keyword(entry, sent, design)
    if kind in ("keyword", "names", "attachment") and (old is None or "multiple_known" in sent):
        _put(entry, "multiple", sent.get("multiple") == "1")
    if old is None and kind == "longtext":
        entry["lines"] = 4
    if old is None and kind == "names":
        entry["kinds"] = ["person"]
    if old is None and kind == "link":
        _link(entry, sent)
    return entry


def _check_name(name: str, taken: Collection[str]) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,60}", name):
        raise BadRequest("", fields={"name": _("A name has small letters, digits and _ and begins with a letter.")})
    if name in taken:
        raise BadRequest("", fields={"name": _("The form has “%(name)s” already.", name=name)})


def _put(entry: dict[str, Any], key: str, value: Any) -> None:
    if value:
        entry[key] = value
    else:
        entry.pop(key, None)


def _keyword(entry: dict[str, Any], sent: Mapping[str, str], design: Design) -> None:
    listed = sent.get("keywords", "")
    if listed:
        if listed not in design.keywords:
            raise BadRequest("", fields={"keywords": _("There is no such list.")})
        entry.pop("choices", None)
        entry["keywords"] = listed
    elif "choices" in sent:
        found = choices(sent["choices"])
        if not found:
            raise BadRequest("", fields={"choices": _("Write at least one choice, or take a list.")})
        entry.pop("keywords", None)
        entry["choices"] = found


def _link(entry: dict[str, Any], sent: Mapping[str, str]) -> None:
    database, _slash, form = sent.get("link", "").partition("/")
    if not database or not form:
        raise BadRequest("", fields={"link": _("Choose what the field points to.")})
    entry["database"], entry["form"] = database, form


def choices_text(entry: Mapping[str, Any]) -> str:
    """The choices of an entry as the page writes them."""
    rows = []
    for choice in entry.get("choices") or []:
        held = choice if isinstance(choice, dict) else {"value": choice, "label": {}}
        words = held.get("label") or {}
        words = words if isinstance(words, dict) else {"en": words}
        both = " | ".join(str(words[code]) for code in ("en", "zh") if words.get(code))
        rows.append(f"{held['value']}: {both or held['value']}")
    return "\n".join(rows)


# -- views


def view(sent: Any, design: Design) -> tuple[str, str]:
    """A view's name and text. BadRequest with `fields`."""
    named = label(sent.get("label_en", ""), sent.get("label_zh", ""), "label_en")
    form = design.forms.get(sent.get("form", ""))
    if form is None:
        raise BadRequest("", fields={"form": _("Choose whose documents the view shows.")})
    name = sent.get("name", "").strip() or name_of(named["en"], design.views, "view")
    if name in design.views:
        raise BadRequest("", fields={"name": _("There is a view “%(name)s” already.", name=name)})
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,60}", name):
        raise BadRequest("", fields={"name": _("A name has small letters, digits and _ and begins with a letter.")})
    known = {*form.items, *SYSTEM_ITEMS}
    columns = [column for column in sent.getlist("columns") if column in known]
    if not columns:
        raise BadRequest("", fields={"columns": _("Choose at least one column.")})
    lines = [f"label: {flow(named)}", f"order: {1 + max((one.order for one in design.views.values()), default=9)}"]
    lines.append(f"forms: [{form.name}]")
    if where := condition(sent, form):
        lines.append(f"where: {flow(where)}")
    if (category := sent.get("category", "")) in known:
        lines.append(f"categories: [{category}]")
    if (sort := sent.get("sort", "")) in known:
        lines.append("sort: [" + flow({"by": sort, **({"descending": True} if sent.get("descending") else {})}) + "]")
    lines.append("columns:")
    for column in columns:
        item = form.items.get(column)
        entry: dict[str, Any] = {"name": column}
        if item is None or item.type not in ("richtext", "attachment", "table", "longtext"):
            entry["sortable"] = True
        if item is not None and item.type == "money" and "totals" in sent:
            entry["total"] = True
        lines.append(f"  - {flow(entry)}")
    lines.append(f"new: {form.name}")
    return name, "\n".join(lines) + "\n"


def condition(sent: Mapping[str, str], form: Form) -> str:
    """`stage == 'won'` from three fields; empty when nothing was chosen."""
    item, how, value = sent.get("where_item", ""), sent.get("where_how", "is"), sent.get("where_value", "").strip()
    if not item:
        return ""
    if item not in form.items:
        raise BadRequest("", fields={"where_item": _("The form has no such field.")})
    kind = form.items[item].type
    if how == "filled":
        return f"{item}"
    if how == "empty":
        return f"not {item}"
    if not value:
        raise BadRequest("", fields={"where_value": _("Say what it should be.")})
    written = _written(kind, value)
    many = form.items[item].many
    if how == "is_not":
        return f"not contains({item}, {written})" if many else f"{item} != {written}"
    return f"contains({item}, {written})" if many else f"{item} == {written}"


def _written(kind: str, value: str) -> str:
    if kind in ("number", "integer", "money"):
        if not re.fullmatch(r"-?\d+(\.\d+)?", value):
            raise BadRequest("", fields={"where_value": _("This is a number.")})
        return value
    if kind == "boolean":
        return "True" if value.lower() in ("1", "yes", "true", "是") else "False"
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


# -- databases and empty elements


def database_text(title: dict[str, str], icon: str, numbering: Mapping[str, str] | None = None) -> str:
    """The text of a new database."""
    lines = [f"title: {flow(title)}", f"icon: {icon}", "order: 80", "roles: [Leaders]"]
    if numbering:
        lines.append(f"numbering: {flow(dict(numbering))}")
    return "\n".join(lines) + "\n"


def starter(kind: str, name: str, design: Design | None) -> str:
    """The text a new element begins with."""
    title = name.replace("_", " ").capitalize()
    form = next(iter(design.forms), "note") if design else "note"
    item = (
        next((one.name for one in design.forms[form].items.values()), "title") if design and design.forms else "title"
    )
    if kind == "form":
        return (
            f"label: {{en: {title}}}\nplural: {{en: {title}}}\nicon: file-earmark-text\ntitle: title\nsections:\n"
            "  - name: basics\n    label: {en: Basics, zh: 基本资料}\n    items:\n"
            "      - {name: title, type: text, required: true, label: {en: Title, zh: 标题}}\n"
        )
    if kind == "view":
        return (
            f"label: {{en: {title}}}\norder: 50\nforms: [{form}]\nsort: [{{by: changed_at, descending: true}}]\n"
            f"columns:\n  - {{name: {item}, sortable: true}}\n  - {{name: changed_at, sortable: true}}\nnew: {form}\n"
        )
    return f"label: {{en: {title}}}\nchoices:\n  - {{value: first, label: {{en: First, zh: 第一}}}}\n"


NOTE_FORM = """\
label: {en: Note, zh: 文档}
plural: {en: Notes, zh: 文档}
icon: file-earmark-text
title: title
sections:
  - name: basics
    label: {en: Note, zh: 文档}
    items:
      - {name: title, type: text, required: true, label: {en: Title, zh: 标题}}
      - {name: owner, type: names, kinds: [person], default: person, label: {en: Owner, zh: 负责人}}
      - {name: body, type: richtext, label: {en: Text, zh: 正文}}
      - {name: files, type: attachment, multiple: true, label: {en: Files, zh: 附件}}
"""
NOTE_VIEW = """\
label: {en: All, zh: 全部}
order: 10
forms: [note]
sort: [{by: changed_at, descending: true}]
columns:
  - {name: title, width: 420, sortable: true}
  - {name: owner, width: 160, sortable: true}
  - {name: changed_at, width: 160, sortable: true}
new: note
"""
REGISTER_FORM = """\
label: {en: Entry, zh: 登记}
plural: {en: Entries, zh: 登记}
icon: card-list
title: title
sections:
  - name: basics
    label: {en: Basics, zh: 基本资料}
    items:
      - {name: code, type: code, series: entry, label: {en: Code, zh: 编号}}
      - {name: title, type: text, required: true, label: {en: Title, zh: 名称}}
      - {name: state, type: keyword, default: "'open'", choices: [{value: open, label: {en: Open, zh: 进行中}}, {value: done, label: {en: Done, zh: 已完成}}], label: {en: State, zh: 状态}}
      - {name: due_at, type: date, label: {en: Due, zh: 到期日}}
      - {name: owner, type: names, kinds: [person], default: person, required: true, label: {en: Owner, zh: 负责人}}
      - {name: team, type: names, kinds: [person, group], multiple: true, label: {en: Who else may read and edit, zh: 其他可查看和编辑者}}
      - {name: notes, type: longtext, lines: 5, label: {en: Notes, zh: 说明}}
access:
  readers: "[owner] + team + ['[Leaders]']"
  authors: "[owner] + team"
"""  # noqa: E501
REGISTER_VIEWS = {
    "entries": """\
label: {en: Entries, zh: 全部登记}
order: 10
forms: [entry]
sort: [{by: code, descending: true}]
columns:
  - {name: code, width: 120, sortable: true}
  - {name: title, width: 360, sortable: true}
  - {name: state, width: 110, sortable: true}
  - {name: due_at, width: 120, sortable: true}
  - {name: owner, width: 140, sortable: true}
new: entry
""",
    "entries_by_state": """\
label: {en: By state, zh: 按状态}
order: 20
forms: [entry]
style: kanban
group: state
sort: [{by: due_at}]
columns:
  - {name: title, width: 300}
  - {name: due_at, width: 120}
  - {name: owner, width: 140}
new: entry
""",
}
