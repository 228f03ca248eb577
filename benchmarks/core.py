"""The core against its peers, side by side in one run: ``python benchmarks/core.py [--rows GLOB] [--json]``.

It measures and does not judge: the exit code is 0 whatever the figures are.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from dataclasses import asdict
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness import CLOCKS, Row, keep_memory, measure, one_thread, table
from memory import WORK, memory_rows

LIBRARIES = (
    "augkit",
    "numpy",
    "scipy",
    "albumentationsx",
    "opencv-python-headless",
    "torch",
    "audiomentations",
    "scikit-image",
    "pandas",
    "polars",
    "tsaug",
    "ratspy",
)


def machine() -> dict[str, str]:
    """Return what was measured on: processor, cores, Python and the libraries."""
    found = {"cpu": _cpu(), "cores": str(os.cpu_count()), "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    if "model name" not in fields:
        return platform.processor() or platform.machine()
    return f"{fields['model name']} (family {fields.get('cpu family', '?')}, model {fields.get('model', '?')})"


def run(pattern: str, rounds: int, clock: str) -> list[Row]:
    """Return the rows of all works whose name fits the pattern."""
    from works import works

    rows: list[Row] = []
    for work in works():
        if fnmatch(work.name, pattern):
            rows += measure(work, rounds, CLOCKS[clock])
    if fnmatch(WORK, pattern):
        rows += memory_rows()
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="augkit's core against its peers, one thread, medians.")
    parser.add_argument("--rows", metavar="GLOB", default="*", help="works to run, such as 'image*'; default: all")
    parser.add_argument("--rounds", type=int, default=15, metavar="N", help="rounds of each work; default: 15")
    parser.add_argument("--clock", choices=tuple(CLOCKS), default="cpu", help="CPU time of the process, or wall time")
    parser.add_argument(
        "--memory", choices=("kept", "default"), default="kept", help="keep freed memory, or do as the C library does"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    one_thread()
    if options.memory == "kept":
        keep_memory()
    rows = run(options.rows, max(2, options.rounds), options.clock)
    if options.json:
        how = {"clock": options.clock, "memory": options.memory, "rounds": options.rounds}
        print(json.dumps({"machine": machine(), **how, "rows": [asdict(row) for row in rows]}, indent=2))
        return
    print(table(rows))
    print("\n" + ", ".join(f"{name} {value}" for name, value in machine().items()))


if __name__ == "__main__":
    main()
