"""Peak memory of one contender beyond its input, in a process of its own: ``python memory.py NAME`` prints the MB."""

from __future__ import annotations

import resource
import subprocess
import sys
from functools import partial
from pathlib import Path

from harness import Row, one_thread

WORK = "memory, 200 MB image"
SHAPE = 8000, 8333
MOST_MB = 210
"""The output and a few MB."""

CONTENDERS = ("augkit", "AlbumentationsX", "OpenCV")

_NOT_INSTALLED = 3


def memory_rows() -> list[Row]:
    """Return a row for each contender."""
    rows: list[Row] = []
    for name in CONTENDERS:
        child = subprocess.run([sys.executable, __file__, name], capture_output=True, text=True, check=False)
        if child.returncode == 0:
            rows.append(_row(name, float(child.stdout), rows[0].value if rows else None))
        else:
            reason = "not installed" if child.returncode == _NOT_INSTALLED else child.stderr.strip().splitlines()[-1]
            rows.append(Row(WORK, name, unit="MB", note=reason))
    return rows


def _row(name: str, peak: float, ours: float | None) -> Row:
    if name == "augkit":
        return Row(WORK, name, peak, "MB", target=f"<= {MOST_MB} MB", reached=peak <= MOST_MB)
    return Row(WORK, name, peak, "MB", ratio=None if ours is None else peak / ours)


def peak_beyond_input(name: str) -> float:
    """Return by how many MB the process grew while Gaussian noise was added to a uint8 image of 200 MB."""
    import peers
    import works

    make = {
        "augkit": partial(works.our_image, noise=works.GAUSSIAN, std=works.STD),
        "AlbumentationsX": partial(peers.albumentations_gauss, low=works.STD, high=works.STD),
        "OpenCV": partial(peers.opencv_gauss, std=works.STD),
    }[name]
    make(works.picture(64, 64))()
    image = works.picture(1, SHAPE[1]).repeat(SHAPE[0], axis=0)
    call = make(image)
    before = _peak_mb()
    call()
    return _peak_mb() - before


def _peak_mb() -> float:
    status = Path("/proc/self/status")
    if status.exists():
        # ru_maxrss outlives exec on Linux: there a child starts with its parent's peak
        (line,) = (line for line in status.read_text("ascii").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


if __name__ == "__main__":
    one_thread()
    try:
        print(peak_beyond_input(sys.argv[1]))
    except ImportError:
        sys.exit(_NOT_INSTALLED)
