"""Does a run over very many tiny files slow down, or grow? ``python benchmarks/many_files.py --files 100000``.

Prints the rate, the processor time of a file, and the memory of the main process and its workers, in each tenth of the
run. The last tenth is to be as fast as the first, to 15 %, and the memory to stay what it was after the first, to 10 %
or 20 MB. On a machine with other work the rate tells of that; the processor time tells of augkit.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from augkit import run
from augkit.folder.plan import Plan
from augkit.folder.tally import Tally
from augkit.recipe import Recipe, make_section

_TENTHS = 10
_GROUP, _TICKS, _PAGES = 2, 11, 21
"""Fields of /proc/PID/stat behind the name."""

_SLOWER, _LARGER, _LARGER_MB = 0.15, 0.10, 20
_FOLDERS = 100
_ROWS = "time,value\n" + "".join(f"{t},{t % 7 - 3}.25\n" for t in range(8))


def write_sources(domain: str, src: Path, files: int) -> None:
    """Write tiny sources in a hundred folders: gray pictures of 8 x 8 pixels, or tables of 8 rows."""
    for folder in range(_FOLDERS):
        (src / f"{folder:02}").mkdir(parents=True)
    for number in range(files):
        place = src / f"{number % _FOLDERS:02}" / f"{number:06}"
        if domain == "images":
            place.with_suffix(".pgm").write_bytes(b"P5 8 8 255\n" + bytes([60 + number % 100] * 64))
        else:
            place.with_suffix(".csv").write_text(_ROWS)


class Watch:
    """Notes the time and the memory at every tenth of a run."""

    def __init__(self) -> None:
        self.marks: list[tuple[int, float, float, float]] = []

    def __call__(self, tally: Tally, plan: Plan) -> None:
        """Take note, as the progress of a run."""
        if tally.outputs >= len(self.marks) * plan.outputs / _TENTHS:
            last = self.marks[-1][2:] if self.marks else (0.0, 0.0)
            self.marks.append((tally.outputs, time.monotonic(), *max(_used(), last)))  # at the end workers are gone


def _used() -> tuple[float, float]:
    """Return the seconds of processor time that the processes of this group took, and the MB that they hold."""
    pages = ticks = 0
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if int(fields[_GROUP]) == os.getpgrp():
            ticks += int(fields[_TICKS]) + int(fields[_TICKS + 1])
            pages += int(fields[_PAGES])
    return ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(domain: str, files: int, jobs: int | None) -> bool:
    """Do a run, print its tenths, and return whether it neither slowed down nor grew."""
    with tempfile.TemporaryDirectory() as folder:
        src, dst = Path(folder) / "src", Path(folder) / "dst"
        write_sources(domain, src, files)
        watch = Watch()
        table = {"std": 0.1} if domain == "images" else {"std": "0.1sd"}
        run(Recipe(seed=1, sections=(make_section(domain, str(src), str(dst), table),)), jobs=jobs, progress=watch)
    print(f"{domain}, {files} files\n{'outputs':>9} {'files/s':>9} {'CPU ms':>9} {'MB':>7}")
    rates, sizes = [], []
    for (count, moment, cpu, _), (later, end, more, size) in zip(watch.marks, watch.marks[1:], strict=False):
        rates.append((later - count) / (end - moment))
        sizes.append(size)
        each = f"{1000 * (more - cpu) / (later - count):.2f}" if more > cpu else "-"
        print(f"{later:9} {rates[-1]:9.0f} {each:>9} {size:7.0f}")
    slower, larger = 1 - rates[-1] / rates[0], sizes[-1] - sizes[0]
    print(f"last tenth slower than the first by {100 * slower:.0f} %, larger by {larger:.0f} MB", flush=True)
    return slower <= _SLOWER and larger <= max(_LARGER * sizes[0], _LARGER_MB)


def main() -> int:
    """Measure and return 1 where a run slows down or grows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("domains", nargs="*", default=["images", "series"])
    given = parser.parse_args()
    os.setpgid(0, 0)  # so that all processes of the group are of these runs
    kept = [measure(domain, given.files, given.jobs) for domain in given.domains]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
