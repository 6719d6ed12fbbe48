"""The shapes between a laptop's mirror and what carries changes to and from the hub: plain tuples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from app.store import Stub


class Leaf(NamedTuple):
    """One leaf as the hub has it: `path` newest first; stubs as `[content_type, length, digest, address, revpos]`."""

    path: Sequence[str]
    deleted: bool
    body: dict[str, Any]
    stubs: Mapping[str, Sequence[Any]] | None = None


class Pulled(NamedTuple):
    """A document as the hub has it for this person: every leaf they read, winner first. `Leaf` or plain lists."""

    id: str
    leaves: Sequence[Leaf | Sequence[Any]]


class Revoked(NamedTuple):
    """A document that this person no longer reads, or that was purged: it leaves without trace."""

    id: str


class Applied(NamedTuple):
    """What a batch did: documents written (known ones do not count), documents purged."""

    documents: int
    purged: int


class Unsent(NamedTuple):
    """A revision made here that the hub has not acknowledged. Contents: `Mirror.content(stub.address)`."""

    n: int
    id: str
    path: list[str]  # newest first
    body: dict[str, Any]
    attachments: dict[str, Stub]
    deleted: bool


class Refusal(NamedTuple):
    """Why the hub did not take a revision: CouchDB's name and a sentence."""

    error: str
    reason: str


class Rejected(NamedTuple):
    """An edit that the hub refused, kept for the person. `items`: {name: [base, mine, earlier values …]}."""

    n: int
    database: str
    id: str
    at: str
    error: str
    reason: str
    base_rev: str | None
    items: dict[str, list[Any]]
    body: dict[str, Any]  # as it was refused; the person's own items alone once the document is lost
    attachments: dict[str, Stub]  # those that the person added
    new: bool
    deleted: bool


class Missing(NamedTuple):
    """An attachment whose content has not come yet."""

    id: str
    rev: str
    name: str
    address: str
    length: int
    digest: str


class Me(NamedTuple):
    """What the hub says of this person in one database (`/sync/_me`)."""

    level: str
    flags: tuple[str, ...]
    roles: tuple[str, ...]
    principals: tuple[str, ...]
    reading: tuple[str, ...]
    incarnation: str = ""
    epoch: Any = None


class Joined(NamedTuple):
    """What joining a hub settled: where, as whom, with which device. `password` is kept as a verifier alone."""

    url: str
    hub: str  # the hub's own id
    person: Mapping[str, Any]  # as in `_me`: key, name, title, unit, email, language, zone
    name: str  # what is typed at sign-in
    password: str
    device: str
    token: str
    wipe_key: str
    databases: Sequence[str] | None = None  # None: all
    selection: Mapping[str, str] = {}
    insecure: bool = False
