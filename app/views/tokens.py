"""Page tokens: where a page ended, sealed: a key may hold the title of a parent the person cannot read.

    token = base64url( nonce 9 · payload ⊕ keystream · tag 12 )

The secret lies in node.db and is the same for all processes of a node; a token is good as long as that.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets as random
from typing import Any

import orjson

from app.errors import BadRequest
from app.store import Store

NONCE, TAG = 9, 12


class Sealer:
    """Seals and opens tokens with the node's secret."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._secret: bytes | None = None

    def seal(self, value: Any) -> str:
        """A value (JSON, bytes as latin-1 text) as an opaque token."""
        plain = orjson.dumps(value)
        nonce = random.token_bytes(NONCE)
        hidden = self._mix(nonce, plain)
        return base64.urlsafe_b64encode(nonce + hidden + self._tag(nonce + hidden)).decode().rstrip("=")

    def open(self, token: str) -> Any:
        """What was sealed. BadRequest for anything else."""
        try:
            raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except ValueError:
            raise BadRequest("`after` is not a token of this view.") from None
        body, tag = raw[:-TAG], raw[-TAG:]
        if len(raw) < NONCE + TAG or not hmac.compare_digest(self._tag(body), tag):
            raise BadRequest("`after` is not a token of this view.")
        return orjson.loads(self._mix(body[:NONCE], body[NONCE:]))

    def _mix(self, nonce: bytes, text: bytes) -> bytes:
        stream = hashlib.shake_256(self._key() + b"stream" + nonce).digest(len(text))
        return bytes(a ^ b for a, b in zip(text, stream, strict=True))

    def _tag(self, text: bytes) -> bytes:
        return hmac.new(self._key(), text, hashlib.sha256).digest()[:TAG]

    def _key(self) -> bytes:
        if self._secret is None:
            with self._store.node.transaction() as connection:
                connection.execute(
                    "INSERT OR IGNORE INTO settings (name, value) VALUES ('page_tokens', ?)",
                    (random.token_hex(32),),
                )
                row = connection.execute("SELECT value FROM settings WHERE name = 'page_tokens'").fetchone()
            self._secret = bytes.fromhex(row[0])
        return self._secret
