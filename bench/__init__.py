"""Speed and memory, measured and printed as a table with the machine; never a timed test.

`make bench` runs every module named in `MODULES`; each has `run(scale) -> list[Row]`. `python -m bench store views
--scale 0.1` runs some of them on a tenth of the data. Figures are medians and p95 of many calls in one process;
machines are shared and noisy, so ratios within one run say more than seconds.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One line of the table: what was measured, the figure in its unit, what is aimed for."""

    name: str
    figure: float
    unit: str
    goal: str = ""


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` (0…1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
