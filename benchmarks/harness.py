"""Timing contenders side by side: rounds in rotating order, medians, ratios with their quartiles, one thread."""

from __future__ import annotations

import ctypes
import gc
import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

Call = Callable[[], object]
Clock = Callable[[], int]

CLOCKS: dict[str, Clock] = {"cpu": time.process_time_ns, "wall": time.perf_counter_ns}

_LEAST_NS = 20_000_000
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


class AbsentError(Exception):
    """A contender cannot take part; the message says why, in a few words."""


@dataclass(frozen=True)
class Target:
    """What a ratio is to reach.

    Attributes
    ----------
    bound : float
        The number.
    at_least : bool
        True: the peer's time over augkit's is at least `bound`; False: augkit's over the peer's is at most it.
    """

    bound: float
    at_least: bool = True

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.bound:g}"


@dataclass(frozen=True)
class Contender:
    """One way of doing a work.

    Attributes
    ----------
    name : str
        Whose way it is.
    make : callable
        Returns the call to be timed, with everything that a user would make once already made; raises
        `AbsentError`, or `ImportError` for a peer that is not installed.
    target : Target or None
        What augkit's ratio to this contender is to reach; None where it only stands beside.
    """

    name: str
    make: Callable[[], Call]
    target: Target | None = None


@dataclass(frozen=True)
class Work:
    """Something to be done by all contenders, of which the first is augkit.

    Attributes
    ----------
    size : float
        Nanoseconds are divided by it, which gives the `unit`.
    """

    name: str
    size: float
    contenders: tuple[Contender, ...]
    unit: str = "ns/sample"


@dataclass(frozen=True)
class Row:
    """A result.

    Attributes
    ----------
    work, contender : str
        Who did what.
    value : float or None
        Median, in `unit`; None for who did not take part, for the reason in `note`.
    ratio, low, high : float or None
        Ratio of medians to augkit, and the quartiles of the ratios of the rounds.
    target : str
        What the ratio is to reach; empty where nothing is asked.
    reached : bool or None
        Whether it does; None where nothing is asked or nothing was measured.
    """

    work: str
    contender: str
    value: float | None = None
    unit: str = "ns/sample"
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    target: str = ""
    reached: bool | None = None
    note: str = ""


def one_thread() -> None:
    """Ask the libraries for one thread; to be called before the first of them is imported."""
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"


def keep_memory() -> None:
    """Have the C library keep freed memory, where it is glibc.

    Fresh pages cost more than the noise on some machines, and how often a contender gets them depends on what ran
    before it. With warm memory nobody pays for them; libraries that make large temporaries gain the most.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 2**30)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def measure(work: Work, rounds: int, clock: Clock) -> list[Row]:
    """Time the contenders of a work in interleaved rounds and return a row for each."""
    calls: dict[str, Call] = {}
    absent: dict[str, str] = {}
    for contender in work.contenders:
        try:
            calls[contender.name] = contender.make()
        except AbsentError as error:
            absent[contender.name] = str(error)
        except ImportError:
            absent[contender.name] = "not installed"
    return compare(work, _interleaved(calls, rounds, clock), absent)


def compare(work: Work, times: dict[str, list[float]], absent: dict[str, str]) -> list[Row]:
    """Return a row for each contender from its times in ns, or from the reason why it has none."""
    ours = times.get(work.contenders[0].name)
    return [
        _row(work, contender, times.get(contender.name), ours, absent.get(contender.name, ""))
        for contender in work.contenders
    ]


def _interleaved(calls: dict[str, Call], rounds: int, clock: Clock) -> dict[str, list[float]]:
    """Return the times of one call, in ns, of each contender in each round."""
    repeats = {name: _repeats(call, clock) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for name in rotating(list(calls), rounds):
        times[name].append(_timed(calls[name], repeats[name], clock))
    return times


def rotating(names: list[str], rounds: int) -> Iterator[str]:
    """Yield all names once a round, each round beginning with another."""
    for number in range(rounds):
        turn = number % max(1, len(names))
        yield from names[turn:] + names[:turn]


def _repeats(call: Call, clock: Clock) -> int:
    """Warm up, and return how many calls are timed together so that the clock is fine enough."""
    call()
    return max(1, round(_LEAST_NS / max(1.0, _timed(call, 3, clock))))


def _timed(call: Call, repeats: int, clock: Clock) -> float:
    gc.collect()
    gc.disable()
    begin = clock()
    for _ in range(repeats):
        call()
    spent = clock() - begin
    gc.enable()
    return spent / repeats


def _row(work: Work, contender: Contender, times: list[float] | None, ours: list[float] | None, note: str) -> Row:
    row = Row(work.name, contender.name, unit=work.unit, target=str(contender.target or ""), note=note)
    if times is None:
        return row
    row = replace(row, value=statistics.median(times) / work.size)
    if ours is None or ours is times:
        return row
    target = contender.target or Target(0)
    above, below = (times, ours) if target.at_least else (ours, times)
    low, _, high = statistics.quantiles([a / b for a, b in zip(above, below, strict=True)], n=4)
    ratio = statistics.median(above) / statistics.median(below)
    reached = None
    if contender.target is not None:
        reached = ratio >= target.bound if target.at_least else ratio <= target.bound
    return replace(row, ratio=ratio, low=low, high=high, reached=reached)


def table(rows: list[Row]) -> str:
    """Return the rows as aligned text, one work after the other."""
    cells = [("work", "contender", "value", "unit", "ratio", "quartiles", "target", "reached")]
    last = ""
    for row in rows:
        cells.append(("" if row.work == last else row.work, *_cells(row)))
        last = row.work
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _cells(row: Row) -> tuple[str, ...]:
    if row.value is None:
        return row.contender, row.note, "", "", "", row.target, ""
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    spread = "" if row.low is None else f"{row.low:.2f}..{row.high:.2f}"
    reached = {None: "", True: "yes", False: "no"}[row.reached]
    return row.contender, f"{row.value:.2f}", row.unit, ratio, spread, row.target, reached
