"""A node put together: one data directory, its store, the door, designs, views, jobs.

    Store ── Directory, Secrets, Audit ── Databases (the door)
      │            Catalog ── FormRules ─────┘
      ├── indexers: designs, duplicates, views   (in the transaction of each write)
      └── Views, Marks, Jobs, Webhooks · on a laptop: Replication

Everything above asks a `Node` for its parts; nothing here decides anything.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import designs
from app import clock
from app.access import SYSTEM, Audit, Database, Databases, Directory, Person, Secrets, open_access
from app.access.laptop import Laptop, joined_settings, write_settings
from app.access.mirroring import Joined
from app.errors import DavenportError, UserError
from app.forms.catalog import Catalog
from app.forms.inheriting import inherited
from app.forms.install import Installed, install
from app.forms.keywords import rename
from app.forms.leases import Leases
from app.forms.numbering import Numbering
from app.forms.rules import FormRules
from app.forms.uniques import Uniques
from app.settings import Settings
from app.store import Store, upkeep
from app.transfer.following import KIND as FOLLOW
from app.transfer.following import Followers
from app.transfer.jobs import Jobs
from app.transfer.renaming import KIND as RENAME
from app.transfer.renaming import Renamer
from app.transfer.webhooks import Webhooks
from app.transfer.work import open_jobs
from app.views import Marks, ViewQuery, Views
from app.views.personal import Personal
from replication.client import wiping
from replication.client.service import Replication

DESIGNS = Path(next(iter(designs.__path__)))
ADMINS = "admins"


@dataclass
class Node:
    """The parts of an open node. `serve()` starts its background work, `close()` ends everything."""

    data: Path
    settings: Settings
    store: Store
    directory: Directory
    audit: Audit
    secrets: Secrets
    databases: Databases
    catalog: Catalog
    numbering: Numbering
    rules: FormRules
    marks: Marks
    views: Views
    jobs: Jobs
    webhooks: Webhooks
    laptop: Laptop | None = None  # on a node that has a hub above it
    replication: Replication | None = None  # the same
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    @classmethod
    def open(cls, data: Path, *, settings: Settings | None = None) -> Node:
        """The node in a data directory. UserError when there is none, or when a setting is wrong."""
        wiping.refuse(data)
        settings = settings or Settings.load(data)
        store = Store.open(data, passphrase=settings.passphrase)
        try:
            return cls._assemble(data, settings, store)
        except BaseException:
            store.close()
            raise

    @classmethod
    def create(
        cls,
        data: Path,
        *,
        admin: str,
        password: str,
        demo: bool = False,
        encrypted: bool = False,
        settings: Settings | None = None,
    ) -> Node:
        """A new node: databases from the shipped designs, and its first administrator. UserError.

        `demo`: the caller fills it with the sample company, which brings its own administrator. `encrypted`: its
        files are, under the settings' passphrase.
        """
        settings = settings or Settings.load(data)
        if (data / "documents.db").exists():
            raise UserError(f"{data} holds a node already.")
        Store.open(data, create=True, passphrase=settings.passphrase, encrypted=encrypted).close()
        node = cls.open(data, settings=settings)
        try:
            problems = node.install().problems
            if problems:
                raise UserError(f"A shipped design has a mistake: {problems[0]}")
            if not demo:
                node._first_administrator(admin, password)
        except BaseException:
            node.close()
            raise
        return node

    @classmethod
    def join_local(
        cls, data: Path, joined: Joined, *, encrypted: bool = False, settings: Settings | None = None
    ) -> Node:
        """A laptop's data directory, empty: designs and documents come by replication. UserError."""
        settings = settings or Settings.load(data)
        if (data / "documents.db").exists():
            raise UserError(f"{data} holds a node already.")
        store = Store.open(data, create=True, passphrase=settings.passphrase, encrypted=encrypted)
        try:
            write_settings(store, joined_settings(joined))
        finally:
            store.close()
        node = cls.open(data, settings=settings)
        assert node.laptop is not None
        try:
            node.laptop.apply_me({"person": dict(joined.person), "hub": joined.hub, "databases": {}})
            node.secrets.set_password(node.laptop.person, joined.password, check=False)  # the hub has judged it
        except BaseException:
            node.close()
            raise
        return node

    @classmethod
    def _assemble(cls, data: Path, settings: Settings, store: Store) -> Node:
        laptop = Laptop.of(store)
        if laptop is not None:
            laptop.prepare()
        catalog = Catalog(store)
        numbering = Numbering(store, source=laptop is None, zone=settings.zone)
        uniques = Uniques(store, catalog.design)
        directory, audit, secrets, databases = open_access(store, designs=catalog.design)
        rules = FormRules(catalog, directory, numbering, uniques)
        databases.laptop = secrets.laptop = laptop
        if laptop is not None:
            laptop.door, directory.own, laptop.numbers = databases, laptop.own, Leases(numbering, catalog)
        databases.rules = databases.form_rights = rules
        rules.databases = databases
        marks = Marks(store)
        databases.on_person_removed.append(marks.forget)
        store.indexers += [catalog, uniques]
        views = Views(store, catalog.design, marks)
        jobs = open_jobs(store, databases, directory, views, _query)
        databases.on_database_removed.append(jobs.clean)
        followers = Followers(store, databases, views, _query, jobs, partial(inherited, rules), marks)
        jobs.register(FOLLOW, followers)
        jobs.register(RENAME, Renamer(databases, directory, rename))
        store.indexers.append(followers)
        databases.before_commit.append(followers.settle)
        if laptop is not None:
            laptop.recover()
        webhooks = Webhooks(store.node, databases, directory, loopback=settings.webhook_loopback)
        return cls(
            data,
            settings,
            store,
            directory,
            audit,
            secrets,
            databases,
            catalog,
            numbering,
            rules,
            marks,
            views,
            jobs,
            webhooks,
            laptop,
            Replication(data, laptop, databases, _personal(laptop, marks)) if laptop is not None else None,
        )

    def install(self, folder: Path = DESIGNS) -> Installed:
        """Load the shipped designs, keeping what was customised; the view index follows."""
        done = install(self.databases, folder)
        self.views.catch_up()
        while self.rules.uniques.catch_up():
            pass
        return done

    def _first_administrator(self, name: str, password: str) -> Person:
        """A person with every right, member of `admins`, which the shipped ACLs know."""
        if not password:
            raise UserError("The administrator needs a password.")
        key = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "admin"
        with self.store.transaction():
            if ADMINS not in {group.key for group in self.directory.groups()}:
                self.directory.create_group(SYSTEM, name="Administrators", key=ADMINS)
            person = self.directory.create_person(SYSTEM, name=name, key=key)
            self.directory.change_group(SYSTEM, ADMINS, add=[person.key])
        self.secrets.set_password(person.key, password, check=False)  # who sets up the node decides
        return person

    # -- background work

    def serve(self, *, replicate: bool = True) -> None:
        """Start what runs beside the requests: logs, index catch-up, interrupted jobs, webhooks, replication."""
        self.store.serve()
        for work in (self.views.work, self.rules.uniques.work):
            thread = threading.Thread(target=work, args=(self._stopping.is_set,), name=work.__qualname__, daemon=True)
            self._threads.append(thread)
            thread.start()
        daily = threading.Thread(target=upkeep.work, args=(self.store, self._stopping.wait), name="upkeep", daemon=True)
        self._threads.append(daily)
        daily.start()
        self.jobs.serve()
        self.webhooks.serve()
        if self.replication is not None and replicate and self.settings.replicate:
            self.replication.start()

    def close(self) -> None:
        """End background work and close the files."""
        self._stopping.set()
        if self.replication is not None:
            self.replication.close()
        for thread in self._threads:
            thread.join(5)
        self.webhooks.close()
        self.jobs.close()
        self.store.close()

    def __enter__(self) -> Node:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    def today(self) -> str:
        """The organisation's date."""
        return clock.today(self.settings.zone).isoformat()


def _personal(laptop: Laptop, marks: Marks) -> Personal:
    """What follows the person of a laptop."""

    def opened(name: str) -> Database:
        assert laptop.door is not None
        return laptop.door.open(name, laptop.identity())

    return Personal(marks.store, marks, laptop.person, opened)


def _query(parameters: dict[str, Any]) -> ViewQuery:
    """A view query from the parameters that REST, exports and jobs keep."""
    known = {name: value for name, value in parameters.items() if name in ViewQuery.__dataclass_fields__}
    return ViewQuery(**known)


__all__ = ["DESIGNS", "DavenportError", "Node"]
