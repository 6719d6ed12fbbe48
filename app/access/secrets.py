"""Passwords, sessions and one-time links: in node.db, never replicated.

A password is verified in the same time and with the same answer whether the name exists or not. Wrong ones
are counted by name and by address and slow the next try; a right one is remembered for minutes under a keyed
hash, so that programs with HTTP Basic do not pay argon2's 50-200 ms at every request.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app import clock
from app.access.audit import Audit
from app.access.devices import Devices
from app.access.directory import Directory
from app.access.identity import Identity, Person
from app.access.tokens import Tokens
from app.errors import BadRequest, Message, TooManyRequests, Unauthorized
from app.store import SqliteFile

if TYPE_CHECKING:
    from app.access.laptop import Laptop

WRONG = Message("The name or the password is wrong.")
SLOW_DOWN = Message("Too many wrong passwords. Try again in %(seconds)s s.")
REMEMBER = 300.0  # seconds a verified password is remembered
FREE_BY_NAME, FREE_BY_ADDRESS = 5, 30  # wrong passwords before waiting begins; many people share an address
LONGEST_WAIT = 300.0
FORGET_FAILURES = 3600.0
SHORTEST = 8
LINK_HOURS = 72
_STRIPES = 64


class _Remembered(NamedTuple):
    person: str
    version: int
    until: float


class Secrets:
    """What proves who somebody is, on this node."""

    def __init__(
        self, file: SqliteFile, directory: Directory, audit: Audit, *, hasher: PasswordHasher | None = None
    ) -> None:
        self.file = file
        self.directory = directory
        self.audit = audit
        self.tokens = Tokens(file, directory, audit)
        self.laptop: Laptop | None = None  # set by a node that has a hub: only its own person signs in
        self.devices = Devices(file, directory, audit)
        self._hasher = hasher or PasswordHasher()
        self._key = os.urandom(32)
        self._remembered: dict[bytes, _Remembered] = {}
        self._one_at_a_time = [threading.Lock() for _ in range(_STRIPES)]
        self._busy = threading.BoundedSemaphore(os.cpu_count() or 2)

    # -- verifying

    def verify(self, name: str, password: str, address: str = "", *, record: bool = True) -> Person:
        """The person with this sign-in name (or mail) and password. Unauthorized, TooManyRequests.

        `record=False` for programs that send the password each time: the log then notes one sign-in in ten
        minutes.
        """
        name = name.strip()
        mark = self._mark(name, password)
        person = self._recall(mark)
        if person is not None:
            return person
        with self._one_at_a_time[mark[0] % _STRIPES]:
            person = self._recall(mark)
            if person is not None:
                return person
            self._refuse_while_slowed(name, address)
            person = self._check(name, password)
            if person is None:
                self._count_failure(name, address)
                self.audit.record("sign_in_failed", "", subject=name[:200], address=address)
                raise Unauthorized(WRONG)
        self._remember(mark, person)
        self._clear_failures(name)
        self.audit.record("sign_in", person.key, address=address, once_in=0 if record else 600)
        return person

    def verify_with(self, name: str, address: str, check: Callable[[], Person | None]) -> Person:
        """The person whom another system (LDAP) proves; failures slow and count as here. Unauthorized, …"""
        self._refuse_while_slowed(name, address)
        person = check()
        if person is None or not person.active:
            self._count_failure(name, address)
            self.audit.record("sign_in_failed", "", subject=name[:200], address=address)
            raise Unauthorized(WRONG)
        self._clear_failures(name)
        self.audit.record("sign_in", person.key, address=address)
        return person

    @cached_property
    def _dummy(self) -> str:
        """What is verified for somebody unknown, so that it takes as long."""
        return self._hasher.hash(secrets.token_hex(16))

    def _check(self, name: str, password: str) -> Person | None:
        dummy = self._dummy  # made at the first sign-in, whoever that is, so that its length tells nothing either
        person = self.directory.find(name)
        if self.laptop is not None and not self.laptop.is_own(person):
            person = None
        stored = self._hash_of(person.key) if person and person.active else None
        with self._busy:
            try:
                self._hasher.verify(stored or dummy, password)
            except (VerificationError, InvalidHashError):
                return self._proved(person, password)
        return person if stored else None

    def _proved(self, person: Person | None, password: str) -> Person | None:
        """On a laptop a new password counts once the hub knows it; from then on it does without the hub."""
        if self.laptop is None or person is None or self.laptop.prove is None:
            return None
        if not self.laptop.prove(person.sign_in or person.key, password):
            return None
        self.set_password(person.key, password, check=False)
        return person

    def _hash_of(self, key: str) -> str | None:
        with self.file.reading() as connection:
            row = connection.execute("SELECT hash FROM passwords WHERE person = ?", (key,)).fetchone()
        return row[0] if row else None

    def _mark(self, name: str, password: str) -> bytes:
        text = f"{name.casefold()}\0{password}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, key=self._key, digest_size=32).digest()

    def _recall(self, mark: bytes) -> Person | None:
        known = self._remembered.get(mark)
        if known is None or known.until < time.monotonic():
            return None
        if self.session_version(known.person) != known.version:
            self._remembered.pop(mark, None)
            return None
        person = self.directory.person(known.person)
        return person if person and person.active else None

    def _remember(self, mark: bytes, person: Person) -> None:
        now = time.monotonic()
        if len(self._remembered) > 10_000:
            self._remembered = {key: row for key, row in self._remembered.items() if row.until > now}
        self._remembered[mark] = _Remembered(person.key, self.session_version(person.key), now + REMEMBER)

    # -- failures

    def _refuse_while_slowed(self, name: str, address: str) -> None:
        wait = max(self._wait(subject, free) for subject, free in _subjects(name, address))
        if wait > 0:
            raise TooManyRequests(Message(SLOW_DOWN, seconds=int(wait) + 1))

    def _wait(self, subject: str, free: int) -> float:
        with self.file.reading() as connection:
            row = connection.execute("SELECT count, last FROM failures WHERE subject = ?", (subject,)).fetchone()
        if row is None or row[0] < free:
            return 0.0
        pause = min(2.0 ** min(row[0] - free, 10), LONGEST_WAIT)
        return float(row[1] + pause - clock.utcnow().timestamp())

    def _count_failure(self, name: str, address: str) -> None:
        now = clock.utcnow().timestamp()
        with self.file.transaction() as connection:
            connection.execute("DELETE FROM failures WHERE last < ?", (now - FORGET_FAILURES,))
            connection.executemany(
                "INSERT INTO failures (subject, count, last) VALUES (?, 1, ?)"
                " ON CONFLICT (subject) DO UPDATE SET count = count + 1, last = excluded.last",
                [(subject, now) for subject, _ in _subjects(name, address)],
            )

    def _clear_failures(self, name: str) -> None:
        subject = _subjects(name, "")[0][0]
        with self.file.reading() as connection:
            if not connection.execute("SELECT 1 FROM failures WHERE subject = ?", (subject,)).fetchone():
                return
        with self.file.transaction() as connection:
            connection.execute("DELETE FROM failures WHERE subject = ?", (subject,))

    # -- passwords

    def set_password(
        self, person: str, password: str, *, must_change: bool = False, by: str = "", check: bool = True
    ) -> None:
        """Give a person a password; every session and remembered credential ends. BadRequest when it is
        weak."""
        if check:
            self._refuse_weak(person, password)
        digest = self._hasher.hash(password)
        with self.file.transaction() as connection:
            connection.execute(
                "INSERT INTO passwords (person, hash, changed_at, must_change, session_version)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (person) DO UPDATE SET hash = excluded.hash,"
                " changed_at = excluded.changed_at, must_change = excluded.must_change,"
                " session_version = session_version + 1",
                (person, digest, clock.now(), int(must_change), _first_version()),
            )
            connection.execute("DELETE FROM links WHERE person = ?", (person,))
        self.audit.record("password_changed", by or person, subject=person)

    def change_password(self, person: Person, old: str, new: str, address: str = "") -> None:
        """A person's own change, proved with the old password. Unauthorized, BadRequest."""
        self.verify(person.sign_in or person.key, old, address, record=False)
        if old == new:
            raise _weak("The new password is the old one.")
        self.set_password(person.key, new)

    def _refuse_weak(self, person: str, password: str) -> None:
        if len(password) < SHORTEST:
            raise _weak(Message("A password has at least %(shortest)s characters.", shortest=SHORTEST))
        if len(password) > 1000:
            raise _weak("A password has at most 1000 characters.")
        known = self.directory.person(person)
        names = {person.casefold(), *((known.name.casefold(), known.sign_in.casefold()) if known else ())}
        if password.casefold() in names or len(set(password)) < 3:
            raise _weak("This password is too easy to guess.")

    def has_password(self, person: str) -> bool:
        """Whether the person can sign in with a password."""
        return bool(self._hash_of(person))

    def must_change(self, person: str) -> bool:
        """Whether the next thing this person does is to choose a password."""
        with self.file.reading() as connection:
            row = connection.execute("SELECT must_change FROM passwords WHERE person = ?", (person,)).fetchone()
        return bool(row and row[0])

    def session_version(self, person: str) -> int:
        """A session is good as long as this number is the one it began with. It only ever rises, also when
        the person is removed and restored; 0 for who never had a password or was signed out."""
        with self.file.reading() as connection:
            row = connection.execute("SELECT session_version FROM passwords WHERE person = ?", (person,)).fetchone()
        return row[0] if row else 0

    def end_sessions(self, person: str) -> None:
        """Sign a person out everywhere; also one who signs in elsewhere and has no password here."""
        with self.file.transaction() as connection:
            connection.execute(
                "INSERT INTO passwords (person, hash, changed_at, session_version) VALUES (?, '', ?, ?)"
                " ON CONFLICT (person) DO UPDATE SET session_version = session_version + 1",
                (person, clock.now(), _first_version()),
            )

    def forget(self, person: str) -> None:
        """A person has been removed: password, links, tokens; sessions end with them, and devices wipe themselves.

        The number of the sessions stays, so that none of them is good again when the person is restored.
        """
        with self.file.transaction() as connection:
            self.end_sessions(person)
            connection.execute("UPDATE passwords SET hash = '', must_change = 0 WHERE person = ?", (person,))
            for table in ("links", "tokens"):
                connection.execute(f"DELETE FROM {table} WHERE person = ?", (person,))
            self.devices.revoke_all(person)

    # -- one-time links

    def create_link(
        self, person: str, purpose: str = "first_password", *, hours: float = LINK_HOURS, by: str = ""
    ) -> str:
        """A secret for a one-time link; shown once, only its digest is kept."""
        secret = secrets.token_urlsafe(32)
        expires = clock.stamp(clock.utcnow() + timedelta(hours=hours))
        with self.file.transaction() as connection:
            connection.execute("DELETE FROM links WHERE expires_at < ?", (clock.now(),))
            connection.execute(
                "INSERT INTO links (digest, person, purpose, expires_at) VALUES (?, ?, ?, ?)",
                (_digest(secret), person, purpose, expires),
            )
        self.audit.record("link_created", by or person, subject=person, detail={"purpose": purpose})
        return secret

    def link_person(self, secret: str) -> Person | None:
        """Whose link this is; None when unknown, used or expired."""
        with self.file.reading() as connection:
            row = connection.execute(
                "SELECT person FROM links WHERE digest = ? AND expires_at >= ?",
                (_digest(secret), clock.now()),
            ).fetchone()
        person = self.directory.person(row[0]) if row else None
        return person if person and person.active else None

    def use_link(self, secret: str, password: str) -> Person:
        """Set the password with a one-time link, which ends with it. Unauthorized, BadRequest."""
        with self.file.transaction():
            person = self.link_person(secret)
            if person is None:
                raise Unauthorized("This link has been used or has expired. Ask for a new one.")
            self.set_password(person.key, password)
        return person

    # -- tokens

    def identify(self, token: str) -> Identity | None:
        """Who a bearer token stands for, None when it is unknown or expired."""
        return self.tokens.identify(token)


def _subjects(name: str, address: str) -> list[tuple[str, int]]:
    """Under what failures are counted, and how many are free."""
    found = [(f"name:{name.strip().casefold()[:200]}", FREE_BY_NAME)]
    if address:
        found.append((f"address:{address}", FREE_BY_ADDRESS))
    return found


def _first_version() -> int:
    """Where session versions begin: above 0, which is that of a person without a row."""
    return int(time.time())


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _weak(sentence: str) -> BadRequest:
    return BadRequest(sentence, fields={"password": sentence})
