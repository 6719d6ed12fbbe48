"""Running numbers for new documents: blocks leased before they are needed, so that offline ones are final too."""

from __future__ import annotations

import logging
from functools import partial

from app.access.mirror import Mirror
from replication.client.faults import Refused
from replication.client.hub import Hub
from replication.client.trying import Patience

log = logging.getLogger(__name__)


def lease(hub: Hub, name: str, mirror: Mirror, patience: Patience) -> None:
    """The blocks that a database of this laptop needs; refused, its new codes stay provisional. Unreachable."""
    for series, year, count in mirror.numbers_wanted():
        try:
            block = patience.call(partial(hub.numbers, name, series, year, count))  # one that was lost is a gap
        except Refused as problem:
            log.info("no numbers of %s: %s", series, problem.reason)
            return
        mirror.grant_numbers(str(block["series"]), int(block["year"]), int(block["first"]), int(block["last"]))
