"""A laptop: one person's own node, which believes what its hub says about that person's rights and nothing else.

    node.db settings `upstream.…`   where the hub is, the device, its secrets; written once by joining
    documents.db `upstream`         `me`: the person, and what they may in each database, as the hub last said

Rights never derive from directory documents here: those name other people, and groups do not come along. Everybody
else has no rights at all, and a database that `me` does not name does not open.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol

from app import jsonio
from app.access import rejecting
from app.access.acl import Acl, Level, Rights
from app.access.databases import Known
from app.access.directory import DIRECTORY, Snapshot
from app.access.identity import Identity, Person
from app.access.mirroring import Joined, Me, Missing
from app.access.model import Standing
from app.errors import Message
from app.store import RawDatabase, Store, erasing

if TYPE_CHECKING:
    from app.access.databases import Databases

SETTINGS = "upstream."
GONE = Message("This database is no longer on this laptop.")
NOTHING = Standing(Rights(Level.NONE), frozenset(), frozenset())


class Renewed(NamedTuple):
    """What a new `me` did: databases that are new here, that left, and whose rights changed."""

    created: list[str]
    dropped: list[str]
    changed: list[str]


class Numbers(Protocol):
    """The running numbers of a laptop: what it needs, and what it was given."""

    def wanted(self, database: str) -> list[tuple[str, int, int]]:
        """(series, year, count) of the blocks to ask for."""

    def grant(self, series: str, year: int, first: int, last: int) -> None:
        """Numbers that are this laptop's from now on."""


class LaptopKnown(Known):
    """A database as a laptop knows it: the rights of its own person, from `me`."""

    def __init__(self, raw: RawDatabase, snapshot: Snapshot, person: str, text: str) -> None:
        super().__init__(raw, Acl({}), None, snapshot)
        self.text = text
        self._person = person
        self._own = standing_of(me_of(jsonio.loads_object(text)))

    def standing(self, key: str) -> Standing:
        """The rights of the laptop's own person; nobody else has any."""
        return self._own if key == self._person else NOTHING

    def someone_reads(self, names: frozenset[str]) -> bool:
        """Not known here; the hub sees to it."""
        return True

    def has_manager(self) -> bool:
        """Not known here; the hub sees to it."""
        return True


def me_of(told: Mapping[str, Any]) -> Me:
    """One database of `/sync/_me`."""
    level = told.get("level")
    flags, roles, held, reading = (tuple(told.get(name) or ()) for name in ("flags", "roles", "principals", "reading"))
    label = level.lower() if isinstance(level, str) else Level(int(level or 0)).label
    return Me(label, flags, roles, held, reading, str(told.get("incarnation") or ""), told.get("epoch"))


def standing_of(me: Me) -> Standing:
    """The rights and names that `me` says."""
    rights = Rights(Level.named(me.level), frozenset(me.flags), frozenset(me.roles), "hub")
    return Standing(rights, frozenset(me.principals), frozenset(me.reading))


class Laptop:
    """What a laptop knows of itself and its person. `prove` and `fetch` are set by the replicator."""

    def __init__(self, store: Store, settings: Mapping[str, str]) -> None:
        self.store = store
        self.url = settings["url"]
        self.hub = settings.get("hub", "")
        self.person = settings["person"]  # the key
        self.name = settings.get("name") or self.person  # what is typed at sign-in
        self.device = settings.get("device", "")
        self.token = settings.get("token", "")
        self.wipe_key = settings.get("wipe_key", "")
        self.insecure = settings.get("insecure") == "1"
        self.databases: list[str] | None = jsonio.loads(settings.get("databases", "null"))  # None: all
        self.selection: dict[str, str] = jsonio.loads(settings.get("selection", "{}"))
        self.door: Databases | None = None  # set by the node
        self.prove: Callable[[str, str], bool] | None = None  # (name, password): does the hub say it is this person?
        self.fetch: Callable[[str, Missing], IO[bytes]] | None = None  # (database, what): its content from the hub
        self.numbers: Numbers | None = None  # set by the node: running numbers leased from the hub
        self.wake: Callable[[], None] | None = None  # something waits to be sent
        self._one_at_a_time = threading.Lock()

    @classmethod
    def of(cls, store: Store) -> Laptop | None:
        """The laptop that a data directory is; None for a node without a hub above it."""
        found = settings_of(store)
        return cls(store, found) if found.get("url") else None

    def prepare(self) -> None:
        """Before the node works: deleted content is overwritten, and edits are noted for the hub."""
        self.store.documents.secure()
        self.store.node.secure()
        self.store.notes_unsent = True
        self.store.on_unsent = self._wake

    def _wake(self) -> None:
        if self.wake is not None:
            self.wake()

    def recover(self) -> None:
        """Before anybody reads: a purge that a crash cut short is done again."""
        erasing.finish(self.store)

    # -- the person and their rights

    def me(self, database: str) -> Me | None:
        """What the hub last said of this database; None when it is not for this person."""
        text = self.text_of(database)
        return None if text is None else me_of(jsonio.loads_object(text))

    def text_of(self, database: str) -> str | None:
        """`me` of a database as it is kept."""
        with self.store.reading() as connection:
            row = connection.execute("SELECT me FROM upstream WHERE name = ?", (database,)).fetchone()
        return row[0] if row and database else None

    def everything(self) -> dict[str, Any]:
        """What the hub said of the person and of itself: {person, hub, admin, limits, …}, databases left out."""
        with self.store.reading() as connection:
            row = connection.execute("SELECT me FROM upstream WHERE name = ''").fetchone()
        return jsonio.loads_object(row[0]) if row else {}

    def own(self) -> Person:
        """The laptop's person, also before the directory has come."""
        told = self.everything().get("person") or {}
        return Person(
            self.person,
            str(told.get("name") or self.name),
            title=str(told.get("title") or ""),
            unit=str(told.get("unit") or ""),
            email=str(told.get("email") or ""),
            language=told.get("language") or None,
            zone=told.get("zone") or None,
            sign_in=self.name,
        )

    def identity(self) -> Identity:
        """The person, for what happens by itself: refused changes tried again."""
        return Identity(self.own(), device=self.device or None, via="device")

    def is_own(self, person: Person | None) -> bool:
        """Whether somebody may sign in here."""
        return person is not None and person.key == self.person

    def names(self) -> list[str]:
        """The databases that are here for this person, sorted."""
        with self.store.reading() as connection:
            return [name for (name,) in connection.execute("SELECT name FROM upstream WHERE name != '' ORDER BY name")]

    # -- applying what the hub says

    def apply_me(self, told: Mapping[str, Any]) -> Renewed:
        """Take over `/sync/_me` in one transaction with what it causes: databases made, and others wiped.

        Unsent edits of a database that leaves become rejected changes; refused ones of a database whose rights changed
        are tried again at the next push. When this returns nothing is left of what was wiped.
        """
        with self._one_at_a_time:
            with self.store.transaction():
                done = self._applied(told)
            erasing.finish(self.store)
        return done

    def _applied(self, told: Mapping[str, Any]) -> Renewed:
        wanted = self._wanted(told)
        done = Renewed([], [], [])
        here = set(self.store.names())
        for name in sorted({*self.names(), *(here - wanted.keys())}):
            if name not in wanted:
                self._drop(name, present=name in here)
                done.dropped.append(name)
        for name, me in wanted.items():
            if name not in here:
                self.store.create(name)
                done.created.append(name)
            if self._put(name, me):
                done.changed.append(name)
                rejecting.flag(self.store, name)
        self._put("", {key: value for key, value in told.items() if key not in ("databases", "time")})
        return done

    def _wanted(self, told: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """The databases to hold: those the hub grants and the person chose; the directory always."""
        granted: dict[str, dict[str, Any]] = dict(told.get("databases") or {})
        limits = (told.get("limits") or {}).get("databases")
        return {
            name: me
            for name, me in granted.items()
            if name == DIRECTORY
            or ((self.databases is None or name in self.databases) and (limits is None or name in limits))
        }

    def _drop(self, name: str, *, present: bool) -> None:
        if present:
            rejecting.keep_all(self.store, name, GONE, self._computed(name))
            erasing.drop(self.store, name)
        with self.store.transaction() as connection:
            connection.execute("DELETE FROM upstream WHERE name = ?", (name,))

    def _computed(self, name: str) -> rejecting.Computed:
        return rejecting.computed_by(self.door.designs(name) if self.door and self.door.designs else None)

    def _put(self, name: str, me: Mapping[str, Any]) -> bool:
        """Whether it differs from what was known; figures that change all the time do not count."""
        kept = {key: value for key, value in me.items() if key not in ("update_seq", "documents")}
        text = jsonio.canonical(kept).decode()
        with self.store.transaction() as connection:
            row = connection.execute("SELECT me FROM upstream WHERE name = ?", (name,)).fetchone()
            if row is not None and row[0] == text:
                return False
            connection.execute(
                "INSERT INTO upstream (name, me) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET me = excluded.me",
                (name, text),
            )
        return True

    # -- for the door

    def known(self, name: str, raw: Callable[[], RawDatabase], snapshot: Snapshot, before: Known | None) -> Known:
        """What is known of a database here; with nobody's rights when `me` does not name it."""
        text = self.text_of(name)
        found = raw()
        if text is None:
            return Known(found, Acl({}), None, snapshot)
        same = isinstance(before, LaptopKnown) and before.text == text and before.snapshot is snapshot
        if same and before is not None and before.raw.number == found.number:
            return before
        return LaptopKnown(found, snapshot, self.person, text)


def settings_of(store: Store) -> dict[str, str]:
    """What joining wrote, without the prefix."""
    with store.node.reading() as connection:
        rows = connection.execute(
            "SELECT substr(name, ?), value FROM settings WHERE substr(name, 1, ?) = ?",
            (len(SETTINGS) + 1, len(SETTINGS), SETTINGS),
        )
        return dict(rows.fetchall())


def write_settings(store: Store, values: Mapping[str, Any]) -> None:
    """Note what joining (or a narrower choice) settled; None removes one. Lists and objects are kept as JSON."""
    with store.node.transaction() as connection:
        for name, value in values.items():
            if value is None:
                connection.execute("DELETE FROM settings WHERE name = ?", (SETTINGS + name,))
                continue
            text = value if isinstance(value, str) else jsonio.dumps(value).decode()
            connection.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (SETTINGS + name, text))


def joined_settings(joined: Joined) -> dict[str, Any]:
    """The settings of a laptop that has just joined."""
    return {
        "url": joined.url,
        "hub": joined.hub,
        "person": str(joined.person["key"]),
        "name": joined.name,
        "device": joined.device,
        "token": joined.token,
        "wipe_key": joined.wipe_key,
        "databases": None if joined.databases is None else list(joined.databases),
        "selection": dict(joined.selection),
        "insecure": "1" if joined.insecure else None,
    }


__all__ = ["GONE", "Laptop", "LaptopKnown", "Renewed", "joined_settings", "settings_of", "write_settings"]
