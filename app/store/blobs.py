"""Attachment contents: one file per SHA-256 under `attachments/`, written once, shared by all that have it.

    attachments/ab/ab12…            a content
    attachments/new/…               being written; removed when nobody finished it
    attachments/backup              a backup is copying; its time is renewed at each file

A content that no document names any more is touched when first found so and removed after a grace time, so
that a document which is about to name it, or a backup that has begun, still finds it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import IO, NamedTuple, Protocol

from app.errors import BadRequest, Message, NotFound, TooLarge
from app.store.sqlite import translated

CHUNK = 256 * 1024
LIMIT = 200_000_000  # bytes of one attachment
GRACE = 24 * 3600.0  # seconds between "nobody names it" and its removal
BACKUP_LEASE = 15 * 60.0  # seconds after which a backup that shows no life no longer holds off the collection
_ADDRESS = re.compile(r"[0-9a-f]{64}")


class Blob(NamedTuple):
    """A stored content: digest as CouchDB writes it, its address (SHA-256), bytes."""

    digest: str
    address: str
    length: int


class Readable(Protocol):
    """Anything that gives bytes piece by piece."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, none at the end."""


class Blobs:
    """The contents below one folder."""

    def __init__(self, folder: Path, *, limit: int = LIMIT, grace: float = GRACE) -> None:
        self.folder = folder
        self.limit = limit
        self.grace = grace

    def write(self, stream: Readable, digest: str | None = None, *, limit: int | None = None) -> Blob:
        """Store what the stream gives. BadRequest for another digest than `digest`, TooLarge."""
        allowed = self.limit if limit is None else limit
        with translated():
            new = self.folder / "new"
            new.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=new)
            try:
                with os.fdopen(handle, "wb") as file:
                    blob = _copy(stream, file, allowed)
                    file.flush()
                    os.fsync(file.fileno())
                if digest is not None and digest not in (blob.digest, f"sha256-{blob.address}"):
                    raise BadRequest("The attachment's content does not have the digest that was sent.")
                self._place(Path(name), blob.address)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name)
                raise
        return blob

    def _place(self, source: Path, address: str) -> None:
        target = self.path(address)
        if target.exists():
            os.utime(target)
            source.unlink()
            return
        target.parent.mkdir(exist_ok=True)
        os.replace(source, target)
        sync_folder(target.parent)
        sync_folder(self.folder)

    def path(self, address: str) -> Path:
        """Where a content lies."""
        if not _ADDRESS.fullmatch(address):
            raise NotFound("missing")
        return self.folder / address[:2] / address

    def open(self, address: str) -> BufferedReader:
        """The content as a file open for reading. NotFound when there is none."""
        try:
            return self.path(address).open("rb")
        except FileNotFoundError:
            raise NotFound("missing") from None

    def exists(self, address: str) -> bool:
        """Whether the content is here."""
        return self.path(address).exists()

    def addresses(self) -> Iterator[str]:
        """Every content that is here."""
        for path in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            if _ADDRESS.fullmatch(path.name):
                yield path.name

    def damaged(self, address: str) -> bool:
        """Whether the file is missing or is not what its name says."""
        try:
            with self.open(address) as file:
                return hashlib.file_digest(file, "sha256").hexdigest() != address
        except NotFound:
            return True

    def remove(self, address: str) -> None:
        """Remove a content at once: the caller knows that nobody names it."""
        self.path(address).unlink(missing_ok=True)
        (self.folder / "unnamed" / address).unlink(missing_ok=True)

    # -- collection

    def collect(self, named: Iterable[str], *, now: float | None = None) -> int:
        """Remove contents that nobody has named for the grace time; how many. Nothing while a backup runs."""
        moment = time.time() if now is None else now
        if self.backup_runs(moment):
            return 0
        keep, removed = set(named), 0
        marks = self.folder / "unnamed"
        marks.mkdir(exist_ok=True)
        for address in list(self.addresses()):
            removed += self._consider(address, address in keep, marks / address, moment)
        for path in self.folder.glob("new/*"):
            if path.stat().st_mtime < moment - self.grace:
                path.unlink(missing_ok=True)
        return removed

    def _consider(self, address: str, named: bool, mark: Path, moment: float) -> bool:
        """Mark, unmark or remove one content. Written again since it was marked, it starts anew."""
        if named:
            mark.unlink(missing_ok=True)
            return False
        path = self.path(address)
        if not mark.exists():
            mark.touch()
            os.utime(mark, (moment, moment))
        if max(mark.stat().st_mtime, path.stat().st_mtime) > moment - self.grace:
            return False
        path.unlink(missing_ok=True)
        mark.unlink(missing_ok=True)
        return True

    @contextlib.contextmanager
    def backing_up(self) -> Iterator[Path]:
        """While inside, nothing is collected, by any process; touch the path now and then."""
        lease = self.folder / "backup"
        lease.touch()
        os.utime(lease)
        try:
            yield lease
        finally:
            lease.unlink(missing_ok=True)

    def backup_runs(self, moment: float) -> bool:
        """Whether some process is copying the contents."""
        try:
            return (self.folder / "backup").stat().st_mtime > moment - BACKUP_LEASE
        except FileNotFoundError:
            return False


def _copy(stream: Readable, file: IO[bytes], limit: int) -> Blob:
    md5, sha256, length = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    while chunk := stream.read(CHUNK):
        length += len(chunk)
        if length > limit:
            raise TooLarge(Message("An attachment is at most %(count)s MB.", count=limit // 1_000_000))
        md5.update(chunk)
        sha256.update(chunk)
        file.write(chunk)
    return Blob("md5-" + base64.b64encode(md5.digest()).decode(), sha256.hexdigest(), length)


def sync_folder(folder: Path) -> None:
    """Make a rename durable; not every system lets a folder be synced."""
    with contextlib.suppress(OSError, AttributeError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
