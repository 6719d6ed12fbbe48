"""Encryption at rest: one random master key a node, locked by a passphrase, and what is derived from it.

    passphrase ── Argon2id ──▶ locks (AES-256-GCM) ──▶ master key, in DATA/encryption.json
                                                          ├─ documents.db, node.db     SQLCipher
                                                          ├─ contents of files         AES-256-GCM (sealing.py)
                                                          └─ names of attachment files HMAC-SHA256 of their address

A change of passphrase locks the same master key anew: it takes a moment, however much there is, and either the old
or the new passphrase opens the node. Without `encryption.json` nothing opens it; backups carry it along.
"""

from __future__ import annotations

import base64
import hmac
import os
import secrets
from pathlib import Path
from typing import Any

import orjson
from argon2.low_level import Type, hash_secret_raw

from app.errors import Message, UserError
from app.store.portable import replace, sync_folder

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
except ImportError:  # the extra `encrypted` is not installed
    AVAILABLE = False
else:
    AVAILABLE = True

FILE = "encryption.json"
FORMAT = 1
COST = {"time": 3, "memory": 65_536, "lanes": 4}  # Argon2id, RFC 9106's second recommendation; memory in KiB
SHORTEST = 8  # characters of a passphrase
MISSING = Message("The data is encrypted; give its passphrase: DAVENPORT_PASSPHRASE or --passphrase-file.")
WRONG = Message("The passphrase is wrong.")
NOT_INSTALLED = Message("This needs `davenport[encrypted]`; install it with pip.")
DAMAGED = Message("%(file)s cannot be read; restore it from a backup of this node.")


class Keys:
    """The keys of an open node. `create`, `unlock`."""

    def __init__(self, master: bytes) -> None:
        self._master = master
        self.documents = self.derived("documents.db").hex()
        self.node = self.derived("node.db").hex()
        self.contents = self.derived("contents")
        self._names = self.derived("names")
        self.scratch = secrets.token_hex(32)  # for files that live no longer than the process

    def derived(self, purpose: str) -> bytes:
        """32 bytes for one purpose."""
        return HKDF(SHA256(), 32, None, f"davenport {purpose}".encode()).derive(self._master)

    def name(self, address: str) -> str:
        """What the file of a content is called, so that its name does not tell whose digest it is."""
        return hmac.digest(self._names, address.encode(), "sha256").hex()

    def lock(self, data: Path, passphrase: str) -> None:
        """Write `encryption.json`: from now on this passphrase opens the node. UserError when it is too short."""
        if len(passphrase) < SHORTEST:
            raise UserError(Message("A passphrase has at least %(count)s characters.", count=SHORTEST))
        salt, nonce = os.urandom(16), os.urandom(12)
        wrapping = _stretched(passphrase, salt, COST)
        locked = AESGCM(wrapping).encrypt(nonce, self._master, None)
        kept = {"format": FORMAT, "kdf": "argon2id", **COST}
        kept |= {name: base64.b64encode(value).decode() for name, value in (("salt", salt), ("key", nonce + locked))}
        part = data / (FILE + ".part")
        with part.open("wb") as file:
            file.write(orjson.dumps(kept, option=orjson.OPT_INDENT_2))
            file.flush()
            os.fsync(file.fileno())
        replace(part, data / FILE)
        sync_folder(data)


def is_encrypted(data: Path) -> bool:
    """Whether the node there needs a passphrase."""
    return (data / FILE).exists()


def create(data: Path, passphrase: str) -> Keys:
    """Keys of a new node, locked by the passphrase. UserError."""
    if not AVAILABLE:
        raise UserError(NOT_INSTALLED)
    if is_encrypted(data):
        raise UserError(f"{data} is encrypted already.")
    keys = Keys(os.urandom(32))
    keys.lock(data, passphrase)
    return keys


def unlock(data: Path, passphrase: str) -> Keys:
    """The keys of the node in `data`. UserError for a wrong passphrase or none."""
    if not AVAILABLE:
        raise UserError(NOT_INSTALLED)
    if not passphrase:
        raise UserError(MISSING)
    try:
        kept: dict[str, Any] = orjson.loads((data / FILE).read_bytes())
        if kept["format"] != FORMAT:
            raise UserError(f"{data / FILE} was written by a newer Davenport; install that version.")
        salt, sealed = base64.b64decode(kept["salt"]), base64.b64decode(kept["key"])
        wrapping = _stretched(passphrase, salt, {name: int(kept[name]) for name in COST})
        return Keys(AESGCM(wrapping).decrypt(sealed[:12], sealed[12:], None))
    except InvalidTag:
        raise UserError(WRONG) from None
    except (KeyError, TypeError, ValueError) as problem:
        raise UserError(Message(DAMAGED, file=FILE)) from problem


def _stretched(passphrase: str, salt: bytes, cost: dict[str, int]) -> bytes:
    return hash_secret_raw(passphrase.encode(), salt, cost["time"], cost["memory"], cost["lanes"], 32, Type.ID)
