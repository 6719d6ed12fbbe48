"""Running numbers for new documents: blocks leased before they are needed, so that offline ones are final too."""

from __future__ import annotations

import logging

from app.access.mirror import Mirror
from replication.client.faults import Refused
from replication.client.hub import Hub

log = logging.getLogger(__name__)


def lease(hub: Hub, name: str, mirror: Mirror) -> None:
    """The blocks that a database of this laptop needs; refused, its new codes stay provisional. Unreachable."""
    for series, year, count in mirror.numbers_wanted():
        try:
            block = hub.numbers(name, series, year, count)
        except Refused as problem:
            log.info("no numbers of %s: %s", series, problem.reason)
            return
        mirror.grant_numbers(str(block["series"]), int(block["year"]), int(block["first"]), int(block["last"]))
