"""How much is asked for at once: as much as comes in about a second and a half, less after each failure.

A line that breaks after some hundred kilobytes then still moves, batch by batch.
"""

from __future__ import annotations

TARGET = 1.5  # seconds
ROWS_LEAST, ROWS_MOST = 1, 2_000
BYTES_LEAST, BYTES_MOST = 16_000, 2_500_000


class Sizes:
    """Rows and bytes of the next batch."""

    def __init__(self) -> None:
        self.rows = 1_000
        self.bytes = 1_000_000

    def took(self, seconds: float) -> None:
        """A batch of this size came in so many seconds."""
        if seconds > 2 * TARGET:
            self._scale(0.5)
        elif seconds < TARGET / 2:
            self._scale(2)

    def failed(self) -> None:
        """A batch of this size did not come."""
        self._scale(0.25)

    def _scale(self, by: float) -> None:
        self.rows = int(min(max(self.rows * by, ROWS_LEAST), ROWS_MOST))
        self.bytes = int(min(max(self.bytes * by, BYTES_LEAST), BYTES_MOST))
