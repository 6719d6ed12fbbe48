"""What the door checks of documents that decide rights, whoever writes them and by whichever path.

    acl                    the access control list: managers; -Default- stays, a living manager stays
    design:…               forms, views, …: designers; keyword lists also by those whom the design names
    person, group, unit    in the directory: managers; keys are one namespace, fixed, never issued twice

A guard sees the items as they are about to be stored and may refuse or complete them. What it notes in the
log is written once the transaction has been committed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from app import clock
from app.access import acl as acls
from app.access import principals, rules
from app.access.acl import ACL_ID, Acl, Level
from app.access.directory import DIRECTORY, Snapshot, person_of
from app.access.opened import Opened
from app.design.source import read
from app.errors import BadRequest, Forbidden, Message
from app.store import Revision

if TYPE_CHECKING:
    from app.access.database import Database

DESIGN = "design:"
KEYWORDS = "design:keywords:"
DESIGNERS = "Only designers change the design."
KEEPERS = "Who keeps a keyword list changes its choices; the rest is for designers."
ON_THE_HUB = Message("This is changed on the hub.")
PEOPLE = ("person", "group", "unit")


class Guard(Protocol):
    """Checks of one kind of document."""

    def saving(self, database: Database, opened: Opened, id: str, old: Revision | None, new: dict[str, Any]) -> None:
        """Refuse (Forbidden, BadRequest) or complete what is about to be stored."""

    def deleting(self, database: Database, opened: Opened, old: Revision) -> None:
        """Refuse or accompany a deletion."""

    def restored(self, opened: Opened, last: Revision) -> None:
        """Accompany the return of a document from the trash, after `saving`."""


def guard_of(database: str, id: str, *forms: object) -> Guard | None:
    """The guard of a document, by its id and its form before and after."""
    if id == ACL_ID or "acl" in forms:
        return AclGuard()
    if id.startswith(DESIGN) or "design" in forms:
        return DesignGuard()
    if database == DIRECTORY and (id.startswith(principals.UNIT) or any(form in PEOPLE for form in forms)):
        return DirectoryGuard()
    return None


class AclGuard:
    """The ACL document."""

    def saving(self, database: Database, opened: Opened, id: str, old: Revision | None, new: dict[str, Any]) -> None:
        """Managers only; checked, brought into its stored form, and logged with what changed."""
        _not_on_a_laptop(opened)
        if not rules.may_manage(database.rights):
            raise Forbidden("Only managers change the access control list.")
        if id != ACL_ID or new.get("form") != "acl":
            raise BadRequest("The access control list has the id “acl” and the form “acl”.")
        acl = acls.from_document(new)
        check_acl(opened, acl)
        for item in ("readers", "authors", "entries"):
            new.pop(item, None)
        new.update(acls.to_document(acl))
        before = old.body.get("entries") if old else {}
        detail = changed_entries(before if isinstance(before, Mapping) else {}, new["entries"])
        _log(opened, "acl", ACL_ID, detail)

    def deleting(self, database: Database, opened: Opened, old: Revision) -> None:
        """Never."""
        raise Forbidden("The access control list cannot be deleted.")

    def restored(self, opened: Opened, last: Revision) -> None:
        """Never: it cannot be deleted."""


def check_acl(opened: Opened, acl: Acl) -> None:
    """-Default- is there, names are of the kind they say, a living person stays manager. BadRequest."""
    if acls.DEFAULT not in acl.entries:
        raise BadRequest(
            Message("“%(name)s” cannot be deleted.", name=acls.DEFAULT),
            fields={acls.DEFAULT: Message("This entry must stay.")},
        )
    snapshot = opened.databases.directory.snapshot()
    for entry in acl.entries.values():
        kind = _kind(snapshot, entry.name)
        if kind and entry.type in ("person", "group", "unit") and entry.type != kind:
            sentence = Message("“%(name)s” is a %(kind)s, not a %(type)s.", name=entry.name, kind=kind, type=entry.type)
            raise BadRequest(sentence, fields={entry.name: sentence})
    if not opened.identity.is_system and not living_manager(acl, snapshot):
        raise BadRequest("At least one person who can sign in must stay manager.")


def living_manager(acl: Acl, snapshot: Snapshot) -> bool:
    """Whether some active person is manager under this ACL."""
    levels = (acls.effective(acl, snapshot.subject(person.key)).level for person in snapshot.active())
    return any(level == Level.MANAGER for level in levels)


def changed_entries(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """`{"before": {name: entry}, "after": {name: entry}}` of the entries that differ."""
    differ = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    return {
        "before": {name: before[name] for name in differ if name in before},
        "after": {name: after[name] for name in differ if name in after},
    }


def _kind(snapshot: Snapshot, name: str) -> str | None:
    if name in snapshot.persons:
        return "person"
    if name in snapshot.groups:
        return "group"
    return "unit" if name in snapshot.units else None


class DesignGuard:
    """Forms, views, workflows, agents, keyword lists, as documents."""

    def saving(self, database: Database, opened: Opened, id: str, old: Revision | None, new: dict[str, Any]) -> None:
        """Designers, without mistakes in the text; open to every reader, whatever lists were sent. Who keeps a
        keyword list changes its choices and nothing else."""
        if not rules.may_design(database.rights):
            _keepers_change(database, id, old, new)
        if not id.startswith(DESIGN) or new.get("form") != "design":
            raise BadRequest("Design elements have an id “design:…” and the form “design”.")
        new.pop("readers", None)
        new.pop("authors", None)
        asked = opened.databases.form_rights
        if asked is None or opened.identity.is_system:  # an installation has checked its files itself
            return
        problems = asked.element_problems(database, id, new)
        if problems:
            raise BadRequest(problems[0], fields={"text": "\n".join(problems)})

    def deleting(self, database: Database, opened: Opened, old: Revision) -> None:
        """Designers."""
        if not rules.may_design(database.rights):
            raise Forbidden(DESIGNERS)

    def restored(self, opened: Opened, last: Revision) -> None:
        """Nothing more."""


def _keepers_change(database: Database, id: str, old: Revision | None, new: Mapping[str, Any]) -> None:
    """Refuse whatever is not a change of choices by somebody who keeps the list."""
    if old is None or not (id.startswith(KEYWORDS) and database.may_keep(id)):
        raise Forbidden(DESIGNERS)
    ours = ("text", "created_by", "created_at", "changed_by", "changed_at", "readers", "authors")
    names = {name for name in (*old.body, *new) if name not in ours}
    if any(old.body.get(name) != new.get(name) for name in names):
        raise Forbidden(KEEPERS)
    if _beside_choices(old.body.get("text")) != _beside_choices(new.get("text")):
        raise Forbidden(KEEPERS)


def _beside_choices(text: object) -> dict[str, Any]:
    values, _ = read(text if isinstance(text, str) else "", "")
    return {key: value for key, value in values.items() if key != "choices"}


class DirectoryGuard:
    """Persons, groups and units: these documents give access, so only managers of the directory write
    them."""

    def saving(self, database: Database, opened: Opened, id: str, old: Revision | None, new: dict[str, Any]) -> None:
        """Check key, references and sign-in name; issue the key of a new one; leave every database a
        manager."""
        _not_on_a_laptop(opened)
        _managers_only(database, opened)
        form = new.get("form")
        if (old is not None and old.body.get("form") != form) or form not in PEOPLE:
            raise BadRequest("The form of an entry of the directory does not change.")
        snapshot = opened.databases.directory.snapshot()
        _CHECKS[form](snapshot, id, new)
        if form == "group":
            new["readers"] = ["level:manager"]
        if old is None:
            issue(opened, id)
        else:
            opened.checks.append(opened.databases.refuse_orphans())
        _log(opened, f"{form}_{'changed' if old else 'created'}", id, _difference(old, new))

    def deleting(self, database: Database, opened: Opened, old: Revision) -> None:
        """The key stays issued; a person's passwords, tokens and sessions end with the deletion."""
        _not_on_a_laptop(opened)
        _managers_only(database, opened)
        form = old.body.get("form")
        opened.checks.append(opened.databases.refuse_orphans())
        _log(opened, f"{form}_removed", old.id, {})
        if form == "person":
            _forget(opened, old.id)

    def restored(self, opened: Opened, last: Revision) -> None:
        """A person comes back without sessions, tokens and password, even if the removal was cut short."""
        if last.body.get("form") == "person":
            _forget(opened, last.id)


def _forget(opened: Opened, key: str) -> None:
    for hook in opened.databases.on_person_removed:
        opened.notes.append(lambda hook=hook: hook(key))  # type: ignore[misc]


def _not_on_a_laptop(opened: Opened) -> None:
    """Rights are not changed where only a part of the directory is known."""
    if opened.databases.laptop is not None:
        raise Forbidden(ON_THE_HUB)


def _managers_only(database: Database, opened: Opened) -> None:
    if not rules.may_manage(database.rights):
        raise Forbidden("Only managers of the directory change persons, groups and units.")


def issue(opened: Opened, key: str) -> None:
    """Take a key for good. BadRequest when somebody or something ever had it."""
    with opened.store.transaction() as connection:
        if connection.execute("SELECT 1 FROM issued_keys WHERE key = ?", (key,)).fetchone():
            raise _bad("_id", Message("The key “%(key)s” has been used before; keys are never issued twice.", key=key))
        connection.execute("INSERT INTO issued_keys (key, at) VALUES (?, ?)", (key, clock.now()))


def is_issued(opened: Opened, key: str) -> bool:
    """Whether a key is or was somebody's."""
    with opened.store.reading() as connection:
        return connection.execute("SELECT 1 FROM issued_keys WHERE key = ?", (key,)).fetchone() is not None


def _check_person(snapshot: Snapshot, id: str, new: dict[str, Any]) -> None:
    if not principals.is_key(id):
        raise _bad("_id", Message("“%(id)s” cannot be a key: small letters, digits, “.”, “-” and “_”.", id=id))
    if not isinstance(new.get("name"), str) or not new["name"].strip():
        raise _bad("name", "A person needs a name.")
    if "password" in new:
        raise _bad("password", "Passwords do not belong into the directory; send a one-time link.")
    person = person_of(id, new)
    for item, text in (("sign_in", person.sign_in), ("email", person.email)):
        holder = snapshot.by_sign_in.get(text.casefold()) if text else None
        if holder is None and item == "sign_in" and text.casefold() in snapshot.persons:
            holder = text.casefold()
        if holder not in (None, id):
            raise _bad(item, Message("“%(text)s” is how somebody else signs in.", text=text))
    if person.unit and person.unit not in snapshot.units:
        raise _bad("unit", Message("There is no unit “%(unit)s”.", unit=person.unit))


def _check_group(snapshot: Snapshot, id: str, new: dict[str, Any]) -> None:
    if not principals.is_key(id):
        raise _bad("_id", Message("“%(id)s” cannot be a key: small letters, digits, “.”, “-” and “_”.", id=id))
    members = rules.checked_names("members", new.get("members"))
    for member in members:
        if not _is_member(snapshot, member):
            raise _bad("members", Message("There is nobody and no group “%(member)s”.", member=member))
    new["members"] = members


def _is_member(snapshot: Snapshot, name: str) -> bool:
    if name.startswith(principals.LEADER):
        name = principals.UNIT + name.removeprefix(principals.LEADER)
    return _kind(snapshot, name) is not None


def _check_unit(snapshot: Snapshot, id: str, new: dict[str, Any]) -> None:
    if not principals.is_unit_key(id):
        raise _bad("_id", Message("“%(id)s” cannot be a unit's key, such as “unit:south”.", id=id))
    parent, leader = new.get("parent"), new.get("leader")
    if parent and parent not in snapshot.units:
        raise _bad("parent", Message("There is no unit “%(parent)s”.", parent=parent))
    if parent and id in ("unit:" + step for step in principals.unit_path(str(parent), snapshot.parents)):
        raise _bad("parent", "A unit cannot be above itself.")
    if leader and leader not in snapshot.persons:
        raise _bad("leader", Message("There is nobody “%(leader)s”.", leader=leader))


_CHECKS: dict[str, Callable[[Snapshot, str, dict[str, Any]], None]] = {
    "person": _check_person,
    "group": _check_group,
    "unit": _check_unit,
}


def _bad(item: str, sentence: str) -> BadRequest:
    return BadRequest(sentence, fields={item: sentence})


def _difference(old: Revision | None, new: Mapping[str, Any]) -> dict[str, Any]:
    """What the log says of a directory entry: the items that decide rights, before and after."""
    before = old.body if old else {}
    decisive = ("name", "sign_in", "unit", "active", "members", "parent", "leader", "email")
    return {item: [before.get(item), new.get(item)] for item in decisive if before.get(item) != new.get(item)}


def _log(opened: Opened, event: str, subject: str, detail: Mapping[str, Any]) -> None:
    opened.notes.append(
        lambda: opened.databases.audit.record(
            event, opened.identity.key, database=opened.raw.name, subject=subject, detail=detail
        )
    )
