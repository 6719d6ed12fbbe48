"""Backup and restore."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.store.store import Store


def backup(store: Store, file: Path) -> None:
    """Write a snapshot."""
    raise NotImplementedError


def restore(file: Path, data: Path) -> None:
    """Make a data directory."""
    raise NotImplementedError
