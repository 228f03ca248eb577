"""Counting while a run goes on, and the report at its end."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from augkit.folder.make import Made
from augkit.folder.options import Job
from augkit.folder.plan import Plan

MEASURED = ("std", "snr_db", "geometric_snr_db", "clipped")
"""What a report sums up of the achieved levels."""

_NUMBER = re.compile(r"\d[\d.,]*")


class Spread(msgspec.Struct):
    """Least, greatest and mean of the numbers seen, in constant memory."""

    count: int = 0
    total: float = 0.0
    least: float = math.inf
    greatest: float = -math.inf

    def add(self, value: object) -> None:
        """Take in a number; anything else is passed over."""
        self.add_all((value,))

    def add_all(self, values: Iterable[object]) -> None:
        """Take in numbers; anything else is passed over."""
        numbers = [value for value in values if isinstance(value, float | int)]
        if numbers:
            self.count += len(numbers)
            self.total = sum(numbers, self.total)
            self.least, self.greatest = min(self.least, *numbers), max(self.greatest, *numbers)

    def summary(self) -> dict[str, float] | None:
        """Return mean, least and greatest, or None where no number was seen."""
        if not self.count:
            return None
        return {"mean": self.total / self.count, "least": self.least, "greatest": self.greatest}


class Tally(msgspec.Struct):
    """What a run has done so far."""

    resumed: int = 0
    failed_before: int = 0
    outputs: int = 0
    failed_outputs: int = 0
    bytes_written: int = 0
    failures: list[Made] = msgspec.field(default_factory=list)
    hints: list[str] = msgspec.field(default_factory=list)
    notices: Counter[str] = msgspec.field(default_factory=Counter)
    examples: dict[str, str] = msgspec.field(default_factory=dict)
    std: Spread = msgspec.field(default_factory=Spread)
    snr_db: Spread = msgspec.field(default_factory=Spread)
    clipped: Spread = msgspec.field(default_factory=Spread)
    geometric_snr_db: Spread = msgspec.field(default_factory=Spread)
    columns: set[tuple[str, ...]] = msgspec.field(default_factory=set)

    @property
    def failed(self) -> int:
        """Sources that failed."""
        return self.failed_before + len({made.source for made in self.failures})

    def add_all(self, group: Sequence[Made]) -> None:
        """Count a group of outputs."""
        rows = []
        for made in group:
            self.failures += made.failures
            if made.failure is not None:
                self.failed_outputs += 1
                continue
            self.bytes_written += made.size
            if made.row is not None:
                rows.append(made.row)
        self.outputs += len(rows)
        levels = [row["achieved"] for row in rows]
        for name in MEASURED:
            getattr(self, name).add_all(achieved.get(name) for achieved in levels)
        # columns have units of their own, but decibels in common
        columns = (column for one in levels if one.get("snr_db") is None for column in one.get("columns", {}).values())
        self.snr_db.add_all(column.get("snr_db") for column in columns)
        for row in rows:
            self._add_texts(row)

    def _add_texts(self, row: dict[str, Any]) -> None:
        for notice in row["notices"]:
            kind = _kind_of(notice)
            self.notices[kind] += 1
            self.examples.setdefault(kind, notice)
        columns = (row["format"] or {}).get("columns")
        if columns is not None and len(self.columns) < 2:
            left = tuple(f"{name} ({why})" for name, why in row["format"]["left"].items())
            self.columns.add((", ".join(columns), ", ".join(left)))


@lru_cache(maxsize=64)
def _kind_of(notice: str) -> str:
    """Return a notice without the numbers in it."""
    return _NUMBER.sub("#", notice)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run.

    Attributes
    ----------
    domain, dst : str
        What was run, and where its outputs lie.
    seed : int
        The seed that makes the same outputs again.
    files, outputs, resumed, failed, ignored : int
        Sources in the plan, outputs written now, outputs kept of an earlier run, sources that failed, and other files
        left where they are.
    bytes_read, bytes_written : int
        Sizes of the sources and of the outputs.
    seconds : float
        Wall time.
    achieved : dict
        Mean, least and greatest of `MEASURED` over the outputs where they are known.
    failures : list of dict
        ``source``, ``copy`` and ``reason`` of the first sources that failed; all are in failures.jsonl.
    notices : dict
        What was converted or not kept, and how often; numbers in which they differ are left out.
    hints : list of str
        What was left behind that could have gone along, and what lists do not tell of.
    columns : (str, str) or None
        For series whose files all have the same columns: those that were noised, and those left alone with the reason.
    stopped : bool
        True where the error budget was spent and the run ended early.
    """

    domain: str
    dst: str
    seed: int
    files: int
    outputs: int
    resumed: int
    failed: int
    ignored: int
    bytes_read: int
    bytes_written: int
    seconds: float
    achieved: dict[str, dict[str, float] | None]
    failures: list[dict[str, Any]]
    notices: dict[str, int]
    stopped: bool = False
    hints: list[str] = []
    columns: tuple[str, ...] | None = None

    @property
    def exit_code(self) -> int:
        """0 done; 1 done, some files failed; 3 budget spent, or nothing could be written."""
        nothing = self.failed > 0 and self.outputs + self.resumed == 0
        return 3 if self.stopped or nothing else 1 if self.failed else 0


SHOWN = 20
"""Failures and notices that a report carries."""


def make_report(job: Job, plan: Plan, tally: Tally, seconds: float, *, stopped: bool) -> Report:
    """Put the figures of a finished run together."""
    failures: list[dict[str, Any]] = [
        {"source": fault.source, "copy": None, "reason": fault.reason} for fault in plan.faults
    ]
    failures += [{"source": made.source, "copy": made.copy, "reason": made.failure} for made in tally.failures]
    failures = list({row["source"]: row for row in reversed(failures)}.values())[::-1]
    return Report(
        domain=job.domain,
        dst=job.told_dst,
        seed=job.seed,
        files=len(plan.tasks) + len(plan.faults),
        outputs=tally.outputs,
        resumed=tally.resumed,
        failed=tally.failed,
        ignored=plan.ignored,
        bytes_read=plan.size,
        bytes_written=tally.bytes_written,
        seconds=seconds,
        achieved={name: getattr(tally, name).summary() for name in MEASURED},
        columns=tally.columns.pop() if len(tally.columns) == 1 else None,
        failures=failures[:SHOWN],
        notices={
            tally.examples[kind] if count == 1 else kind.replace("#", "..."): count
            for kind, count in tally.notices.most_common(SHOWN)
        },
        stopped=stopped,
        hints=[*plan.hints, *tally.hints],
    )
