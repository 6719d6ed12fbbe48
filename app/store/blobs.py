"""Attachment contents: one file per SHA-256 under `attachments/`, written once, shared by all that have it.

    attachments/ab/ab12…            a content
    attachments/new/…               being written; removed when nobody finished it
    attachments/new/part-ab12…      coming from elsewhere in parts (`part`)
    attachments/backup              a backup is copying; its time is renewed at each file

A content that no document names any more is touched when first found so and removed after a grace time, so
that a document which is about to name it, or a backup that has begun, still finds it.

On an encrypted node files are sealed, and a file's name is a keyed digest of its address.
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
from typing import IO, NamedTuple, Protocol, cast

from app.errors import BadRequest, Message, NotFound, TooLarge, Unavailable
from app.store import portable, sealing
from app.store.keys import Keys
from app.store.portable import sync_folder
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


class Part:
    """A content of which a part may be here already. Only its digest tells whether it is what it should be."""

    def __init__(self, path: Path, key: bytes | None) -> None:
        self.path = path
        self._key = key

    @property
    def length(self) -> int:
        """Bytes that are here."""
        size = self.path.stat().st_size if self.path.exists() else 0
        return size if self._key is None else max(size - sealing.BLOCK, 0)

    @contextlib.contextmanager
    def writing(self, begin: int) -> Iterator[IO[bytes]]:
        """Write on from byte `begin`; what was there behind it goes."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("r+b" if self.path.exists() else "w+b") as raw:
            file = raw if self._key is None else cast("IO[bytes]", sealing.Spool(raw, self._key))
            file.seek(begin)
            file.truncate()
            yield file
            file.flush()

    @contextlib.contextmanager
    def reading(self) -> Iterator[BufferedReader]:
        """What is here."""
        with self.path.open("rb") as raw:
            yield raw if self._key is None else BufferedReader(sealing.Spool(raw, self._key))

    def remove(self) -> None:
        """Throw it away."""
        portable.remove(self.path)


class Blobs:
    """The contents below one folder."""

    def __init__(self, folder: Path, *, limit: int = LIMIT, grace: float = GRACE, keys: Keys | None = None) -> None:
        self.folder = folder
        self._keys = keys
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
                    blob = self._copy(stream, file, allowed)
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
            portable.remove(source)
            return
        target.parent.mkdir(exist_ok=True)
        portable.replace(source, target)
        sync_folder(target.parent)
        sync_folder(self.folder)

    def path(self, address: str) -> Path:
        """Where a content lies."""
        if not _ADDRESS.fullmatch(address):
            raise NotFound("missing")
        return self._file(self._name(address))

    def _name(self, address: str) -> str:
        return address if self._keys is None else self._keys.name(address)

    def _file(self, name: str) -> Path:
        return self.folder / name[:2] / name

    def _copy(self, stream: Readable, file: IO[bytes], limit: int) -> Blob:
        if self._keys is None:
            return _copy(stream, file, limit)
        sealer = sealing.Sealer(file, self._keys.contents)
        blob = _copy(stream, sealer, limit)
        sealer.close()
        return blob

    def open(self, address: str) -> BufferedReader:
        """The content as a file open for reading. NotFound when there is none."""
        try:
            return self._opened(self.path(address))
        except FileNotFoundError:
            raise NotFound("missing") from None

    def _opened(self, path: Path) -> BufferedReader:
        file = path.open("rb")
        if self._keys is None:
            return file
        try:
            return sealing.reader(file, self._keys.contents)
        except BaseException:
            file.close()
            raise

    def part(self, address: str) -> Part:
        """What has come of a content that arrives in parts."""
        key = None if self._keys is None else self._keys.derived(f"part {address}")
        return Part(self.folder / "new" / f"part-{self._name(address)}", key)

    def exists(self, address: str) -> bool:
        """Whether the content is here."""
        return self.path(address).exists()

    def names(self) -> Iterator[str]:
        """The names of the files of all contents that are here."""
        for path in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            if _ADDRESS.fullmatch(path.name):
                yield path.name

    def damaged(self, address: str) -> bool:
        """Whether the file is missing or is not what its name says."""
        return not _ADDRESS.fullmatch(address) or not self.intact(self._name(address))

    def intact(self, name: str) -> bool:
        """Whether a file is there and holds what its name says."""
        try:
            with self._opened(self._file(name)) as file:
                return self._name(hashlib.file_digest(file, "sha256").hexdigest()) == name
        except (FileNotFoundError, Unavailable):
            return False

    def remove(self, address: str) -> None:
        """Remove a content at once, and what has come of it: the caller knows that nobody names it. Unavailable where
        the system keeps the file because somebody reads it."""
        if not portable.remove(self.path(address)):
            raise Unavailable("Somebody still reads an attachment that is to be erased; it will be repeated.")
        self.part(address).remove()
        (self.folder / "unnamed" / self._name(address)).unlink(missing_ok=True)

    # -- collection

    def collect(self, named: Iterable[str], *, now: float | None = None) -> int:
        """Remove contents that nobody has named for the grace time; how many. Nothing while a backup runs."""
        moment = time.time() if now is None else now
        if self.backup_runs(moment):
            return 0
        keep, removed = {self._name(address) for address in named}, 0
        marks = self.folder / "unnamed"
        marks.mkdir(exist_ok=True)
        for name in list(self.names()):
            removed += self._consider(name, name in keep, marks / name, moment)
        for path in self.folder.glob("new/*"):
            if path.stat().st_mtime < moment - self.grace:
                portable.remove(path)
        return removed

    def _consider(self, name: str, named: bool, mark: Path, moment: float) -> bool:
        """Mark, unmark or remove one content. Written again since it was marked, it starts anew."""
        if named:
            mark.unlink(missing_ok=True)
            return False
        path = self._file(name)
        if not mark.exists():
            mark.touch()
            os.utime(mark, (moment, moment))
        if max(mark.stat().st_mtime, path.stat().st_mtime) > moment - self.grace:
            return False
        if not portable.remove(path):  # somebody downloads it
            return False
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


def _copy(stream: Readable, file: IO[bytes] | sealing.Sealer, limit: int) -> Blob:
    md5, sha256, length = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    while chunk := stream.read(CHUNK):
        length += len(chunk)
        if length > limit:
            raise TooLarge(Message("An attachment is at most %(count)s MB.", count=limit // 1_000_000))
        md5.update(chunk)
        sha256.update(chunk)
        file.write(chunk)
    return Blob("md5-" + base64.b64encode(md5.digest()).decode(), sha256.hexdigest(), length)
