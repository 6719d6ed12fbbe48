"""The only door to documents: who somebody is, what they may, and the database opened for them.

acl, rules, principals      pure: levels, entries, truth tables, who holds which name
identity                    Person, Identity, Scope
directory, people           persons, groups and units, read from the `directory` database and changed in
it databases, database         opening a database for a person; reading and writing documents in it
guards                      what the door checks of ACLs, designs and directory documents whoever writes
them explain                     who may see a document, and which entry and list decides
secrets, tokens, audit      what never replicates: password hashes, links, tokens, the log (node.db)
external                    sign-in against LDAP or an OIDC provider
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from argon2 import PasswordHasher

from app.access.acl import Acl, AclEntry, Level, Rights
from app.access.audit import Audit, AuditEntry
from app.access.database import Database, TrashRow
from app.access.databases import Databases
from app.access.directory import DIRECTORY, Directory, Group, Unit
from app.access.explain import Explanation, Seen
from app.access.identity import ANONYMOUS, SYSTEM, Identity, Person, Scope
from app.access.model import Composed, DatabaseInfo, Document, FormRights, Reading, Rules, Saved
from app.access.secrets import Secrets
from app.store import Store

if TYPE_CHECKING:
    from app.design import Design


class Access(NamedTuple):
    """The parts of the door, put together."""

    directory: Directory
    audit: Audit
    secrets: Secrets
    databases: Databases


def open_access(
    store: Store,
    *,
    rules: Rules | None = None,
    form_rights: FormRights | None = None,
    designs: Callable[[str], Design | None] | None = None,
    hasher: PasswordHasher | None = None,
) -> Access:
    """The door of a node's store. `rules`, `form_rights` and `designs` may also be set on `databases`
    later."""
    directory, audit = Directory(store), Audit(store.node)
    secrets = Secrets(store.node, directory, audit, hasher=hasher)
    databases = Databases(store, directory, audit, rules=rules, form_rights=form_rights, designs=designs)
    databases.on_person_removed.append(secrets.forget)
    return Access(directory, audit, secrets, databases)


__all__ = [
    "ANONYMOUS",
    "DIRECTORY",
    "SYSTEM",
    "Access",
    "Acl",
    "AclEntry",
    "Audit",
    "AuditEntry",
    "Composed",
    "Database",
    "DatabaseInfo",
    "Databases",
    "Directory",
    "Document",
    "Explanation",
    "FormRights",
    "Group",
    "Identity",
    "Level",
    "Person",
    "Reading",
    "Rights",
    "Rules",
    "Saved",
    "Scope",
    "Secrets",
    "Seen",
    "TrashRow",
    "Unit",
    "open_access",
]
