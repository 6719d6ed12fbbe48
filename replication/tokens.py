"""Sequences as the feed gives them out: opaque texts `seq-incarnation`, for instance `1042-5f3c…`.

A client hands back what it got. A token of another incarnation (another hub, a restored backup) or of another
kind of server means nothing here, and the feed starts from the beginning. More parts may follow the second
one (epoch and cursor of a person's rights); they are not there yet, and are ignored.
"""

from __future__ import annotations

import re

from app.errors import BadRequest

_TOKEN = re.compile(r"(\d{1,18})(?:-([A-Za-z0-9_=+/.-]{0,4000}))?")


def token(seq: int, incarnation: str) -> str:
    """The token of a sequence."""
    return f"{seq}-{incarnation}"


def sequence(value: object, incarnation: str, now: int) -> int:
    """The sequence that a `since` stands for; `now` is the newest. BadRequest for what no server gives out."""
    text = str(value if value is not None else 0).strip().strip('"')
    if text == "now":
        return now
    found = _TOKEN.fullmatch(text)
    if found is None:
        raise BadRequest("Malformed sequence supplied in 'since' parameter.")
    return int(found[1]) if (found[2] or "").split("-")[0] == incarnation else 0
