"""Rights, kinds and events as people read them, in the language of the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from flask_babel import gettext as _

from app.access.acl import ANONYMOUS_ENTRY, DEFAULT, Level
from app.web.context import label, node, person_label


class Word(NamedTuple):
    """A name in the store, its label, and what it means."""

    name: str
    label: str
    meaning: str


def levels() -> list[Word]:
    """The seven levels, highest first."""
    return [
        Word("manager", _("Manager"), _("Changes rights and design, edits every document they may read")),
        Word("designer", _("Designer"), _("Changes forms and views, edits every document they may read")),
        Word("editor", _("Editor"), _("Edits every document they may read, writes new ones")),
        Word("author", _("Author"), _("Reads; edits documents that name them as author")),
        Word("reader", _("Reader"), _("Only reads")),
        Word("depositor", _("Depositor"), _("Puts documents in, but reads none, not even their own")),
        Word("none", _("No access"), _("The database does not exist for them")),
    ]


def level(name: str | Level) -> str:
    """The label of a level."""
    wanted = name.label if isinstance(name, Level) else name
    return next((word.label for word in levels() if word.name == wanted), str(wanted))


def flags() -> list[Word]:
    """The flags of an entry."""
    return [
        Word("create", _("Create"), _("Write new documents. Needed at level Author; Editors and above may anyway.")),
        Word("delete", _("Delete"), _("Delete documents they may edit. Managers need it too.")),
        Word("replicate_or_copy", _("Copy out"), _("Take documents along: laptops, export, print, webhooks.")),
        Word("personal_views", _("Own views"), _("Keep filters and views of their own.")),
        Word("shared_views", _("Shared views"), _("Save filters and views for everybody here.")),
        Word("read_public", _("Read public"), _("See documents marked public, even without access.")),
        Word("write_public", _("Write public"), _("Fill in public forms, even without access.")),
    ]


def flag(name: str) -> str:
    """The label of a flag."""
    return next((word.label for word in flags() if word.name == name), name)


def types() -> dict[str, str]:
    """Kinds of an ACL entry."""
    return {
        "person": _("Person"),
        "group": _("Group"),
        "unit": _("Unit"),
        "server": _("Server"),
        "unspecified": _("Not specified"),
    }


def entry(name: str) -> str:
    """An ACL entry's name as people read it."""
    if name == DEFAULT:
        return str(_("Everybody else"))
    if name == ANONYMOUS_ENTRY:
        return str(_("Not signed in"))
    if name.startswith("*/"):
        return str(_("Everybody in units ending in %(path)s", path=name[2:]))
    return person_label(name)


def entries(names: str) -> str:
    """Several entries joined by commas, as `Rights.entry` has them."""
    return ", ".join(entry(name) for name in names.split(", "))


def events() -> dict[str, str]:
    """Events of the log."""
    return {
        "sign_in": _("Signed in"),
        "sign_in_failed": _("Sign-in failed"),
        "sign_out": _("Signed out"),
        "push_refused": _("A push was refused"),
        "device_registered": _("A device joined"),
        "device_revoked": _("A device was revoked"),
        "device_wiped": _("A device wiped itself"),
        "acl": _("Rights changed"),
        "export": _("Exported"),
        "bulk": _("Changed many"),
        "full_access_taken": _("Full access taken"),
        "full_access_ended": _("Full access ended"),
        "full_access": _("Opened with full access"),
        "full_access_write": _("Wrote with full access"),
        "person_created": _("Person added"),
        "person_changed": _("Person changed"),
        "person_removed": _("Person removed"),
        "group_created": _("Group added"),
        "group_changed": _("Group changed"),
        "group_removed": _("Group removed"),
        "unit_created": _("Unit added"),
        "unit_changed": _("Unit changed"),
        "unit_removed": _("Unit removed"),
        "password_changed": _("Password set"),
        "link_created": _("Password link made"),
        "sessions_ended": _("Signed out everywhere"),
        "token_created": _("Token made"),
        "token_revoked": _("Token ended"),
        "database_created": _("Database made"),
        "database_removed": _("Database removed"),
        "webhook_created": _("Webhook made"),
        "webhook_removed": _("Webhook removed"),
    }


def detail(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The detail of a log entry as rows: what, and before → after."""
    before, after = found.get("before"), found.get("after")
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        names = sorted({*before, *after})
        return [(entry(name), f"{_rights(before.get(name))} → {_rights(after.get(name))}") for name in names]
    rows = []
    for name, value in found.items():
        if isinstance(value, list) and len(value) == 2:
            before_after = [_plain(one) for one in value]
            rows.append((_item(name), before_after[1] if value[0] in (None, "", []) else " → ".join(before_after)))
        elif value not in (None, "", {}, []):
            rows.append((_item(name), _plain(value)))
    return rows


def _item(name: str) -> str:
    """The label of an item of the directory, or the name."""
    design = node().catalog.design("directory")
    for form in design.forms.values() if design else ():
        if name in form.items:
            return label(form.items[name].label)
    return name


def _rights(items: Any) -> str:
    if not isinstance(items, Mapping):
        return str(_("no entry"))
    parts = [level(str(items.get("level")))]
    parts += [flag(name) for name in items.get("flags", [])]
    parts += [f"[{role}]" for role in items.get("roles", [])]
    return ", ".join(parts)


def _plain(value: Any) -> str:
    if value in (None, "", []):
        return "–"
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(inner)}" for name, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
