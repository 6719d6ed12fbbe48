"""Files sealed piece by piece, so that they stream and any range is read without the rest.

    header   8 bytes what it is · 16 bytes salt; HKDF of key and salt is the key of this file alone
    piece n  64 KiB (the last one less) + 16 bytes tag: AES-256-GCM, nonce = n in 11 bytes · 1 when it is the last

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015), as Tink and age use it: a piece that was
changed, moved, dropped or cut off is noticed when it is read.

A `Spool` is for what no longer lives than the process, or is checked by its digest: AES-256-CTR, which may be
written in parts and continued. It keeps content secret and does not notice changes.
"""

from __future__ import annotations

import io
import os
from typing import IO, TYPE_CHECKING, Any, cast

from app.errors import Unavailable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import CTR
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
except ImportError:  # without the extra `encrypted` there are no keys, and nothing gets here
    pass

MAGIC = b"davenp\x00\x01"
SALT = 16
HEADER = len(MAGIC) + SALT
PIECE = 64 * 1024
TAG = 16
BLOCK = 16  # bytes of AES


def _of_file(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt, b"davenport file").derive(key))


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


class Sealer(io.RawIOBase):
    """Seals what is written into `file`; complete once closed, which leaves `file` open."""

    def __init__(self, file: IO[bytes], key: bytes) -> None:
        salt = os.urandom(SALT)
        self._file = file
        self._cipher = _of_file(key, salt)
        self._waiting = bytearray()
        self._number = 0
        file.write(MAGIC + salt)

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        view = memoryview(data).cast("B")
        self._waiting += view
        while len(self._waiting) > PIECE:  # the last one waits for `close`
            self._seal(bytes(self._waiting[:PIECE]), last=False)
            del self._waiting[:PIECE]
        return len(view)

    def _seal(self, piece: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last), piece, None))
        self._number += 1

    def close(self) -> None:
        if not self.closed:
            self._seal(bytes(self._waiting), last=True)
            self._waiting.clear()
        super().close()

    def __del__(self) -> None:  # what was not closed is not complete: never seal at the end of its life
        pass


class Unsealer(io.RawIOBase):
    """What a sealed file holds, to read and seek in. Unavailable when the file was changed."""

    def __init__(self, file: IO[bytes], key: bytes) -> None:
        self._file = file
        header = file.read(HEADER)
        if len(header) != HEADER or not header.startswith(MAGIC):
            raise Unavailable("An encrypted file is damaged.")
        self._cipher = _of_file(key, header[len(MAGIC) :])
        sealed = file.seek(0, io.SEEK_END) - HEADER
        self._pieces = -(-sealed // (PIECE + TAG))
        self.size = sealed - self._pieces * TAG
        self._at = 0
        self._held: tuple[int, bytes] = (-1, b"")
        if self._pieces < 1 or self.size < 0:
            raise Unavailable("An encrypted file is damaged.")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        if self.size == 0:
            self._piece(0)  # an empty file was sealed, too
        if not view or self._at >= self.size:
            return 0
        number, begin = divmod(self._at, PIECE)
        part = self._piece(number)[begin : begin + len(view)]
        view[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _piece(self, number: int) -> bytes:
        if self._held[0] != number:
            self._file.seek(HEADER + number * (PIECE + TAG))
            try:
                piece = self._cipher.decrypt(
                    _nonce(number, number == self._pieces - 1), self._file.read(PIECE + TAG), None
                )
            except InvalidTag as problem:
                raise Unavailable("An encrypted file is damaged.") from problem
            self._held = (number, piece)
        return self._held[1]

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._file.close()


class Spool(io.RawIOBase):
    """A file to write and read anywhere whose bytes on the disk say nothing.

    The first 16 bytes of `file` are its nonce. Write no place twice with different content.
    """

    def __init__(self, file: IO[bytes], key: bytes) -> None:
        self._file = file
        self._key = key
        file.seek(0)
        self._nonce = file.read(BLOCK)
        if len(self._nonce) < BLOCK:
            self._nonce = os.urandom(BLOCK)
            file.seek(0)
            file.write(self._nonce)
        self._at = 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def _turned(self, at: int, data: bytes) -> bytes:
        """Plain to sealed or back, at a place."""
        first, skip = divmod(at, BLOCK)
        counter = (int.from_bytes(self._nonce, "big") + first) % (1 << 128)
        stream = Cipher(AES(self._key), CTR(counter.to_bytes(BLOCK, "big"))).encryptor()
        stream.update(bytes(skip))
        return stream.update(data)

    def write(self, data: ReadableBuffer, /) -> int:
        plain = bytes(data)
        self._file.seek(BLOCK + self._at)
        self._file.write(self._turned(self._at, plain))
        self._at += len(plain)
        return len(plain)

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        self._file.seek(BLOCK + self._at)
        found = self._turned(self._at, self._file.read(len(view)))
        view[: len(found)] = found
        self._at += len(found)
        return len(found)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        end = self._file.seek(0, io.SEEK_END) - BLOCK if whence == io.SEEK_END else 0
        self._at = max({io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: end}[whence] + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def truncate(self, size: int | None = None, /) -> int:
        length = self._at if size is None else size
        self._file.truncate(BLOCK + length)
        return length

    def flush(self) -> None:
        super().flush()
        self._file.flush()

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._file.close()


def reader(file: IO[bytes], key: bytes) -> io.BufferedReader:
    """What a sealed file holds, buffered."""
    return io.BufferedReader(Unsealer(file, key), PIECE)


def writer(file: IO[bytes], key: bytes) -> IO[bytes]:
    """A file whose content is sealed into `file`; both are closed together."""
    return cast("IO[bytes]", io.BufferedWriter(cast(Any, _Closing(file, key)), PIECE))


class _Closing(Sealer):
    def close(self) -> None:
        if not self.closed:
            super().close()
            self._file.close()
