"""Document ids: 128 random bits in hex, so that any replica makes them without asking."""

from __future__ import annotations

import secrets


def new_id() -> str:
    """A new document id, 32 hex digits."""
    return secrets.token_hex(16)
