"""`python -m bench [MODULE …] [--scale S]`: runs the measurements and prints them as a table."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sqlite3
import sys

from bench import Row

MODULES = ("store", "views", "pages", "importing", "replication", "laptops")


def main() -> int:
    """Run the modules named (all by default) and print one table each."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(MODULES)}; all by default")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full amount of data (1M documents)")
    options = parser.parse_args()
    unknown = sorted(set(options.modules) - set(MODULES))
    if unknown:
        parser.error(f"no such measurement: {', '.join(unknown)}")
    print(machine())
    for name in options.modules or MODULES:
        rows: list[Row] = importlib.import_module(f"bench.{name}").run(options.scale)
        print(f"\n## {name}\n\n{table(rows)}", flush=True)
    return 0


def machine() -> str:
    """Processor, cores, memory, Python and SQLite in one line."""
    model = platform.processor() or platform.machine()
    cpuinfo = "/proc/cpuinfo"
    if os.path.exists(cpuinfo):
        with open(cpuinfo, encoding="utf-8") as lines:
            model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| what | figure | unit | goal |", "| --- | ---: | --- | --- |"]
    lines += [f"| {row.name} | {row.figure:,.4g} | {row.unit} | {row.goal} |" for row in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
