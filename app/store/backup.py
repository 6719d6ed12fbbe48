"""Backup of a whole node into one zip while it serves, and restore from it.

    manifest.json     {"format": 1, "at": …, "databases": [names]}
    documents.db      ┐ snapshots of the same moment: both are begun while nobody writes
    node.db           ┘
    encryption.json   of an encrypted node, whose backup is as encrypted as it is
    attachments/ab/ab12…   every content that a revision in the snapshot names
    jobs/<id>/<file>  what imports and other jobs keep

Search and other derived files are left out; a node makes them anew. Restoring starts a new incarnation of
every database, so that devices compare everything again and push what the backup lacks.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from app import clock
from app.errors import UserError
from app.store import compaction, driver, encrypting, jobfiles, keys, portable
from app.store.blobs import Blobs
from app.store.keys import Keys
from app.store.portable import sync_folder
from app.store.sqlite import SqliteFile, translated

if TYPE_CHECKING:
    from app.store.store import Store

FORMAT = 1
FILES = ("documents.db", "node.db")
_NO_BACKUP: tuple[type[Exception], ...] = (
    zipfile.BadZipFile,
    KeyError,
    orjson.JSONDecodeError,
    *driver.DatabaseErrors,
)
_ATTACHMENT = re.compile(r"attachments/([0-9a-f]{2})/(\1[0-9a-f]{62})")


def backup(store: Store, file: Path) -> None:
    """Write the snapshot; the file appears when it is complete. InsufficientStorage leaves nothing behind."""
    part = file.with_name(file.name + ".part")
    with translated(), store.blobs.backing_up() as lease, _folder_beside(file) as folder:
        _snapshot([store.documents, store.node], folder)
        try:
            _pack(store, folder, part, lease)
            portable.replace(part, file)
            sync_folder(file.absolute().parent)
        finally:
            part.unlink(missing_ok=True)


def _snapshot(files: list[SqliteFile], folder: Path) -> None:
    """Copies of the files as they were at one moment."""
    with contextlib.ExitStack() as opened:
        readers = []
        with contextlib.ExitStack() as quiet:
            for file in files:
                quiet.enter_context(file.transaction())
            for file in files:
                reader = opened.enter_context(contextlib.closing(driver.connect(file.path, file.key)))
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
                readers.append(reader)
        for file, reader in zip(files, readers, strict=True):
            with contextlib.closing(driver.connect(folder / file.path.name, file.key)) as copy:
                reader.backup(copy)


def _pack(store: Store, folder: Path, part: Path, lease: Path) -> None:
    with contextlib.closing(driver.connect(folder / FILES[0], store.documents.key)) as copy:
        named = compaction.named_blobs(copy) - compaction.absent_blobs(copy)
        names = [name for (name,) in copy.execute("SELECT name FROM databases ORDER BY name")]
    manifest = {"format": FORMAT, "at": clock.now(), "databases": names}
    with part.open("wb") as target:
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr("manifest.json", orjson.dumps(manifest))
            for name in FILES:
                archive.write(folder / name, name, zipfile.ZIP_DEFLATED, compresslevel=1)
            if keys.is_encrypted(store.data):  # what lies in the node encrypted stays so
                archive.write(store.data / keys.FILE, keys.FILE)
            for path in sorted(map(store.blobs.path, named)):
                os.utime(lease)
                archive.write(path, f"attachments/{path.parent.name}/{path.name}")
            for path, name in jobfiles.listed(store.data):
                archive.write(path, name)
        target.flush()
        os.fsync(target.fileno())


@contextlib.contextmanager
def _folder_beside(file: Path) -> Iterator[Path]:
    """A folder for the work, on the same disk as the result."""
    with tempfile.TemporaryDirectory(dir=file.absolute().parent, prefix=".davenport-") as name:
        yield Path(name)


def is_encrypted(file: Path) -> bool:
    """Whether it is a backup of an encrypted node, whose passphrase opens it."""
    if not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        return keys.FILE in archive.namelist()


def restore(file: Path, data: Path, passphrase: str = "", *, encrypted: bool = False) -> None:
    """Make a data directory from a backup; `encrypted` makes it so though the backup is not. UserError when it is
    none or damaged, or data is there already."""
    if any((data / name).exists() for name in (*FILES, keys.FILE)):
        raise UserError(f"There is data in {data} already; restore into an empty folder.")
    data.mkdir(parents=True, exist_ok=True)
    try:
        with translated(), _folder_beside(data / FILES[0]) as folder:
            found = _unpack(file, folder, passphrase)
            if encrypted and found is None:
                found = encrypting.encrypt(folder, passphrase)
            _begin_anew(folder / FILES[0], found)
            shutil.copytree(folder / "attachments", data / "attachments", dirs_exist_ok=True)
            jobfiles.place(folder, data)
            last = [keys.FILE] if found else []
            for name in (*last, *reversed(FILES)):  # documents.db last: with it the data directory is complete
                portable.replace(folder / name, data / name)
            sync_folder(data)
    except _NO_BACKUP as problem:
        raise UserError(f"{file.name} is not a complete backup: {problem}") from problem
    except FileNotFoundError as problem:
        raise UserError(f"There is no backup {file}.") from problem


def _unpack(file: Path, folder: Path, passphrase: str) -> Keys | None:
    """The keys, when it is an encrypted one."""
    with zipfile.ZipFile(file) as archive:
        manifest = orjson.loads(archive.read("manifest.json"))
        if manifest.get("format") != FORMAT:
            raise UserError(f"{file.name} is a backup of another format; use the Davenport that made it.")
        (folder / "attachments").mkdir()
        jobfiles.extract(archive, folder)
        encrypted = keys.FILE in archive.namelist()
        for name in (keys.FILE, *FILES) if encrypted else FILES:
            archive.extract(name, folder)
        found = keys.unlock(folder, passphrase) if encrypted else None
        blobs = Blobs(folder / "attachments", keys=found)
        for name in archive.namelist():
            content = _ATTACHMENT.fullmatch(name)
            if content:
                archive.extract(name, folder)
                if not blobs.intact(content[2]):
                    raise zipfile.BadZipFile(f"{name} is damaged")
    return found


def _begin_anew(documents: Path, found: Keys | None) -> None:
    with contextlib.closing(driver.connect(documents, found.documents if found else None)) as connection:
        connection.execute("UPDATE databases SET incarnation = lower(hex(randomblob(8)))")
