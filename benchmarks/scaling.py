"""Does a second worker halve the time? ``python benchmarks/scaling.py [--files 2000] [--rounds 5]``.

Runs over one folder of photographs, JPEG to JPEG, with 1 and with 2 workers in turn, each from the start of Python to
the last file, and prints the medians and their ratio, which is to reach 1.8. Beside each stands the processor time of
all its processes: where two workers take more of it than one, they wait for each other in memory or in the system, and
where the time of one is longer than its processor time, the disk does.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import corpora
from harness import one_thread

_TARGET = 1.8
_ORDER = (1, 2, 2, 1)


def timed(source: Path, target: Path, workers: int) -> tuple[float, float]:
    """Return the wall time and the processor time of a run, in s."""
    words = ("images", source, target, "--std", "0.1", "--seed", "1", "-j", workers, "--quiet")
    os.sync()
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", "augkit", *map(str, words)], check=True)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write_sources(folder: Path, files: int) -> None:
    """Write so many photographs: those of the corpus, and links to them under further names."""
    first = folder / "first"
    first.mkdir(parents=True)
    subprocess.run([sys.executable, corpora.__file__, "photographs", str(first)], check=True)
    photographs = sorted(first.iterdir())
    (folder / "src").mkdir()
    for number in range(files):
        source = photographs[number % len(photographs)]
        os.link(source, folder / "src" / f"{number:05}{source.suffix}")


def main() -> int:
    """Measure, print, and return 1 where the ratio is not reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000, metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    given = parser.parse_args()
    one_thread()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_sources(folder, given.files)  # nothing is deleted before the end: see _FEW in folders.py
        timed(folder / "src", folder / "dst-warm", 2)
        found: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
        for number in range(given.rounds):
            for workers in _ORDER[:2] if number % 2 == 0 else _ORDER[2:]:
                found[workers].append(timed(folder / "src", folder / f"dst-{number}-{workers}", workers))
    medians = {}
    for workers, times in found.items():
        wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
        medians[workers] = wall
        print(f"{workers} worker{'s' * (workers > 1)}: {wall:.2f} s, {given.files / wall:.1f} files/s, CPU {cpu:.2f} s")
    ratio = medians[1] / medians[2]
    print(f"{given.files} photographs on {os.cpu_count()} cores: {ratio:.2f} times as fast, of at least {_TARGET}")
    return 0 if ratio >= _TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
