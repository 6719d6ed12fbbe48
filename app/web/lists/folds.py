"""Which categories of a view stand unfolded for a person: what they folded themselves, else what the view does.

Kept as {"all": "open" | "closed", "open": [keys], "closed": [keys]}: `all` is the last "expand all" or "collapse
all", the lists what was folded one by one since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.web import preferences

MOST = 300


@dataclass(frozen=True)
class Folds:
    """What a person chose in one view."""

    all: bool | None = None
    open: frozenset[str] = field(default_factory=frozenset)
    closed: frozenset[str] = field(default_factory=frozenset)

    def chosen(self, key: str) -> bool | None:
        """Whether a category is to stand unfolded; None where the person did not say."""
        if key in self.open:
            return True
        return False if key in self.closed else self.all


def _name(database: str, view: str) -> str:
    return f"folds:{database}/{view}"


def read(database: str, view: str) -> Folds:
    """What the person who asks chose."""
    kept = preferences.read(_name(database, view))
    whole = {"open": True, "closed": False}.get(str(kept.get("all")))
    return Folds(whole, frozenset(kept.get("open") or ()), frozenset(kept.get("closed") or ()))


def keep(database: str, view: str, sent: Mapping[str, Any]) -> None:
    """Keep a choice: {"all": "open" | "closed"} or {"key": …, "open": true | false}."""
    name = _name(database, view)
    if sent.get("all") in ("open", "closed"):
        preferences.write(name, {"all": sent["all"]})
        return
    key = sent.get("key")
    if not isinstance(key, str) or len(key) > 400:
        return
    kept = preferences.read(name)
    lists = {side: [one for one in kept.get(side) or () if one != key] for side in ("open", "closed")}
    lists["open" if sent.get("open") is True else "closed"].append(key)
    whole = {"all": kept["all"]} if kept.get("all") else {}
    preferences.write(name, whole | {side: keys[-MOST:] for side, keys in lists.items() if keys})
