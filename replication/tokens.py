"""Tokens: `since`, `seq`, `last_seq` and `update_seq` as clients get them, opaque texts that they hand back.

    1042-5f3c…-9a1b…                        everything up to 1042 of this incarnation, under this epoch
    1042-5f3c…-9a1b….77e0…_g_1050_12_900    on the way from one epoch to another (app/access/following.py)

The incarnation tells this hub, and this life of it, from others; the epoch says with which names the person read.
A token of another incarnation, another person or another kind of server means nothing here: the feed starts from the
beginning, or, for who can compare, answers 410.
"""

from __future__ import annotations

from app.access.following import Place


def token(place: Place, incarnation: str) -> str:
    """The token of a place."""
    return place.text(incarnation)
