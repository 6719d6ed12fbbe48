"""A laptop's replica of one database, as the replicator handles it: what came is put in, what is unsent goes out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from app.access.mirroring import (
    Applied,
    Joined,
    Leaf,
    Me,
    Missing,
    Pulled,
    Refusal,
    Rejected,
    Revoked,
    Unsent,
)


class Mirror:
    """From `Databases.mirror(name)`; only on a laptop. No rights are asked: the hub has decided what comes."""

    def checkpoint(self) -> str | None:
        """The token up to which the hub's changes are in; None before the first batch."""
        raise NotImplementedError

    def apply(self, rows: Sequence[Pulled | Revoked], checkpoint: str) -> Applied:
        """Rows of the hub and the token behind them, in one transaction; what is purged is gone when this returns."""
        raise NotImplementedError

    def unsent(self, limit: int = 100, max_bytes: int = 2_000_000) -> list[Unsent]:
        """Revisions to push, oldest first; at least one when there is any. Flagged rejected changes are tried first."""
        raise NotImplementedError

    def count_unsent(self) -> int:
        """How many revisions the hub has not acknowledged."""
        raise NotImplementedError

    def settle(self, results: Sequence[tuple[int, Refusal | None]]) -> None:
        """What the hub said to unsent revisions: taken, or refused (they leave the tree and are kept as rejected)."""
        raise NotImplementedError

    def rejected(self) -> list[Rejected]:
        """What the hub refused here, oldest first."""
        raise NotImplementedError

    def missing_content(self, limit: int = 100, largest: int | None = None) -> list[Missing]:
        """Attachments whose content is not here, small ones first."""
        raise NotImplementedError

    def content_arrived(self, address: str, source: Path | IO[bytes]) -> None:
        """Store a content that was fetched. BadRequest when it is not the one of this address."""
        raise NotImplementedError

    def content(self, address: str) -> IO[bytes]:
        """A content of an unsent revision, open for reading. NotFound."""
        raise NotImplementedError

    def ids(self, after: str | None = None, limit: int = 1000) -> list[tuple[str, list[str]]]:
        """Documents in order of id with their leaf revisions, tombstones too: for re-compare."""
        raise NotImplementedError

    def resubmit(self, ids: Sequence[str]) -> int:
        """Note the live leaves of these documents as unsent: the hub has lost them. How many."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """{checkpoint, last_sync, error, unsent, rejected, missing, documents}."""
        raise NotImplementedError

    def note_run(self, error: str | None = None) -> None:
        """A round of this database ended: done (None), or why not, as a sentence."""
        raise NotImplementedError


__all__ = [
    "Applied",
    "Joined",
    "Leaf",
    "Me",
    "Mirror",
    "Missing",
    "Pulled",
    "Refusal",
    "Rejected",
    "Revoked",
    "Unsent",
]
