"""The running numbers of a laptop: which blocks its databases need, and taking in what the hub leases to it."""

from __future__ import annotations

from app.forms.catalog import Catalog
from app.forms.numbering import Block, Numbering


class Leases:
    """What the replicator asks (the door's `Numbers`)."""

    def __init__(self, numbering: Numbering, catalog: Catalog) -> None:
        self._numbering = numbering
        self._catalog = catalog

    def wanted(self, database: str) -> list[tuple[str, int, int]]:
        """(series, year, count) of the blocks to ask for."""
        design = self._catalog.design(database)
        return self._numbering.wanted(database, design.numbering) if design else []

    def grant(self, series: str, year: int, first: int, last: int) -> None:
        """Numbers that are this laptop's from now on."""
        self._numbering.grant(Block(series, year, first, last))
