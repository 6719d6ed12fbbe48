"""Webhooks: another system is told what was created, updated or deleted in a database. Signed, retried,
logged.

    changes feed, as the person ──poll──> deliveries (queued) ──send──> sent | retry … | failed | dropped

A webhook acts with a person's rights, looked at twice: when the change is noted and when it is sent. A
document the person may not read (any more) is `dropped`. Several quick changes of one document may come as
one event. A delivery is at least once and carries an id by which a repetition is known.
"""

from __future__ import annotations

import http.client
import logging
import secrets
import threading
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from app import jsonio
from app.access import Database, Databases, Directory, Identity
from app.clock import now, stamp, utcnow
from app.errors import BadRequest, DavenportError, Forbidden, Message, NotFound
from app.ids import new_id
from app.store import SqliteFile
from app.transfer.sending import checked_url, post, signature

EVENTS = ("created", "updated", "deleted")
BACKOFF = (10, 60, 300, 1800, 7200, 21600, 43200)  # seconds before each further try
TOO_MANY = 20  # failures in a row after which a webhook is switched off
LEASE = 60.0  # seconds within which the one who sends must be done
POLL = 1.0
BATCH = 200
SENDERS = 4
KEEP_DAYS = 30
REFUSED = "You may not copy documents out of this database."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Webhook:
    """A webhook without its secret, which is shown once."""

    id: str
    person: str
    database: str
    url: str
    events: tuple[str, ...]
    since: int
    active: bool
    label: str
    created_at: str
    failures: int
    problem: str | None
    checked_at: str

    def shown(self) -> dict[str, Any]:
        """As REST gives it."""
        return {
            "id": self.id,
            "person": self.person,
            "database": self.database,
            "url": self.url,
            "events": list(self.events),
            "active": self.active,
            "label": self.label,
            "created_at": self.created_at,
            "failures": self.failures,
            "problem": self.problem,
        }


class Delivery(NamedTuple):
    """One event on its way."""

    n: int
    webhook: str
    document: str
    seq: int
    event: str
    rev: str
    state: str
    tries: int
    due: float
    status: int | None
    answer: str | None
    at: str

    def shown(self) -> dict[str, Any]:
        """As REST gives it: the log of a webhook."""
        names = ("n", "event", "document", "rev", "state", "tries", "status", "answer", "at")
        return {name: getattr(self, name) for name in names}


class Webhooks:
    """The webhooks of a node."""

    def __init__(self, file: SqliteFile, databases: Databases, directory: Directory, *, loopback: bool = False) -> None:
        self._file = file
        self._databases = databases
        self._directory = directory
        self.loopback = loopback
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    # management

    def create(self, database: Database, url: str, events: Sequence[str], *, label: str = "") -> tuple[Webhook, str]:
        """A new webhook from now on, acting as the person the database is open for; with its secret."""
        if not database.may_copy or database.identity.is_anonymous:
            raise Forbidden(REFUSED)
        wanted = _events(events)
        checked_url(url)
        id, secret = new_id(), secrets.token_urlsafe(32)
        with self._file.transaction() as connection:
            connection.execute(
                "INSERT INTO webhooks (id, person, database, url, secret, events, since, label, created_at,"
                " checked_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    id,
                    database.identity.key,
                    database.name,
                    url,
                    secret,
                    jsonio.dumps(wanted).decode(),
                    self._databases.known(database.name).raw.info().update_seq,
                    label[:200],
                    now(),
                    now(),
                ),
            )
        return self.get(id), secret

    def get(self, id: str) -> Webhook:
        """A webhook. NotFound."""
        with self._file.reading() as connection:
            row = connection.execute(f"SELECT {_COLUMNS} FROM webhooks WHERE id = ?", (id,)).fetchone()
        if row is None:
            raise NotFound("missing")
        return _webhook(row)

    def list(self, *, person: str | None = None) -> Sequence[Webhook]:
        """The webhooks of a person, or all."""
        with self._file.reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM webhooks WHERE ? IS NULL OR person = ? ORDER BY created_at, id",
                (person, person),
            ).fetchall()
        return [_webhook(row) for row in rows]

    def change(
        self,
        id: str,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        label: str | None = None,
        active: bool | None = None,
    ) -> Webhook:
        """Change what is given. Switching on begins anew: failures are forgotten, what was missed is told."""
        hook = self.get(id)
        if url is not None:
            checked_url(url)
        on = hook.active if active is None else active
        again = on and not hook.active
        with self._file.transaction() as connection:
            connection.execute(
                "UPDATE webhooks SET url = ?, events = ?, label = ?, active = ?, failures = ?, problem = ?"
                " WHERE id = ?",
                (
                    hook.url if url is None else url,
                    jsonio.dumps(list(hook.events) if events is None else _events(events)).decode(),
                    hook.label if label is None else label[:200],
                    int(on),
                    0 if again else hook.failures,
                    None if again else hook.problem,
                    id,
                ),
            )
        return self.get(id)

    def delete(self, id: str) -> None:
        """Remove a webhook and its log."""
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM deliveries WHERE webhook = ?", (id,))
            connection.execute("DELETE FROM webhooks WHERE id = ?", (id,))

    def deliveries(self, id: str, *, limit: int = 50, before: int | None = None) -> Sequence[Delivery]:
        """The log of a webhook, newest first."""
        with self._file.reading() as connection:
            rows = connection.execute(
                f"SELECT {_DELIVERY} FROM deliveries WHERE webhook = ? AND (? IS NULL OR n < ?)"
                " ORDER BY n DESC LIMIT ?",
                (id, before, before, limit),
            ).fetchall()
        return [Delivery(*row) for row in rows]

    def repeat(self, id: str, n: int) -> None:
        """Send a delivery once more, now. NotFound."""
        with self._file.transaction() as connection:
            found = connection.execute(
                "UPDATE deliveries SET state = 'queued', tries = 0, due = ? WHERE webhook = ? AND n = ?",
                (time.time(), id, n),
            )
        if not found.rowcount:
            raise NotFound("missing")

    # work

    def serve(self) -> None:
        """Poll and send in the background until `close` (called by `davenport serve`)."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="webhooks", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop; what is queued goes out after the next start."""
        self._stopping.set()
        if self._thread:
            self._thread.join()

    def _serve(self) -> None:
        cleaned = 0.0
        version: int | None = None
        with ThreadPoolExecutor(SENDERS, thread_name_prefix="webhook") as pool:
            while not self._stopping.wait(POLL):
                try:
                    current = self._databases.store.data_version()
                    if current != version:
                        self.poll()
                        version = current
                    for id in self._due():
                        pool.submit(self._send_all, id)
                    if time.time() - cleaned > 3600:
                        cleaned = time.time()
                        self.clean()
                except DavenportError as problem:
                    log.warning("Webhooks wait: %s", problem.reason)
                except Exception:
                    log.exception("Webhooks wait after an unexpected error")

    def poll(self) -> int:
        """Note the changes since the last look as deliveries; how many."""
        return sum(self._poll(hook) for hook in self.list() if hook.active)

    def _poll(self, hook: Webhook) -> int:
        count = 0
        while True:
            began = now()
            database = self._open(hook)
            if database is None:
                return count
            changes = database.changes(since=hook.since, limit=BATCH, include_docs=True)
            told = self._told(hook, [change.id for change in changes])
            rows = [
                (hook.id, change.id, change.seq, event, change.revs[0], "queued", time.time(), began)
                for change in changes
                if not change.id.startswith(("design:", "acl")) and (event := _event(change, hook, told)) in hook.events
            ]
            since = changes[-1].seq if changes else hook.since
            with self._file.transaction() as connection:
                taken = connection.execute(
                    "UPDATE webhooks SET since = ?, checked_at = ? WHERE id = ? AND since = ?",
                    (since, began, hook.id, hook.since),
                )
                if taken.rowcount:
                    connection.executemany(
                        "INSERT INTO deliveries (webhook, document, seq, event, rev, state, due, at)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        rows,
                    )
                    count += len(rows)
            if len(changes) < BATCH:
                return count
            hook = self.get(hook.id)

    def _told(self, hook: Webhook, ids: Sequence[str]) -> set[str]:
        """Which of these documents the webhook was told of before: clocks alone cannot say, within a millisecond."""
        ours = "webhook = ? AND document IN (SELECT value FROM json_each(?))"
        asked = f"SELECT DISTINCT document FROM deliveries WHERE {ours}"
        with self._file.reading() as connection:
            return {id for (id,) in connection.execute(asked, (hook.id, jsonio.dumps([*ids]).decode()))}

    def _open(self, hook: Webhook) -> Database | None:
        """The database as the webhook's person may see it; None when that person may not (any more)."""
        person = self._directory.person(hook.person)
        if person is None or not person.active:
            return None
        try:
            database = self._databases.open(hook.database, Identity(person, via="webhook"))
        except NotFound:
            return None
        return database if database.may_copy else None

    def _due(self) -> Sequence[str]:
        """Webhooks with something to send that nobody is at."""
        with self._file.reading() as connection:
            rows = connection.execute(
                "SELECT DISTINCT webhook FROM deliveries WHERE state IN ('queued', 'retry') AND due <= ?",
                (time.time(),),
            ).fetchall()
        with self._lock:
            found = [id for (id,) in rows if id not in self._busy]
            self._busy.update(found)
        return found

    def _send_all(self, id: str) -> None:
        try:
            self.send(id)
        except DavenportError as problem:
            log.warning("Webhook %s waits: %s", id, problem.reason)
        except Exception:
            log.exception("Webhook %s waits after an unexpected error", id)
        finally:
            with self._lock:
                self._busy.discard(id)

    def send(self, id: str, *, limit: int = 50) -> int:
        """Send what is due for one webhook, oldest first; how many were sent."""
        sent = 0
        for _ in range(limit):
            if self._stopping.is_set():
                break
            hook = self.get(id)
            delivery = self._claim(hook)
            if delivery is None:
                break
            sent += self._deliver(hook, delivery)
        return sent

    def _claim(self, hook: Webhook) -> Delivery | None:
        """The next due delivery; nobody else takes it for `LEASE` seconds."""
        if not hook.active:
            return None
        moment = time.time()
        with self._file.transaction() as connection:
            row = connection.execute(
                f"SELECT {_DELIVERY} FROM deliveries WHERE webhook = ? AND state IN ('queued', 'retry')"
                " AND due <= ? ORDER BY n LIMIT 1",
                (hook.id, moment),
            ).fetchone()
            if row is None:
                return None
            connection.execute("UPDATE deliveries SET due = ?, tries = tries + 1 WHERE n = ?", (moment + LEASE, row[0]))
        found = Delivery(*row)
        return found._replace(tries=found.tries + 1)

    def _deliver(self, hook: Webhook, delivery: Delivery) -> bool:
        body = self._body(hook, delivery)
        if body is None:
            self._note(delivery, "dropped", None, "The person may not read this document.")
            return False
        moment = int(time.time())
        with self._file.reading() as connection:
            (secret,) = connection.execute("SELECT secret FROM webhooks WHERE id = ?", (hook.id,)).fetchone()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Davenport",
            "Davenport-Event": delivery.event,
            "Davenport-Delivery": f"{hook.id}-{delivery.n}",
            "Davenport-Signature": signature(secret, moment, body),
        }
        try:
            status, text = post(hook.url, body, headers, loopback=self.loopback)
        except (OSError, http.client.HTTPException, BadRequest) as problem:
            return self._failed(hook, delivery, None, str(problem) or type(problem).__name__)
        if 200 <= status < 300:
            self._note(delivery, "sent", status, text)
            self._count(hook, 0)
            return True
        return self._failed(hook, delivery, status, text)

    def _body(self, hook: Webhook, delivery: Delivery) -> bytes | None:
        """What is sent: the document as the person may read it now; of a deleted one only its id."""
        database = self._open(hook)
        if database is None:
            return None
        told: dict[str, Any] = {
            "delivery": f"{hook.id}-{delivery.n}",
            "event": delivery.event,
            "database": hook.database,
            "id": delivery.document,
            "rev": delivery.rev,
            "at": delivery.at,
        }
        if delivery.event != "deleted":
            try:
                told["document"] = database.get(delivery.document)
            except NotFound:
                return None
            told["rev"] = told["document"]["_rev"]
        return jsonio.dumps(told)

    def _failed(self, hook: Webhook, delivery: Delivery, status: int | None, text: str) -> bool:
        if delivery.tries > len(BACKOFF):
            self._note(delivery, "failed", status, text)
        else:
            self._note(delivery, "retry", status, text, due=time.time() + BACKOFF[delivery.tries - 1])
        self._count(hook, hook.failures + 1)
        return False

    def _note(self, delivery: Delivery, state: str, status: int | None, text: str, *, due: float | None = None) -> None:
        with self._file.transaction() as connection:
            connection.execute(
                "UPDATE deliveries SET state = ?, status = ?, answer = ?, due = ? WHERE n = ?",
                (state, status, text[:2000], delivery.due if due is None else due, delivery.n),
            )

    def _count(self, hook: Webhook, failures: int) -> None:
        if failures == hook.failures:
            return
        off = failures >= TOO_MANY
        problem = f"Switched off after {failures} failures in a row." if off else None
        with self._file.transaction() as connection:
            connection.execute(
                "UPDATE webhooks SET failures = ?, active = active AND ?, problem = coalesce(?, problem) WHERE id = ?",
                (failures, int(not off), problem, hook.id),
            )

    def clean(self) -> None:
        """Forget deliveries of more than `KEEP_DAYS` ago."""
        before = stamp(utcnow() - timedelta(days=KEEP_DAYS))
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM deliveries WHERE at < ?", (before,))


def _events(events: Collection[Any]) -> list[str]:
    found = [event for event in EVENTS if event in events]
    if not found or isinstance(events, str) or set(events) - set(EVENTS):
        reason = Message("Events are some of %(names)s.", names=", ".join(EVENTS))
        raise BadRequest(reason, fields={"events": reason})
    return found


def _event(change: Any, hook: Webhook, told: set[str]) -> str:
    """What happened to a document since the webhook last looked; `told`: documents it heard of before."""
    if change.deleted:
        return "deleted"
    body = change.revision.body if change.revision else {}
    first = change.revs[0].startswith("1-") or (
        change.id not in told and str(body.get("created_at", "")) >= hook.checked_at
    )
    return "created" if first else "updated"


_COLUMNS = "id, person, database, url, events, since, active, label, created_at, failures, problem, checked_at"
_DELIVERY = "n, webhook, document, seq, event, rev, state, tries, due, status, answer, at"


def _webhook(row: Sequence[Any]) -> Webhook:
    fields = dict(zip(Webhook.__dataclass_fields__, row, strict=True))
    fields.update(events=tuple(jsonio.loads(fields["events"])), active=bool(fields["active"]))
    return Webhook(**fields)
