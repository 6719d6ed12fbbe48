"""Devices: laptops that hold a copy. Each has a token of its own, and a key with which this node proves a revocation.

A device acts as its person as long as the person is active, whatever becomes of the password. Once revoked it gets one
answer, which holds a proof that only the node it was registered at can make; then it wipes itself and says so. Its row
stays, so that it still hears this years later.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from app import clock, jsonio
from app.access.audit import Audit
from app.access.directory import Directory
from app.access.identity import Identity
from app.errors import BadRequest, Forbidden, NotFound, Unauthorized
from app.ids import new_id
from app.store import SqliteFile

PREFIX = "dvd_"
SEEN_EVERY = 60.0  # seconds between two notes of "last seen"
MOST = 100  # active devices of one person
LARGEST = 20_000  # bytes of what a device says about itself
_COLUMNS = "id, person, label, platform, state, created_at, last_seen, last_sync, detail"


class Device(NamedTuple):
    """A device as people see it. `detail`: what it keeps (databases, selection) and what it last reported."""

    id: str
    person: str
    label: str
    platform: str
    state: str  # active | revoked | wiped
    created_at: str
    last_seen: str | None
    last_sync: str | None
    detail: dict[str, Any]

    def waiting(self, figure: str) -> int:
        """A figure of its last report (`unsent`, `rejected`) over all databases."""
        report = self.detail.get("report")
        databases = report.get("databases") if isinstance(report, dict) else None
        told = databases.values() if isinstance(databases, dict) else ()
        numbers = (each.get(figure) for each in told if isinstance(each, dict))
        return sum(number for number in numbers if type(number) is int and number > 0)


class Registered(NamedTuple):
    """What a device gets at its registration, this once."""

    device: Device
    token: str
    wipe_key: str


class DeviceRevoked(Unauthorized):
    """This device is to wipe itself. `proof` makes it believe so."""

    error = "device_revoked"

    def __init__(self, device: str, wipe_key: str) -> None:
        super().__init__("This device has been revoked.")
        self.device = device
        self._wipe_key = wipe_key

    def proof(self, nonce: str) -> str:
        """HMAC-SHA256 of `device:nonce` under the key of the device, in hex."""
        return hmac.new(self._wipe_key.encode(), f"{self.device}:{nonce}".encode(), hashlib.sha256).hexdigest()


class Devices:
    """The devices of a node."""

    def __init__(self, file: SqliteFile, directory: Directory, audit: Audit) -> None:
        self._file = file
        self._directory = directory
        self._audit = audit

    def register(self, person: str, label: str, platform: str, detail: Mapping[str, Any] | None = None) -> Registered:
        """A new device of a person. Forbidden when they have too many, BadRequest when it says too much."""
        told = _dump(detail or {})
        token, wipe_key = PREFIX + secrets.token_urlsafe(32), secrets.token_hex(32)
        device = Device(
            new_id(), person, label.strip()[:200], platform.strip()[:200], "active", clock.now(), None, None,
            jsonio.loads_object(told),
        )  # fmt: skip
        with self._file.transaction() as connection:
            (active,) = connection.execute(
                "SELECT count(*) FROM devices WHERE person = ? AND state = 'active'", (person,)
            ).fetchone()
            if active >= MOST:
                raise Forbidden("You have too many devices; revoke one that is no longer used.")
            connection.execute(
                f"INSERT INTO devices ({_COLUMNS}, digest, wipe_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*device[:8], told, _digest(token), wipe_key),
            )
        self._audit.record("device_registered", person, subject=device.id, detail={"label": device.label})
        return Registered(device, token, wipe_key)

    def identify(self, token: str) -> Identity | None:
        """Whom a device acts for; None when the token is unknown or the person may not sign in. DeviceRevoked."""
        if not token.startswith(PREFIX):
            return None
        with self._file.reading() as connection:
            row = connection.execute(
                "SELECT id, person, state, wipe_key, last_seen FROM devices WHERE digest = ?", (_digest(token),)
            ).fetchone()
        if row is None:
            return None
        id, key, state, wipe_key, last_seen = row
        if state != "active":
            raise DeviceRevoked(id, wipe_key)
        person = self._directory.person(key)
        if person is None or not person.active:
            return None
        self._note_seen(id, last_seen)
        return Identity(person, device=id, via="device")

    def _note_seen(self, id: str, last: str | None) -> None:
        now = clock.now()
        if last and (clock.parse(now) - clock.parse(last)).total_seconds() < SEEN_EVERY:
            return
        with self._file.transaction() as connection:
            connection.execute("UPDATE devices SET last_seen = ? WHERE id = ?", (now, id))

    def report(self, id: str, state: Mapping[str, Any]) -> None:
        """What a device says of its progress; `last_sync` (a moment; now, unless it says so) stands in the list.
        BadRequest."""
        last_sync = state.get("last_sync") or clock.now()
        if not _is_moment(last_sync):
            raise BadRequest("`last_sync` is a moment.")
        with self._file.transaction() as connection:
            device = self.get(id)
            told = _dump({**device.detail, "report": dict(state)})
            connection.execute(
                "UPDATE devices SET detail = ?, last_sync = ?, last_seen = ? WHERE id = ?",
                (told, last_sync, clock.now(), id),
            )

    def keep(self, id: str, detail: Mapping[str, Any]) -> None:
        """A device keeps other databases or another selection from now on. BadRequest."""
        with self._file.transaction() as connection:
            told = _dump({**self.get(id).detail, **detail})
            connection.execute("UPDATE devices SET detail = ? WHERE id = ?", (told, id))

    # -- lists, revoking

    def get(self, id: str, *, person: str | None = None) -> Device:
        """One device; with `person` only if it is theirs. NotFound."""
        with self._file.reading() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM devices WHERE id = ?1 AND (?2 IS NULL OR person = ?2)", (id, person)
            ).fetchone()
        if row is None:
            raise NotFound("missing")
        return _device(row)

    def list(self, person: str | None = None) -> list[Device]:
        """A person's devices (None: everybody's), newest first."""
        with self._file.reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM devices WHERE ?1 IS NULL OR person = ?1 ORDER BY created_at DESC, id",
                (person,),
            ).fetchall()
        return [_device(row) for row in rows]

    def revoke(self, id: str, *, person: str | None = None, by: str = "") -> None:
        """The device wipes itself at its next contact; with `person` only if it is theirs. NotFound."""
        with self._file.transaction() as connection:
            device = self.get(id, person=person)
            connection.execute("UPDATE devices SET state = 'revoked' WHERE id = ? AND state = 'active'", (id,))
        self._audit.record("device_revoked", by or device.person, subject=id, detail={"label": device.label})

    def revoke_all(self, person: str) -> None:
        """A person has been removed: their devices wipe themselves."""
        for device in self.list(person):
            if device.state == "active":
                self.revoke(device.id)

    def wiped(self, token: str) -> None:
        """A revoked device says that nothing is left on it. NotFound when there is no such revoked device."""
        with self._file.transaction() as connection:
            row = connection.execute(
                "UPDATE devices SET state = 'wiped', last_seen = ? WHERE digest = ? AND state <> 'active'"
                " RETURNING id, person",
                (clock.now(), _digest(token)),
            ).fetchone()
        if row is None:
            raise NotFound("missing")
        self._audit.record("device_wiped", row[1], subject=row[0])


def _device(row: tuple[Any, ...]) -> Device:
    return Device._make((*row[:8], jsonio.loads_object(row[8])))


def _dump(detail: Mapping[str, Any]) -> str:
    told = jsonio.dumps(detail)
    if len(told) > LARGEST:
        raise BadRequest("A device says too much about itself.")
    return told.decode()


def _is_moment(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(clock.parse(value))
    except ValueError:
        return False


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
