"""What a replica must know of its person: who they are, and for each database they may copy what they may there.

A laptop decides by this alone while it is away, so it holds everything the rules ask for: level, flags, roles, the
names held, and those with which documents are read.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from app import clock
from app.access import Database, Databases, Identity
from app.access.devices import Devices
from app.access.identity import Person
from app.errors import NotFound
from app.ids import new_id
from app.store import SqliteFile
from replication import limits

PROTOCOL = 1


def hub_id(file: SqliteFile) -> str:
    """The id of this node, made once."""
    with file.reading() as connection:
        row = connection.execute("SELECT value FROM settings WHERE name = 'hub.id'").fetchone()
    if row is not None:
        return str(row[0])
    with file.transaction() as connection:
        connection.execute("INSERT OR IGNORE INTO settings (name, value) VALUES ('hub.id', ?)", (new_id(),))
    return hub_id(file)


def copied(databases: Databases, identity: Identity) -> list[Database]:
    """The databases of which this person, on this device, may hold a copy."""
    allowed = limits.of(databases, identity)
    found = []
    for name in databases.store.names():
        try:
            database = databases.open(name, identity)
        except NotFound:
            continue
        if database.may_copy and allowed.covers(name):
            found.append(database)
    return found


def me(databases: Databases, devices: Devices, identity: Identity) -> dict[str, Any]:
    """The answer of `_me`."""
    return {
        "protocol": PROTOCOL,
        "version": version("davenport"),
        "time": clock.now(),
        "hub": hub_id(databases.store.node),
        "person": _person(identity.person),
        "device": _device(devices, identity),
        "admin": databases.is_administrator(identity),
        "databases": {database.name: _database(database) for database in copied(databases, identity)},
        "limits": limits.of(databases, identity).told(),
    }


def _person(person: Person) -> dict[str, Any]:
    return {
        "key": person.key,
        "name": person.name,
        "title": person.title,
        "unit": person.unit,
        "email": person.email,
        "language": person.language,
        "zone": person.zone,
        "sign_in": person.sign_in,
        "latin_name": person.latin_name,
    }


def _device(devices: Devices, identity: Identity) -> dict[str, Any] | None:
    if identity.device is None:
        return None
    device = devices.get(identity.device)
    return {"id": device.id, "label": device.label, "state": device.state}


def _database(database: Database) -> dict[str, Any]:
    rights, standing = database.rights, database.replica
    place, incarnation = standing.place("now")
    return {
        "title": dict(database.design.title.texts) if database.design else database.name,
        "incarnation": incarnation,
        "epoch": place.epochs[-1],
        "level": rights.level.label,
        "flags": sorted(rights.flags),
        "roles": sorted(rights.roles),
        "principals": sorted(database.principals),
        "reading": sorted(standing.reading),
        "update_seq": place.seq,
        "documents": database.count(),
    }
