"""The figures of a finished run: its manifest read once, everything counted, a little of it kept to be shown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from augkit.comparison.rows import Failure, Levels, Row, read_rows
from augkit.errors import UsageError
from augkit.folder.plan import FAILURES, METADATA
from augkit.folder.tally import Spread
from augkit.noise.distributions import as_distribution

T = TypeVar("T")

LEVELS = ("std", "snr_db", "psnr_db", "geometric_snr_db", "clipped")
"""What is summed up of the levels that were reached."""

_NUMBER = re.compile(r"\d[\d.,]*")
_KINDS_KEPT = 1000
_POINTS, _ROWS, _FAILURES = 2000, 64, 100


class Sample(msgspec.Struct, Generic[T], eq=False):
    """At most so many of what it was given, spread evenly over all of it."""

    most: int
    kept: list[T] = msgspec.field(default_factory=list)
    seen: int = 0
    _stride: int = 1

    def add(self, item: T) -> None:
        """Take in an item, if it is its turn."""
        if self.seen % self._stride == 0:
            self.kept.append(item)
            if len(self.kept) > self.most:
                del self.kept[1::2]
                self._stride *= 2
        self.seen += 1


class Figures(msgspec.Struct, eq=False):
    """What is counted of a run.

    Attributes
    ----------
    rows, clean, unmeasured, bytes_written : int
        Outputs; those left as their unchanged source; those whose level nobody measured; the size of all.
    noises, labels, versions : Counter
        How many outputs there are of each law, of each class folder, and of each stream version.
    notices : Counter
        How often each was given; numbers in which they differ are left out.
    levels : dict of Spread
        Of what was reached, by its name.
    points : dict of Sample
        (asked, reached) by the kind of level.
    shown : Sample of Row
        Noisy outputs, to be shown.
    failed : int
        Sources that failed, of which `failures` holds the first.
    reasons : Counter
        How many sources failed for each reason.
    """

    rows: int = 0
    clean: int = 0
    unmeasured: int = 0
    bytes_written: int = 0
    failed: int = 0
    noises: Counter[str] = msgspec.field(default_factory=Counter)
    labels: Counter[str] = msgspec.field(default_factory=Counter)
    versions: Counter[str] = msgspec.field(default_factory=Counter)
    notices: Counter[str] = msgspec.field(default_factory=Counter)
    reasons: Counter[str] = msgspec.field(default_factory=Counter)
    levels: dict[str, Spread] = msgspec.field(default_factory=lambda: {name: Spread() for name in LEVELS})
    points: dict[str, Sample[tuple[float, float]]] = msgspec.field(default_factory=dict)
    shown: Sample[Row] = msgspec.field(default_factory=lambda: Sample(_ROWS))
    failures: list[Failure] = msgspec.field(default_factory=list)
    _last: str | None = None

    def add(self, row: Row) -> None:
        """Count a row."""
        self.rows += 1
        self.bytes_written += row.bytes
        _count(self.versions, str(row.stream_version))
        _count(self.labels, row.label or "")
        for notice in row.notices:
            _count(self.notices, _NUMBER.sub("...", notice))
        if row.noise is None:
            self.clean += 1
            return
        _count(self.noises, row.noise)
        parts = list(row.achieved.columns.values()) or [row.achieved]
        self.unmeasured += all(part.std is None for part in parts)
        for name, spread in self.levels.items():
            for part in parts if name != "clipped" else (row.achieved,):
                spread.add(getattr(part, name))
        for kind, asked, reached in _compared(row):
            self.points.setdefault(kind, Sample(_POINTS)).add((asked, reached))
        self.shown.add(row)

    def add_failure(self, row: Failure) -> None:
        """Count a source that failed; its copies follow each other."""
        if row.source == self._last:
            return
        self._last = row.source
        self.failed += 1
        _count(self.reasons, _NUMBER.sub("...", row.reason))
        if len(self.failures) < _FAILURES:
            self.failures.append(row)


def _count(counter: Counter[str], key: str) -> None:
    counter[key if key in counter or len(counter) < _KINDS_KEPT else "others"] += 1


def _compared(row: Row) -> Iterator[tuple[str, float, float]]:
    """Yield (kind, asked, reached) of each level of a row that can be compared."""
    drawn = row.drawn or {}
    columns = drawn.get("columns")
    pairs: list[tuple[Any, Levels]] = [(drawn, row.achieved)]
    if isinstance(columns, dict) and row.achieved.columns:
        pairs = [(columns[name], reached) for name, reached in row.achieved.columns.items() if name in columns]
    for asked, reached in pairs:
        if not isinstance(asked, dict):
            continue
        for kind in ("std", "snr_db", "psnr_db"):
            found = getattr(reached, kind)
            if kind == "snr_db" and reached.geometric_snr_db is not None:
                found = reached.geometric_snr_db
            if _is_number(asked.get(kind)) and found is not None:
                yield kind, asked[kind], found
        if "std" not in asked and _is_number(asked.get("scale")) and reached.std is not None:
            factor = _std_of(str(row.noise))
            if factor is not None:
                yield "std", asked["scale"] * factor, reached.std


def _is_number(value: object) -> bool:
    return isinstance(value, float | int)


def _std_of(noise: str) -> float | None:
    """Return the standard deviation of a law at unit scale; None where there is none."""
    try:
        std = as_distribution(noise).std
    except UsageError:
        return None
    return std if std < float("inf") else None


def figures_of(dst: Path) -> Figures:
    """Read the manifest and the failures of a run.

    Raises
    ------
    UsageError
        Where there is no manifest, or a row cannot be read.
    """
    if not (dst / METADATA).is_file():
        raise UsageError(f"{dst}: no {METADATA} is there; name the DST of a finished run, or augkit resume it first")
    figures = Figures()
    for row in read_rows(dst / METADATA, Row):
        figures.add(row)
    for failure in read_rows(dst / FAILURES, Failure):
        figures.add_failure(failure)
    return figures
