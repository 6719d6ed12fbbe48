"""Opening a database for a person: who they are there, found once and remembered until something changed.

    data_version ── moved? ──► directory snapshot ─┐
                               ACL document's rev ─┴─► Known(acl, standings) ──► Database

A change of ACL, group or unit by any process takes effect at the next `open`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from app.access import acl as acls
from app.access import dropping, resending, rules
from app.access.acl import ACL_ID, FLAGS, Acl, Level, Rights, effective
from app.access.audit import Audit
from app.access.database import Database
from app.access.directory import DIRECTORY, Directory, Snapshot
from app.access.epochs import Epochs
from app.access.guards import ON_THE_HUB
from app.access.identity import Identity
from app.access.model import DatabaseInfo, FormRights, Rules, Saved, Standing
from app.access.principals import in_database
from app.errors import BadRequest, Forbidden, Message, NotFound
from app.store import EVERY_READER, RawDatabase, Store
from app.store.following import Touched

if TYPE_CHECKING:
    from app.access.laptop import Laptop
    from app.access.mirror import Mirror
    from app.access.mirroring import Rejected
    from app.design import Design

ADMINS, CREATORS = "Admins", "Creators"  # roles in the directory
NO_DATABASE = "The database does not exist."
_FIRST_FLAGS = frozenset({"create", "delete", "replicate_or_copy"})


class Known:
    """What is known of one database as of one directory snapshot and one revision of its ACL."""

    def __init__(self, raw: RawDatabase, acl: Acl, acl_rev: str | None, snapshot: Snapshot) -> None:
        self.raw = raw
        self.acl = acl
        self.acl_rev = acl_rev
        self.snapshot = snapshot
        self.version: int | None = None
        self._standings: dict[str, Standing] = {}
        self._read_by_someone: dict[frozenset[str], bool] = {}

    def standing(self, key: str) -> Standing:
        """Rights and names of a person here ("" = not signed in)."""
        found = self._standings.get(key)
        if found is None:
            subject = self.snapshot.subject(key)
            rights = effective(self.acl, subject)
            held = in_database(subject.principals, rights)
            found = self._standings[key] = Standing(rights, held, rules.reading_names(rights, held))
        return found

    def someone_reads(self, names: frozenset[str]) -> bool:
        """Whether a living person could read a document of this reader set."""
        found = self._read_by_someone.get(names)
        if found is None:
            found = self._read_by_someone[names] = self._search(names)
        return found

    def _search(self, names: frozenset[str]) -> bool:
        named = (self.snapshot.persons[name] for name in names if name in self.snapshot.persons)
        if any(self._reads(person.key, names) for person in named if person.active):
            return True
        return any(self._reads(person.key, names) for person in self.snapshot.active())

    def _reads(self, key: str, names: frozenset[str]) -> bool:
        return not self.standing(key).reading.isdisjoint(names)

    def has_manager(self) -> bool:
        """Whether a living person has level manager."""
        active = self.snapshot.active()
        return any(self.standing(person.key).rights.level == Level.MANAGER for person in active)


class Databases:
    """All databases of the node, each opened for somebody."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        audit: Audit,
        *,
        rules: Rules | None = None,
        form_rights: FormRights | None = None,
        designs: Callable[[str], Design | None] | None = None,
    ) -> None:
        """`designs` gives the design of a database (None: it has none); `rules` composes what such a one
        stores."""
        self.store = store
        self.directory = directory
        self.audit = audit
        self.rules = rules
        self.form_rights = form_rights
        self.designs = designs
        self.epochs = Epochs(store.node)
        self.touched = Touched(store.documents)
        self.on_person_removed: list[Callable[[str], Any]] = [self.epochs.forget]
        self.on_database_removed: list[Callable[[], Any]] = []
        self.before_commit: list[Callable[[], Any]] = []  # what else a write brings with it
        self.laptop: Laptop | None = None  # set by a node that has a hub
        self._known: dict[str, Known] = {}
        directory.databases = self

    # -- opening

    def open(self, name: str, identity: Identity) -> Database:
        """The database for this person. NotFound when there is none or nothing may be done there."""
        known = self.known(name)
        standing = self._standing(known, name, identity)
        if not _opens(standing.rights) or not identity.scope.covers(name):
            raise NotFound(NO_DATABASE)
        return Database(self, known, identity, standing)

    def trusted(self, name: str, identity: Identity) -> Database:
        """For changes whose rights app/access has decided itself (one's own profile): every right, own
        name."""
        known = self.known(name)
        return Database(self, known, identity, _everything(known.acl, identity.key, "own profile"))

    def _standing(self, known: Known, name: str, identity: Identity) -> Standing:
        if identity.is_system:
            return _everything(known.acl, identity.key, "system")
        if identity.full_access:
            if not self.is_administrator(identity):
                raise Forbidden("Only administrators have full access.")
            self.audit.record("full_access", identity.key, database=name, once_in=300)
            return _everything(known.acl, identity.key, "full access")
        return known.standing(identity.key)

    def known(self, name: str) -> Known:
        """ACL and standings of a database as of now. NotFound."""
        writing = self.store.documents.writing
        version = None if writing else self.store.data_version()
        known = self._known.get(name)
        if known is not None and not writing and known.version == version:
            return known
        snapshot = self.directory.snapshot()
        if self.laptop is not None:
            fresh = self.laptop.known(name, lambda: self.store.database(name), snapshot, known)
        else:
            fresh = self._renewed(name, known, snapshot)
        if not writing:
            fresh.version = version
            self._known[name] = fresh
        return fresh

    def _renewed(self, name: str, known: Known | None, snapshot: Snapshot) -> Known:
        raw = self.store.database(name)
        try:
            revision = raw.get(ACL_ID)
        except NotFound:
            return Known(raw, Acl({}), None, snapshot)
        if (
            known is not None
            and known.acl_rev == revision.rev
            and known.snapshot is snapshot
            and known.raw.number == raw.number
        ):
            return known
        try:
            acl = acls.from_document(revision.body)
        except BadRequest:  # closed for all but full access, rather than open by mistake
            acl = Acl({})
        return Known(raw, acl, revision.rev, snapshot)

    def readable(self, identity: Identity) -> list[DatabaseInfo]:
        """The databases the person may open."""
        found = []
        for name in self.store.names():
            try:
                database = self.open(name, identity)
            except NotFound:
                continue
            title = database.design.title if database.design else name
            found.append(DatabaseInfo(name, title, database.rights.level))
        return found

    def is_administrator(self, identity: Identity) -> bool:
        """Whether somebody holds [Admins] in the directory (the node itself does); nobody on a laptop."""
        return identity.is_system or self._has_role(identity, ADMINS)

    def may_create(self, identity: Identity) -> bool:
        """Whether somebody may make databases: [Admins] or [Creators] in the directory."""
        return self.is_administrator(identity) or self._has_role(identity, CREATORS)

    def _has_role(self, identity: Identity, role: str) -> bool:
        if identity.is_anonymous or self.laptop is not None:
            return False
        try:
            return role in self.known(DIRECTORY).standing(identity.key).rights.roles
        except NotFound:
            return False

    def mirror(self, name: str) -> Mirror:
        """A laptop's replica of a database, for the replicator. NotFound; Forbidden on other nodes."""
        from app.access.mirror import Mirror

        if self.laptop is None:
            raise Forbidden("Only a laptop has a hub to replicate with.")
        return Mirror(self, self.laptop, name)

    def rejected(self, identity: Identity, database: str | None = None) -> list[Rejected]:
        """What the hub refused of this person's edits, oldest first."""
        return resending.rejected(self, identity, database)

    def settle_rejected(self, n: int, choice: str, identity: Identity) -> Saved | None:
        """`resend`, `new` or `discard` a rejected change. NotFound, Forbidden, BadRequest, Conflict: it stays."""
        return resending.settle(self, n, choice, identity)

    # -- databases as a whole

    def create(self, name: str, identity: Identity, acl: Acl | None = None) -> Database:
        """A new database. Without an ACL: its maker is manager, everybody editor. Forbidden, FileExists."""
        if not self.may_create(identity) or not identity.scope.write or not identity.scope.covers(name):
            raise Forbidden("You may not make databases.")
        with self.store.transaction():
            self.store.create(name)
            self.set_acl(name, identity, acl or _first_acl(identity), _founding=True)
        dropping.forget(self.store, name)  # where a node died while it removed one of this name
        self.audit.record("database_created", identity.key, database=name)
        return self.open(name, identity)

    def drop(self, name: str, identity: Identity) -> None:
        """Remove a database with everything in it: by its managers who may make databases. Not the
        directory."""
        database = self.open(name, identity)
        if not self.may_create(identity) or not rules.may_manage(database.rights) or not identity.scope.write:
            raise Forbidden("You may not remove this database.")
        if name == DIRECTORY:
            raise Forbidden("The directory cannot be removed.")
        self.store.drop(name)
        dropping.forget(self.store, name)
        self._known.pop(name, None)
        for tell in self.on_database_removed:
            tell()
        self.audit.record("database_removed", identity.key, database=name)

    def acl(self, name: str, identity: Identity | None = None) -> Acl:
        """The ACL of a database; with an identity, for its managers only. NotFound, Forbidden."""
        if identity is not None and not rules.may_manage(self.open(name, identity).rights):
            raise Forbidden("Only managers see the access control list.")
        if identity is not None and self.laptop is not None:
            raise Forbidden(ON_THE_HUB)
        return self.known(name).acl

    def set_acl(self, name: str, identity: Identity, acl: Acl, *, _founding: bool = False) -> None:
        """Replace the ACL, with the checks of the guard; logged with what was and what is. Forbidden,
        BadRequest."""
        if _founding:
            known = self.known(name)
            database = Database(self, known, identity, _everything(known.acl, identity.key, "founder"))
        else:
            database = self.open(name, identity)
            if not rules.may_manage(database.rights):
                raise Forbidden("Only managers change the access control list.")
        try:
            rev = database.get(ACL_ID)["_rev"]
        except NotFound:
            database.create(acls.to_document(acl), id=ACL_ID)
        else:
            database.update(ACL_ID, acls.to_document(acl), rev)

    def refuse_orphans(self) -> Callable[[], None]:
        """Note which databases have a living manager; the answer checks that each still has one.
        BadRequest."""
        before = [name for name in self.store.names() if self.known(name).has_manager()]

        def check() -> None:
            for name in before:
                if not self.known(name).has_manager():
                    raise BadRequest(Message("The database “%(name)s” would be left without a manager.", name=name))

        return check

    # -- the log

    def export_logged(self, identity: Identity, database: str, subject: str, **detail: Any) -> None:
        """Note an export; call before the first row leaves."""
        self.audit.record("export", identity.key, database=database, subject=subject, detail=detail)

    def full_access(self, identity: Identity) -> Identity:
        """The same administrator with full access, on purpose; logged. Forbidden."""
        if not self.is_administrator(identity):
            raise Forbidden("Only administrators have full access.")
        self.audit.record("full_access_taken", identity.key)
        return Identity(identity.person, identity.scope, identity.device, True, identity.via)

    def search_audit(self, identity: Identity, **query: Any) -> Any:
        """Entries of the log (see `Audit.search`), for administrators. Forbidden."""
        if not self.is_administrator(identity):
            raise Forbidden("Only administrators read the log.")
        return self.audit.search(**query)


def _opens(rights: Rights) -> bool:
    return rights.level > Level.NONE or not rights.flags.isdisjoint({"read_public", "write_public"})


def _everything(acl: Acl, key: str, entry: str) -> Standing:
    rights = Rights(Level.MANAGER, FLAGS, acl.roles | {ADMINS}, entry)
    held = in_database(frozenset({key, EVERY_READER}), rights)
    return Standing(rights, held, held)


def _first_acl(identity: Identity) -> Acl:
    entries = [acls.AclEntry(acls.DEFAULT, "unspecified", Level.EDITOR, _FIRST_FLAGS)]
    if not identity.is_system:
        entries.append(acls.AclEntry(identity.key, "person", Level.MANAGER, _FIRST_FLAGS))
    return acls.make(entries)
