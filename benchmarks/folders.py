"""Whole runs over folders against the scripts that users write: ``python benchmarks/folders.py [--rows GLOB]``.

Everything counts, from the start of Python to the last file. It measures and does not judge: the exit code is 0
whatever the figures are.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

import corpora
from core import machine
from harness import Contender, Row, Target, Work, compare, one_thread, rotating, table

SCRIPTS = Path(__file__).parent / "scripts"
_ADOPT_ORPHANS = 36
"""PR_SET_CHILD_SUBREAPER of Linux."""

_FEW = 16
"""Outputs that are deleted at once. More stay until the end: while ext4 looks past the inodes of thousands that were
deleted within the last minutes, it makes new files many times slower."""


@dataclass(frozen=True)
class Script:
    """A peer's script in `SCRIPTS`, the module or program that it needs, and what the ratio to it is to reach."""

    name: str
    file: str
    needed: str
    bound: float | None = None


@dataclass(frozen=True)
class FolderWork:
    """A folder, what augkit is asked to do with it, and the scripts that do the same.

    Attributes
    ----------
    most_mb : float
        Memory that augkit's largest process is to stay below.
    scales : bool
        Whether the size of the corpus is a matter of choice.
    """

    name: str
    corpus: Callable[..., None]
    arguments: tuple[str, ...]
    suffix: str
    scripts: tuple[Script, ...]
    most_mb: float = 150
    scales: bool = False


_IMAGES = ("images", "--std", "0.1")


def _image_scripts(opencv: float, albumentations: float | None, pillow: float | None) -> tuple[Script, ...]:
    peers = (
        Script("OpenCV", "opencv_images.py", "cv2", opencv),
        Script("AlbumentationsX", "albumentations_images.py", "albumentations", albumentations),
        Script("Pillow + NumPy", "pillow_images.py", "PIL", pillow),
    )
    return tuple(peer for peer in peers if peer.bound is not None or peer.name != "AlbumentationsX")


_AUDIO = ("audio", "--snr", "10")


def _audio_scripts(audiomentations: float, numpy: float | None) -> tuple[Script, ...]:
    return (
        Script("audiomentations", "audiomentations_audio.py", "audiomentations", audiomentations),
        Script("NumPy + soundfile", "numpy_audio.py", "soundfile", numpy),
    )


_SERIES = ("series", "--std", "0.1sd")
_POLARS = "polars_tables.py"


def _table_scripts(pandas: float | None, polars: float | None) -> tuple[Script, ...]:
    return (
        Script("pandas + NumPy, 2 processes", "pandas_tables.py", "pandas", pandas),
        Script("polars + NumPy, its threads", _POLARS, "polars", polars),
    )


WORKS = (
    FolderWork("300 photographs, JPEG", corpora.photographs, _IMAGES, ".jpg", _image_scripts(1.2, 3, 3)),
    FolderWork(
        "300 photographs, JPEG to PNG",
        corpora.photographs,
        (*_IMAGES, "--format", "png"),
        ".png",
        _image_scripts(1.8, None, 6),
    ),
    FolderWork("3,000 small PNGs", corpora.small_pictures, _IMAGES, ".png", _image_scripts(1.0, None, None)),
    FolderWork("570 recordings", corpora.recordings, _AUDIO, ".wav", _audio_scripts(2.2, 1.2)),
    FolderWork(
        "570 recordings to FLAC", corpora.recordings, (*_AUDIO, "--format", "flac"), ".flac", _audio_scripts(2, None)
    ),
    FolderWork("10 minutes, WAV", corpora.long_wav, _AUDIO, ".wav", _audio_scripts(3, None)),
    FolderWork("10 minutes, FLAC", corpora.long_flac, _AUDIO, ".flac", _audio_scripts(3, None)),
    FolderWork(
        "1 hour, 48 kHz stereo",
        corpora.long_stereo,
        _AUDIO,
        ".wav",
        (Script("SoX", "sox_audio.py", "sox", 1),),
        200,
        scales=True,
    ),
    FolderWork("4 tables, CSV as logged", corpora.logged_csv, _SERIES, ".csv", _table_scripts(4, 1.1), 300),
    FolderWork("4 tables, CSV as exported", corpora.exported_csv, _SERIES, ".csv", _table_scripts(4, 1.1), 300),
    FolderWork(
        "4 tables, Parquet",
        corpora.tables_parquet,
        _SERIES,
        ".parquet",
        (Script("polars + NumPy, its threads", _POLARS, "polars", 1.0),),
        300,
    ),
    FolderWork(
        "large table, CSV",
        corpora.large_csv,
        _SERIES,
        ".csv",
        (Script("pandas in chunks", "pandas_chunks.py", "pandas", 5),),
        300,
        scales=True,
    ),
)


def run(work: FolderWork, rounds: int, place: Path, scale: float) -> list[Row]:
    """Return the rows of a work: seconds of each contender, and the memory of augkit's largest process."""
    source = place / work.corpus.__name__
    if not source.exists():
        source.mkdir()
        # by a process of its own: on Linux a child's peak memory begins with that of its parent
        size = [str(scale)] if work.scales else []
        subprocess.run([sys.executable, corpora.__file__, work.corpus.__name__, str(source), *size], check=True)
    commands = {"augkit": _augkit(work, source)}
    absent = {}
    for script in work.scripts:
        if importlib.util.find_spec(script.needed) is None and shutil.which(script.needed) is None:
            absent[script.name] = "not installed"
        else:
            commands[script.name] = [sys.executable, str(SCRIPTS / script.file), str(source), "DST", work.suffix]
    times: dict[str, list[float]] = {name: [] for name in commands}
    peaks: list[float] = []
    expected = len(list(source.iterdir()))
    for turn, name in enumerate([*commands, *rotating(list(commands), rounds)]):
        target = place / f"{work.corpus.__name__}-{work.suffix}-{turn}"
        seconds, peak = _timed(commands[name], target)
        written = sum(path.suffix == work.suffix for path in target.rglob("*"))
        if written != expected:
            raise RuntimeError(f"{work.name}: {name} wrote {written} of {expected} files")
        times[name].append(seconds * 1e9)
        peaks += [peak] if name == "augkit" else []
        if expected <= _FEW:
            shutil.rmtree(target)
    peers = (Contender(one.name, lambda: print, one.bound and Target(one.bound)) for one in work.scripts)
    shape = Work(work.name, 1e9, (Contender("augkit", lambda: print), *peers), unit="s")
    rows = compare(shape, {name: seconds[1:] for name, seconds in times.items()}, absent)
    most = Row(work.name, "augkit, largest process", max(peaks), "MB", target=f"<= {work.most_mb:g} MB")
    return [*rows, replace(most, reached=max(peaks) <= work.most_mb)]


def _augkit(work: FolderWork, source: Path) -> list[str]:
    domain, *options = work.arguments
    return [sys.executable, "-m", "augkit", domain, str(source), "DST", *options, "--seed", "1", "-j", "2", "--quiet"]


def _timed(command: list[str], target: Path) -> tuple[float, float]:
    """Return the wall time of a command in s, and the peak memory of the largest of its processes in MB."""
    command = [str(target) if word == "DST" else word for word in command]
    os.sync()
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    while True:  # workers are children of a server that outlives the command
        try:
            orphan = os.wait3(0)[2]
        except ChildProcessError:
            break
        usage = max(usage, orphan, key=lambda used: used.ru_maxrss)
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}")
    return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Whole runs over folders, 2 workers, against users' scripts.")
    parser.add_argument("--rows", metavar="GLOB", default="*", help="works to run, such as '300*'; default: all")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="rounds of each work; default: 7")
    parser.add_argument(
        "--scale", type=float, default=1.0, metavar="X", help="of the large files: 0.2 for 200 MB, 12 minutes"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    one_thread()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_ADOPT_ORPHANS, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as place:
        chosen = [work for work in WORKS if fnmatch(work.name, options.rows)]
        rows = [row for work in chosen for row in run(work, max(2, options.rounds), Path(place), options.scale)]
    if options.json:
        print(json.dumps({"machine": machine(), "rounds": options.rounds, "rows": [asdict(row) for row in rows]}))
        return
    print(table(rows))
    print("\n" + ", ".join(f"{name} {value}" for name, value in machine().items()))


if __name__ == "__main__":
    main()
